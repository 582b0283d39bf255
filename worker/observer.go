package worker

import (
	"context"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// Observer is told what the worker does. Implementations count and log; they must be quick and safe for concurrent
// use. Embed NoObserver to take only some of the calls. No call hands over a body.
type Observer interface {
	// Received reports a delivery, before anything is done with it. The context it returns is the one the event is
	// handled and settled under, so it may carry a span.
	Received(ctx context.Context, d Delivery) context.Context
	// Settled reports the end of a delivery, once for each that was received.
	Settled(ctx context.Context, s Settled)
	// Rescheduled reports a copy that the broker has, before the original in queue is completed.
	Rescheduled(ctx context.Context, queue string, why Why, at time.Time)
	// LockRenewed reports a renewal: ok, error or lost.
	LockRenewed(ctx context.Context, queue, outcome string, err error)
	// Reconnected reports a receiver that failed or stood still, by ReasonOf; err is nil when it only stood still.
	Reconnected(ctx context.Context, queue, reason string, err error)
	// Called reports one call to the broker: receive, send, schedule, complete, abandon, dead_letter or renew_message_lock.
	Called(ctx context.Context, queue, operation string, took time.Duration, err error)
	// Panicked reports a recovered panic with its stack: in the handler, or in the broker's client.
	Panicked(ctx context.Context, queue string, value any, stack []byte)
}

// Delivery is what may be known of a message without looking into it.
type Delivery struct {
	Queue         string
	MessageID     string // empty if it looks like a card number
	Sequence      int64
	DeliveryCount int
	Enqueued      time.Time
	Bytes         int
	Properties    map[string]any // for traceparent and Diagnostic-Id; not for logs
}

// Settled is the whole story of one delivery.
type Settled struct {
	Delivery Delivery
	Event    orchestration.Event   // without Data; of a message that is no event only Origin and Generation are sure
	Outcome  orchestration.Outcome // the engine's, or the envelope's refusal
	Action   Action                // what was decided
	Result   Result                // what came of it
	Wait     time.Duration         // enqueued to received; zero unless it is the first delivery of a message that is no copy
	Took     time.Duration         // received to settled
	Drained  bool                  // it was still running when the drain time was over
	Err      error                 // why the decision could not be carried out, or why the lock was lost
}

// NoObserver ignores everything.
type NoObserver struct{}

var _ Observer = NoObserver{}

// Received keeps the context.
func (NoObserver) Received(ctx context.Context, _ Delivery) context.Context     { return ctx }
func (NoObserver) Settled(context.Context, Settled)                             {}
func (NoObserver) Rescheduled(context.Context, string, Why, time.Time)          {}
func (NoObserver) LockRenewed(context.Context, string, string, error)           {}
func (NoObserver) Reconnected(context.Context, string, string, error)           {}
func (NoObserver) Called(context.Context, string, string, time.Duration, error) {}
func (NoObserver) Panicked(context.Context, string, any, []byte)                {}
