// Package worker takes messages from a broker, keeps their locks, hands them to the engine and settles them by its
// verdict. It knows locks, slots and draining; it does not know the CSU, Redis or what is inside a body.
package worker

import (
	"context"
	"errors"
	"time"
)

// ErrLockLost says that the broker no longer holds the message for us: settle nothing.
var ErrLockLost = errors.New("worker: message lock lost")

// Message is one delivery, as far as the worker needs it. Body and Properties are as received.
type Message struct {
	Queue         string // name of the queue it was received from
	ID            string // the broker's message ID: one per copy
	CorrelationID string
	ContentType   string
	Subject       string
	Properties    map[string]any // application properties
	Body          []byte
	DeliveryCount int // 1 on the first delivery
	Sequence      int64
	Enqueued      time.Time
	LockedUntil   time.Time
	ExpiresAt     time.Time // zero: no time to live

	DeadLetterReason      string // set on dead letters
	DeadLetterDescription string

	Handle any // the adapter's own
}

// Queue is the part of a broker that the worker needs, for one queue. Any method may return ErrLockLost.
type Queue interface {
	Name() string
	// Receive waits for messages until ctx ends and returns at most max of them; none and no error is normal.
	Receive(ctx context.Context, max int) ([]Message, error)
	RenewLock(ctx context.Context, m Message) (until time.Time, err error)
	Complete(ctx context.Context, m Message) error
	Abandon(ctx context.Context, m Message) error
	DeadLetter(ctx context.Context, m Message, reason, description string) error
}

// Outbox sends messages to our own queues, at once or later.
type Outbox interface {
	// Send stores a message in a queue, scheduled for at when that is not zero; it returns once the broker has it.
	Send(ctx context.Context, queue string, m Message, at time.Time) error
}
