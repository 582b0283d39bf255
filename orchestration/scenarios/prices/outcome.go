package prices

import (
	_ "embed" // the schema
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// PriceType tells sinks what a product costs now (price.schema.json).
const PriceType = "signalbox.price.v1"

//go:embed price.schema.json
var priceSchema []byte

// tells are the types of what sinks are told.
func tells() []orchestration.Telling {
	return []orchestration.Telling{{Name: PriceType, Kind: "price", Order: orchestration.State, Schema: priceSchema}, feed.Tells()}
}

// answers are those of a request.
func answers() []orchestration.Telling {
	return []orchestration.Telling{{Name: AnsweredType, Kind: "answer", Order: orchestration.Fact, Schema: answeredSchema}}
}

// Price is what a product costs. Amounts are decimals as text, in the channel's currency.
type Price struct {
	ID           string     `json:"id"` // of the product, or variant
	ItemID       string     `json:"itemId,omitempty"`
	Priced       bool       `json:"priced"` // false: the CSU gives no price
	Currency     string     `json:"currency,omitempty"`
	Base         string     `json:"base,omitempty"`
	Agreement    string     `json:"tradeAgreement,omitempty"`
	Adjusted     string     `json:"adjusted,omitempty"`
	Discount     string     `json:"discount,omitempty"`
	Price        string     `json:"price,omitempty"`
	Covers       *Covers    `json:"covers,omitempty"`
	Catalog      string     `json:"catalog,omitempty"`
	Affiliations []string   `json:"affiliations,omitempty"`
	On           *time.Time `json:"on,omitempty"`
}

// Covers says what a price is of.
type Covers struct {
	Quantity  int    `json:"quantity"`
	Unit      string `json:"unit,omitempty"` // the product's default one of sale
	Discounts string `json:"discounts"`      // which are in it: simple ones, of a line by itself
}
