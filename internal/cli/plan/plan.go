// Package plan says of each event of a file what would become of it now, without doing anything: the verdict, the steps, the
// calls that would be made with the names of what they would set, and the events that others would be told.
//
// Each event is planned as things stand, as if none of the others were there; where an earlier line is about the same object,
// that is said. What is printed holds no value of an event: ids are masked unless they look like ids.
package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/cli/input"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Planner says what would become of an event: the engine.
type Planner interface {
	Plan(ctx context.Context, ev orchestration.Event) orchestration.Plan
}

// Identifier says what an event is about.
type Identifier interface {
	Identify(ev orchestration.Event) (orchestration.Identity, error)
}

// Options of Run.
type Options struct {
	In       io.Reader
	CSV      bool                                           // the input is a table with a head, not JSON lines
	Decode   func(text []byte) (orchestration.Event, error) // of one line; a Poison fault says why it is no event
	Planner  Planner
	Identify Identifier
	MaxBytes int        // longest line
	Rate     rate.Limit // events a second; zero: as fast as it goes
	Planned  func(Event) error
}

// Event is one line and what would become of it.
type Event struct {
	Line          int    `json:"line"`
	Source        string `json:"source,omitempty"`
	ID            string `json:"id,omitempty"`
	Type          string `json:"type,omitempty"`
	CorrelationID string `json:"correlation_id,omitempty"`

	Verdict  string        `json:"verdict"` // one of orchestration's
	Scenario string        `json:"scenario,omitempty"`
	Step     string        `json:"step,omitempty"` // where it would stop
	Reason   fault.Reason  `json:"reason,omitempty"`
	Detail   string        `json:"detail,omitempty"`
	Cause    string        `json:"cause,omitempty"` // of a wait
	After    time.Duration `json:"-"`
	Wait     string        `json:"wait,omitempty"`   // After, as text
	Failed   string        `json:"failed,omitempty"` // what failed, in codes

	Steps []Step   `json:"steps"`
	Tells []string `json:"tells"` // types of the events that would be sent
	// Behind is an earlier line about the same object, which is not taken into account; 0: none.
	Behind int `json:"behind_line,omitempty"`
}

// Step is what would become of one step.
type Step struct {
	Name  string `json:"name"`
	Will  string `json:"will"`  // done, skip, found, act, fail, wait or depends
	Calls []Call `json:"calls"` // of a step that would act; none if it cannot say
}

// Call is one call that would be made.
type Call struct {
	Operation string   `json:"operation"`
	Fields    []string `json:"fields"` // names of what it would set
}

