package orchestration

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Publisher sends staged events to our own queue. It returns once the broker has them all.
type Publisher interface {
	Publish(ctx context.Context, events []Event) error
}

// Call is what a step's remote calls should carry: who asks, and whether the claim is still ours.
type Call struct {
	CorrelationID string
	Lane          string // of the event (Event.Lane)
	// StillOurs is asked once more right before bytes leave: a process that was frozen finds its lease over and sends nothing.
	StillOurs func() error
	// Plan is not nil when nothing is to be done: a client tells it of a call that it would make and does not make it.
	Plan func(Effect)
}

// Options of an Engine. Durations are checked by Validate; nothing is quietly corrected.
type Options struct {
	Scenarios []Scenario
	Channels  Channels
	Wants     func(sink, typ string) bool // whether a sink is to be told events of a type; nil: all are told everything
	OwnQueues []string                    // where events come from that only Signalbox may send (Pipeline.Internal)
	Store     Store
	Publisher Publisher // may be nil when no scenario emits
	Observer  Observer
	Hasher    *keyhash.Hasher
	Switches  Switches // nil: every scenario is on
	Owner     string   // names this process in claims

	Lease      time.Duration   // how long a claim lasts unless renewed; default 15 s
	Renew      time.Duration   // how often it is renewed; default 5 s
	MaxRun     time.Duration   // a run continues by a copy after this; default 5 min
	RetryFor   time.Duration   // how long a step is tried again within one run; default 20 s
	WaitInRun  time.Duration   // the longest wait for a gate or a taint inside a run; default 10 s
	Window     time.Duration   // csu.max_execution + csu.search_lag: how long a write may still show up; default 150 s
	SaveFor    time.Duration   // how long an unanswered save is asked again; default 30 s
	Reschedule []time.Duration // waits between attempts; default 5 s, 30 s, 2 min, 10 min, 1 h, 4 h
	WaitFirst  time.Duration   // when a dependency is first looked for again; default 5 min
	WaitMost   time.Duration   // the longest time between two looks, as it doubles; default 30 min
	Patience   time.Duration   // deadline of a dependency, from the event's origin; default 7 days

	// Enter prepares the context of a step's calls; nil leaves it alone.
	Enter func(ctx context.Context, c Call) context.Context
}

func (o *Options) defaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.Lease, 15*time.Second)
	set(&o.Renew, 5*time.Second)
	set(&o.MaxRun, 5*time.Minute)
	set(&o.RetryFor, 20*time.Second)
	set(&o.WaitInRun, 10*time.Second)
	set(&o.Window, 150*time.Second)
	set(&o.SaveFor, 30*time.Second)
	set(&o.WaitFirst, 5*time.Minute)
	set(&o.WaitMost, 30*time.Minute)
	set(&o.Patience, 7*24*time.Hour)
	if len(o.Reschedule) == 0 {
		o.Reschedule = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 4 * time.Hour}
	}
	if o.Observer == nil {
		o.Observer = NoObserver{}
	}
	if o.Enter == nil {
		o.Enter = func(ctx context.Context, _ Call) context.Context { return ctx }
	}
}

// Validate reports everything that is wrong with the options.
func (o *Options) Validate() error {
	var problems []error
	if o.Store == nil || o.Hasher == nil || o.Owner == "" {
		problems = append(problems, errors.New("engine: needs a store, a hasher and an owner"))
	}
	if o.Renew >= o.Lease {
		problems = append(problems, fmt.Errorf("engine: the lease (%s) must outlast its renewal (%s)", o.Lease, o.Renew))
	}
	if len(o.Scenarios) == 0 {
		problems = append(problems, errors.New("engine: needs at least one scenario"))
	}
	types := map[string]string{}
	for _, s := range o.Scenarios {
		problems = append(problems, s.check())
		out := s.Outline()
		if other, ok := types[out.Handles]; ok {
			problems = append(problems, fmt.Errorf("engine: scenarios %q and %q both handle %s", other, out.Name, out.Handles))
		}
		types[out.Handles] = out.Name
	}
	return errors.Join(problems...)
}

