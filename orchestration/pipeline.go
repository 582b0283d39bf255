package orchestration

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/dataschema"
	"github.com/signalbox/signalbox/internal/jsontext"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Order says how events of one entity relate.
type Order int

// The two orders.
const (
	State Order = iota // each event carries the full state: the newest wins, an overtaken one is superseded
	Fact               // each event is a fact of its own: never superseded, ordered only by what it needs
)

// String names the order.
func (o Order) String() string { return [...]string{"state", "fact"}[o] }

// Pipeline is a scenario as data: it can be listed, drawn, counted and checked before it runs.
// E is the shape of the event's data, S what the steps learn; both travel as JSON.
type Pipeline[E, S any] struct {
	Name     string // a metric label, and a switch unless it is PartOf another
	Handles  string // the event type
	Version  int    // raise when a field of S changes its meaning: what was learned is dropped and the run starts again
	Order    Order
	Schema   []byte // JSON Schema (2020-12) of the data
	Entity   func(E) (kind, id string)
	EntityOf func(Event, E) (kind, id string) // in place of Entity, where the envelope says what the event is about
	Keys     func(E) []Key                    // natural keys held together with the entity; nil for none
	// Needs names other entities whose bindings steps ask for (Run.Needed), by kind and id; scope and source are the event's unless
	// given. Nothing waits for them before a step asks.
	Needs    func(E) []mapping.Ref
	Validate func(E) error // what the schema cannot say; nil for nothing
	Steps    []Step[E, S]
	Tells    []Telling        // the types of events that sinks are told by Note, by Rejected or as Refused
	Refused  string           // type of the event that tells the channel's sinks of a rejection (Refusal); empty: they are not told
	Rejected func(*Run[E, S]) // stages follow-ups of a run that ends as a dead letter: what it leaves open is closed; nil: it leaves nothing open
	Keep     time.Duration    // how long a finished run is remembered; 0: as long as the store is told

	// Internal says that only Signalbox may say this: an event of the type must have come to our own queues first, so that
	// nobody who may publish to a source queue can make one up.
	Internal bool
	// PartOf names the scenario that this one follows up on: when that is off, this one is, too. Empty: it has a switch of its own.
	PartOf string
	// ByArrival says of a State that the newest is the one that the broker took last, whatever its time. It is for what we
	// say ourselves: each event is sent while its run holds the entity, so they reach the queue in the order in which they
	// became true, while the clocks of their sources need not agree with that.
	ByArrival bool
	// Numbers are the places of the data that hold numbers which are no cards though they may look like some: JSON pointers, in
	// which * stands for any member or item, with the most digits of such a number: 15 of a phone number, AnyNumber where the
	// value is opaque, such as a payment's token. Anywhere else an event with a card number is refused (CardDataRefused). Name as few as can be.
	Numbers map[string]int
	// Ours says that what the events are about is not their source's: whoever says it, it is one entity of the channel. Such is a feed, which
	// timers and people ask for alike.
	Ours bool
	// Lane is where its events belong, whatever queue they came from, unless they are replayed: its calls use that lane's share of the budget,
	// and what its steps emit goes to our own queue of that lane. Empty: calls use the share of the queue, and what is emitted is live.
	Lane string
	// Linger is how long a run may stay in its slot to try again or to wait for its turn before it goes on by a copy; 0: as the
	// engine is told (RetryFor, WaitInRun). A pipeline whose target may be slow for long sets it low, so that its runs do not
	// take the slots of others.
	Linger time.Duration
	// Certify is what signalbox certify runs the scenario on; the zero value is a real check.
	Certify Certification

	misfits []string // of With
	maps    bool     // an Extra maps the data
	mapped  *schema  // that what it makes must match
}

// Scenario is a Pipeline with its types closed over. Only Pipeline implements it.
type Scenario interface {
	Outline() Outline
	check() error
	compile() (*schema, error)
	with(extras []Extra, off []string) Scenario
	open(ev Event, ch Channel) (opened, error)
}

// Outline is what can be said of a scenario without running it.
type Outline struct {
	Name, Handles string
	Version       int
	Order         Order
	Schema        []byte
	Tells         []Telling
	Refused       string
	Internal      bool
	Numbers       map[string]int
	PartOf        string
	Lane          string
	Steps         []StepOutline
	Certify       Certification
}

// Switch names the scenario that must be on.
func (o Outline) Switch() string { return cmp.Or(o.PartOf, o.Name) }

// StepOutline is one step of an Outline.
type StepOutline struct {
	Name      string
	Acts      bool
	Sure      Certainty
	Plannable bool
	Optional  bool   // it may be switched off
	Off       bool   // it is, by the configuration
	Added     string // by the configuration: what it does, such as guard; empty of a step of the scenario's own

	looksOnly bool // added, and no map: the steps behind it see the same without it
}

