package servicebus

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/signalbox/signalbox/worker"
)

// Browser shows messages without locking them.
type Browser struct{ queue *Queue }

// Browse shows the queue's own messages: active, scheduled and deferred ones.
func (q *Queue) Browse() *Browser { return &Browser{q.sub(0)} }

// sub gives the queue or its sub-queue with a receiver of its own.
func (q *Queue) sub(which azservicebus.SubQueue) *Queue {
	s := &Queue{namespace: q.namespace, client: q.client, name: q.name}
	s.open = func(*azservicebus.ReceiverOptions) (*azservicebus.Receiver, error) {
		return q.open(&azservicebus.ReceiverOptions{SubQueue: which})
	}
	return s
}

// Peek gives at most most messages from a sequence number on, in order; none when there are no more.
func (b *Browser) Peek(ctx context.Context, from int64, most int) ([]worker.Message, error) {
	receiver, _, err := b.queue.current()
	if err != nil {
		return nil, err
	}
	ctx, cancel := b.queue.namespace.limited(ctx)
	defer cancel()
	got, err := peek(ctx, receiver, from, most)
	if err != nil {
		return nil, translate("peek", err)
	}
	messages := make([]worker.Message, len(got))
	for i, m := range got {
		messages[i] = received(b.queue.name, m)
	}
	return messages, nil
}

// Close closes its link.
func (b *Browser) Close(ctx context.Context) { b.queue.Reopen(ctx) }