// Engine runs events on their scenarios. One per process; safe for concurrent use.
type Engine struct {
	opts    Options
	checker *Checker
	lines   *lines
	solo    solo
}

// New checks the options and compiles the schemas. Errors name every problem.
func New(opts Options) (*Engine, error) {
	opts.defaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	checker, err := NewChecker(opts.Scenarios, opts.Channels)
	if err != nil {
		return nil, err
	}
	checker.own = opts.OwnQueues
	return &Engine{opts: opts, checker: checker, lines: newLines(), solo: newSolo()}, nil
}

// Outlines lists the scenarios.
func (e *Engine) Outlines() []Outline {
	out := make([]Outline, 0, len(e.opts.Scenarios))
	for _, s := range e.opts.Scenarios {
		out = append(out, s.Outline())
	}
	return out
}

// Handle takes one event as far as it goes and says how it ended. The outcome is durable before it is returned.
// A cancelled context ends the run at its next boundary: what was done is saved, what was not is given back.
func (e *Engine) Handle(ctx context.Context, ev Event) Outcome {
	began := time.Now()
	if o, off := e.switchedOff(ev); off {
		e.opts.Observer.Finished(ctx, o.Scenario, o, time.Since(began))
		return o
	}
	if o, early := e.notKnownHere(ev); early {
		e.opts.Observer.Finished(ctx, o.Scenario, o, time.Since(began))
		return o
	}
	h, run, q, err := e.open(ev)
	if err != nil {
		o := rejected(h.outline.Name, err)
		if o.Reason == fault.CardDataRefused {
			ev = ev.WithoutCards()
		}
		o = e.refusedAtTheDoor(ctx, h.outline, ev, mapping.Ref{}, o)
		o.Scenario = h.outline.Name
		e.opts.Observer.Finished(ctx, o.Scenario, o, time.Since(began))
		return o
	}
	o := e.inLine(ctx, run, q)
	o.Scenario, o.Lane = h.outline.Name, h.outline.Lane
	e.opts.Observer.Finished(ctx, o.Scenario, o, time.Since(began))
	return o
}

// open checks the event and names what a claim takes. Every error is a Poison fault: no run begins.
func (e *Engine) open(ev Event) (handler, opened, Request, error) {
	h, run, doc, err := e.checker.open(ev)
	if err != nil {
		return h, nil, Request{}, err
	}
	if h.outline.Internal { // we made the id; told again after a crash, a run may find what it had made and say so
		return h, run, e.request(run, nil), nil
	}
	received := ev.Data
	if ev.AsReceived != nil {
		received, doc = ev.AsReceived, nil
	}
	plain, err := canonical(received, doc)
	if err != nil {
		return h, nil, Request{}, fault.New(fault.Poison, fault.Malformed, "the data is not JSON")
	}
	return h, run, e.request(run, plain), nil
}

func (e *Engine) request(run opened, plain []byte) Request {
	q := run.request()
	q.ClaimID, q.Owner = newClaimID(), e.opts.Owner
	q.Fingerprint = e.opts.Hasher.Short("fingerprint", string(plain))
	return q
}

func newClaimID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}

// rejected is the outcome of a failure that is for a person.
func rejected(scenario string, err error) Outcome {
	f := fault.As(err)
	reason := f.Reason
	if reason == "" {
		reason = fault.Bug
	}
	return Outcome{Verdict: Rejected, Reason: reason, Detail: sentence(f), Scenario: scenario, Err: err}
}

// sentence is what the dead letter says: the fault's own words, with the codes a person can search for.
func sentence(f *fault.Error) string {
	s := f.Detail
	if s == "" {
		s = "the target refused it"
	}
	if f.Operation != "" {
		s += "; operation " + f.Operation
	}
	if f.Code != "" {
		s += ", code " + f.Code
	}
	if f.Status != 0 {
		s += fmt.Sprintf(", status %d", f.Status)
	}
	if f.RequestID != "" {
		s += ", request " + f.RequestID
	}
	return s
}
