package servicebus

import (
	"context"
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/signalbox/signalbox/worker"
)

// Shelf is a dead-letter queue whose messages are looked at, taken and put aside one by one. What is received must be
// settled by the same Shelf, and may be after Reopen or the loss of its links. Receive is one loop's; everything else is
// safe for concurrent use.
type Shelf struct{ Browser }

// DeadLetters gives the queue's dead-letter queue.
func (q *Queue) DeadLetters() *Shelf {
	return &Shelf{Browser{q.sub(azservicebus.SubQueueDeadLetter)}}
}

// Receive locks at most most messages from the head, those that are not deferred. It waits for a first one until ctx
// ends or a call's time is over; none and no error is normal. A message that the SDK cannot read makes it fail, and the
// call that follows passes it, because it stays locked for a while.
func (s *Shelf) Receive(ctx context.Context, most int) ([]worker.Message, error) {
	ctx, cancel := s.queue.namespace.limited(ctx)
	defer cancel()
	return guarded(func() ([]worker.Message, error) { return s.queue.Receive(ctx, most) })
}

// ReceiveDeferred locks deferred messages by their sequence numbers, all of them or none: worker.ErrMessageNotFound if
// one is not deferred, is locked or is gone. It is also what comes of an answer that was lost with its connection, since
// the SDK asks again and finds them locked; their locks run out by themselves.
func (s *Shelf) ReceiveDeferred(ctx context.Context, sequences []int64) ([]worker.Message, error) {
	if len(sequences) == 0 {
		return nil, nil
	}
	r, done := s.queue.use()
	defer done()
	line := s.queue.currentLine()
	ctx, cancel := s.queue.namespace.limited(ctx)
	defer cancel()
	got, err := s.queue.namespace.listed(ctx, r, func(ctx context.Context, r *azservicebus.Receiver) ([]*azservicebus.ReceivedMessage, error) {
		return r.ReceiveDeferredMessages(ctx, sequences, nil)
	})
	if err != nil {
		return nil, s.missing(ctx, r, translate("receive deferred", err))
	}
	return taken(s.queue.name, got, line), nil
}

// missing tells a message that is not there from a queue that is not there: the SDK has one code for both.
func (s *Shelf) missing(ctx context.Context, r *receiver, err error) error {
	if !errors.Is(err, worker.ErrNotFound) {
		return err
	}
	_, second := s.queue.namespace.peek(ctx, r, 0, 1)
	var panicked *panicError
	if second == nil || errors.As(second, &panicked) {
		return worker.ErrMessageNotFound
	}
	return translate("receive deferred", second)
}

// RenewLock lets the lock start again and returns its new end.
func (s *Shelf) RenewLock(ctx context.Context, m worker.Message) (until time.Time, err error) {
	return s.queue.RenewLock(ctx, m)
}

// Complete removes the message.
func (s *Shelf) Complete(ctx context.Context, m worker.Message) error {
	return s.queue.Complete(ctx, m)
}

// Abandon gives the message back: to the head's receivers, or, when it was deferred, to whoever asks for its number.
func (s *Shelf) Abandon(ctx context.Context, m worker.Message) error {
	return s.queue.Abandon(ctx, m)
}

// Defer puts the message aside: it keeps its place, receivers at the head pass it, and only ReceiveDeferred gets it.
func (s *Shelf) Defer(ctx context.Context, m worker.Message) error {
	return s.queue.settle(ctx, "defer", m, func(ctx context.Context, r *azservicebus.Receiver, held *azservicebus.ReceivedMessage) error {
		return r.DeferMessage(ctx, held, nil)
	})
}
