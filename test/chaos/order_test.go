package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// sale is an order, of as many loaves as its number, so that it is recognised by its quantity whatever else is lost.
type sale struct {
	number   int
	customer harness.Customer // none, without an id: a guest's
}

const bread = "bread"

func (s sale) id() string { return fmt.Sprintf("W-%06d", s.number) }

// message is an event about the order. Events of several ids say the same of it.
func (s sale) message(event string) worker.Message {
	who := `"email": "guest@example.com"`
	if s.customer.ID != "" {
		who = `"customer": "` + s.customer.ID + `"`
	}
	data := fmt.Sprintf(`{"id": %q, %s, "currency": "USD", "lines": [{"product": %q, "quantity": %d, "price": 2}], "total": %d,
		"payments": [{"method": "card", "amount": %d, "card": {"type": "VISA", "token": "a token", "authorization": "an authorization", "serviceAccount": "service-account-1"}}]}`,
		s.id(), who, bread, s.number, 2*s.number, 2*s.number)
	parts := envelope.Encode(orchestration.Event{Source: harness.Source, ID: event, Type: "signalbox.order.placed.v1", Time: launched,
		Data: json.RawMessage(data), CorrelationID: orchestration.DeriveCorrelationID(harness.Source, event)})
	return worker.Message{ID: uuid.NewString(), ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}
}

// sell puts n orders among the messages: before, between and behind the states of their customers. Every third is published a second time
// under the same event id, and every third but one under another. Guests' are in no need of what a wipe has lost.
func (l *load) sell(r *rand.Rand, n int, guests bool) {
	of := slices.Sorted(func(yield func(string) bool) {
		for email := range l.states {
			if !yield(email) {
				return
			}
		}
	})
	put := func(m worker.Message) { l.messages = slices.Insert(l.messages, r.IntN(len(l.messages)+1), m) }
	for i := range n {
		s := sale{number: i + 1}
		if !guests {
			s.customer = l.states[of[r.IntN(len(of))]][0]
		}
		l.sales = append(l.sales, s)
		put(s.message(s.id()))
		switch i % 3 {
		case 0:
			put(s.message(s.id()))
		case 1:
			put(s.message(s.id() + "-from-a-backup"))
		}
	}
}

func (f *fleet) table() *redistable.Table {
	return redistable.New(f.redis, rediskey.New("default", keyhash.New("k1", []byte(hashKey))))
}

func ref(kind, id string) mapping.Ref {
	return mapping.Ref{Kind: kind, Scope: "default/usrt", Source: harness.Source, ID: id}
}

// bindProducts is what signalbox mapping import does once, and once more after a wipe.
func (f *fleet) bindProducts() {
	to := mapping.Target{Kind: "product", Scope: "default/usrt", ID: fmt.Sprint(csu.MakeProducts(1)[0].RecordID)}
	answers, err := f.table().Bind(context.Background(), []mapping.Entry{{Ref: ref("product", bread), Target: to}}, false)
	require.NoError(f.t, err)
	require.Len(f.t, answers, 1)
}

// salesOrder is as much of one as is compared.
type salesOrder struct {
	SalesID    string `json:"SalesId"`
	CustomerID string `json:"CustomerId"`
	SalesLines []struct{ Quantity json.Number }
}

// judgeSales: each order has become one sales order, of its customer, with the number that it is bound to.
func (f *fleet) judgeSales(v *verdict, l load, forgot bool) {
	var list []salesOrder
	f.get(f.csuAdmin+"/orders", &list)
	made := map[string][]salesOrder{}
	for _, o := range list {
		made[o.SalesLines[0].Quantity.String()] = append(made[o.SalesLines[0].Quantity.String()], o)
	}
	for _, s := range l.sales {
		got := made[fmt.Sprint(s.number)]
		delete(made, fmt.Sprint(s.number))
		if len(got) != 1 {
			v.lost += max(0, 1-len(got))
			v.doubled += max(0, len(got)-1)
			v.note("order %s has become %d sales orders", s.id(), len(got))
			continue
		}
		if forgot {
			continue
		}
		target, err := f.table().Find(f.t.Context(), ref("order", s.id()))
		if err != nil || got[0].SalesID == "" || target.ID != got[0].SalesID {
			v.lost++
			v.note("order %s is bound to %q, and headquarters calls it %q: %v", s.id(), target.ID, got[0].SalesID, err)
		}
		account, err := f.table().Find(f.t.Context(), ref("customer", s.customer.ID))
		if err != nil || account.ID != got[0].CustomerID {
			v.lost++
			v.note("order %s is of customer %q, who is %q: %v", s.id(), got[0].CustomerID, account.ID, err)
		}
	}
	for quantity, orders := range made {
		v.doubled += len(orders)
		v.note("%d sales orders of %s, which nobody has ordered", len(orders), quantity)
	}
}
