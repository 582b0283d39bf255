package orders

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

func cancel(eventID, id, members string) worker.Message {
	return event(eventID, "signalbox.order.cancellation.requested.v1", `{"id": "`+id+`"`+members+`}`)
}

// told lists what the sink has of a type, by subject.
func told(w *harness.World, typ string) map[string][]string {
	out := map[string][]string{}
	for _, e := range w.Sink.Events() {
		if e.Type == typ {
			out[e.Subject] = append(out[e.Subject], string(e.Data))
		}
	}
	return out
}

// sentences lists the sentences of the dead letters by the events' ids.
func sentences(t *testing.T, w *harness.World) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, l := range w.Letters() {
		require.Equal(t, "BusinessRule", l.DeadLetterReason, l.DeadLetterDescription)
		out[fmt.Sprint(l.Properties["cloudEvents_id"])] = l.DeadLetterDescription
	}
	return out
}

// written counts the writes of an operation.
func written(w *harness.World, operation string) (n int) {
	for _, e := range w.CSU.Ledger() {
		if e.Operation == operation {
			n++
		}
	}
	return n
}

func status(t *testing.T, w *harness.World, id string) string {
	t.Helper()
	w.CSU.CatchUp()
	return fmt.Sprint(made(t, w, id)[id]["StatusValue"])
}

func TestAnOrderIsCancelledOnceBeforeOrAfterItWasPlaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(cancel("c-early", "early", ""), order("early", ""), order("late", ""), order("kept", ""))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		w.Send(cancel("c-late", "late", `, "reason": "ordered twice"`), cancel("c-late-2", "late", ""))
		w.Settle(time.Minute)
		require.Empty(t, w.Letters())
		require.Equal(t, []string{"7", "7", "5"}, []string{status(t, w, "early"), status(t, w, "late"), status(t, w, "kept")})
		require.Equal(t, 2, written(w, csu.OpCancelOrder))
		sales, _ := w.BoundTo("order", harness.Source, "late")
		said := `{"id":"late","salesId":"` + sales + `"}`
		require.Equal(t, []string{said, said}, told(w, "signalbox.order.cancellation.relayed.v1")["late"], "each of the two events is answered")
		require.Len(t, told(w, "signalbox.order.cancellation.relayed.v1")["early"], 1)
	})
}

func TestACancellationWhoseAnswerIsLostIsAskedForOnceMoreAndCommittedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(order("W-1", ""))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		_, err := w.CSU.Inject(csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCancelOrder, Next: 1})
		require.NoError(t, err)
		w.CSU.SetHeadquarters(false) // so that no look can show that it was asked for
		w.Send(cancel("c-1", "W-1", ""))
		w.Settle(time.Minute)
		require.Empty(t, w.Letters())
		w.CSU.SetHeadquarters(true)
		<-time.After(time.Minute)
		require.Equal(t, "7", status(t, w, "W-1"))
		require.Equal(t, 1, written(w, csu.OpCancelOrder))
		require.Len(t, told(w, "signalbox.order.cancellation.relayed.v1")["W-1"], 1)
	})
}

func TestAnOrderThatCameAnotherWayIsCancelledByTheSalesIDItIsBoundTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(order("W-1", ""))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		sales, _ := w.BoundTo("order", harness.Source, "W-1")
		w.Bind("order", "OLD-1", sales+"X")
		w.Send(cancel("c-1", "OLD-1", ""))
		w.Settle(time.Minute)
		require.Len(t, w.Letters(), 1)
		require.Equal(t, "CsuRejected", w.Letters()[0].DeadLetterReason, "headquarters was asked for an order that it does not have")
		require.NoError(t, w.Redis.FlushAll(t.Context()).Err())
		w.Bind("order", "W-1", "SO-9")
		w.Send(cancel("c-2", "W-1", ""))
		w.Settle(time.Hour)
		require.Contains(t, fmt.Sprint(reasons(w)), "MappingConflict")
	})
}

func reasons(w *harness.World) (all []string) {
	for _, l := range w.Letters() {
		all = append(all, l.DeadLetterReason)
	}
	return all
}

func TestWhatCannotBeDoneAfterAnOrderWasPlacedIsSaidAndNothingIsCalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(order("W-1", ""), order("W-2", ""))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		require.True(t, w.CSU.SetOrderStatus(made(t, w, "W-1")["W-1"].ID(), 4))
		before := w.CSU.Stats().Requests
		w.Send(
			cancel("c-part", "W-1", `, "lines": [{"line": 1}]`),
			event("changed", "signalbox.order.changed.v1", `{"id": "W-1", "total": 12, "delivery": {"address": {"phone": "4111111111111"}}}`),
			event("paid", "signalbox.payment.captured.v1", `{"order": "W-1", "amount": 10, "currency": "USD", "reference": "P-1"}`),
		)
		w.Settle(time.Minute)
		require.Equal(t, before, w.CSU.Stats().Requests, "nothing is called")
		w.Send(cancel("c-late", "W-1", ""))
		w.Settle(time.Minute)
		said := sentences(t, w)
		require.Contains(t, said["c-part"], "/lines names lines")
		require.Contains(t, said["changed"], "cancel it by signalbox.order.cancellation.requested.v1")
		require.Contains(t, said["paid"], "captures by itself when it invoices")
		require.Contains(t, said["c-late"], "it is invoiced there")
		require.Len(t, told(w, "signalbox.order.refused.v1")["W-1"], 3, "of the payment nobody is told")
		require.Zero(t, written(w, csu.OpCancelOrder))
	})
}
