package orchestration

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Extra is a step that a configuration puts into a pipeline, before or after one of the pipeline's own. It works on the event's data
// as JSON, since it does not know their type. Exactly one of Look, Act and Map makes it: an Extra that acts acts without a look.
type Extra struct {
	Name          string // verb-noun, as Step.Name
	Does          string // in a word, for lists: guard, fieldmap, http-call, emit
	Before, After string // one of the two: a step of the pipeline's own

	// When says whether the step has anything to do with the event; nil: always. An error is that of the step.
	When func(v View) (bool, error)
	// Look refuses the event by its error, or else stages what it tells in Tell.
	Look func(v View) error
	// Tell stages events when Look had no error; nil for none.
	Tell func(v View) error
	// Map gives the data that the steps behind this one see in this run. It must depend on nothing but the View. What makes the
	// event what it is stays: its entity, natural keys and needs must be the same, and nothing of it is kept.
	Map func(v View) (json.RawMessage, error)
	// Act makes an effect in another system, AtMostOnce or Repeatable as Sure says.
	Act       func(ctx context.Context, v View) error
	Sure      Certainty
	Plannable bool // as Step.Plannable
}

// View is what an Extra sees of a run.
type View interface {
	Event() Event                      // with Data as it was received
	Channel() Channel                  //
	Data() json.RawMessage             // as the maps before this step have made it
	Learned() (json.RawMessage, error) // what the pipeline's own steps have learned
	Kept() map[string]string           // what other Extras have kept, by their names
	EventToken(purpose string) string  // Run.EventToken
	// Tell stages an outbound event, as Run.Tell does.
	Tell(typ string, data any, about ...string)
	// Keep remembers an id with the progress: nothing personal, since it is stored.
	Keep(name, id string)
}

// With gives a scenario with steps of a configuration in it, and with some of its own switched off. The result's errors are those of
// Options.Validate. Extras at one place stay in the order in which they come.
func With(s Scenario, extras []Extra, off []string) Scenario { return s.with(extras, off) }

func (p Pipeline[E, S]) with(extras []Extra, off []string) Scenario {
	at := func(before, after string) (out []Step[E, S]) {
		for _, x := range extras {
			if x.Before != "" && x.Before == before || x.After != "" && x.After == after {
				out = append(out, stepOf[E, S](x))
			}
		}
		return out
	}
	own := p.Steps
	p.Steps = nil
	for _, s := range own {
		s.off = slices.Contains(off, s.Name)
		p.Steps = append(p.Steps, at(s.Name, "")...)
		p.Steps = append(p.Steps, s)
		p.Steps = append(p.Steps, at("", s.Name)...)
	}
	p.maps = slices.ContainsFunc(extras, func(x Extra) bool { return x.Map != nil })
	p.misfits = misfits(own, extras, off)
	if p.maps {
		var err error
		if p.mapped, err = p.compile(); err != nil {
			p.misfits = append(p.misfits, err.Error())
		}
	}
	return p
}

// misfits says what of the configuration does not fit the pipeline.
func misfits[E, S any](own []Step[E, S], extras []Extra, off []string) (all []string) {
	var names, optional []string
	for _, s := range own {
		names = append(names, s.Name)
		if s.Optional {
			optional = append(optional, s.Name)
		}
	}
	for _, x := range extras {
		kinds := 0
		for _, has := range []bool{x.Look != nil, x.Map != nil, x.Act != nil} {
			if has {
				kinds++
			}
		}
		place := x.Before + x.After
		switch {
		case kinds != 1 || x.Tell != nil && x.Look == nil || x.Act != nil && x.Sure != AtMostOnce && x.Sure != Repeatable:
			all = append(all, fmt.Sprintf("the step %q of the configuration is not one kind of step", x.Name))
		case (x.Before == "") == (x.After == ""):
			all = append(all, fmt.Sprintf("the step %q of the configuration stands neither before nor after a step, or both", x.Name))
		case !slices.Contains(names, place):
			all = append(all, fmt.Sprintf("the step %q of the configuration stands by %q, which is none of its steps; they are %s", x.Name, place, strings.Join(names, ", ")))
		}
	}
	for _, name := range off {
		switch {
		case !slices.Contains(names, name):
			all = append(all, fmt.Sprintf("the step %q is to be off and is none of its own; they are %s", name, strings.Join(names, ", ")))
		case !slices.Contains(optional, name):
			all = append(all, fmt.Sprintf("the step %q cannot be off, since the others rely on it", name))
		}
	}
	return all
}

// stepOf closes an Extra over a pipeline's types.
func stepOf[E, S any](x Extra) Step[E, S] {
	s := Step[E, S]{Name: x.Name, Sure: x.Sure, Plannable: x.Plannable, extra: &x}
	if x.When != nil {
		s.When = func(r *Run[E, S]) bool {
			holds, err := x.When(view[E, S]{r})
			return holds || err != nil // then the look says so
		}
	}
	s.Look = func(_ context.Context, r *Run[E, S]) (bool, error) {
		if x.When != nil {
			if _, err := x.When(view[E, S]{r}); err != nil {
				return false, err
			}
		}
		switch {
		case x.Look != nil:
			return true, x.Look(view[E, S]{r})
		case x.Map != nil: // it is made by whoever sees its data
			_, err := x.Map(view[E, S]{r})
			return true, err
		}
		return false, nil
	}
	if x.Act != nil {
		s.Act = func(ctx context.Context, r *Run[E, S]) error { return x.Act(ctx, view[E, S]{r}) }
	}
	if x.Tell != nil {
		s.Note = func(r *Run[E, S]) {
			if err := x.Tell(view[E, S]{r}); err != nil {
				r.staged.wrong = err
			}
		}
	}
	return s
}

type view[E, S any] struct{ r *Run[E, S] }

func (v view[E, S]) Event() Event                      { return v.r.Event }
func (v view[E, S]) Channel() Channel                  { return v.r.Channel }
func (v view[E, S]) Data() json.RawMessage             { return v.r.data }
func (v view[E, S]) Learned() (json.RawMessage, error) { return json.Marshal(v.r.State) }
func (v view[E, S]) Kept() map[string]string           { return v.r.kept }
func (v view[E, S]) EventToken(purpose string) string  { return v.r.EventToken(purpose) }

func (v view[E, S]) Tell(typ string, data any, about ...string) { v.r.Tell(typ, data, about...) }

func (v view[E, S]) Keep(name, id string) {
	kept := map[string]string{name: id}
	for k, is := range v.r.kept {
		if k != name {
			kept[k] = is
		}
	}
	v.r.kept = kept // a new one: an undo gives the old one back
}
