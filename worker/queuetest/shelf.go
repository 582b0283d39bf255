package queuetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/worker"
)

// Shelf is a dead-letter queue as the sweeper of package deadletter uses it.
type Shelf interface {
	Peek(ctx context.Context, from int64, most int) ([]worker.Message, error)
	Receive(ctx context.Context, most int) ([]worker.Message, error)
	ReceiveDeferred(ctx context.Context, sequences []int64) ([]worker.Message, error)
	RenewLock(ctx context.Context, m worker.Message) (until time.Time, err error)
	Complete(ctx context.Context, m worker.Message) error
	Abandon(ctx context.Context, m worker.Message) error
	Defer(ctx context.Context, m worker.Message) error
}

// DeadLetters is the dead-letter queue of a Queue.
type DeadLetters struct{ q *Queue }

var _ Shelf = (*DeadLetters)(nil)

// DeadLetters gives the dead-letter queue.
func (q *Queue) DeadLetters() *DeadLetters { return &DeadLetters{q} }

// letter is a message in a dead-letter queue. Nothing that becomes of it is counted as a delivery.
type letter struct {
	worker.Message
	token string
	until time.Time
}

func (l *letter) locked() bool { return l.token != "" && l.until.After(time.Now()) }

// patience is how long a receive waits for a first message at most.
const patience = 10 * time.Second

// Peek shows dead letters from a sequence number on.
func (d *DeadLetters) Peek(_ context.Context, from int64, most int) ([]worker.Message, error) {
	d.q.broker.mu.Lock()
	defer d.q.broker.mu.Unlock()
	var all []worker.Message
	for _, l := range d.q.dead {
		all = append(all, l.Message)
	}
	return page(all, from, most), nil
}

// Receive locks messages from the head, those that are not deferred.
func (d *DeadLetters) Receive(ctx context.Context, most int) ([]worker.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		d.q.broker.mu.Lock()
		var got []worker.Message
		slices.SortFunc(d.q.dead, func(a, b *letter) int { return int(a.Sequence - b.Sequence) })
		for _, l := range d.q.dead {
			if len(got) < most && l.State == worker.Active && !l.locked() {
				got = append(got, d.q.lock(l))
			}
		}
		d.q.broker.mu.Unlock()
		if len(got) > 0 {
			return got, nil
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ReceiveDeferred locks deferred messages by number, all or none.
func (d *DeadLetters) ReceiveDeferred(_ context.Context, sequences []int64) ([]worker.Message, error) {
	d.q.broker.mu.Lock()
	defer d.q.broker.mu.Unlock()
	var found []*letter
	for _, seq := range sequences {
		i := slices.IndexFunc(d.q.dead, func(l *letter) bool { return l.Sequence == seq })
		if i < 0 || d.q.dead[i].State != worker.Deferred || d.q.dead[i].locked() {
			return nil, worker.ErrMessageNotFound
		}
		found = append(found, d.q.dead[i])
	}
	var got []worker.Message
	for _, l := range found {
		got = append(got, d.q.lock(l))
	}
	return got, nil
}

// lock gives a letter to a receiver; the caller holds the mutex.
func (q *Queue) lock(l *letter) worker.Message {
	l.token, l.until = uuid.NewString(), time.Now().Add(q.settings.LockDuration)
	out := l.Message
	out.Handle, out.LockedUntil = l.token, l.until
	out.Properties, out.Body = maps.Clone(l.Properties), slices.Clone(l.Body)
	return out
}

// RenewLock lets the lock start again.
func (d *DeadLetters) RenewLock(_ context.Context, m worker.Message) (until time.Time, err error) {
	err = d.settle("renew dead letter", m, func(l *letter) {
		l.until = time.Now().Add(d.q.settings.LockDuration)
		until = l.until
	})
	return until, err
}

// Complete removes the message.
func (d *DeadLetters) Complete(_ context.Context, m worker.Message) error {
	return d.settle("complete dead letter", m, func(l *letter) {
		d.q.dead = slices.DeleteFunc(d.q.dead, func(other *letter) bool { return other == l })
	})
}

// Abandon gives the message back.
func (d *DeadLetters) Abandon(_ context.Context, m worker.Message) error {
	return d.settle("abandon dead letter", m, func(l *letter) { l.token = "" })
}

// Defer puts the message aside.
func (d *DeadLetters) Defer(_ context.Context, m worker.Message) error {
	return d.settle("defer dead letter", m, func(l *letter) { l.token, l.State = "", worker.Deferred })
}

// settle finds the letter that m locks. What is done is noted in the broker's journal.
func (d *DeadLetters) settle(doing string, m worker.Message, how func(*letter)) error {
	d.q.broker.mu.Lock()
	defer d.q.broker.mu.Unlock()
	for _, l := range d.q.dead {
		if token, ok := m.Handle.(string); ok && l.token == token && l.locked() {
			d.q.broker.journal = append(d.q.broker.journal, doing+" "+d.q.name)
			how(l)
			return nil
		}
	}
	return worker.ErrLockLost
}