// Run plans the events of the input, in order. Errors: those of reading, and of a store or a CSU that cannot be reached, which
// the next event would meet too.
func Run(ctx context.Context, o Options) (Summary, error) {
	p := planning{Options: o, lines: map[string]int{}, sum: newSummary()}
	if o.Rate > 0 {
		p.limiter = rate.NewLimiter(o.Rate, 1)
	}
	err := input.Each(input.New(o.In, o.MaxBytes, o.CSV), func(l input.Line) error {
		if p.limiter != nil {
			if err := p.limiter.Wait(ctx); err != nil {
				return errors.Join(context.Cause(ctx), err)
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return p.line(ctx, l)
	})
	return p.sum, err
}

type planning struct {
	Options
	limiter *rate.Limiter
	lines   map[string]int // the first line about each object and each natural key; in memory only
	sum     Summary
}

func (p *planning) line(ctx context.Context, l input.Line) error {
	ev, err := p.event(l)
	out := Event{Line: l.Number, Source: shown(ev.Source), ID: shown(ev.ID), Type: shown(ev.Type), CorrelationID: ev.CorrelationID, Steps: []Step{}, Tells: []string{}}
	if err != nil {
		f := fault.As(err)
		out.Verdict, out.Reason, out.Detail = orchestration.Rejected.String(), f.Reason, f.Detail
		if f.Pointer != "" {
			out.Detail = f.Pointer + ": " + out.Detail
		}
		return p.tell(out)
	}
	out.Behind, ev.Lane = p.behind(ev, l.Number), csuclient.LaneReplay // whoever plans can wait
	plan, err := p.plan(ctx, ev)
	if err != nil {
		return fmt.Errorf("plan line %d: %w", l.Number, err)
	}
	out.fill(plan)
	return p.tell(out)
}

func (p *planning) event(l input.Line) (orchestration.Event, error) {
	switch {
	case l.Bad != "":
		return orchestration.Event{}, fault.New(fault.Poison, fault.Malformed, l.Bad)
	case l.TooLong:
		return orchestration.Event{}, fault.New(fault.Poison, fault.TooLarge, fmt.Sprintf("the line has more than %d bytes, the limit of worker.max_body", p.MaxBytes))
	}
	return p.Decode(l.Text)
}

func (p *planning) tell(ev Event) error {
	p.sum.add(ev)
	return p.Planned(ev)
}

// behind notes what a line is about, and gives the first line that is about the same.
func (p *planning) behind(ev orchestration.Event, number int) int {
	about, err := p.Identify.Identify(ev)
	if err != nil {
		return 0
	}
	names := []string{fmt.Sprintf("%q", []string{"object", about.Entity.Kind, about.Entity.Scope, about.Entity.Source, about.Entity.ID})}
	for _, k := range about.Keys {
		names = append(names, fmt.Sprintf("%q", []string{"key", about.Entity.Scope, k.Kind, k.Value.Reveal()}))
	}
	first := 0
	for _, n := range names {
		switch at, seen := p.lines[n]; {
		case !seen:
			p.lines[n] = number
		case first == 0 || at < first:
			first = at
		}
	}
	return first
}

const (
	turns    = 5                // how often a line waits for its turn at the target
	longWait = 30 * time.Second // and how long at most
)

// plan asks the planner. That the target is asked too often is our own doing here: it is waited for, not reported.
func (p *planning) plan(ctx context.Context, ev orchestration.Event) (orchestration.Plan, error) {
	for turn := 0; ; turn++ {
		plan := p.Planner.Plan(ctx, ev)
		o := plan.Outcome
		if o.Verdict == orchestration.Postponed && fault.KindOf(o.Err) == fault.Unknown && o.Err != nil {
			return plan, o.Err // the store's: every other line would meet it, too
		}
		if o.Verdict != orchestration.Postponed || o.Cause != orchestration.CauseGate || turn == turns {
			return plan, nil
		}
		wait := time.NewTimer(min(max(o.After, time.Second), longWait))
		select {
		case <-ctx.Done():
			wait.Stop()
			return plan, context.Cause(ctx)
		case <-wait.C:
		}
	}
}

func (ev *Event) fill(p orchestration.Plan) {
	o := p.Outcome
	ev.Verdict, ev.Scenario, ev.Step, ev.Reason, ev.Detail, ev.Cause, ev.After = o.Verdict.String(), o.Scenario, o.Step, o.Reason, o.Detail, string(o.Cause), o.After
	if o.After > 0 {
		ev.Wait = o.After.Round(time.Second).String()
	}
	if o.Err != nil && o.Verdict == orchestration.Postponed {
		ev.Failed = fault.As(o.Err).Brief()
	}
	for _, s := range p.Steps {
		step := Step{Name: s.Name, Will: string(s.Will), Calls: []Call{}}
		for _, e := range s.Effects {
			step.Calls = append(step.Calls, Call{e.Operation, e.Fields})
		}
		ev.Steps = append(ev.Steps, step)
	}
	ev.Tells = append(ev.Tells, p.Tells...)
}

// acts says whether any step would act.
func (ev Event) acts() bool {
	for _, s := range ev.Steps {
		if s.Will == string(orchestration.WillAct) {
			return true
		}
	}
	return false
}

// shown is text that somebody chose, if it looks like an id.
func shown(text string) string {
	if text == "" || mapping.Storable(text) {
		return text
	}
	return "[masked]"
}
