package store

import (
	"time"

	"github.com/google/uuid"
)

// faults are what a test may ask a queue to do wrong.
type faults struct {
	twice int           // so many of the next messages are stored twice
	delay time.Duration // how long a message is held back before it may be handed out
}

// LoseLock ends a lock now, as if its time were up. ErrLockLost if there is none.
func (q *Queue) LoseLock(token uuid.UUID) error {
	return q.settle(token, func(e *entry, now time.Time) error {
		if e.place != locked {
			return ErrLockLost
		}
		q.fail(e, now)
		return nil
	})
}

// LoseLocks ends all locks now and says how many there were.
func (q *Queue) LoseLocks() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, now := 0, time.Now()
	for _, e := range q.locked {
		if e.place == locked {
			q.fail(e, now)
			n++
		}
	}
	q.settleDown()
	return n
}

// DeliverTwice stores each of the next n messages twice, as a sender does that repeats a send whose answer it did
// not see: the copy has the same message id and content, and the sequence number that follows. Send returns the
// first one's number.
func (q *Queue) DeliverTwice(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.twice = n
}

// DelayDeliveries holds every message back for d from now, or from when it becomes available (sent, due or given
// back). Zero ends it and lets go of what is held.
func (q *Queue) DelayDeliveries(d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.delay = d
	now := time.Now()
	for e := q.all.next(0); e != nil; e = q.all.next(e.seq + 1) {
		if e.place == ready || e.place == held {
			q.lift(e)
			q.offer(e, now)
		}
	}
	q.settleDown()
}
