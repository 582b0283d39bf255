package boundary

import (
	"context"
	"time"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/worker"
)

// broker bounds what a process does with messages.
func (b *Boundaries) broker(p app.Parts) app.Parts {
	queue, outbox := p.WrapQueue, p.WrapOutbox
	p.WrapQueue = func(q worker.Queue) worker.Queue {
		if queue != nil {
			q = queue(q)
		}
		return boundQueue{q, b}
	}
	p.WrapOutbox = func(o worker.Outbox) worker.Outbox {
		if outbox != nil {
			o = outbox(o)
		}
		return boundOutbox{o, b}
	}
	return p
}

type boundQueue struct {
	worker.Queue
	b *Boundaries
}

// Receive of a dead process waits until it is ended.
func (q boundQueue) Receive(ctx context.Context, most int) ([]worker.Message, error) {
	if err := q.b.lives(); err != nil {
		<-ctx.Done()
		return nil, err
	}
	got, err := q.Queue.Receive(ctx, most)
	if len(got) > 0 {
		if _, dead := q.b.cross("after receive"); dead != nil {
			return nil, dead
		}
	}
	return got, err
}

func (q boundQueue) RenewLock(ctx context.Context, m worker.Message) (time.Time, error) {
	if err := q.b.lives(); err != nil {
		return time.Time{}, err
	}
	return q.Queue.RenewLock(ctx, m)
}

func (q boundQueue) Complete(ctx context.Context, m worker.Message) error {
	return do(q.b, "complete", worker.ErrConnectionLost, func() error { return q.Queue.Complete(ctx, m) })
}

func (q boundQueue) Abandon(ctx context.Context, m worker.Message) error {
	return do(q.b, "abandon", worker.ErrConnectionLost, func() error { return q.Queue.Abandon(ctx, m) })
}

func (q boundQueue) DeadLetter(ctx context.Context, m worker.Message, reason, description string, properties map[string]any) error {
	return do(q.b, "dead-letter", worker.ErrConnectionLost, func() error { return q.Queue.DeadLetter(ctx, m, reason, description, properties) })
}

type boundOutbox struct {
	worker.Outbox
	b *Boundaries
}

func (o boundOutbox) Send(ctx context.Context, queue string, m worker.Message, at time.Time) error {
	return do(o.b, "send", worker.ErrConnectionLost, func() error { return o.Outbox.Send(ctx, queue, m, at) })
}

func (o boundOutbox) SendAll(ctx context.Context, queue string, messages []worker.Message) error {
	return do(o.b, "send all", worker.ErrConnectionLost, func() error { return o.Outbox.SendAll(ctx, queue, messages) })
}

func (o boundOutbox) Schedule(ctx context.Context, queue string, m worker.Message, at time.Time) (int64, error) {
	return around(o.b, "schedule", worker.ErrConnectionLost, func() (int64, error) { return o.Outbox.Schedule(ctx, queue, m, at) })
}

func (o boundOutbox) Cancel(ctx context.Context, queue string, sequence int64) error {
	return do(o.b, "cancel", worker.ErrConnectionLost, func() error { return o.Outbox.Cancel(ctx, queue, sequence) })
}
