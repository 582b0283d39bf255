package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Handler works on events: the engine. It ends soon after ctx does.
type Handler interface {
	Handle(ctx context.Context, ev orchestration.Event) orchestration.Outcome
}

// Decoder reads a message as an event. A copy of a message must give the same event as the message itself. Errors are Poison
// faults, and the event then holds what could be read. Safe for concurrent use.
type Decoder func(p envelope.Parts, a envelope.Arrival, limits envelope.Limits) (orchestration.Event, error)

// Intake is one queue to take messages from.
type Intake struct {
	Queue            Queue
	Peek             Peeker        // looks whether something waits that does not come; nil: nobody watches the receiver
	Lane             string        // whose share of the target's budget its events use; empty: live
	Slots            int           // messages worked on at once
	OwnQueue         string        // where copies of its messages go; never the entity they came from when that is a topic
	MaxDeliveryCount int           // the broker's maximum for this queue; default 10, as Service Bus has it
	LockDuration     time.Duration // the broker's lock for this queue; zero: believe each message's LockedUntil
}

// Options configure a Worker. A zero duration or number takes its default.
type Options struct {
	Intakes []Intake
	Lanes   map[string]string // our own queue of a lane, for copies of events that belong there whatever queue they came from
	Idle    bool              // there are none: the process has other work
	Handler Handler
	Outbox  Outbox   // sends copies
	Waiters Waiters  // told of copies that wait for a binding; nil: those come when they are due
	Stubs   Stubs    // says which of several stubs of one message is its dead letter; nil: each is
	Observe Observer // default: nobody
	Decode  Decoder  // default: envelope.Decode

	ReceiveWait   time.Duration // longest wait of one receive call; default 30 s
	MaxReceive    int           // most messages of one receive call; default 100
	Drain         time.Duration // how long runs may go on after Run's context ends; default 50 s
	SettleTimeout time.Duration // for each settlement; default 10 s
	StuckAfter    time.Duration // how long a receiver may get nothing although there is something, before it is replaced; default 2 min
	SendPatience  time.Duration // how long a copy that the broker does not take is tried again before the message is abandoned; default 1 min
	MaxBodyBytes  int           // larger messages are dead-lettered; default 1 MiB
	MaxDepth      int           // of a body's JSON; default 64
}

const (
	defaultMaxDeliveryCount = 10
	maxPanics               = 10
)

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&o.ReceiveWait, 30*time.Second)
	set(&o.Drain, 50*time.Second)
	set(&o.SettleTimeout, 10*time.Second)
	set(&o.SendPatience, time.Minute)
	set(&o.StuckAfter, 2*time.Minute)
	if o.MaxReceive == 0 {
		o.MaxReceive = 100
	}
	if o.Observe == nil {
		o.Observe = NoObserver{}
	}
	if o.Decode == nil {
		o.Decode = envelope.Decode
	}
	o.Intakes = append([]Intake(nil), o.Intakes...)
	for i := range o.Intakes {
		if o.Intakes[i].MaxDeliveryCount == 0 {
			o.Intakes[i].MaxDeliveryCount = defaultMaxDeliveryCount
		}
	}
	return o
}

// Validate reports every problem at once.
func (o Options) Validate() error {
	var problems []error
	refuse := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("worker: "+format, args...))
	}
	if o.Handler == nil {
		refuse("no handler")
	}
	if o.Outbox == nil {
		refuse("no outbox for copies")
	}
	if len(o.Intakes) == 0 && !o.Idle {
		refuse("no queue to take messages from")
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"receive wait", o.ReceiveWait}, {"drain", o.Drain}, {"settle timeout", o.SettleTimeout}, {"send patience", o.SendPatience}, {"stuck after", o.StuckAfter}} {
		if d.value < 0 {
			refuse("%s is negative", d.name)
		}
	}
	if o.MaxReceive < 0 || o.MaxBodyBytes < 0 || o.MaxDepth < 0 {
		refuse("a limit is negative")
	}
	seen := map[string]bool{}
	for i, in := range o.Intakes {
		if in.Queue == nil {
			refuse("intake %d has no queue", i)
			continue
		}
		name := in.Queue.Name()
		if seen[name] {
			refuse("queue %q is named twice", name)
		}
		seen[name] = true
		if in.Slots < 1 {
			refuse("queue %q needs at least one slot", name)
		}
		if in.OwnQueue == "" {
			refuse("queue %q has no own queue for its copies", name)
		}
		if in.MaxDeliveryCount < 0 || in.LockDuration < 0 {
			refuse("queue %q: a negative maximum or lock", name)
		}
	}
	return errors.Join(problems...)
}
