// Package envelope reads and writes CloudEvents 1.0 on AMQP 1.0, in the binary and in the structured mode, and the
// few properties of Signalbox's own that travel on copies. It knows no broker: a message comes in as Parts.
//
// Errors: always a *fault.Error of kind Poison, reason Malformed or TooLarge, with a JSON pointer and one sentence.
// Neither ever quotes a value of the message.
// Source: CloudEvents AMQP Protocol Binding 1.0.2 (attribute prefixes, content modes); CloudEvents 1.0.2 (attributes).
package envelope

import (
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Signalbox's own application properties. The first six travel on copies, the next one on stubs, the others are put on dead letters.
const (
	PropertyGeneration     = "signalbox-generation"       // long, 1 at first
	PropertyAttempt        = "signalbox-attempt"          // long, attempts already used
	PropertyOrigin         = "signalbox-origin"           // queue@enqueued#sequence, see FormatOrigin
	PropertyExpires        = "signalbox-expires"          // RFC 3339; absent: never
	PropertyReplay         = "signalbox-replay"           // the job that replayed it
	PropertyReplyTo        = "signalbox-reply-to"         // where the sender of the original wants an answer sent
	PropertyWithheld       = "signalbox-withheld"         // one sentence: why the body is not kept; see Stub
	PropertyStep           = "signalbox-step"             // where a dead letter stopped
	PropertyDeadLetteredAt = "signalbox-dead-lettered-at" // RFC 3339; the broker itself does not record it
)

// Properties lists every property of ours.
func Properties() []string {
	return []string{PropertyGeneration, PropertyAttempt, PropertyOrigin, PropertyExpires, PropertyReplay, PropertyReplyTo, PropertyWithheld, PropertyStep, PropertyDeadLetteredAt}
}

// Content types.
const (
	ContentTypeStructured = "application/cloudevents+json"
	ContentTypeJSON       = "application/json"
)

// Parts is what the binding uses of an AMQP message.
type Parts struct {
	ContentType string
	ReplyTo     string         // of the properties section; empty if absent
	Properties  map[string]any // application properties, with the types of the wire
	Body        []byte
}

// Arrival says where and when the broker took the message. It becomes the event's Origin unless the message is a
// copy, which brings its own.
type Arrival struct {
	Origin    orchestration.Origin
	ExpiresAt time.Time // broker's time to live; zero: never
}

// Limits bound what is read. A zero field takes its default.
type Limits struct {
	MaxBytes int // of the body; default 1 MiB
	MaxDepth int // of nested JSON; default 64
}

// Defaults of Limits, and the longest attribute that is accepted.
const (
	DefaultMaxBytes   = 1 << 20
	DefaultMaxDepth   = 64
	maxAttributeBytes = 1024
)

func (l Limits) withDefaults() Limits {
	if l.MaxBytes == 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxDepth == 0 {
		l.MaxDepth = DefaultMaxDepth
	}
	return l
}

// malformed is the failure of a message that is no event of ours.
func malformed(pointer, detail string) *fault.Error {
	return &fault.Error{Kind: fault.Poison, Reason: fault.Malformed, Operation: "read envelope", Pointer: pointer, Detail: detail, Class: "invalid"}
}

func tooLarge(detail string) *fault.Error {
	return &fault.Error{Kind: fault.Poison, Reason: fault.TooLarge, Operation: "read envelope", Detail: detail, Class: "invalid"}
}
