package returns

import (
	_ "embed" // the schema
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// EventType is what the scenario handles.
const EventType = "signalbox.return.requested.v1"

//go:embed schema.json
var schema []byte

// Requested is a return as its source has taken it (schema.json). Amounts are in its currency and positive.
type Requested struct {
	ID          string          `json:"id"`
	Order       string          `json:"order"`       // the source's own number
	Reference   string          `json:"reference"`   // its channel reference id, where the CSU has made it
	RequestedAt *time.Time      `json:"requestedAt"` // when absent, the event's time
	Currency    string          `json:"currency"`
	Method      string          `json:"method"` // byMail or inStore
	Store       string          `json:"store"`  // inStore: as the source or headquarters calls it
	Lines       []Line          `json:"lines"`
	Refunds     []Refund        `json:"refunds"` // none: it is settled in headquarters
	Total       decimal.Decimal `json:"total"`   // what comes back of the money
}

// The methods of a return.
const (
	byMail  = "mail"
	inStore = "store"
)

// Line is what comes back of a line of the order.
type Line struct {
	Line     int              `json:"line"` // of the order as it was placed: 1, 2, ...
	Quantity decimal.Decimal  `json:"quantity"`
	Reason   string           `json:"reason"` // headquarters' reason code
	Price    *decimal.Decimal `json:"price"`  // refused: goods come back at the price they were sold at
}

// Refund is how a part of the total is paid back: to a payment of the order, or by what else its method needs.
type Refund struct {
	orders.Payment
	Of int `json:"payment"` // of the order's payments: 1, 2, ...; when absent and nothing else is named, the only one of the method
}

// Kind is that of returns.
const Kind = "return"

func (q Requested) entity() (kind, id string) { return Kind, q.ID }

func (q Requested) needs() []mapping.Ref {
	if q.Order == "" {
		return nil
	}
	return []mapping.Ref{orders.Ref(q.Order)}
}

// keys holds the order's returns: they are worked on one after the other, so that each sees what those before it took.
func (q Requested) keys() []orchestration.Key {
	if q.Order == "" {
		return nil
	}
	return []orchestration.Key{{Kind: "returns-of-order", Value: pii.New(q.Order)}}
}

// numbers are the places where whatever looks like a card's number is none.
func numbers() map[string]int {
	all := map[string]int{}
	orders.Blobs("/refunds/*", all)
	return all
}

// check refuses what needs no look at the order.
func (q Requested) check() error {
	switch {
	case q.Order == "":
		return orders.Wrong("/order", "is missing: goods without their order are taken back by an employee in a store")
	case q.Method == inStore && q.Store == "":
		return orders.Wrong("/store", "is missing: say which store takes the goods in")
	case q.Method == byMail && q.Store != "":
		return orders.Wrong("/store", "is given, while the goods come by mail; send one of the two")
	}
	seen := map[int]bool{}
	for i, l := range q.Lines {
		switch {
		case l.Price != nil:
			return orders.Wrong(fmt.Sprintf("/lines/%d/price", i), "is given: goods come back at the price they were sold at; another one is an employee's to give, in a store")
		case seen[l.Line]:
			return orders.Wrong(fmt.Sprintf("/lines/%d/line", i), "is named before; add the quantities up")
		}
		seen[l.Line] = true
	}
	return nil
}
