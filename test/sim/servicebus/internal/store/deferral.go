package store

import (
	"time"

	"github.com/google/uuid"
)

// Defer sets a locked message aside, with props added to its application properties: it keeps its sequence number
// and its delivery count, no consumer is given it any more, and only ReceiveDeferred finds it.
func (q *Queue) Defer(token uuid.UUID, props map[string]any) error {
	return q.settle(token, func(e *entry, now time.Time) error {
		e.addProps(props)
		q.lift(e)
		e.deferred = true
		q.offer(e, now)
		return nil
	})
}

// ReceiveDeferred gives deferred messages by their sequence numbers, in that order, under a lock each or, in mode
// ReceiveAndDelete, for good. All or none: ErrMessageNotFound if any of them is not deferred, is locked, is not there
// or turns out to have expired. A message whose lock ends without a settlement, or that is abandoned, is deferred again.
func (q *Queue) ReceiveDeferred(mode Mode, seqs ...int64) ([]Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.settleDown()
	switch {
	case q.deleted:
		return nil, ErrNotFound
	case !q.props.Status.Receives():
		return nil, ErrDisabled
	}
	now := time.Now()
	missing := false
	for _, seq := range seqs {
		e := q.all.get(seq)
		if e != nil && e.place == deferred && e.expired(now) {
			q.lift(e)
			q.expire(e, now)
		}
		missing = missing || e == nil || e.place != deferred
	}
	if missing {
		return nil, ErrMessageNotFound
	}
	q.accessed = now
	var out []Delivery
	for _, seq := range seqs {
		if e := q.all.get(seq); e != nil && e.place == deferred { // a number given twice is one message
			out = append(out, q.hand(e, mode))
			if mode == ReceiveAndDelete {
				q.drop(e)
			}
		}
	}
	return out, nil
}
