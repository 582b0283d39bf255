package store

import (
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// Send stores the messages in order, all or none, and returns their sequence numbers. A message whose
// x-opt-scheduled-enqueue-time lies ahead is stored as scheduled. With duplicate detection, one whose id is known is
// not stored, and its number is that of the message it repeats.
func (q *Queue) Send(msgs ...*wire.Message) ([]int64, error) {
	if q.IsDeadLetter() || q.of != nil {
		return nil, ErrNotAllowed
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.admits(msgs); err != nil {
		return nil, err
	}
	now := time.Now()
	q.accessed = now
	seqs := make([]int64, len(msgs))
	for i, m := range msgs {
		kept := accept(m)
		seqs[i] = q.store(kept, now)
		if q.twice > 0 {
			q.twice--
			q.store(clone(kept), now)
		}
	}
	q.settleDown()
	return seqs, nil
}

// admits says why the messages cannot be stored.
func (q *Queue) admits(msgs []*wire.Message) error {
	switch {
	case q.deleted:
		return ErrNotFound
	case !q.props.Status.Sends():
		return ErrDisabled
	}
	size := int64(0)
	for _, m := range msgs {
		if err := check(m, q.props); err != nil {
			return err
		}
		size += sizeOf(m)
	}
	if q.bytes.Load()+size > int64(q.props.MaxSizeMegabytes)<<20 {
		return ErrFull
	}
	return nil
}

// store adds an accepted message unless it is a duplicate.
func (q *Queue) store(m *wire.Message, now time.Time) int64 {
	if !q.props.DuplicateDetection {
		return q.add(m, now)
	}
	if seq, known := q.history.number(m.Properties.MessageID, q.props.DuplicateWindow, now); known {
		return seq
	}
	seq := q.add(m, now)
	q.history.add(m.Properties.MessageID, seq, now)
	return seq
}

// Schedule is Send for messages that carry x-opt-scheduled-enqueue-time; the numbers it returns are good for
// CancelScheduled until that time. Then the message is appended under a new number and with a new enqueued time.
func (q *Queue) Schedule(msgs ...*wire.Message) ([]int64, error) { return q.Send(msgs...) }

// CancelScheduled removes scheduled messages, all or none. ErrMessageNotFound if any of them is not scheduled.
func (q *Queue) CancelScheduled(seqs ...int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deleted {
		return ErrNotFound
	}
	for _, seq := range seqs {
		if e := q.all.get(seq); e == nil || e.place != scheduled {
			return ErrMessageNotFound
		}
	}
	for _, seq := range seqs {
		if e := q.all.get(seq); e != nil { // a number given twice is gone already
			q.drop(e)
		}
	}
	return nil
}

// add stores an accepted message under the next number. A topic hands it on.
func (q *Queue) add(m *wire.Message, now time.Time) int64 {
	q.lastSeq++
	if _, later := scheduledFor(m, now); q.topic != nil && !later {
		q.spread(m, now)
		return q.lastSeq
	}
	e := &entry{msg: m, seq: q.lastSeq, enqueued: now, ttl: timeToLive(m, q.props), bytes: sizeOf(m)}
	q.keep(e)
	if at, later := scheduledFor(m, now); later {
		q.scheduled++
		q.wait(e, scheduled, at)
		return e.seq
	}
	if e.ttl > 0 {
		e.expires = now.Add(e.ttl)
	}
	q.offer(e, now)
	return e.seq
}
