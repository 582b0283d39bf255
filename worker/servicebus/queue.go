package servicebus

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/worker"
)

// Queue receives from one queue, or from one subscription of a topic.
type Queue struct {
	namespace *Namespace
	place     int // of its client
	name      string
	open      func(*azservicebus.Client, *azservicebus.ReceiverOptions) (*azservicebus.Receiver, error)

	mu       sync.Mutex
	receiver *receiver       // nil until used
	inUse    *sync.WaitGroup // calls on the receiver that closing it would break off
	proven   bool            // its links have been seen to work
	line     int             // counts up whenever the links are known to be gone
}

type receiver = links[*azservicebus.Receiver]

// delivery is a message's Handle.
type delivery struct {
	*azservicebus.ReceivedMessage
	line int // on which it came
}

var _ worker.Queue = (*Queue)(nil)

// Queue gives a queue of the namespace, or a subscription by its address (topic/Subscriptions/name).
func (n *Namespace) Queue(name string) *Queue {
	if topic, of, is := subscription.Split(name); is {
		q := n.Subscription(topic, of)
		q.name = name // as it is written wherever it is named
		return q
	}
	return &Queue{namespace: n, place: n.place(), name: name,
		open: func(client *azservicebus.Client, o *azservicebus.ReceiverOptions) (*azservicebus.Receiver, error) {
			return client.NewReceiverForQueue(name, o)
		}}
}

// Subscription gives a subscription of a topic; its name is its address.
func (n *Namespace) Subscription(topic, name string) *Queue {
	return &Queue{namespace: n, place: n.place(), name: subscription.Join(topic, name),
		open: func(client *azservicebus.Client, o *azservicebus.ReceiverOptions) (*azservicebus.Receiver, error) {
			return client.NewReceiverForSubscription(topic, name, o)
		}}
}

// Name implements worker.Queue.
func (q *Queue) Name() string { return q.name }

// current gives the receiver in use and whether its links are known to work.
func (q *Queue) current() (*receiver, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ensure()
	return q.receiver, q.proven
}

// use is current for a call that closing the receiver would break off; done says that it has ended.
func (q *Queue) use() (r *receiver, done func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ensure()
	q.inUse.Add(1)
	return q.receiver, q.inUse.Done
}

// ensure makes a receiver if there is none, or if its client was retired, which is closed with all it gave. The caller holds the mutex.
func (q *Queue) ensure() {
	client := q.namespace.client(q.place)
	if q.receiver != nil {
		if q.receiver.client == client {
			return
		}
		q.line++
	}
	q.receiver = newLinks(client, func(client *azservicebus.Client) (*azservicebus.Receiver, error) { return q.open(client, nil) })
	q.inUse, q.proven = new(sync.WaitGroup), false
}

// working notes that the receiver's links work, broken that they are gone.
func (q *Queue) working(r *receiver) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.proven = q.receiver == r
}

func (q *Queue) broken() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.proven = false
	q.line++
}

func (q *Queue) currentLine() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.line
}

// Open implements worker.Queue.
func (q *Queue) Open(ctx context.Context) error {
	_, err := q.opened(ctx)
	return err
}

// opened is the receiver, with links that have worked.
func (q *Queue) opened(ctx context.Context) (*receiver, error) {
	r, proven := q.current()
	if proven {
		return r, nil
	}
	return r, q.prove(ctx, r)
}

