package virtual

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

const bread = "bread"

// bindBread is what signalbox mapping import does once, and once more after a wipe: until Redis takes it.
func (s *story) bindBread() {
	for s.TryBind(mapping.Ref{Kind: "product", Source: harness.Source, ID: bread}, harness.Bread()) != nil {
		<-time.After(100 * time.Millisecond)
	}
}

func saleID(n int) string { return fmt.Sprintf("W-%d", n) }

// order is a message about an order: as many loaves as its number, so that it is recognised by its quantity.
func (s *story) order(m publication) worker.Message {
	who := `"email": "canary.guest@example.com"`
	if m.is.ID != "" {
		who = `"customer": "` + m.is.ID + `"`
	}
	data := fmt.Sprintf(`{"id": %q, %s, "currency": "USD", "lines": [{"product": %q, "quantity": %d, "price": 2}], "total": %d,
		"delivery": {"mode": "99", "address": {"street": "Canary Row 1", "city": "Canary Bay", "country": "USA"}}}`, saleID(m.sale), who, bread, m.sale, 2*m.sale)
	parts := envelope.Encode(orchestration.Event{Source: harness.Source, ID: m.is.Event, Type: "signalbox.order.placed.v1", Time: s.began,
		Data: json.RawMessage(data), CorrelationID: orchestration.DeriveCorrelationID(harness.Source, m.is.Event)})
	return worker.Message{ID: uuid.NewString(), ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}
}

// requireOneSaleEach: each order has become one sales order, of its customer, with the number that it is bound to and that was told.
func (s *story) requireOneSaleEach() {
	made := map[string]csu.SalesOrder{}
	for _, o := range s.CSU.SalesOrders() {
		quantity := fmt.Sprint(o.Lines()[0]["Quantity"])
		require.NotContains(s.T, made, quantity, "a sales order twice")
		made[quantity] = o
	}
	require.Len(s.T, made, s.plan.sales)
	told := map[string]bool{}
	if s.Sink != nil {
		for _, e := range s.Sink.Events() {
			if e.Type == "signalbox.order.relayed.v1" {
				told[e.Subject] = true
			}
		}
	}
	for _, m := range s.plan.messages {
		if m.what != sale || s.plan.wipe {
			continue
		}
		id := saleID(m.sale)
		bound, _ := s.BoundTo("order", harness.Source, id)
		require.NotEmpty(s.T, bound)
		require.Equal(s.T, made[fmt.Sprint(m.sale)].SalesID(), bound, id)
		account, _ := s.BoundTo("customer", harness.Source, m.is.ID)
		require.Equal(s.T, account, made[fmt.Sprint(m.sale)]["CustomerId"], id)
		require.True(s.T, s.Sink == nil || told[id], "%s was not told of", id)
	}
}
