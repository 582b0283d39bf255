package orchestration

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Certainty says how much a look that found nothing is worth.
type Certainty int

// What a "not found" means.
const (
	Conclusive Certainty = iota // it is not there
	Lagging                     // it may have been written lately and not show yet (a search index)
	AtMostOnce                  // there is no usable look: the act is made at most once, and what is in doubt goes to a person
	Repeatable                  // the target knows a repeat of the act by its id and takes it as the same: what is in doubt is made again
)

// certainties name each, for a person.
var certainties = map[Certainty]string{Conclusive: "conclusive", Lagging: "lagging", AtMostOnce: "at most once", Repeatable: "repeatable"}

// String names the certainty.
func (c Certainty) String() string { return certainties[c] }

// Step is one effect and how to see whether it is already there. The engine looks first, skips the act when the look
// finds it, and refuses to act when it must not. A step without Act only learns.
type Step[E, S any] struct {
	Name string // verb-noun; stable: a checkpoint key, a metric label and a switch
	// Look only reads. It may be called many times and concurrently with nothing else of this run. A Lagging look is also
	// called after an act that followed a taint: it sees what the act learned, and if it finds another one, too, it
	// reports that, keeps one and learns that one.
	Look func(ctx context.Context, r *Run[E, S]) (found bool, err error)
	Sure Certainty
	// Act makes the effect. It is never called twice without a look in between, unless it is Repeatable.
	Act func(ctx context.Context, r *Run[E, S]) error
	// Hold names what Act changes, when that is more than the entity and its natural keys: something that other entities share,
	// and that only the look finds out. It is held from before the act until the run ends; a look made without it is made again.
	Hold func(r *Run[E, S]) []Key
	// Plannable says that Act makes its effects only through clients that tell Call.Plan of a call instead of making it, when
	// there is one, and give an answer that later steps can work with. A plan then calls Act to learn what it would do.
	Plannable bool
	// Note stages bindings and events, whether the effect was found or made.
	Note func(r *Run[E, S])
	When func(r *Run[E, S]) bool // nil means always
	// More says, after Note, that the step is not over: what was noted is sent and saved, and the step looks anew. It is for what is read page by
	// page: the state holds where to go on, so a run that is taken over goes on there, and notes at most one page again. A run that takes long goes
	// on by a copy between two pages. Only a step without Act has it; every round must come closer to the end.
	More func(r *Run[E, S]) bool
	// Optional says that a configuration may switch the step off: no other step relies on it, and it makes no binding that is needed.
	Optional bool

	off   bool   // by the configuration
	extra *Extra // it is one
}

// outline is what can be said of the step without running it.
func (s Step[E, S]) outline() StepOutline {
	o := StepOutline{Name: s.Name, Acts: s.Act != nil, Sure: s.Sure, Plannable: s.Plannable, Optional: s.Optional, Off: s.off}
	if s.extra != nil {
		o.Added, o.looksOnly = s.extra.Does, s.extra.Map == nil
	}
	return o
}

// Run is all that a step sees: the fact, and what earlier steps learned.
type Run[E, S any] struct {
	Event   Event
	Channel Channel
	In      E        // the decoded data; read only
	State   S        // learned IDs and decisions, never the event; saved after every act
	Binding string   // the D365 id bound to the entity when the run began; empty if none
	Hints   []string // the D365 id last learned under each natural key, in the order of Pipeline.Keys
	Suspect bool     // an earlier write may have landed late: a search may find more than one

	data    json.RawMessage   // what In was decoded from
	kept    map[string]string // by Extras
	entity  mapping.Ref
	needed  []mapping.Ref // Pipeline.Needs
	needs   []string      // what each is bound to
	staged  staged
	reports []report
}

// staged is what Note collected since the last save.
type staged struct {
	bindings []mapping.Binding
	hints    []string
	events   []Event
	wrong    error // an event that could not be encoded: a defect of the step
}

func (s staged) empty() bool { return len(s.bindings) == 0 && len(s.events) == 0 && s.hints == nil }

type report struct {
	reason fault.Reason
	detail string
}

// Entity is the business object the event is about.
func (r *Run[E, S]) Entity() mapping.Ref { return r.entity }

// EntityToken is the same for every event of this entity: an order's id, a cart's id, a channel reference. It does not change with
// what the configuration calls the CSU: an order that is published again after a move must not become another one.
func (r *Run[E, S]) EntityToken(purpose string) string {
	return r.TokenOf(r.entity, purpose)
}

// TokenOf is the EntityToken that events of another entity of the channel have for a purpose: a return asks so for the reference that
// its order was given. An empty source is the event's.
func (r *Run[E, S]) TokenOf(of mapping.Ref, purpose string) string {
	of.Source = cmp.Or(of.Source, r.entity.Source)
	return EntityToken(of, r.Channel.LegalEntity, purpose)
}

// EntityToken is what Run.EntityToken gives to events of an entity in a legal entity, for whoever looks behind the scenes.
func EntityToken(of mapping.Ref, legalEntity, purpose string) string {
	return derive("entity", purpose, of.Kind, legalEntity, of.Source, of.ID)
}

// EventToken is the same on every attempt at this event, and differs between events.
func (r *Run[E, S]) EventToken(purpose string) string {
	return derive("event", purpose, r.Event.Source, r.Event.ID)
}

// Bind stages the binding of a reference to a D365 id; it is written with the next save, both ways.
func (r *Run[E, S]) Bind(from mapping.Ref, id string) {
	if from == r.entity && r.Binding == id {
		return // already so; nothing to write
	}
	r.Rebind(from, "", id)
}

