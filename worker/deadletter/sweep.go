package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/worker"
)

// Drawer is a dead-letter queue that messages can be taken from. Errors: those of package worker, wrapped.
type Drawer interface {
	Peeker
	// Receive locks messages from the head; none and no error when there are no more.
	Receive(ctx context.Context, most int) ([]worker.Message, error)
	// ReceiveDeferred locks deferred messages by number, all of them or none: worker.ErrMessageNotFound if one is not there or
	// is locked.
	ReceiveDeferred(ctx context.Context, sequences []int64) ([]worker.Message, error)
	Complete(ctx context.Context, m worker.Message) error
	Abandon(ctx context.Context, m worker.Message) error
	Defer(ctx context.Context, m worker.Message) error
}

// Sweeper takes dead letters that were replayed or discarded out of their queue.
//
// A message can only be taken from the head of a queue. What stands before a removal is held under its lock until the removals
// are out, and then given back, which costs a dead letter nothing. What is too much to hold is deferred: it leaves the line, is still
// shown by peek, and is from then on taken by its number. Other tools show such dead letters as deferred; that is the price.
// Several sweepers at once are safe: each works on what it has locked.
type Sweeper struct {
	Ledger Ledger
	Hasher *keyhash.Hasher
	Hold   int           // messages held at once; default 1000
	Wait   time.Duration // for the head of the queue; default 2 s
}

// Swept is what one sweep did.
type Swept struct {
	Removed  int // taken out
	Gone     int // were not there any more
	Deferred int // had to be passed
	Left     int // removals that somebody else has locked, or that could not be reached: the next sweep's
}

// batch is how many messages one receive asks for.
const batch = 100

// Sweep carries out the removals of one queue, as far as it gets.
func (s Sweeper) Sweep(ctx context.Context, queue string, d Drawer) (Swept, error) {
	pending, err := s.Ledger.Pending(ctx, queue)
	if err != nil || len(pending) == 0 {
		return Swept{}, err
	}
	w := &sweep{Sweeper: s, queue: queue, d: d, open: map[int64]Removal{}}
	if w.Hold == 0 {
		w.Hold = 1000
	}
	if w.Wait == 0 {
		w.Wait = 2 * time.Second
	}
	for _, r := range pending {
		w.open[r.Sequence] = r
	}
	deferred, err := w.locate(ctx, pending)
	if err == nil {
		err = w.takeDeferred(ctx, deferred)
	}
	if err == nil {
		err = w.takeFromHead(ctx)
	}
	w.swept.Left = len(w.open)
	return w.swept, err
}

type sweep struct {
	Sweeper
	queue string
	d     Drawer
	open  map[int64]Removal // not carried out yet
	held  []worker.Message
	swept Swept
}

// locate peeks where the removals are. What is not there any more is forgotten; what is deferred is taken by number.
func (w *sweep) locate(ctx context.Context, pending []Removal) (deferred []int64, err error) {
	var gone []int64
	for i := 0; i < len(pending); {
		got, err := w.d.Peek(ctx, pending[i].Sequence, Most)
		if err != nil {
			return nil, fmt.Errorf("look for dead letters to remove: %w", err)
		}
		end := int64(-1) // the page is the whole rest of the queue
		if len(got) > 0 {
			end = got[len(got)-1].Sequence
		}
		for ; i < len(pending) && (len(got) == 0 || pending[i].Sequence <= end); i++ {
			at, there := slices.BinarySearchFunc(got, pending[i].Sequence, func(m worker.Message, n int64) int { return int(m.Sequence - n) })
			switch {
			case !there || MarkOf(w.Hasher, w.queue, got[at]) != pending[i].Mark:
				gone = append(gone, pending[i].Sequence)
			case got[at].State == worker.Deferred:
				deferred = append(deferred, pending[i].Sequence)
			}
		}
	}
	w.swept.Gone += len(gone)
	return deferred, w.forget(ctx, gone)
}

// forget drops removals that are carried out or have no object.
func (w *sweep) forget(ctx context.Context, sequences []int64) error {
	if len(sequences) == 0 {
		return nil
	}
	if err := w.Ledger.Done(ctx, w.queue, sequences); err != nil {
		return fmt.Errorf("forget removals: %w", err)
	}
	for _, n := range sequences {
		delete(w.open, n)
	}
	return nil
}

func (w *sweep) takeDeferred(ctx context.Context, sequences []int64) error {
	for chunk := range slices.Chunk(sequences, batch) {
		got, err := w.d.ReceiveDeferred(ctx, chunk)
		if errors.Is(err, worker.ErrMessageNotFound) {
			got, err = w.oneByOne(ctx, chunk)
		}
		if err != nil {
			return fmt.Errorf("receive deferred dead letters: %w", err)
		}
		for _, m := range got {
			if err := w.take(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// oneByOne leaves out what somebody else has locked, or has taken since it was peeked at: the next sweep's.
func (w *sweep) oneByOne(ctx context.Context, sequences []int64) (all []worker.Message, err error) {
	for _, n := range sequences {
		got, err := w.d.ReceiveDeferred(ctx, []int64{n})
		if err != nil && !errors.Is(err, worker.ErrMessageNotFound) {
			return all, err
		}
		all = append(all, got...)
	}
	return all, nil
}

// take completes a locked message if it is the one that a removal is about, and says whether it was.
func (w *sweep) take(ctx context.Context, m worker.Message) error {
	if err := w.d.Complete(ctx, m); err != nil {
		if errors.Is(err, worker.ErrLockLost) { // somebody has it again: the next sweep's
			return nil
		}
		return fmt.Errorf("remove dead letter %d: %w", m.Sequence, err)
	}
	w.swept.Removed++
	return w.forget(ctx, []int64{m.Sequence})
}

func (w *sweep) wanted(m worker.Message) bool {
	r, is := w.open[m.Sequence]
	return is && r.Mark == MarkOf(w.Hasher, w.queue, m)
}

// takeFromHead receives until every removal is out, or nothing comes any more. It gives back what it held, also when it ends early.
func (w *sweep) takeFromHead(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, w.giveBack(ctx)) }()
	seen := map[int64]bool{}
	for len(w.open) > 0 && ctx.Err() == nil {
		waiting, done := context.WithTimeout(ctx, w.Wait)
		got, err := w.d.Receive(waiting, batch)
		done()
		if err != nil {
			return fmt.Errorf("receive dead letters: %w", err)
		}
		if len(got) == 0 {
			return ctx.Err()
		}
		for i, m := range got {
			switch {
			case w.wanted(m):
				err = w.take(ctx, m)
			case seen[m.Sequence] || len(w.held) >= w.Hold: // its lock ran out in our hands, or we have enough of them
				err = w.pass(ctx, m)
			default:
				seen[m.Sequence] = true
				w.held = append(w.held, m)
			}
			if err != nil {
				w.held = append(w.held, got[i+1:]...)
				return err
			}
		}
	}
	return ctx.Err()
}

func (w *sweep) pass(ctx context.Context, m worker.Message) error {
	if err := w.d.Defer(ctx, m); err != nil {
		if errors.Is(err, worker.ErrLockLost) {
			return nil
		}
		return fmt.Errorf("pass dead letter %d: %w", m.Sequence, err)
	}
	w.swept.Deferred++
	return nil
}

// giveBack unlocks what was held. What cannot be given back comes back by itself when its lock ends.
func (w *sweep) giveBack(ctx context.Context) error {
	call, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer done()
	for _, m := range w.held {
		if err := w.d.Abandon(call, m); err != nil && !errors.Is(err, worker.ErrLockLost) {
			return nil // see above
		}
	}
	w.held = nil
	return nil
}
