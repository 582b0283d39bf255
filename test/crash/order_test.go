package crash

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
)

// order is Jane's, of two loaves.
func order() worker.Message {
	return app.Message(orchestration.Event{Source: harness.Source, ID: "w1", Type: "signalbox.order.placed.v1", Time: time.Now(),
		CorrelationID: orchestration.DeriveCorrelationID(harness.Source, "w1"), Data: json.RawMessage(`{"id": "W-1", "customer": "C-1", "currency": "USD",
			"lines": [{"product": "bread", "quantity": 2, "price": 5}], "total": 10}`)})
}

// requireOneSalesOrder: Jane's order has become one sales order, of her account, with the number that it is bound to.
func requireOneSalesOrder(t *testing.T, w *harness.World, where string) {
	t.Helper()
	all := w.CSU.SalesOrders()
	require.Len(t, all, 1, where)
	account, _ := w.Bound(harness.Source, "C-1")
	sales, _ := w.BoundTo("order", harness.Source, "W-1")
	require.Equal(t, []any{sales, account}, []any{all[0].SalesID(), all[0]["CustomerId"]}, where)
}
