package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/internal/cardnumber"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/envelope"
)

// A message with a card number in it must not become a dead letter: the broker keeps those for ever, with their body. Its place takes a
// stub, a message that says who it was and why it was refused, without body. The stub is sent to our own queue, then the message is
// completed, and the stub, when it is received, becomes the dead letter. A death in between has the message delivered again and its stub
// sent again, under the same message ID; of two that arrive, Stubs knows the first, and the other is surplus.

// refuseCards looks for card numbers in all of a message that no scenario has a say in: its own fields, its application properties, and its
// body if that could not be read, for unread says why; nil if there are none. said is all that it says of itself, believed or not.
func (p *pump) refuseCards(m Message, said map[string]any, unread error) error {
	for _, field := range []struct{ name, value string }{
		{"message id", m.ID}, {"label", m.Subject}, {"correlation id", m.CorrelationID}, {"content type", m.ContentType},
	} {
		if cardnumber.In(field.value) {
			return orchestration.CardRefusal("", "the message's "+field.name)
		}
	}
	if err := envelope.RefuseProperties(said, p.isOwn()); err != nil {
		return err
	}
	if unread != nil && fault.As(unread).Reason != fault.CardDataRefused {
		return envelope.RefuseBody(m.Body)
	}
	return nil
}

// withoutCards leaves of an event that was refused for a card number what may be kept of it.
func withoutCards(ev orchestration.Event, o orchestration.Outcome) (orchestration.Event, orchestration.Outcome) {
	if o.Reason == fault.CardDataRefused {
		ev = ev.WithoutCards()
	}
	return ev, o
}

// isStub says whether a message is a stub of ours: what comes from others was stripped of what says so (believe).
func isStub(m Message) bool {
	_, is := envelope.Withheld(m.Properties)
	return is
}

// stubs is the namespace of their message IDs; a fixed random UUID.
var stubs = uuid.MustParse("3b0a5d4c-8a0e-4f4e-9d61-0d6c7f9f2a57")

// stubOf is the stub of a message. Its ID is that of the message's origin and replay, so that it is the same however often it is made. Nothing
// that the producer chose goes into it: it would be a hash of the number, which can be found by trying.
func stubOf(m Message, ev orchestration.Event, why string) Message {
	ev.Generation++
	parts := envelope.Stub(ev, why)
	for _, name := range []string{"traceparent", "tracestate", "Diagnostic-Id"} {
		if value, ok := m.Properties[name].(string); ok && !cardnumber.In(value) {
			parts.Properties[name] = value
		}
	}
	id := uuid.NewSHA1(stubs, []byte(envelope.FormatOrigin(ev.Origin)+" "+ev.Replay))
	return Message{ID: id.String(), CorrelationID: ev.CorrelationID, ContentType: parts.ContentType, Subject: ev.Type, Properties: parts.Properties}
}

// withhold sends the stub and only then lets the message be completed. It does not give up while there is lock and time: a message that is
// given back too often is dead-lettered by the broker, with its body.
func (s *settler) withhold(decided Settlement) Settlement {
	stub := stubOf(s.m, s.ev, decided.Description)
	pauses := rising(faultBackoff, faultCeiling)
	for {
		err := s.call("send", func(ctx context.Context) error {
			return s.pump.w.options.Outbox.Send(ctx, s.pump.in.OwnQueue, stub, time.Time{})
		})
		switch {
		case err == nil:
			return Settlement{Action: Reschedule, Result: ResultRescheduled}
		case s.work.Err() != nil, errors.Is(err, ErrTooLarge):
			return Settlement{Action: Abandon, Result: ResultAbandoned}
		}
		select {
		case <-s.lock.gone:
		case <-s.work.Done():
		case <-time.After(pauses.NextBackOff()):
			continue
		}
		return Settlement{Action: Abandon, Result: ResultAbandoned}
	}
}

// decideStub makes a stub the dead letter, unless another of the same message is it already. When nobody can say, it is: two dead letters
// of one message are better than none.
func (p *pump) decideStub(ctx context.Context, m Message) (orchestration.Event, orchestration.Outcome) {
	why, _ := envelope.Withheld(m.Properties)
	ev, _ := envelope.Decode(envelope.Parts{ContentType: m.ContentType, Properties: m.Properties},
		envelope.Arrival{Origin: orchestration.Origin{Queue: m.Queue, Enqueued: m.Enqueued, Sequence: m.Sequence}}, envelope.Limits{}) // it has no body to read
	ev.Lane = p.in.Lane
	if known := p.w.options.Stubs; known != nil {
		first, err := known.First(ctx, m.ID, fmt.Sprintf("%s#%d", p.name, m.Sequence))
		if err == nil && !first {
			return ev, orchestration.Outcome{Verdict: orchestration.Surplus}
		}
	}
	return ev, orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.CardDataRefused, Detail: why,
		Err: fault.New(fault.Poison, fault.CardDataRefused, why)}
}
