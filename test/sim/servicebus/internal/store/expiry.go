package store

import (
	"container/heap"
	"math"
	"time"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// A message expires when its time to live, counted from its enqueued time, is over while it is available. What is
// locked expires when it comes back, what is deferred when somebody asks for it, and a dead letter never.
// Source: learn.microsoft.com, Service Bus "Message expiration" and "Message deferral".

const (
	reasonExpired      = "TTLExpiredException"
	descriptionExpired = "The message expired and was dead lettered."
)

// timeToLive is what a message has of it in a queue with that default; zero is for ever.
func timeToLive(m *wire.Message, p QueueProperties) time.Duration {
	ttl := p.DefaultTTL
	if m.Header != nil && m.Header.TTL != nil && *m.Header.TTL > 0 {
		if own := time.Duration(*m.Header.TTL) * time.Millisecond; ttl == 0 || own < ttl {
			ttl = own
		}
	}
	return ttl
}

// expired says that a message's time is over.
func (e *entry) expired(now time.Time) bool { return !e.expires.IsZero() && !e.expires.After(now) }

// makeReady lets an entry, which is in no place, be handed out until it expires.
func (q *Queue) makeReady(e *entry, now time.Time) {
	if e.expired(now) {
		q.expire(e, now)
		return
	}
	e.place = ready
	q.ready.put(e)
	if !e.expires.IsZero() {
		e.due = e.expires
		heap.Push(&q.due, e)
	}
}

// expire ends a message that is in no place: in the dead-letter queue, or nowhere.
func (q *Queue) expire(e *entry, now time.Time) {
	if q.props.DeadLetterExpired {
		q.bury(e, reasonExpired, descriptionExpired, now)
		return
	}
	q.drop(e)
}

// showTTL writes the time to live that holds, and the moment at which it ends, over what the sender said of it.
func (e *entry) showTTL(m *wire.Message) {
	if e.ttl == 0 {
		return
	}
	ms := uint32(min(e.ttl.Milliseconds(), math.MaxUint32))
	m.Header.TTL = &ms
	m.Properties.CreationTime, m.Properties.AbsoluteExpiryTime = e.enqueued, e.enqueued.Add(e.ttl)
}
