// Package payments answers what sources say of payments after an order was placed. D365 takes no such event: a payment travels inside
// its order, and from then on D365 is the one who captures and pays back. So each of them ends as a dead letter that says what D365 does
// itself and where the payment belongs, in place of one that says that nobody knows the type. Nothing is called, and sinks are not told.
package payments

import (
	"context"
	_ "embed" // the schema
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// The event types.
const (
	AuthorizedType = "signalbox.payment.authorized.v1"
	CapturedType   = "signalbox.payment.captured.v1"
	RefundedType   = "signalbox.payment.refunded.v1"
)

//go:embed schema.json
var schema string

// answers say of each type what D365 does itself, and what to do about the event.
var answers = []struct{ typ, says string }{
	{AuthorizedType, "an authorization travels inside its order: publish it among the payments of signalbox.order.placed.v1; headquarters authorises anew when it has become old"},
	{CapturedType, "headquarters' payment connector captures by itself when it invoices the order; a payment that was captured before travels inside its order, with the capture " +
		"among the payments of signalbox.order.placed.v1"},
	{RefundedType, "a refund is a part of a return: publish signalbox.return.requested.v1 with the lines that come back and the refund; money without goods is paid back in headquarters"},
}

// Payment is what a source says of a payment (schema.json). It is read so that nonsense is told from what D365 does not take.
type Payment struct {
	Order     string          `json:"order"` // the source's own number
	Amount    decimal.Decimal `json:"amount"`
	Currency  string          `json:"currency"`
	Reference string          `json:"reference"` // the payment processor's
}

func (p Payment) entity() (kind, id string) { return "order", p.Order }

type run = orchestration.Run[Payment, struct{}]

// Scenarios makes a pipeline for each type; all are called payments.
func Scenarios() []orchestration.Scenario {
	out := make([]orchestration.Scenario, 0, len(answers))
	for _, a := range answers {
		refuse := func(context.Context, *run) (bool, error) {
			return false, fault.New(fault.Permanent, fault.BusinessRule, a.says)
		}
		out = append(out, orchestration.Pipeline[Payment, struct{}]{
			Name: "payments", Handles: a.typ, Version: 1, Order: orchestration.Fact, Schema: []byte(strings.ReplaceAll(schema, AuthorizedType, a.typ)),
			Entity: Payment.entity,
			Steps:  []orchestration.Step[Payment, struct{}]{{Name: "refuse-payment", Look: refuse}},
		})
	}
	return out
}
