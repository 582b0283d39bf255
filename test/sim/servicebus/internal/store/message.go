package store

import (
	"encoding/hex"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// Annotations that the service writes; their AMQP types are what clients assert, so the Go types here matter.
const (
	annSequenceNumber  wire.Symbol = "x-opt-sequence-number"         // int64
	annEnqueuedTime    wire.Symbol = "x-opt-enqueued-time"           // time.Time
	annLockedUntil     wire.Symbol = "x-opt-locked-until"            // time.Time
	annEnqueueSequence wire.Symbol = "x-opt-enqueue-sequence-number" // int64
	annDeadLetterFrom  wire.Symbol = "x-opt-deadletter-source"       // string
	annState           wire.Symbol = "x-opt-message-state"           // int32

	annScheduledTime wire.Symbol = "x-opt-scheduled-enqueue-time" // time.Time, the sender's
	annPartitionKey  wire.Symbol = "x-opt-partition-key"          // string, the sender's
)

// Application properties of a dead letter.
const (
	propReason      = "DeadLetterReason"
	propDescription = "DeadLetterErrorDescription"

	reasonMaxDelivery = "MaxDeliveryCountExceeded"
)

// accept copies a message as its sender gave it into the form that is kept: no annotations that only the
// service may write, nothing meant for this hop only, and always a message id.
func accept(in *wire.Message) *wire.Message {
	m := clone(in)
	m.DeliveryAnnotations = nil
	for _, key := range []wire.Symbol{
		annSequenceNumber, annEnqueuedTime, annLockedUntil, annEnqueueSequence, annDeadLetterFrom, annState,
	} {
		delete(m.Annotations, key)
	}
	if m.Properties == nil {
		m.Properties = &wire.Properties{}
	}
	if m.Properties.MessageID == nil {
		id := uuid.New()
		m.Properties.MessageID = hex.EncodeToString(id[:])
	}
	return m
}

// clone copies everything that the store or a receiver may change. Body bytes are shared; nobody writes to them.
func clone(in *wire.Message) *wire.Message {
	m := *in
	if in.Header != nil {
		h := *in.Header
		m.Header = &h
	}
	if in.Properties != nil {
		p := *in.Properties
		m.Properties = &p
	}
	m.DeliveryAnnotations = maps.Clone(in.DeliveryAnnotations)
	m.Annotations = maps.Clone(in.Annotations)
	m.ApplicationProps = maps.Clone(in.ApplicationProps)
	return &m
}

// show returns the message as a receiver sees it, without lock data.
func (e *entry) show() *wire.Message {
	m := clone(e.msg)
	if m.Header == nil {
		m.Header = &wire.Header{}
	}
	m.Header.DeliveryCount = e.failed
	if m.Annotations == nil {
		m.Annotations = make(map[wire.Symbol]any, 6)
	}
	m.Annotations[annSequenceNumber] = e.seq
	m.Annotations[annEnqueuedTime] = e.enqueued
	m.Annotations[annEnqueueSequence] = int64(0)
	m.Annotations[annState] = int32(Active)
	if e.deferred {
		m.Annotations[annState] = int32(Deferred)
	} else if e.place == scheduled {
		m.Annotations[annState] = int32(Scheduled)
	}
	if e.source != "" {
		m.Annotations[annDeadLetterFrom] = e.source
	}
	e.showTTL(m)
	return m
}

// addProps writes into the application properties, as "properties to modify" and dead-letter reasons do.
func (e *entry) addProps(props map[string]any) {
	if len(props) == 0 {
		return
	}
	if e.msg.ApplicationProps == nil {
		e.msg.ApplicationProps = make(map[string]any, len(props))
	}
	maps.Copy(e.msg.ApplicationProps, props)
}

// scheduledFor reads the sender's wish; ok is false when the message is for now.
func scheduledFor(m *wire.Message, now time.Time) (at time.Time, ok bool) {
	at, ok = m.Annotations[annScheduledTime].(time.Time)
	return at, ok && at.After(now)
}

// sizeOf is how much of its queue a message takes.
func sizeOf(m *wire.Message) int64 { return int64(max(m.Size, len(m.Body))) }

// check refuses what the service would refuse.
func check(m *wire.Message, p QueueProperties) error {
	if sizeOf(m) > int64(p.MaxMessageBytes) {
		return ErrTooLarge
	}
	key, keyed := m.Annotations[annPartitionKey].(string)
	if keyed && m.Properties != nil && m.Properties.GroupID != nil && *m.Properties.GroupID != key {
		return ErrNotAllowed
	}
	return nil
}
