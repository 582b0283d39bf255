// Package wake sends events on their way whose binding has come: what they wait for is there, so their parked copies need not wait
// until they are due.
//
// A parked copy is a scheduled message: it comes by itself when it is due, whatever becomes of this package or of what Redis knows.
// Waking one is: look at it by its number, send the same with a higher generation, and only then cancel it. Whoever dies in between
// leaves two, of which the lower generation dies (design: copies).
//
// Concurrency: a Waker is used by one process of the fleet at a time; two at once do no harm.
package wake

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Waiter is a parked copy whose binding has come.
type Waiter struct {
	Run    string // short name
	Parked orchestration.Parked
	Times  int    // how often somebody set out to wake it, this time included
	Token  string // the index's own
}

// Index knows who waits. Errors: the storage's.
type Index interface {
	// Each hands over those whose binding has come, in portions, each for whoever asks to have for himself for a while; use says
	// which of them were woken, and those are forgotten.
	Each(ctx context.Context, use func([]Waiter) (woken []Waiter)) error
}

// Peeker looks at a queue's messages: at most most with a sequence number of at least from, in order.
type Peeker interface {
	Peek(ctx context.Context, from int64, most int) ([]worker.Message, error)
}

// Waker wakes. Every field is needed.
type Waker struct {
	Index  Index
	Peek   func(queue string) Peeker // nil for a queue that is not ours
	Outbox worker.Outbox
	Tell   func(queue, correlationID string) // of each that was woken
}

const atOnce = 8 // calls to a broker far away take most of their time on the road

// Wake wakes all whose binding has come. Those that could not be woken are left for the next time; the error is
// the index's and the first of theirs.
func (w *Waker) Wake(ctx context.Context) error {
	var first error
	err := w.Index.Each(ctx, func(some []Waiter) []Waiter {
		done, failed := w.portion(ctx, some)
		if first == nil {
			first = failed
		}
		return done
	})
	return errors.Join(err, first)
}

// portion wakes some, a few at a time.
func (w *Waker) portion(ctx context.Context, some []Waiter) (done []Waiter, failed error) {
	var (
		mu   sync.Mutex
		each sync.WaitGroup
		slot = make(chan struct{}, atOnce)
	)
	for _, one := range some {
		slot <- struct{}{}
		each.Go(func() {
			defer func() { <-slot }()
			err := w.one(ctx, one)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done = append(done, one)
			} else if failed == nil {
				failed = err
			}
		})
	}
	each.Wait()
	return done, failed
}

// one wakes one. A copy that is not there any more, or not parked, needs nobody to wake it.
func (w *Waker) one(ctx context.Context, one Waiter) error {
	peek := w.Peek(one.Parked.Queue)
	if peek == nil {
		return nil // of a queue that this fleet does not have any more
	}
	got, err := peek.Peek(ctx, one.Parked.Sequence, 1)
	if err != nil {
		return err
	}
	if len(got) == 0 || got[0].Sequence != one.Parked.Sequence || got[0].ID != one.Parked.MessageID || got[0].State != worker.Scheduled {
		return nil
	}
	parked := got[0]
	properties, err := envelope.Next(parked.Properties, one.Times)
	if err != nil {
		return nil //nolint:nilerr // not a copy of ours: it comes when it is due, and is told so then
	}
	awake := worker.Message{ID: uuid.NewString(), CorrelationID: parked.CorrelationID, ContentType: parked.ContentType, Subject: parked.Subject,
		Properties: properties, Body: parked.Body}
	if err := w.Outbox.Send(ctx, one.Parked.Queue, awake, time.Time{}); err != nil {
		return err
	}
	w.Tell(one.Parked.Queue, parked.CorrelationID)
	// Not cancelled, it comes when it is due, and is surplus.
	_ = w.Outbox.Cancel(ctx, one.Parked.Queue, one.Parked.Sequence)
	return nil
}
