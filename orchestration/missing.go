package orchestration

import (
	"errors"
	"fmt"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Missing is what an event waits for: a binding, and then it is woken when the reference is bound to anything but Seen; or a scenario,
// and then it is woken when that is on.
type Missing struct {
	CSU  string
	Ref  mapping.Ref
	Seen string // the D365 id that it was bound to when it was not enough, such as a provisional one; empty: to none

	Scenario string // the one that is off, in place of a binding
}

// Parked says where the copy of a waiting event is.
type Parked struct {
	Queue     string
	Sequence  int64 // of the scheduled message; it gets another one when it is due
	MessageID string
}

// missingError is a Dependency that knows what it waits for. Its own text, which is logged, does not name the reference.
type missingError struct {
	ref   mapping.Ref
	seen  string
	why   string
	fault *fault.Error
}

func (m *missingError) Error() string { return m.fault.Error() }
func (m *missingError) Unwrap() error { return m.fault }

// Needed is the D365 id of the i-th reference of Pipeline.Needs, as it was when the run began. The error is a Dependency: the event
// waits until the reference is bound, and is then woken.
func (r *Run[E, S]) Needed(i int) (string, error) {
	if id := r.needs[i]; id != "" {
		return id, nil
	}
	return "", r.Lacks(i, "which is not bound to a D365 record")
}

// Lacks is the error of a step that cannot use what the i-th reference of Pipeline.Needs is bound to, such as a provisional id; why
// goes on from "needs a customer of source shop,". The event is woken when the reference is bound to something else.
func (r *Run[E, S]) Lacks(i int, why string) error {
	ref := r.needed[i]
	return &missingError{ref: ref, seen: r.needs[i], why: why, fault: &fault.Error{Kind: fault.Dependency, Class: "not_found",
		Detail: fmt.Sprintf("needs a %s of source %s, %s", ref.Kind, ref.Source, why)}}
}

// named is the sentence of the dead letter, which a person has to act on: it names the reference, unless that looks personal.
func (m *missingError) named() string {
	name := fmt.Sprintf("%q", m.ref.ID)
	if !mapping.Storable(m.ref.ID) {
		name = "(its id looks personal)"
	}
	return fmt.Sprintf("needs the %s %s of source %s, %s", m.ref.Kind, name, m.ref.Source, m.why)
}

// lacks says which binding an ending waits for, or waited for in vain.
func (g *goes) lacks(end *ending, err error) {
	var m *missingError
	if !errors.As(err, &m) {
		return
	}
	if end.out.Reason == fault.MissingDependency {
		end.out.Detail = m.named()
	}
	if end.out.Cause != CauseDependency {
		return
	}
	end.out.Missing = &Missing{CSU: g.q.CSU, Ref: m.ref, Seen: m.seen}
	if end.back != nil {
		end.back.Needs = &m.ref
	}
}