// Rebind stages the promotion of a reference: the permanent D365 id takes the place of the provisional one, if that is
// what the reference is bound to by then (mapping.ErrConflict otherwise). The provisional id goes on resolving to the
// permanent one for as long as runs are remembered. An empty provisional id makes it a first binding.
func (r *Run[E, S]) Rebind(from mapping.Ref, provisional, id string) {
	r.staged.bindings = append(r.staged.bindings,
		mapping.Binding{Ref: from, Target: mapping.Target{Kind: from.Kind, Scope: from.Scope, ID: id}, Was: provisional})
}

// Learn stages the D365 id learned under the natural key of that position.
func (r *Run[E, S]) Learn(key int, id string) {
	if key < len(r.Hints) && r.Hints[key] == id {
		return
	}
	for len(r.staged.hints) <= key {
		r.staged.hints = append(r.staged.hints, "")
	}
	r.staged.hints[key] = id
}

// Emit stages an event; it is sent to our own queue before the next save. Its id must be the same on every attempt:
// use EventToken or EntityToken.
func (r *Run[E, S]) Emit(ev Event) { r.staged.events = append(r.staged.events, ev) }

// Tell stages an outbound event about the entity for every sink of the channel. Its subject is the entity's id at its
// source, its time the event's. Of one type a run tells once; telling it again replaces what was staged. data must hold nothing
// personal that the sink does not need. A run that is taken over after a crash tells the same again, under the same id, and what
// was said first stands; about is what of the data makes it another event when that run found otherwise, such as another account.
func (r *Run[E, S]) Tell(typ string, data any, about ...string) {
	for _, ev := range outbound(r.Event, r.Channel, r.entity, typ, r.EventToken(named("tell", typ, about)), r.encoded(data)) {
		r.stage(ev)
	}
}

// TellOf is Tell about another entity than the run's own, to the sinks of another channel: as if it were an event of that entity's source.
// It tells of several entities of one type.
func (r *Run[E, S]) TellOf(entity mapping.Ref, ch Channel, typ string, data any, about ...string) {
	as := r.Event
	as.Source, as.Subject = entity.Source, ""
	token := r.EventToken(named("tell", typ, append([]string{entity.Source, entity.ID}, about...)))
	for _, ev := range outbound(as, ch, entity, typ, token, r.encoded(data)) {
		r.stage(ev)
	}
}

// Answer stages an event for one sink alone, as an answer to this one: its subject is the event's id. Told again it has the same id.
func (r *Run[E, S]) Answer(sink, typ string, data any) {
	to := r.Channel
	to.Sinks = []string{sink}
	answers := mapping.Ref{Kind: "answer", Scope: r.Channel.Scope(), Source: r.Event.Source, ID: r.Event.ID}
	for _, ev := range outbound(r.Event, to, answers, typ, r.EventToken(named("answer", typ, nil)), r.encoded(data)) {
		r.stage(ev)
	}
}

// Follow stages a follow-up event about the same entity: an ordinary event on our own queue, of the same source, which the
// broker holds for a while. data is the whole of what its scenario will know. Of one type a run stages one. about is as for Tell;
// it must hold only words that may be in an id.
func (r *Run[E, S]) Follow(typ string, data any, after time.Duration, about ...string) {
	ev := r.following(typ, data, about)
	if after > 0 {
		ev.NotBefore = time.Now().Add(after)
	}
	r.stage(ev)
}

// FollowPart is Follow at once, of which a run stages several of one type; about tells them apart.
func (r *Run[E, S]) FollowPart(typ string, data any, about ...string) {
	r.staged.events = append(r.staged.events, r.following(typ, data, about))
}

func (r *Run[E, S]) following(typ string, data any, about []string) Event {
	return Event{Source: r.Event.Source, ID: r.EventToken(named("follow", typ, about)), Type: typ, Subject: r.entity.ID, Channel: r.Channel.Name,
		CorrelationID: r.Event.CorrelationID, Time: r.Event.Time, Sequence: r.Event.Sequence, Data: r.encoded(data)}
}

func named(verb, typ string, about []string) string {
	return strings.Join(append([]string{verb, typ}, about...), " ")
}

// stage adds an event, or replaces the one of its type about the same entity for the same sink.
func (r *Run[E, S]) stage(ev Event) {
	same := func(e Event) bool {
		return e.Type == ev.Type && e.Sink == ev.Sink && e.Source == ev.Source && e.Subject == ev.Subject
	}
	if i := slices.IndexFunc(r.staged.events, same); i >= 0 {
		r.staged.events[i] = ev
		return
	}
	r.staged.events = append(r.staged.events, ev)
}

func (r *Run[E, S]) encoded(data any) json.RawMessage {
	b, err := json.Marshal(data)
	if err != nil {
		r.staged.wrong = fault.Wrap(fault.Permanent, "encode an event", err)
	}
	return b
}

// Report hands on something a person should see although the run goes on. detail is one sentence without personal data.
func (r *Run[E, S]) Report(reason fault.Reason, detail string) {
	r.reports = append(r.reports, report{reason, detail})
}

// snapshot remembers the state, so that a try that failed half-way leaves nothing behind.
func (r *Run[E, S]) snapshot() func() {
	state, err := json.Marshal(r.State)
	kept := r.kept
	bindings, hints, events, reports := len(r.staged.bindings), slices.Clone(r.staged.hints), len(r.staged.events), len(r.reports)
	return func() {
		if err == nil {
			var s S
			if json.Unmarshal(state, &s) == nil {
				r.State = s
			}
		}
		r.kept = kept
		r.staged.bindings, r.staged.hints, r.staged.events = r.staged.bindings[:bindings], hints, r.staged.events[:events]
		r.reports = r.reports[:reports]
	}
}
