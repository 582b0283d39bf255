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
// ReceiveAndDelete, for good. All or none: ErrMessageNotFound if any of them is not deferred, is locked or is not
// there. A message whose lock ends without a settlement, or that is abandoned, is deferred again.
func (q *Queue) ReceiveDeferred(mode Mode, seqs ...int64) ([]Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.settleDown()
	for _, seq := range seqs {
		if e := q.all.get(seq); e == nil || e.place != deferred {
			return nil, ErrMessageNotFound
		}
	}
	var out []Delivery
	for _, seq := range seqs {
		if e := q.all.get(seq); e != nil && e.place == deferred { // a number given twice is one message
			out = append(out, q.hand(e, mode))
		}
	}
	return out, nil
}
