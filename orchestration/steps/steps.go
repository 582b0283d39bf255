// Package steps makes the steps that a configuration adds to scenarios: a guard that refuses events, a map that changes what later steps
// see, a call of another system, and an event for the channel's sinks.
//
// What they do with an event is said in jq expressions, under the rules and bounds of field maps: over the event's data, with
// $event (id, source, type, subject, time, channel, correlationid, sequence), $kept (ids that http-calls have kept, by their names) and, but for
// maps, $learned (what the scenario's own steps have learned).
//
// Errors: *fault.Error with the step's sentence; never a value of the event, of an answer or of a secret.
// Concurrency: what is made here may be used by many runs at once.
package steps

import (
	"context"
	"net"
	"time"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
)

// What a step can do.
const (
	Guard    = "guard"
	FieldMap = "fieldmap"
	HTTPCall = "http-call"
	Emit     = "emit"
)

// Options of one step, as a configuration has them. What is not for its type is empty.
type Options struct {
	Scenario, Name, Type string
	Before, After        string // a step of the scenario's own: one of the two
	When                 string

	Refuse, Pointer string // guard, http-call
	Map             string // fieldmap

	URL, Method    string // http-call
	Query, Body    string
	Repeat         string
	KeyHeader      string
	SecretHeader   string
	Secret         secret.String
	RefuseIf, Keep string
	Timeout        time.Duration
	Concurrency    int
	AllowPlaintext bool

	Event, Data string // emit
}

// Web is what http-calls need of the process.
type Web struct {
	DialContext func(ctx context.Context, network, address string) (net.Conn, error) // nil: the network
	Changed     func(until time.Time, class string)                                  // httpout.Options.Changed
}

// Problem is one thing that is wrong with a step's options.
type Problem struct{ Column, What, Do string }

// Step is a step that was made.
type Step struct {
	orchestration.Extra
	Close func() // gives back its connections; nil: it has none
}

// New makes a step. Problems name everything that is wrong with it by itself; whether it fits its scenario is not known here.
func New(o Options, web Web) (Step, []Problem) {
	m := &making{o: o}
	m.common()
	switch o.Type {
	case Guard:
		m.guard()
	case FieldMap:
		m.fieldmap()
	case HTTPCall:
		m.call(web)
	case Emit:
		m.emit()
	default:
		m.wrong("type", "is no type of step", "use guard, fieldmap, http-call or emit")
		return Step{}, m.problems
	}
	m.foreign()
	return m.made, m.problems
}
