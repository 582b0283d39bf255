package servicebus

import (
	"bytes"
	"math"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/signalbox/signalbox/worker"
)

// endless is the time to live that the wire uses for "longer than it can say".
const endless = math.MaxUint32 * time.Millisecond

func received(queue string, m *azservicebus.ReceivedMessage) worker.Message {
	out := worker.Message{
		Queue: queue, ID: m.MessageID, CorrelationID: value(m.CorrelationID), ContentType: value(m.ContentType), Subject: value(m.Subject),
		ReplyTo: value(m.ReplyTo), Properties: m.ApplicationProperties, Body: bodyOf(m), DeliveryCount: int(m.DeliveryCount), Sequence: value(m.SequenceNumber),
		Enqueued: value(m.EnqueuedTime).UTC(), LockedUntil: value(m.LockedUntil).UTC(),
		State: states[m.State], DeadLetterReason: value(m.DeadLetterReason), DeadLetterDescription: value(m.DeadLetterErrorDescription),
	}
	if m.State == azservicebus.MessageStateScheduled {
		out.Due = value(m.ScheduledEnqueueTime).UTC()
	}
	// A message without a time to live comes with zero, which the SDK adds to the enqueued time all the same.
	if ttl := value(m.TimeToLive); ttl > 0 && ttl < endless && m.ExpiresAt != nil {
		out.ExpiresAt = m.ExpiresAt.UTC()
	}
	return out
}

var states = map[azservicebus.MessageState]worker.State{
	azservicebus.MessageStateActive: worker.Active, azservicebus.MessageStateDeferred: worker.Deferred,
	azservicebus.MessageStateScheduled: worker.Scheduled,
}

// bodyOf takes the bytes from wherever the sender put them: data sections, or the value that JMS text messages use.
func bodyOf(m *azservicebus.ReceivedMessage) []byte {
	if m.Body != nil || m.RawAMQPMessage == nil {
		return m.Body
	}
	switch body := m.RawAMQPMessage.Body; v := body.Value.(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	default:
		return bytes.Join(body.Data, nil)
	}
}

func sendable(m worker.Message, at time.Time) *azservicebus.Message {
	out := &azservicebus.Message{
		ApplicationProperties: m.Properties, Body: m.Body, MessageID: optional(m.ID), CorrelationID: optional(m.CorrelationID),
		ContentType: optional(m.ContentType), Subject: optional(m.Subject), ReplyTo: optional(m.ReplyTo),
	}
	if !at.IsZero() {
		at = at.UTC()
		out.ScheduledEnqueueTime = &at
	}
	return out
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
