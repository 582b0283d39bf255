package orchestration

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// outbound makes an event about an entity for each sink of a channel. token is the same whenever it is made again, so that a
// sink that gets one twice knows it by its id.
func outbound(about Event, ch Channel, entity mapping.Ref, typ, token string, data json.RawMessage) []Event {
	subject := entity.ID
	if subject == "" && mapping.Storable(about.Subject) { // a producer may have put a name there
		subject = about.Subject
	}
	events := make([]Event, 0, len(ch.Sinks))
	for _, sink := range ch.Sinks {
		events = append(events, Event{Source: about.Source, ID: derive("outbound", token, sink), Type: typ, Subject: subject, Channel: ch.Name,
			Sink: sink, CorrelationID: about.CorrelationID, Time: about.Time, Sequence: about.Sequence, Data: data})
	}
	return events
}

// Refusal is the data of the event that tells a sink of a rejection. It holds nothing of the refused event's data.
type Refusal struct {
	ID        string `json:"id,omitempty"` // the entity's id at its source, if the event got far enough to know it
	EventID   string `json:"eventId"`      // of the refused event
	EventType string `json:"eventType"`
	Reason    string `json:"reason"` // the dead letter's
	Detail    string `json:"detail"` // the dead letter's sentence
	Step      string `json:"step,omitempty"`
}

// refusals are the events that tell a channel's sinks of a rejection. They are sent before the message is dead-lettered for
// it: were it the other way round, a crash in between would leave nobody to tell. A message that is delivered again tells the
// same once more, under the same ids, and so does a copy of it; a replay that is rejected, too, tells anew.
func refusals(typ string, ev Event, ch Channel, entity mapping.Ref, o Outcome) ([]Event, error) {
	if typ == "" || len(ch.Sinks) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(Refusal{ID: entity.ID, EventID: ev.ID, EventType: ev.Type, Reason: string(o.Reason), Detail: o.Detail, Step: o.Step})
	if err != nil {
		return nil, fault.Wrap(fault.Permanent, "encode a refusal", err)
	}
	if isAhead(ev) { // it would be refused as well, for the same reason
		ev.Time = ev.Origin.Enqueued
	}
	return outbound(ev, ch, entity, typ, derive("refused", ev.Source, ev.ID, ev.Replay), data), nil
}

// refusedAtTheDoor tells of an event that no run was begun for. When the broker does not take that, the rejection waits.
func (e *Engine) refusedAtTheDoor(ctx context.Context, out Outline, ev Event, entity mapping.Ref, o Outcome) Outcome {
	ch, known := e.opts.Channels.For(ev)
	if !known || ev.ID == "" || ev.Source == "" { // it cannot be named: see WithoutCards
		return o
	}
	events, err := refusals(out.Refused, ev, ch, entity, o)
	if err == nil {
		err = e.publish(ctx, atAnyTime, events)
	}
	for pause := firstPause; err != nil && !isForGood(err) && o.Reason == fault.CardDataRefused; pause = min(2*pause, longestPause) {
		select { // it waits here, since a copy would carry the number on
		case <-ctx.Done():
			return Outcome{Verdict: Interrupted, Reason: o.Reason, Attempt: ev.Attempt, Err: err}
		case <-time.After(jittered(pause)):
			err = e.publish(ctx, atAnyTime, events)
		}
	}
	if err == nil || isForGood(err) { // a defect of ours must not keep the dead letter from a person
		return o
	}
	return Outcome{Verdict: Postponed, Cause: CauseBackoff, After: jittered(e.opts.Reschedule[0]), Attempt: ev.Attempt, Err: err}
}

// How long is waited before a refusal that the broker did not take is told again.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// notKnownHere is what becomes of an event for a sink whose type this process does not know: a configuration may have brought the type, and
// this process may have the one before, or the one after. It waits for a process that knows it, for as long as for anything.
func (e *Engine) notKnownHere(ev Event) (Outcome, bool) {
	age := time.Since(ev.Origin.Enqueued)
	if _, known := e.checker.byType[ev.Type]; known || ev.Sink == "" || !contains(e.opts.OwnQueues, ev.Origin.Queue) || age > e.opts.Patience {
		return Outcome{}, false
	}
	return Outcome{Verdict: Postponed, Cause: CauseContinue, After: jittered(min(max(age, longestPause), e.opts.WaitMost)), Attempt: ev.Attempt}, true
}

// refused does the same for a run, while it still has its claim: it gives the ending that takes the place of the rejection
// when the broker does not take the events, else nil.
func (g *goes) refused(ctx context.Context, o Outcome) *ending {
	events, err := g.run.refusals(o)
	if err == nil {
		err = g.publish(ctx, events)
	}
	switch {
	case err == nil || isForGood(err):
		return nil
	case errors.Is(err, ErrLeaseLost):
		return g.lost(ctx, o.Step, err)
	}
	end := g.postpone(CauseBackoff, g.e.opts.Reschedule[0], Released{})
	end.out.Err = err
	return end
}

func isForGood(err error) bool {
	k := fault.KindOf(err)
	return k == fault.Permanent || k == fault.Poison
}

// Telling is a type of event that sinks are told.
type Telling struct {
	Name   string // such as signalbox.customer.relayed.v1
	Kind   string // of business object: types of one kind are about the same subjects, and ordered together
	Order  Order  // of a State the newest says it all; a Fact is made untrue by no later event
	Schema []byte // JSON Schema (2020-12) of the data
}
