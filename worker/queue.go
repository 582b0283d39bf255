package worker

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// ErrLockLost says that the broker no longer holds the message for us: settle nothing.
var ErrLockLost = errors.New("worker: message lock lost")

// ErrMessageNotFound says that a message asked for by its sequence number is not deferred, is locked, or is gone.
var ErrMessageNotFound = errors.New("worker: no such deferred message")

// What a Queue or Outbox says of its broker, for the back-off and for the metric's label; see ReasonOf.
var (
	ErrNotFound       = errors.New("worker: no such queue")
	ErrUnauthorized   = errors.New("worker: the broker refuses our credential")
	ErrConnectionLost = errors.New("worker: connection to the broker lost")
	ErrTimeout        = errors.New("worker: the broker did not answer in time")
	ErrClosed         = errors.New("worker: closed")
	ErrTooLarge       = errors.New("worker: message larger than the queue takes")
)

// Message is one delivery, as far as the worker needs it. Body and Properties are as received.
type Message struct {
	Queue         string // name of the queue it was received from
	ID            string // the broker's message ID: one per copy
	CorrelationID string
	ContentType   string
	Subject       string
	ReplyTo       string         // where its sender wants an answer sent
	Properties    map[string]any // application properties
	Body          []byte
	DeliveryCount int // 1 on the first delivery
	Sequence      int64
	Enqueued      time.Time
	LockedUntil   time.Time
	ExpiresAt     time.Time // zero: no time to live
	State         State     // where it stands; a deferred message is deferred also while it is locked
	Due           time.Time // when a scheduled message is to be received; zero for all others

	DeadLetterReason      string // set on dead letters
	DeadLetterDescription string

	Handle any // the adapter's own
}

// State is where a message stands in its queue.
type State string

// The states of a message.
const (
	Active    State = "active" // to be received, or locked by somebody
	Deferred  State = "deferred"
	Scheduled State = "scheduled"
)

// Queue is the part of a broker that the worker needs, for one queue. Any method may return ErrLockLost; the other
// errors of this package may come wrapped.
type Queue interface {
	Name() string
	// Open makes sure that the broker answers for the queue, and does nothing once it has. An empty queue has no other answer.
	Open(ctx context.Context) error
	// Receive waits for messages until ctx ends and returns at most max of them; none and no error is normal. It is
	// not called concurrently; the other methods are.
	Receive(ctx context.Context, max int) ([]Message, error)
	// Reopen throws away the receiver, because it is suspected dead; the next Receive makes a new one. Messages in
	// hand can still be renewed and settled.
	Reopen(ctx context.Context)
	RenewLock(ctx context.Context, m Message) (until time.Time, err error)
	Complete(ctx context.Context, m Message) error
	Abandon(ctx context.Context, m Message) error
	// DeadLetter moves the message to the dead-letter queue; properties are added to its application properties.
	DeadLetter(ctx context.Context, m Message, reason, description string, properties map[string]any) error
}

// Sender sends messages to our own queues, at once or later.
type Sender interface {
	// Send stores a message in a queue, scheduled for at when that is not zero; it returns once the broker has it.
	// Of m it takes ID, CorrelationID, ContentType, Subject, ReplyTo, Properties and Body: no time to live.
	Send(ctx context.Context, queue string, m Message, at time.Time) error
}

// Outbox is a Sender of many messages, that can take back what it has scheduled.
type Outbox interface {
	Sender
	// SendAll stores messages in a queue, in their order, in as few calls as their size allows; it returns once the broker has them all. After an
	// error any of them may be there.
	SendAll(ctx context.Context, queue string, messages []Message) error
	// Schedule does the same as Send for a moment to come, and gives the number by which the message can be looked at and cancelled until then.
	Schedule(ctx context.Context, queue string, m Message, at time.Time) (sequence int64, err error)
	// Cancel removes a scheduled message. ErrMessageNotFound: it is not there any more, or is due.
	Cancel(ctx context.Context, queue string, sequence int64) error
}

// Waiters is an index of the parked copies that wait for a binding. It is never all that there is of them: each copy comes by itself
// when it is due.
type Waiters interface {
	// Wait notes it, so that whoever binds can wake the copy. there: it is bound meanwhile, and nobody will.
	Wait(ctx context.Context, ev orchestration.Event, m orchestration.Missing, p orchestration.Parked) (there bool, err error)
}

// Stubs remembers which stub of a message is its dead letter. A process that dies between sending a stub and completing its message
// has the next one send it again.
type Stubs interface {
	// First is true for the first stub of an id that asks, and for that one as often as it asks; which is where it is, such as its queue
	// and number.
	First(ctx context.Context, id, which string) (bool, error)
}

// ReasonStuck is the label of a receiver that got nothing although there was something.
const ReasonStuck = "stuck"

// reasons are the labels of signalbox_receiver_reconnects_total.
var reasons = []struct {
	err   error
	label string
}{
	{ErrConnectionLost, "connlost"}, {ErrUnauthorized, "unauthorized"}, {ErrNotFound, "notfound"},
	{ErrTimeout, "timeout"}, {context.DeadlineExceeded, "timeout"}, {ErrClosed, "closed"},
}

// ReasonOf is the label of a receive error: connlost, unauthorized, notfound, timeout, closed or other.
func ReasonOf(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.label
		}
	}
	return "other"
}
