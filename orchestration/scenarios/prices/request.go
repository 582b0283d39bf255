package prices

import (
	"context"
	_ "embed" // the schemas
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// RequestType asks what products cost now, and wants an answer (request.schema.json).
const RequestType = "signalbox.prices.request.v1"

// RequestName is the scenario that handles it.
const RequestName = "prices-request"

// AnsweredType is the answer (answered.schema.json).
const AnsweredType = "signalbox.prices.answered.v1"

//go:embed request.schema.json
var requestSchema []byte

//go:embed answered.schema.json
var answeredSchema []byte

// Request asks for the prices of products, each by itself, or of a basket as a whole.
type Request struct {
	Products     []string     `json:"products"`
	Catalog      int64        `json:"catalog"`
	Affiliations []string     `json:"affiliations"`
	On           *time.Time   `json:"on"`
	Customer     string       `json:"customer"` // account number
	Basket       []BasketLine `json:"basket"`
	Coupons      []string     `json:"coupons"`
}

// BasketLine is so much of a product.
type BasketLine struct {
	Product  string          `json:"product"`
	Quantity decimal.Decimal `json:"quantity"`
	Unit     string          `json:"unit,omitempty"`
}

// Answered is what they cost. Amounts are decimals as text, in the channel's currency.
type Answered struct {
	Request string  `json:"request"` // the event's id
	Prices  []Price `json:"prices,omitempty"`
	Basket  *Basket `json:"basket,omitempty"`
}

// Basket is what a basket costs, without taxes and charges.
type Basket struct {
	Lines    []PricedLine `json:"lines"`
	Discount string       `json:"discount"`
	Total    string       `json:"total"`
}

// PricedLine is a line of it, in the order of the request.
type PricedLine struct {
	Product  string `json:"product"`
	Quantity string `json:"quantity"`
	Unit     string `json:"unit,omitempty"`
	Price    string `json:"price"`    // of one
	Discount string `json:"discount"` // of the line
	Total    string `json:"total"`
}

// answered is what a run of it learns.
type answered struct {
	Sink   string   `json:"sink"`
	Answer Answered `json:"answer"`
}

type (
	requestRun  = orchestration.Run[Request, answered]
	requestStep = orchestration.Step[Request, answered]
)

// request answers at once: somebody waits.
func (p prices) request() orchestration.Pipeline[Request, answered] {
	return orchestration.Pipeline[Request, answered]{
		Name: RequestName, PartOf: ExportName, Handles: RequestType, Version: 1, Order: orchestration.Fact, Schema: requestSchema, Tells: answers(),
		Numbers:  map[string]int{"/products/*": orchestration.AnyNumber, "/affiliations/*": orchestration.AnyNumber, "/catalog": orchestration.AnyNumber, "/basket/*/product": orchestration.AnyNumber},
		EntityOf: func(ev orchestration.Event, _ Request) (kind, id string) { return "price-request", ev.ID },
		Steps:    []requestStep{{Name: "read-prices", Look: p.answer, Note: func(r *requestRun) { r.Answer(r.State.Sink, AnsweredType, r.State.Answer) }}},
	}
}

func (p prices) answer(ctx context.Context, r *requestRun) (bool, error) {
	sink, known := "", false
	if p.ReplySink != nil {
		sink, known = p.ReplySink(r.Event.ReplyTo)
	}
	if !known {
		return false, fault.New(fault.Permanent, fault.BusinessRule, "nobody can be answered: the message's ReplyTo must be the entity of a sink of type servicebus of this fleet's namespace; "+
			"add a row to the sink table, or correct ReplyTo, then publish it again")
	}
	r.State = answered{Sink: sink, Answer: Answered{Request: r.Event.ID}}
	if len(r.In.Basket) > 0 {
		return true, p.basket(ctx, r)
	}
	as := Export{Catalog: r.In.Catalog, Affiliations: r.In.Affiliations, On: r.In.On}
	q := csuclient.PriceQuery{Products: feed.Numbers(r.In.Products), Catalog: r.In.Catalog, Affiliations: feed.Numbers(r.In.Affiliations), Customer: r.In.Customer, Discounts: true}
	if r.In.On != nil {
		q.At = *r.In.On
	}
	priced, err := p.Pricing(r.Channel).ActivePrices(ctx, q)
	if err != nil {
		return false, err
	}
	for i := range priced {
		r.State.Answer.Prices = append(r.State.Answer.Prices, as.price(strconv.FormatInt(priced[i].ProductID, 10), &priced[i]))
	}
	for _, id := range q.Missing(priced) {
		r.State.Answer.Prices = append(r.State.Answer.Prices, as.price(strconv.FormatInt(id, 10), nil))
	}
	return true, nil
}

// basket has the CSU price all of it together, discounts that depend on several lines among them. Nothing is kept of it.
func (p prices) basket(ctx context.Context, r *requestRun) error {
	cart := csuclient.NewCart{CustomerID: r.In.Customer}
	for _, l := range r.In.Basket {
		cart.Lines = append(cart.Lines, csuclient.CartLine{ProductID: feed.Numbers([]string{l.Product})[0], Quantity: l.Quantity, Unit: l.Unit})
	}
	priced, err := p.Pricing(r.Channel).PriceCart(ctx, cart, r.In.Coupons)
	if err != nil {
		return err
	}
	out := &Basket{Discount: amount(priced.Discount), Total: amount(priced.Total)}
	for _, l := range priced.Lines {
		out.Lines = append(out.Lines, PricedLine{strconv.FormatInt(l.ProductID, 10), amount(l.Quantity), l.Unit, amount(l.Price), amount(l.Discount), amount(l.Price.Mul(l.Quantity).Sub(l.Discount))})
	}
	r.State.Answer.Basket = out
	return nil
}
