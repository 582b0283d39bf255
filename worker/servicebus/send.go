package servicebus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"

	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/worker"
)

var _ worker.Outbox = (*Namespace)(nil)

type sender = links[*azservicebus.Sender]

// sender gives the one sender of a queue or topic.
func (n *Namespace) sender(queue string) *sender {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.senders[queue]
	if s == nil {
		s = newLinks(n.clients[n.place()], func(client *azservicebus.Client) (*azservicebus.Sender, error) { return client.NewSender(queue, nil) })
		n.senders[queue] = s
	}
	return s
}

// by makes a call on the sender of a queue, and says what was being done if it fails.
func (n *Namespace) by(ctx context.Context, queue, doing string, do func(context.Context, *azservicebus.Sender) error) error {
	if subscription.Is(queue) {
		return errSubscription
	}
	s := n.sender(queue)
	err := call(ctx, n, s, do)
	n.dropIfBroken(queue, s, err)
	return translate(doing, err)
}

// errSubscription says it before the broker does, whose answer the SDK takes for one about a link that can be mended.
var errSubscription = errors.New("open sender: a subscription takes no messages, only its topic does, and then all of its subscriptions may get them")

// Send implements worker.Outbox. Scheduling rides on the message (x-opt-scheduled-enqueue-time), so it costs no more
// than a send and needs no management call.
func (n *Namespace) Send(ctx context.Context, queue string, m worker.Message, at time.Time) error {
	return n.by(ctx, queue, "send", func(ctx context.Context, s *azservicebus.Sender) error {
		return s.SendMessage(ctx, sendable(m, at), nil)
	})
}

// SendAll implements worker.Outbox.
func (n *Namespace) SendAll(ctx context.Context, queue string, messages []worker.Message) error {
	for _, err := range n.Publish(ctx, queue, messages) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Schedule implements worker.Outbox, by the management link, which answers with the number that Send does not learn.
func (n *Namespace) Schedule(ctx context.Context, queue string, m worker.Message, at time.Time) (sequence int64, err error) {
	var numbers []int64
	err = n.by(ctx, queue, "schedule", func(ctx context.Context, s *azservicebus.Sender) (err error) {
		numbers, err = s.ScheduleMessages(ctx, []*azservicebus.Message{sendable(m, time.Time{})}, at.UTC(), nil)
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case len(numbers) != 1:
		return 0, fmt.Errorf("servicebus: %d numbers for one scheduled message", len(numbers))
	}
	return numbers[0], nil
}

// Cancel implements worker.Outbox.
func (n *Namespace) Cancel(ctx context.Context, queue string, sequence int64) error {
	err := n.by(ctx, queue, "cancel", func(ctx context.Context, s *azservicebus.Sender) error {
		return s.CancelScheduledMessages(ctx, []int64{sequence}, nil)
	})
	if errors.Is(err, worker.ErrNotFound) { // the SDK has one code for a queue and a message that is not there
		return worker.ErrMessageNotFound
	}
	return err
}

// dropIfBroken lets the next send open a link of its own, after an error that the SDK does not recover from: when the broker
// closes a connection as "amqp:not-allowed", the SDK takes that for an answer to the message, and gives it for ever.
func (n *Namespace) dropIfBroken(queue string, broken *sender, err error) {
	if raw := (*amqp.Error)(nil); !errors.As(err, &raw) || raw.Condition != amqp.ErrCondNotAllowed {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.senders[queue] != broken {
		return
	}
	delete(n.senders, queue)
	n.closing.Go(func() { n.shut(broken) }) // its connection is gone
}

// CanSend says whether a queue could be sent to: it opens the link, and sends nothing. Errors: worker.ErrNotFound,
// worker.ErrUnauthorized and the like.
func (n *Namespace) CanSend(ctx context.Context, queue string) error {
	return n.by(ctx, queue, "open a link to send by", func(ctx context.Context, s *azservicebus.Sender) error {
		_, err := s.NewMessageBatch(ctx, nil) // it needs the link, which says how large a message may be
		return err
	})
}

// Publish sends messages in as few transfers as their size allows, in order, and says of each what became of it: nil
// means that the broker has it. A batch is stored whole or not at all; an error other than a refusal leaves open which.
// It ends early, with the rest unsent, when ctx ends or the queue cannot be used.
func (n *Namespace) Publish(ctx context.Context, queue string, messages []worker.Message) []error {
	p := publication{namespace: n, ctx: ctx, queue: queue, messages: messages, results: make([]error, len(messages))}
	for at := 0; at < len(messages); {
		at = p.sendFrom(at)
	}
	return p.results
}

// ErrUnsent marks messages that were never handed to the broker.
var ErrUnsent = errors.New("servicebus: not sent")

type publication struct {
	namespace *Namespace
	ctx       context.Context
	queue     string
	messages  []worker.Message
	results   []error
}

// sendFrom sends one batch, or one message that fits no batch, and says where to go on.
func (p *publication) sendFrom(at int) int {
	ctx, cancel := p.namespace.limited(p.ctx)
	defer cancel()
	var batch *azservicebus.MessageBatch
	err := p.by(ctx, func(ctx context.Context, s *azservicebus.Sender) (err error) {
		batch, err = s.NewMessageBatch(ctx, nil)
		return err
	})
	if err != nil {
		return p.giveUp(at, err)
	}
	end := at
	for ; end < len(p.messages); end++ {
		if err = batch.AddMessage(sendable(p.messages[end], time.Time{}), nil); err != nil {
			break
		}
	}
	switch {
	case end == at && errors.Is(err, azservicebus.ErrMessageTooLarge):
		// also what a link without a size limit answers: the broker has the last word
		end = at + 1
		err = p.by(ctx, func(ctx context.Context, s *azservicebus.Sender) error {
			return s.SendMessage(ctx, sendable(p.messages[at], time.Time{}), nil)
		})
	case end == at: // it cannot be encoded
		end, err = at+1, translate("publish", err)
	default:
		err = p.by(ctx, func(ctx context.Context, s *azservicebus.Sender) error { return s.SendMessageBatch(ctx, batch, nil) })
	}
	for i := at; i < end; i++ {
		p.results[i] = err
	}
	if hopeless(err) || p.ctx.Err() != nil {
		return p.giveUp(end, err)
	}
	return end
}

func (p *publication) by(ctx context.Context, do func(context.Context, *azservicebus.Sender) error) error {
	return p.namespace.by(ctx, p.queue, "publish", do)
}

// hopeless says whether the next batch would fare no better.
func hopeless(err error) bool {
	meaning := meaningOf(err)
	return errors.Is(meaning, worker.ErrNotFound) || errors.Is(meaning, worker.ErrUnauthorized)
}

func (p *publication) giveUp(from int, err error) int {
	for i := from; i < len(p.results); i++ {
		p.results[i] = errors.Join(ErrUnsent, err)
	}
	return len(p.results)
}
