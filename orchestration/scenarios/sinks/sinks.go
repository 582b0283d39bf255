// Package sinks tells other systems what became of events, and what else scenarios have to say. It brings the outbound events
// that wait in our own queue to their sinks, one step each, so they have retries, dead letters, replay and metrics like any
// other.
//
// Promises. Each outbound event reaches its sink at least once, always under the same id: a receiver that drops a second one of
// an id has it once. Of the states of one subject (types whose Order is State) the sink is told the newest: one that is overtaken
// before it could be told ends superseded, and none arrives behind a newer one. What got no answer may be on its way still, so a
// newer one waits until it has arrived or never will. The order is that in which they were said, by the place in our own queue.
// Facts are all told, in no order; the sequence that each delivery carries says which is the newer.
package sinks

import (
	"context"
	"time"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Sink tells one receiver. Errors are *fault.Error. A sink takes a repeat of an event's id as the same event.
type Sink interface {
	Deliver(ctx context.Context, ev orchestration.Event) error
}

// Type is a type of outbound event. Of one that a configuration adds no schema is known.
type Type orchestration.Telling

// Parts is what the scenario is made from.
type Parts struct {
	Sinks map[string]Sink // by name of their row in the sink table
	// Delivered is told how each delivery went: Delivered or the failure's class. nil: nobody.
	Delivered func(sink, result string, took time.Duration)
}

// Delivered is the result of a delivery that the receiver has; every other result is a failure's class.
const Delivered = "delivered"

// Results lists the results there are.
func Results() []string {
	return []string{Delivered, "throttled", "unauthorized", "not_found", "conflict", "invalid", "server_error", "timeout", "network", "cancelled"}
}

const (
	// linger is short: our own queue is shared with what waits for the CSU.
	linger = 2 * time.Second
	// keep is how long a delivered event is remembered. A second message of it, made by a crash, is minutes behind the first.
	keep = 72 * time.Hour
)

// schema is that of a scenario beside which the type's own schema lies: here its data is opaque.
const schema = `{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "outbound event", "description": "Any data."}`

// opaque is data that is passed on as it is.
type opaque struct{}

// UnmarshalJSON takes anything.
func (*opaque) UnmarshalJSON([]byte) error { return nil }

type (
	run  = orchestration.Run[opaque, struct{}]
	step = orchestration.Step[opaque, struct{}]
)

// Scenarios makes a pipeline for each type; all are called sinks.
func Scenarios(types []Type, p Parts) []orchestration.Scenario {
	out := make([]orchestration.Scenario, 0, len(types))
	for _, t := range types {
		out = append(out, orchestration.Pipeline[opaque, struct{}]{
			Name: "sinks", Handles: t.Name, Version: 1, Order: t.Order, ByArrival: t.Order == orchestration.State,
			Schema: []byte(schema), Internal: true, Linger: linger, Keep: keep, EntityOf: t.entity,
			Steps: []step{{Name: "deliver-event", Sure: orchestration.Repeatable, Act: p.deliver}},
		})
	}
	return out
}

// entity is a subject as one sink knows it. An event without a subject stands for itself.
func (t Type) entity(ev orchestration.Event, _ opaque) (kind, id string) {
	switch {
	case ev.Sink == "":
		return "sink", ""
	case ev.Subject == "":
		return "sink", ev.Sink + "/event/" + ev.ID
	}
	return "sink", ev.Sink + "/" + t.Kind + "/" + ev.Subject
}

// deliver tells the sink. A sink that is not there may be one of a newer configuration, during a deployment: it is waited for.
func (p Parts) deliver(ctx context.Context, r *run) error {
	to, ok := p.Sinks[r.Event.Sink]
	if !ok {
		name := "its sink"
		if mapping.Storable(r.Event.Sink) { // ours, but it comes out of a message
			name = "the sink " + r.Event.Sink
		}
		f := fault.New(fault.Transient, "", name+" is not in the sink table; add the row again and replay it, or discard it")
		f.Class = "not_found"
		return f
	}
	began := time.Now()
	err := to.Deliver(ctx, r.Event)
	if p.Delivered != nil {
		p.Delivered(r.Event.Sink, result(err), time.Since(began))
	}
	return err
}

func result(err error) string {
	if f := fault.As(err); f != nil {
		return f.Class
	}
	return Delivered
}
