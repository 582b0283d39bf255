package csuclient

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/shopspring/decimal"
)

const pricesAtOnce = 50 // ids asked for in one call; the most that a scale unit takes is not documented

// PriceQuery asks for the prices of products: of one, in the default unit of sale. A price that needs more than one of something is not among them.
type PriceQuery struct {
	Products     []int64   // variants, or masters
	Catalog      int64     // 0: all that are active
	At           time.Time // past or future; zero: now
	Customer     string    // account number of whom the price is for; empty: anybody
	Affiliations []int64   // of that customer
	Discounts    bool      // take simple discounts off Price.Contextual
}

// Price is what a product costs, step by step. Amounts are in the channel's currency and exact.
type Price struct {
	ProductID  int64           `json:"ProductId"`
	ItemID     string          `json:"ItemId"`
	Currency   string          `json:"CurrencyCode"`
	Unit       string          `json:"UnitOfMeasure"`
	Base       decimal.Decimal `json:"BasePrice"`               // of the released product
	Agreement  decimal.Decimal `json:"TradeAgreementPrice"`     // after agreements
	Adjusted   decimal.Decimal `json:"AdjustedPrice"`           // after price adjustments
	Contextual decimal.Decimal `json:"CustomerContextualPrice"` // for whom it was asked
	Discount   decimal.Decimal `json:"DiscountAmount"`          // from Adjusted to Contextual
}

// ActivePrices gives the prices in the order asked for. The CSU leaves out what it does not know or does not sell at that time, without a word:
// Missing tells of which products that are.
func (ch *Channel) ActivePrices(ctx context.Context, q PriceQuery) ([]Price, error) {
	if len(q.Products) == 0 {
		return nil, nil
	}
	unit, err := ch.OrgUnit(ctx)
	if err != nil {
		return nil, err
	}
	if q.At.IsZero() {
		q.At = time.Now() // one moment for all chunks
	}
	rows, err := inChunks(q.Products, pricesAtOnce, tooLarge, func(ids []int64) ([]Price, error) {
		return list[Price](ctx, ch, call{op: opActivePrices, method: http.MethodPost, path: "Products/GetActivePrices", query: fmt.Sprintf("&$top=%d", len(ids)),
			body: q.wire(unit.ChannelID, ids)})
	})
	if err != nil {
		return nil, err
	}
	byID := make(map[int64]Price, len(rows))
	for _, p := range rows {
		byID[p.ProductID] = p
	}
	out := make([]Price, 0, len(rows))
	for _, id := range distinct(q.Products) {
		if p, priced := byID[id]; priced {
			out = append(out, p)
		}
	}
	return out, nil
}

// Missing lists the products of the query that prices does not have.
func (q PriceQuery) Missing(prices []Price) []int64 {
	priced := make(map[int64]bool, len(prices))
	for _, p := range prices {
		priced[p.ProductID] = true
	}
	var out []int64
	for _, id := range distinct(q.Products) {
		if !priced[id] {
			out = append(out, id)
		}
	}
	return out
}

type wirePrices struct {
	Domain       wireDomain        `json:"projectDomain"`
	ProductIDs   []int64           `json:"productIds"`
	ActiveDate   time.Time         `json:"activeDate"`
	CustomerID   string            `json:"customerId,omitempty"`
	Affiliations []wireAffiliation `json:"affiliationLoyaltyTiers"`
	Discounts    bool              `json:"includeSimpleDiscountsInContextualPrice"`
}

type wireAffiliation struct {
	AffiliationID        int64 `json:"AffiliationId"`
	AffiliationTypeValue int   // 0: general
}

func (q PriceQuery) wire(channel int64, ids []int64) wirePrices {
	w := wirePrices{wireDomain{channel, q.Catalog}, ids, q.At.UTC(), q.Customer, []wireAffiliation{}, q.Discounts}
	for _, id := range q.Affiliations {
		w.Affiliations = append(w.Affiliations, wireAffiliation{AffiliationID: id})
	}
	return w
}
