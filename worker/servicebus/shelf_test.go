package servicebus_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"

	sim "github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/servicebus"
)

// buried fills the dead-letter queue of "orders".
func buried(t *testing.T, n int) (*sim.Broker, *servicebus.Shelf) {
	t.Helper()
	broker, namespace := local(t, "orders")
	queue := namespace.Queue("orders")
	for i := range n {
		require.NoError(t, namespace.Send(t.Context(), "orders", event(fmt.Sprint(i), 1), time.Time{}))
		got, err := queue.Receive(soon(t), 1)
		require.NoError(t, err)
		require.NoError(t, queue.DeadLetter(t.Context(), got[0], "CsuRejected", "no", nil))
	}
	return broker, queue.DeadLetters()
}

func TestWhatWasTakenFromTheShelfSurvivesALostConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, shelf := buried(t, 4)
		var held []worker.Message
		for len(held) < 4 {
			got, err := shelf.Receive(soon(t), 4-len(held))
			require.NoError(t, err)
			held = append(held, got...)
		}
		require.NoError(t, shelf.Defer(t.Context(), held[0]))
		deferred, err := shelf.ReceiveDeferred(t.Context(), []int64{held[0].Sequence})
		require.NoError(t, err)
		broker.CloseConnections()
		synctest.Wait()

		start := time.Now()
		_, err = shelf.RenewLock(t.Context(), held[1])
		require.NoError(t, err)
		require.NoError(t, shelf.Complete(t.Context(), deferred[0]))
		require.NoError(t, shelf.Complete(t.Context(), held[1]))
		require.NoError(t, shelf.Defer(t.Context(), held[2]))
		require.NoError(t, shelf.Abandon(t.Context(), held[3]))
		require.Less(t, time.Since(start), lock, "long before the locks end")
		counts, err := broker.Counts("orders/$deadletterqueue")
		require.NoError(t, err)
		require.Equal(t, sim.Counts{Active: 2, Deferred: 1}, counts)
	})
}

func TestADeferredMessageThatIsMissingIsToldFromAQueueThatIsMissing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, shelf := buried(t, 1)
		_, err := shelf.ReceiveDeferred(t.Context(), []int64{1})
		require.ErrorIs(t, err, worker.ErrMessageNotFound)
		require.NotErrorIs(t, err, worker.ErrNotFound)
		got, err := shelf.ReceiveDeferred(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, got)

		_, namespace := local(t, "orders")
		_, err = namespace.Queue("nowhere").DeadLetters().ReceiveDeferred(t.Context(), []int64{1})
		require.ErrorIs(t, err, worker.ErrNotFound)
		require.NotErrorIs(t, err, worker.ErrMessageNotFound)
	})
}

func TestADeadLetterThatTheSDKCannotReadIsPassed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders")
		queue, shelf := namespace.Queue("orders"), namespace.Queue("orders").DeadLetters()
		sender, err := rawClient(t, broker).NewSender("orders", nil)
		require.NoError(t, err)
		require.NoError(t, sender.SendAMQPAnnotatedMessage(soon(t), &azservicebus.AMQPAnnotatedMessage{
			Body:               azservicebus.AMQPAnnotatedMessageBody{Data: [][]byte{{1}}},
			MessageAnnotations: map[any]any{"x-opt-partition-key": int64(7)}, // the SDK asserts a string
		}, nil))
		for range 3 { // its attempts run out with its locks
			require.Panics(t, func() { _, _ = queue.Receive(soon(t), 1) })
			pass(lock + time.Second)
		}
		require.NoError(t, namespace.Send(t.Context(), "orders", event("1", 1), time.Time{}))
		got, err := queue.Receive(soon(t), 1)
		require.NoError(t, err)
		require.NoError(t, queue.DeadLetter(t.Context(), got[0], "CsuRejected", "no", nil))

		_, err = shelf.Receive(soon(t), 1)
		require.ErrorContains(t, err, "cannot read")
		got, err = shelf.Receive(soon(t), 1)
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, "1", got[0].ID)
	})
}