// Receive implements worker.Queue. What a call receives after it was given up stays locked until its lock runs out.
func (q *Queue) Receive(ctx context.Context, most int) ([]worker.Message, error) {
	r, err := q.opened(ctx)
	if err != nil {
		return nil, err
	}
	line := q.currentLine()
	var got []*azservicebus.ReceivedMessage
	err = await(ctx, q.namespace, r, func(ctx context.Context, r *azservicebus.Receiver) (err error) {
		got, err = r.ReceiveMessages(ctx, most, &azservicebus.ReceiveMessagesOptions{TimeAfterFirstMessage: q.namespace.options.TimeAfterFirstMessage})
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil, nil // waited as long as it was told to
	case err != nil:
		q.broken()
		return nil, translate("receive", err)
	case len(got) == 0:
		q.broken() // nothing and no error before its time: the SDK lost the link and will dial again
	}
	return taken(q.name, got, line), nil
}

// taken makes messages that can be settled of what the SDK received on a line.
func taken(queue string, got []*azservicebus.ReceivedMessage, line int) []worker.Message {
	messages := make([]worker.Message, len(got))
	for i, m := range got {
		messages[i] = received(queue, m)
		messages[i].Handle = delivery{m, line}
	}
	return messages
}

// prove opens the links with a call that has an answer. A receive has none on an empty queue, so a broker that
// cannot be reached would look like one that has nothing for us.
func (q *Queue) prove(ctx context.Context, r *receiver) error {
	_, err := q.namespace.peek(ctx, r, 0, 1)
	var panicked *panicError
	switch {
	case errors.As(err, &panicked): // it answered, with a message that the SDK cannot read
	case err != nil && ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ctx.Err() // a drain or a pause
	case err != nil:
		return translate("open links", err)
	}
	q.working(r)
	return nil
}

// Reopen implements worker.Queue. The old receiver is closed in the background, once the calls on it have ended: a
// settlement that is broken off leaves a message that was done to be done again. What it delivered is settled through
// the new one, by lock token.
func (q *Queue) Reopen(context.Context) {
	q.mu.Lock()
	old, inUse := q.receiver, q.inUse
	q.receiver, q.proven = nil, false
	q.line++
	q.mu.Unlock()
	if old == nil {
		return
	}
	q.namespace.closing.Go(func() {
		inUse.Wait()
		q.namespace.shut(old)
	})
}

// RenewLock implements worker.Queue.
func (q *Queue) RenewLock(ctx context.Context, m worker.Message) (until time.Time, err error) {
	held, err := q.hold(m)
	if err != nil {
		return until, err
	}
	token := byToken(held.message)
	if !held.stale { // names the link as well; a copy, because the SDK writes to it, and may do so late
		*token = *held.message
	}
	err = q.about(ctx, held, func(ctx context.Context, r *azservicebus.Receiver) error { return r.RenewMessageLock(ctx, token, nil) })
	if err != nil {
		return until, translate("renew lock", err)
	}
	return value(token.LockedUntil).UTC(), nil
}

// Complete implements worker.Queue.
func (q *Queue) Complete(ctx context.Context, m worker.Message) error {
	return q.settle(ctx, "complete", m, func(ctx context.Context, r *azservicebus.Receiver, held *azservicebus.ReceivedMessage) error {
		return r.CompleteMessage(ctx, held, nil)
	})
}

// Abandon implements worker.Queue.
func (q *Queue) Abandon(ctx context.Context, m worker.Message) error {
	return q.settle(ctx, "abandon", m, func(ctx context.Context, r *azservicebus.Receiver, held *azservicebus.ReceivedMessage) error {
		return r.AbandonMessage(ctx, held, nil)
	})
}

// DeadLetter implements worker.Queue.
func (q *Queue) DeadLetter(ctx context.Context, m worker.Message, reason, description string, properties map[string]any) error {
	return q.settle(ctx, "dead-letter", m, func(ctx context.Context, r *azservicebus.Receiver, held *azservicebus.ReceivedMessage) error {
		return r.DeadLetterMessage(ctx, held, &azservicebus.DeadLetterOptions{Reason: &reason, ErrorDescription: &description, PropertiesToModify: properties})
	})
}

// dispositionPatience is shorter than the SDK's first pause between tries of a settlement (4 s less a fifth).
const dispositionPatience = 3 * time.Second

// settle settles on the link that the message came by and, when that is gone, by lock token.
//
// The SDK does the second by itself when only the link was lost. When the connection was lost it tries the dead link
// again and again, and resets the new connection of everybody else before each try (azservicebus 1.11.0,
// messageSettler.go: only *amqp.LinkError leads to the management link). So its first try must be its last.
func (q *Queue) settle(ctx context.Context, doing string, m worker.Message, do func(context.Context, *azservicebus.Receiver, *azservicebus.ReceivedMessage) error) error {
	held, err := q.hold(m)
	if err != nil {
		return err
	}
	ctx, cancel := q.namespace.limited(ctx)
	defer cancel()
	if !held.stale {
		first, cancel := context.WithTimeout(ctx, dispositionPatience)
		defer cancel()
		message := held.message
		err := q.about(first, held, func(ctx context.Context, r *azservicebus.Receiver) error { return do(ctx, r, message) })
		if err == nil || first.Err() == nil || ctx.Err() != nil {
			return translate(doing, err)
		}
		if held, err = q.hold(m); err != nil { // the receiver may be another by now
			return err
		}
	}
	token := byToken(held.message)
	return translate(doing, q.about(ctx, held, func(ctx context.Context, r *azservicebus.Receiver) error { return do(ctx, r, token) }))
}

// about makes a call about a message that is held.
func (q *Queue) about(ctx context.Context, h held, do func(context.Context, *azservicebus.Receiver) error) error {
	defer h.done()
	return call(ctx, q.namespace, h.receiver, do)
}

// held is what a call about a message needs.
type held struct {
	receiver *receiver
	message  *azservicebus.ReceivedMessage
	stale    bool   // the link it came by is known to be gone
	done     func() // to be called when the call has ended
}

func (q *Queue) hold(m worker.Message) (held, error) {
	d, ok := m.Handle.(delivery)
	if !ok {
		return held{}, errors.New("servicebus: the message was not received here")
	}
	r, done := q.use()
	return held{r, d.ReceivedMessage, d.line != q.currentLine(), done}, nil
}

// byToken is a message of which only the lock is known; the SDK settles it by the management link.
func byToken(m *azservicebus.ReceivedMessage) *azservicebus.ReceivedMessage {
	return &azservicebus.ReceivedMessage{LockToken: m.LockToken, SequenceNumber: m.SequenceNumber}
}

// panicError is a panic of the SDK: it asserts the types of annotations and of two properties that any sender can
// set (DeadLetterReason as a number is enough).
type panicError struct{ value any }

func (e *panicError) Error() string {
	if mistake, ok := e.value.(runtime.Error); ok { // names types, never values
		return "the SDK panicked on a message it cannot read: " + mistake.Error()
	}
	return fmt.Sprintf("the SDK panicked on a message it cannot read: %T", e.value)
}

// guarded turns a panic of the SDK into an error.
func guarded[T any](call func() ([]T, error)) (got []T, err error) {
	defer func() {
		if value := recover(); value != nil {
			got, err = nil, &panicError{value}
		}
	}()
	return call()
}
