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
	s := &Queue{namespace: q.namespace, place: q.place, name: q.name}
	s.open = func(client *azservicebus.Client, _ *azservicebus.ReceiverOptions) (*azservicebus.Receiver, error) {
		return q.open(client, &azservicebus.ReceiverOptions{SubQueue: which})
	}
	return s
}

// Peek gives at most most messages from a sequence number on, in order; none when there are no more.
func (b *Browser) Peek(ctx context.Context, from int64, most int) ([]worker.Message, error) {
	r, _ := b.queue.current()
	got, err := b.queue.namespace.peek(ctx, r, from, most)
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

func (n *Namespace) peek(ctx context.Context, r *receiver, from int64, most int) ([]*azservicebus.ReceivedMessage, error) {
	return n.listed(ctx, r, func(ctx context.Context, r *azservicebus.Receiver) ([]*azservicebus.ReceivedMessage, error) {
		return r.PeekMessages(ctx, most, &azservicebus.PeekMessagesOptions{FromSequenceNumber: &from})
	})
}

// listed makes a call that gives messages.
func (n *Namespace) listed(ctx context.Context, r *receiver,
	do func(context.Context, *azservicebus.Receiver) ([]*azservicebus.ReceivedMessage, error),
) ([]*azservicebus.ReceivedMessage, error) {
	return guarded(func() ([]*azservicebus.ReceivedMessage, error) {
		var got []*azservicebus.ReceivedMessage
		err := call(ctx, n, r, func(ctx context.Context, r *azservicebus.Receiver) (err error) {
			got, err = do(ctx, r)
			return err
		})
		if err != nil {
			return nil, err
		}
		return got, nil
	})
}
