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

// sender gives the one sender of a queue or topic.
func (n *Namespace) sender(queue string) (*azservicebus.Sender, error) {
	if subscription.Is(queue) {
		return nil, errSubscription
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if s, ok := n.senders[queue]; ok {
		return s, nil
	}
	s, err := n.client().NewSender(queue, nil)
	if err != nil {
		return nil, translate("open sender", err)
	}
	n.senders[queue] = s
	return s, nil
}

// errSubscription says it before the broker does, whose answer the SDK takes for one about a link that can be mended.
var errSubscription = errors.New("open sender: a subscription takes no messages, only its topic does, and then all of its subscriptions may get them")

// Send implements worker.Outbox. Scheduling rides on the message (x-opt-scheduled-enqueue-time), so it costs no more
// than a send and needs no management call.
func (n *Namespace) Send(ctx context.Context, queue string, m worker.Message, at time.Time) error {
	sender, err := n.sender(queue)
	if err != nil {
		return err
	}
	ctx, cancel := n.limited(ctx)
	defer cancel()
	err = sender.SendMessage(ctx, sendable(m, at), nil)
	n.dropIfBroken(ctx, queue, sender, err)
	return translate("send", err)
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
	sender, err := n.sender(queue)
	if err != nil {
		return 0, err
	}
	ctx, cancel := n.limited(ctx)
	defer cancel()
	numbers, err := sender.ScheduleMessages(ctx, []*azservicebus.Message{sendable(m, time.Time{})}, at.UTC(), nil)
	n.dropIfBroken(ctx, queue, sender, err)
	switch {
	case err != nil:
		return 0, translate("schedule", err)
	case len(numbers) != 1:
		return 0, fmt.Errorf("servicebus: %d numbers for one scheduled message", len(numbers))
	}
	return numbers[0], nil
}

// Cancel implements worker.Outbox.
func (n *Namespace) Cancel(ctx context.Context, queue string, sequence int64) error {
	sender, err := n.sender(queue)
	if err != nil {
		return err
	}
	ctx, cancel := n.limited(ctx)
	defer cancel()
	err = sender.CancelScheduledMessages(ctx, []int64{sequence}, nil)
	n.dropIfBroken(ctx, queue, sender, err)
	if err = translate("cancel", err); errors.Is(err, worker.ErrNotFound) { // the SDK has one code for a queue and a message that is not there
		return worker.ErrMessageNotFound
	}
	return err
}

// dropIfBroken lets the next send open a link of its own, after an error that the SDK does not recover from: when the broker
// closes a connection as "amqp:not-allowed", the SDK takes that for an answer to the message, and gives it for ever.
func (n *Namespace) dropIfBroken(ctx context.Context, queue string, broken *azservicebus.Sender, err error) {
	if raw := (*amqp.Error)(nil); !errors.As(err, &raw) || raw.Condition != amqp.ErrCondNotAllowed {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.senders[queue] != broken {
		return
	}
	delete(n.senders, queue)
	n.closing.Go(func() {
		call, cancel := n.limited(context.WithoutCancel(ctx))
		defer cancel()
		_ = broken.Close(call) // its connection is gone
	})
}

// CanSend says whether a queue could be sent to: it opens the link, and sends nothing. Errors: worker.ErrNotFound,
// worker.ErrUnauthorized and the like.
func (n *Namespace) CanSend(ctx context.Context, queue string) error {
	sender, err := n.sender(queue)
	if err != nil {
		return err
	}
	ctx, cancel := n.limited(ctx)
	defer cancel()
	_, err = sender.NewMessageBatch(ctx, nil) // it needs the link, which says how large a message may be
	return translate("open a link to send by", err)
}

// Publish sends messages in as few transfers as their size allows, in order, and says of each what became of it: nil
// means that the broker has it. A batch is stored whole or not at all; an error other than a refusal leaves open which.
// It ends early, with the rest unsent, when ctx ends or the queue cannot be used.
func (n *Namespace) Publish(ctx context.Context, queue string, messages []worker.Message) []error {
	p := publication{namespace: n, ctx: ctx, messages: messages, results: make([]error, len(messages))}
	var err error
	if p.sender, err = n.sender(queue); err != nil {
		p.giveUp(0, err)
		return p.results
	}
	for at := 0; at < len(messages); {
		at = p.sendFrom(at)
	}
	n.dropIfBroken(ctx, queue, p.sender, errors.Join(p.results...))
	return p.results
}

// ErrUnsent marks messages that were never handed to the broker.
var ErrUnsent = errors.New("servicebus: not sent")

type publication struct {
	namespace *Namespace
	ctx       context.Context
	sender    *azservicebus.Sender
	messages  []worker.Message
	results   []error
}

// sendFrom sends one batch, or one message that fits no batch, and says where to go on.
func (p *publication) sendFrom(at int) int {
	ctx, cancel := p.namespace.limited(p.ctx)
	defer cancel()
	batch, err := p.sender.NewMessageBatch(ctx, nil)
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
		end, err = at+1, p.sender.SendMessage(ctx, sendable(p.messages[at], time.Time{}), nil)
	case end == at: // it cannot be encoded
		end = at + 1
	default:
		err = p.sender.SendMessageBatch(ctx, batch, nil)
	}
	for i := at; i < end; i++ {
		p.results[i] = translate("publish", err)
	}
	if hopeless(err) || p.ctx.Err() != nil {
		return p.giveUp(end, err)
	}
	return end
}

// hopeless says whether the next batch would fare no better.
func hopeless(err error) bool {
	meaning := meaningOf(err)
	return errors.Is(meaning, worker.ErrNotFound) || errors.Is(meaning, worker.ErrUnauthorized)
}

func (p *publication) giveUp(from int, err error) int {
	for i := from; i < len(p.results); i++ {
		p.results[i] = errors.Join(ErrUnsent, translate("publish", err))
	}
	return len(p.results)
}
