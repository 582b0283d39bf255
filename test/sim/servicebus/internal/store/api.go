// Package store holds the entities of a local Service Bus namespace: queues with peek-lock, delivery
// counts, dead-letter sub-queues, deferral, expiry, duplicate detection and scheduled messages; topics with subscriptions and rules. It knows no wire protocol: a link attaches a
// consumer, grants credit and is handed deliveries; every settlement goes by lock token.
//
// Concurrency: every method is safe for concurrent use. Time is the standard library's, so a test may run
// the whole store inside a testing/synctest bubble.
// Source: learn.microsoft.com, Service Bus "Message transfers, locks, and settlement".
package store

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// Errors of the store; the link engine turns each into the AMQP condition or status that Service Bus uses.
var (
	ErrNotFound        = errors.New("store: the messaging entity could not be found")
	ErrLockLost        = errors.New("store: the lock supplied is invalid")
	ErrMessageNotFound = errors.New("store: the message could not be found")
	ErrTooLarge        = errors.New("store: the message is larger than the entity allows")
	ErrNotAllowed      = errors.New("store: the operation is not allowed on this entity")
	ErrFull            = errors.New("store: the entity has reached its maximum size")
	ErrDisabled        = errors.New("store: the entity is disabled for this operation")
)

// Mode says how deliveries to one consumer are settled.
type Mode int

// The two modes. What a consumer in mode ReceiveAndDelete is given is out of everybody's reach under a lock that never
// ends: the consumer completes it when it is about to send it, or releases it when it cannot.
const (
	PeekLock Mode = iota
	ReceiveAndDelete
)

// Delivery is one message handed to a consumer under a lock.
type Delivery struct {
	LockToken   uuid.UUID // RFC 4122 order; the wire swaps the first three groups
	LockedUntil time.Time
	Message     *wire.Message // a copy with all annotations of the service filled in; the receiver may keep it
}

// State of a stored message, as peek shows it (x-opt-message-state).
type State int

// The states that peek shows.
const (
	Active    State = 0
	Deferred  State = 1
	Scheduled State = 2
)