// Outline lists the pipeline's steps.
func (p Pipeline[E, S]) Outline() Outline {
	o := Outline{Name: p.Name, Handles: p.Handles, Version: p.Version, Order: p.Order, Schema: p.Schema, Tells: p.Tells, Refused: p.Refused, Internal: p.Internal, Numbers: p.Numbers, PartOf: p.PartOf, Lane: p.Lane, Certify: p.Certify}
	for _, s := range p.Steps {
		o.Steps = append(o.Steps, s.outline())
	}
	return o
}

func (p Pipeline[E, S]) check() error {
	var problems []error
	say := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("scenario %q: "+format, append([]any{p.Name}, args...)...))
	}
	if p.Name == "" || p.Handles == "" || (p.Entity == nil) == (p.EntityOf == nil) || len(p.Steps) == 0 {
		say("needs a name, an event type, an entity, told in one way, and at least one step")
	}
	if p.ByArrival && p.Order != State {
		say("has an order of arrival, but is no state")
	}
	for _, m := range p.misfits {
		say("%s", m)
	}
	seen := map[string]bool{}
	for _, s := range p.Steps {
		switch {
		case strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || s.Name == "":
			say("a step is named %q; write verb-noun in lower case", s.Name)
		case seen[s.Name]:
			say("two steps are named %q", s.Name)
		case s.Act != nil && s.More != nil:
			say("step %q acts and has more; let one step read the pages and another act", s.Name)
		case s.Act == nil && s.Look == nil:
			say("step %q neither looks nor acts", s.Name)
		case s.Act != nil && s.Look == nil && s.Sure != AtMostOnce && s.Sure != Repeatable:
			say("step %q acts without a look; give it one, or say AtMostOnce or Repeatable if that is what you want", s.Name)
		}
		seen[s.Name] = true
	}
	return errors.Join(problems...)
}

func (p Pipeline[E, S]) compile() (*schema, error) {
	s, err := dataschema.Compile(p.Name, p.Schema)
	if err != nil {
		return nil, fmt.Errorf("scenario %q: %w", p.Name, err)
	}
	return s, nil
}

func (p Pipeline[E, S]) open(ev Event, ch Channel) (opened, error) {
	if p.Lane != "" && ev.Lane != LaneReplay {
		ev.Lane = p.Lane
	}
	ev.Channel = ch.Name
	r := &Run[E, S]{Event: ev, Channel: ch, data: ev.Data}
	if err := jsontext.Decode(ev.Data, &r.In); err != nil {
		return nil, &fault.Error{Kind: fault.Poison, Reason: fault.SchemaInvalid, Detail: "the data does not decode into the type's shape"}
	}
	if p.Validate != nil {
		if err := p.Validate(r.In); err != nil {
			return nil, err
		}
	}
	kind, id := p.entity(ev, r.In)
	if id == "" {
		return nil, &fault.Error{Kind: fault.Poison, Reason: fault.SchemaInvalid, Detail: "the data has no id of the " + kind}
	}
	r.entity = mapping.Ref{Kind: kind, Scope: ch.Scope(), Source: ev.Source, ID: id}
	if p.Ours {
		r.entity.Source, r.entity.ID = ours, ch.Name+"/"+id
	}
	o := &openRun[E, S]{p: p, r: r}
	if p.Keys != nil {
		o.keys = p.Keys(r.In)
	}
	if p.Needs != nil {
		r.needed = p.Needs(r.In)
	}
	for i := range r.needed {
		r.needed[i].Scope, r.needed[i].Source = cmp.Or(r.needed[i].Scope, r.entity.Scope), cmp.Or(r.needed[i].Source, r.entity.Source)
	}
	r.needs = make([]string, len(r.needed))
	return o, nil
}

// ours is the source of entities that are no source's.
const ours = "signalbox"

func (p Pipeline[E, S]) entity(ev Event, in E) (kind, id string) {
	if p.EntityOf != nil {
		return p.EntityOf(ev, in)
	}
	return p.Entity(in)
}

// opened is one event on one pipeline, with the types closed over: what the engine drives.
type opened interface {
	outline() Outline
	request() Request // entity, keys, order and pipeline version
	refusals(o Outcome) ([]Event, error)
	begin(g Grant) error
	count() int
	step(i int) StepOutline
	looks(i int) bool
	when(i int) bool
	look(ctx context.Context, i int) (bool, error)
	holds(i int) []Key
	doubt() // a write of this go got no answer
	act(ctx context.Context, i int) error
	note(i int)
	more(i int) bool // the step is not over: it looks anew
	undo() func()
	learned() (json.RawMessage, error)
	staged() staged
	saved() // forget what was staged
	reports() []report
}

