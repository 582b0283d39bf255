package orders

import (
	_ "embed" // the schema
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
)

// EventType is what the scenario handles.
const EventType = "signalbox.order.placed.v1"

//go:embed schema.json
var schema []byte

// Placed is an order as its source has taken it (schema.json). Amounts are in its currency.
type Placed struct {
	ID          string          `json:"id"`
	Customer    string          `json:"customer"` // the source's own number; empty for a guest
	Email       pii.Email       `json:"email"`
	PlacedAt    *time.Time      `json:"placedAt"` // when absent, the event's time
	Currency    string          `json:"currency"`
	TaxIncluded bool            `json:"taxIncluded"`
	Lines       []Line          `json:"lines"`
	Charges     []Charge        `json:"charges"`
	Delivery    *Delivery       `json:"delivery"`
	Payments    []Payment       `json:"payments"` // none: it is paid later
	Attributes  []Attribute     `json:"attributes"`
	Coupons     []string        `json:"coupons"` // codes; only the CSU knows what they are worth
	Total       decimal.Decimal `json:"total"`   // to be paid
}

// Attribute is one of those that headquarters has for orders, such as what somebody comes in to pick it up.
type Attribute struct {
	Name  string   `json:"name"`
	Value pii.Text `json:"value"`
}

// Line is a line of the order.
type Line struct {
	Product  string          `json:"product"` // the source's own number
	Quantity decimal.Decimal `json:"quantity"`
	Unit     string          `json:"unit"`     // when absent, the product's
	Price    decimal.Decimal `json:"price"`    // of one
	Discount decimal.Decimal `json:"discount"` // of the line
	Tax      decimal.Decimal `json:"tax"`      // of the line
	Delivery *Delivery       `json:"delivery"` // when it is another than the order's
}

// Charge is what the order costs besides its lines.
type Charge struct {
	Code     string          `json:"code"`
	Amount   decimal.Decimal `json:"amount"`
	Tax      decimal.Decimal `json:"tax"`
	Shipping bool            `json:"shipping"`
}

// Delivery is how goods get to whom: they are sent to an address, from a store or from wherever headquarters says, or picked up.
type Delivery struct {
	Mode     string   `json:"mode"` // as the source or headquarters calls it; of a pickup: when absent, the channel's
	Address  *Address `json:"address"`
	ShipFrom string   `json:"shipFrom"` // a store
	Pickup   *Pickup  `json:"pickup"`
}

// Pickup is where and when goods are fetched.
type Pickup struct {
	Store string     `json:"store"`
	From  *time.Time `json:"from"`
	To    *time.Time `json:"to"`
}

// Address is where goods go.
type Address struct {
	Name         pii.Text `json:"name"`
	Street       pii.Text `json:"street"`
	StreetNumber pii.Text `json:"streetNumber"`
	City         pii.Text `json:"city"`
	District     pii.Text `json:"district"`
	County       pii.Text `json:"county"`
	State        pii.Text `json:"state"`
	Zip          pii.Text `json:"zip"`
	Country      string   `json:"country"` // ISO 3166-1 alpha-3
	Phone        pii.Text `json:"phone"`
}

func (p Placed) entity() (kind, id string) { return kindOrder, p.ID }

// products lists the products of the lines, each once, in the order in which they come.
func (p Placed) products() []string {
	var all []string
	for _, l := range p.Lines {
		if !slices.Contains(all, l.Product) {
			all = append(all, l.Product)
		}
	}
	return all
}

func (a Address) address() *csuclient.Address {
	return &csuclient.Address{
		Name: a.Name, Street: a.Street, StreetNumber: a.StreetNumber, City: a.City, District: a.District, County: a.County,
		State: a.State, ZipCode: a.Zip, Country: a.Country, Phone: a.Phone, Type: csuclient.AddressDelivery,
	}
}
