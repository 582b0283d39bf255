package servicebus_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
)

// handled collects the ids of events, and how often a receiver was taken for stuck.
type handled struct {
	worker.NoObserver
	mu    sync.Mutex
	ids   []string
	stuck int
	hold  chan struct{} // nil: nothing is held
}

func (h *handled) Handle(ctx context.Context, ev orchestration.Event) orchestration.Outcome {
	h.mu.Lock()
	h.ids = append(h.ids, ev.ID)
	hold := h.hold
	h.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
		}
	}
	return orchestration.Outcome{Verdict: orchestration.Completed}
}

func (h *handled) Reconnected(_ context.Context, _, reason string, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if reason == worker.ReasonStuck {
		h.stuck++
	}
}

func (h *handled) seen() (ids []string, stuck int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.ids...), h.stuck
}

// works runs a worker on the queue orders until the test ends.
func works(t *testing.T, h *handled, queue interface {
	worker.Queue
	worker.Peeker
}, outbox worker.Outbox) (w *worker.Worker) {
	t.Helper()
	w, err := worker.New(worker.Options{Handler: h, Observe: h, Outbox: outbox, ReceiveWait: 10 * time.Second,
		Intakes: []worker.Intake{{Queue: queue, Peek: queue, Slots: 4, OwnQueue: "orders", LockDuration: lock}}})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(ctx) // the drain is not what these tests are about
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return w
}

// looking is a queue with its browser.
type looking struct {
	worker.Queue
	worker.Peeker
}

func TestAReceiverThatTheBrokerHasForgottenIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker, namespace := local(t, "orders")
		queue := namespace.Queue("orders")
		h := &handled{}
		works(t, h, looking{queue, queue.Browse()}, namespace)
		require.NoError(t, namespace.Send(t.Context(), "orders", event("1", 1), time.Time{}))
		<-time.After(time.Minute)
		ids, _ := h.seen()
		require.Equal(t, []string{"1"}, ids)

		require.NoError(t, broker.StallLinks("orders"))
		<-time.After(time.Second)
		require.NoError(t, namespace.Send(t.Context(), "orders", event("2", 1), time.Time{}))
		<-time.After(30 * time.Second)
		ids, stuck := h.seen()
		require.Equal(t, []string{"1"}, ids, "the link is deaf, and the SDK does not know")
		require.Zero(t, stuck)
		<-time.After(4 * time.Minute)
		ids, stuck = h.seen()
		require.Equal(t, []string{"1", "2"}, ids)
		require.Equal(t, 1, stuck)
	})
}

func TestNoReceiverIsReplacedWithoutNeed(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, h *handled, w func() *worker.Worker, send func(id string, at time.Time)){
		"the queue is empty": func(*testing.T, *handled, func() *worker.Worker, func(string, time.Time)) {},
		"its message is for later": func(_ *testing.T, _ *handled, _ func() *worker.Worker, send func(string, time.Time)) {
			send("1", time.Now().Add(24*time.Hour))
		},
		"its message is in our own hands": func(t *testing.T, h *handled, _ func() *worker.Worker, send func(string, time.Time)) {
			h.hold = make(chan struct{})
			t.Cleanup(func() { close(h.hold) })
			send("1", time.Time{})
		},
		"the intake is paused": func(_ *testing.T, _ *handled, w func() *worker.Worker, send func(string, time.Time)) {
			w().Pause("operator")
			send("1", time.Time{})
			time.AfterFunc(29*time.Minute, func() { w().Resume("operator") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, namespace := local(t, "orders")
				queue := namespace.Queue("orders")
				h := &handled{}
				var w *worker.Worker
				send := func(id string, at time.Time) {
					require.NoError(t, namespace.Send(t.Context(), "orders", event(id, 1), at))
				}
				if name != "the intake is paused" {
					prepare(t, h, nil, send)
					w = works(t, h, looking{queue, queue.Browse()}, namespace)
				} else {
					w = works(t, h, looking{queue, queue.Browse()}, namespace)
					prepare(t, h, func() *worker.Worker { return w }, send)
				}
				<-time.After(30 * time.Minute)
				_, stuck := h.seen()
				require.Zero(t, stuck)
				require.True(t, w.Alive())
			})
		})
	}
}

// A message that another process holds looks the same from here. Its head start is doubled each time that nothing came of it.
func TestASuspicionThatComesToNothingIsNotRepeatedForEver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, namespace := local(t, "orders")
		other := namespace.Queue("orders")
		require.NoError(t, namespace.Send(t.Context(), "orders", event("1", 1), time.Time{}))
		got, err := other.Receive(soon(t), 1)
		require.NoError(t, err)
		require.Len(t, got, 1)
		queue := namespace.Queue("orders")
		h := &handled{}
		works(t, h, looking{queue, queue.Browse()}, namespace)
		for range 240 { // an hour
			<-time.After(15 * time.Second)
			_, err := other.RenewLock(t.Context(), got[0])
			require.NoError(t, err)
		}
		ids, stuck := h.seen()
		require.Empty(t, ids)
		require.LessOrEqual(t, stuck, 5)
		require.NoError(t, other.Complete(t.Context(), got[0]))
	})
}