type openRun[E, S any] struct {
	p    Pipeline[E, S]
	r    *Run[E, S]
	keys []Key

	done []string // steps that were finished when the run began
	at   int      // the step whose data the run has
}

func (o *openRun[E, S]) request() Request {
	q := Request{Event: o.r.Event, Scenario: o.p.Name, Pipeline: o.p.Version, Scope: o.r.Channel.Scope(),
		CSU: o.r.Channel.CSU, Entity: o.r.entity, Order: o.p.Order, Keys: o.keys, Needs: o.r.needed, Version: o.version(), linger: o.p.Linger}
	q.Event.Data, q.Event.AsReceived, q.Keep = nil, nil, o.p.Keep // the store never sees the data
	return q
}

func (o *openRun[E, S]) version() string {
	if o.p.ByArrival {
		return arrivalVersion(o.r.Event)
	}
	return stateVersion(o.r.Event)
}

func (o *openRun[E, S]) outline() Outline { return o.p.Outline() }

func (o *openRun[E, S]) refusals(out Outcome) ([]Event, error) {
	events, err := refusals(o.p.Refused, o.r.Event, o.r.Channel, o.r.entity, out)
	if o.p.Rejected == nil || err != nil {
		return events, err
	}
	before := o.r.staged
	o.r.staged = staged{}
	o.p.Rejected(o.r)
	left := o.staged()
	o.r.staged = before
	return append(events, left.events...), left.wrong
}

func (o *openRun[E, S]) begin(g Grant) error {
	o.r.Binding, o.r.Suspect = g.Binding, g.Suspect
	o.r.Hints = make([]string, len(o.keys)) // a store that knows none gives none
	copy(o.r.Hints, g.Hints)
	copy(o.r.needs, g.Needs)
	if len(g.Learned) == 0 {
		o.done = g.Steps
		return nil
	}
	var s S // an error leaves half of it behind
	if err := json.Unmarshal(g.Learned, &s); err != nil {
		return fmt.Errorf("decode what was learned: %w", err)
	}
	kept, err := keptIn(g.Learned)
	if err != nil {
		return fmt.Errorf("decode what was kept: %w", err)
	}
	o.r.State, o.r.kept, o.done = s, kept, g.Steps
	return nil
}

func (o *openRun[E, S]) doubt() { o.r.Suspect = true }

func (o *openRun[E, S]) count() int { return len(o.p.Steps) }

func (o *openRun[E, S]) step(i int) StepOutline {
	return o.p.Steps[i].outline()
}

func (o *openRun[E, S]) looks(i int) bool { return o.p.Steps[i].Look != nil }

func (o *openRun[E, S]) when(i int) bool {
	s := o.p.Steps[i]
	if s.off {
		return false
	}
	return s.When == nil || o.seen(i) != nil || s.When(o.r) // the look says what could not be seen
}

func (o *openRun[E, S]) look(ctx context.Context, i int) (bool, error) {
	if err := o.seen(i); err != nil {
		return false, err
	}
	found, err := o.p.Steps[i].Look(ctx, o.r)
	if x := o.p.Steps[i].extra; x != nil && x.Map != nil && err == nil { // what it makes is refused here, not where it is used
		return found, o.seen(i + 1)
	}
	return found, err
}

func (o *openRun[E, S]) holds(i int) []Key {
	if h := o.p.Steps[i].Hold; h != nil {
		return h(o.r)
	}
	return nil
}

func (o *openRun[E, S]) act(ctx context.Context, i int) error {
	if err := o.seen(i); err != nil {
		return err
	}
	return o.p.Steps[i].Act(ctx, o.r)
}

func (o *openRun[E, S]) note(i int) {
	if n := o.p.Steps[i].Note; n != nil {
		n(o.r)
	}
}

func (o *openRun[E, S]) more(i int) bool {
	m := o.p.Steps[i].More
	return m != nil && m(o.r)
}

func (o *openRun[E, S]) undo() func() { return o.r.snapshot() }
func (o *openRun[E, S]) saved()       { o.r.staged = staged{} }

func (o *openRun[E, S]) staged() staged {
	for i := range o.r.staged.events {
		o.r.staged.events[i].Lane = o.p.Lane
	}
	return o.r.staged
}

func (o *openRun[E, S]) reports() []report {
	out := o.r.reports
	o.r.reports = nil
	return out
}

func (o *openRun[E, S]) learned() (json.RawMessage, error) {
	b, err := json.Marshal(o.r.State)
	if err == nil {
		b, err = withKept(b, o.r.kept)
	}
	if err != nil {
		return nil, fmt.Errorf("encode what was learned: %w", err)
	}
	return b, nil
}
