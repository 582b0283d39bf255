package worker

import (
	"context"
	"time"
)

// Peeker shows the messages of a queue from a sequence number on, in order, without locking them.
type Peeker interface {
	Peek(ctx context.Context, from int64, most int) ([]Message, error)
}

const (
	peekMost     = 64               // of the queue's head
	peekPatience = 5 * time.Second  // the loop must go round
	stuckCeiling = 30 * time.Minute // the longest time between two suspicions that came to nothing
)

// watchdog suspects a receiver that gets nothing although the broker has something: a link may look open to both sides, and be
// forgotten by one. It belongs to the loop alone.
//
// A message at the queue's head may also be locked by another process. So the longer a new link gets nothing either, the more
// rarely it is replaced.
type watchdog struct {
	peek    Peeker
	after   time.Duration // how long nothing may come
	quiet   time.Time     // since when nothing has come, while slots were free and the intake open
	patient time.Duration // after grown by what came to nothing
}

func newWatchdog(peek Peeker, after time.Duration) *watchdog {
	return &watchdog{peek: peek, after: after, patient: after, quiet: time.Now()}
}

// fed notes that messages have come.
func (d *watchdog) fed() { d.quiet, d.patient = time.Now(), d.after }

// excused begins anew: nothing could come meanwhile.
func (d *watchdog) excused() { d.quiet = time.Now() }

// starved says whether nothing has come for too long although a message that nobody of ours holds has been there all the time.
func (d *watchdog) starved(ctx context.Context, ours func(sequence int64) bool) bool {
	if d.peek == nil || time.Since(d.quiet) < d.patient {
		return false
	}
	call, done := context.WithTimeout(ctx, peekPatience)
	defer done()
	messages, err := d.peek.Peek(call, 0, peekMost)
	if err != nil {
		return false // the broker cannot be asked: that shows elsewhere
	}
	for _, m := range messages {
		if m.State == Active && m.Enqueued.Before(d.quiet) && !ours(m.Sequence) {
			d.quiet, d.patient = time.Now(), min(2*d.patient, stuckCeiling)
			return true
		}
	}
	d.quiet = time.Now()
	return false
}
