package store

import (
	"container/heap"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// settle finds the locked message, lets do end its lock, and lets the queue go on.
func (q *Queue) settle(token uuid.UUID, do func(e *entry, now time.Time) error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deleted {
		return ErrNotFound
	}
	now := time.Now()
	e := q.locked[token]
	if e == nil || e.place == locked && !e.due.After(now) { // the timer may be a moment late; the lock is not
		return ErrLockLost
	}
	if err := do(e, now); err != nil {
		return err
	}
	q.settleDown()
	return nil
}

// Complete removes the message.
func (q *Queue) Complete(token uuid.UUID) error {
	return q.settle(token, func(e *entry, _ time.Time) error {
		q.drop(e)
		return nil
	})
}

// Abandon counts a failed attempt, adds props to the application properties and makes the message available at
// its old place (a deferred one: by its number), or dead-letters it when that was the last attempt. In a dead-letter queue nothing is counted.
func (q *Queue) Abandon(token uuid.UUID, props map[string]any) error {
	return q.settle(token, func(e *entry, now time.Time) error {
		e.addProps(props)
		q.fail(e, now)
		return nil
	})
}

// Release gives the message back as if it had never been delivered.
func (q *Queue) Release(token uuid.UUID) error {
	return q.settle(token, func(e *entry, now time.Time) error {
		q.lift(e)
		q.offer(e, now)
		return nil
	})
}

// DeadLetter moves the message to the dead-letter queue, with the reason and description that are not empty.
// ErrNotAllowed in a dead-letter queue.
func (q *Queue) DeadLetter(token uuid.UUID, reason, description string, props map[string]any) error {
	return q.settle(token, func(e *entry, now time.Time) error {
		if q.IsDeadLetter() {
			return ErrNotAllowed
		}
		e.addProps(props)
		q.bury(e, reason, description, now)
		return nil
	})
}

// Renew lets the lock start again and returns its new end.
func (q *Queue) Renew(token uuid.UUID) (until time.Time, err error) {
	err = q.settle(token, func(e *entry, now time.Time) error {
		if e.place != locked {
			return ErrLockLost
		}
		e.due = now.Add(q.props.LockDuration)
		heap.Fix(&q.due, e.at)
		until = e.due
		return nil
	})
	return until, err
}

// fail ends a locked message's attempt.
func (q *Queue) fail(e *entry, now time.Time) {
	if q.IsDeadLetter() {
		q.lift(e)
		q.offer(e, now)
		return
	}
	e.failed++
	if int64(e.failed) >= int64(q.props.MaxDeliveryCount) {
		q.bury(e, reasonMaxDelivery,
			fmt.Sprintf("Message could not be consumed after %d delivery attempts.", e.failed), now)
		return
	}
	q.lift(e)
	q.offer(e, now)
}

// bury moves a message to the dead-letter queue. It keeps its sequence number and its enqueued time.
func (q *Queue) bury(e *entry, reason, description string, now time.Time) {
	q.drop(e)
	props := make(map[string]any, 2)
	if reason != "" {
		props[propReason] = reason
	}
	if description != "" {
		props[propDescription] = description
	}
	e.addProps(props)
	e.source, e.holder, e.deferred, e.expires = q.path, nil, false, time.Time{}
	dead := q.dead
	dead.mu.Lock()
	defer dead.mu.Unlock()
	dead.keep(e)
	dead.offer(e, now)
	dead.settleDown()
}
