package orchestration

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox/signalbox/orchestration/fault"
)

var (
	errIDConflict      = fault.New(fault.Poison, fault.IDConflict, "an event with this source and id but other content was seen before; publish the change under a new id")
	errUnknownAnswer   = fault.New(fault.Poison, fault.Bug, "the store gave an answer this version does not know")
	errMappingConflict = fault.New(fault.Permanent, fault.MappingConflict, "another id of this source is already bound to the same record, or this id to another record; decide which is right, correct the source, then replay")
	errOutcomeUnknown  = fault.New(fault.Permanent, fault.OutcomeUnknown, "a write may have happened and there is no way to look it up; check the target, then replay or discard")
)

// goes is one go at an event under a claim.
type goes struct {
	e     *Engine
	run   opened
	q     Request
	grant Grant
	lease *lease

	finished []string // steps, in order
	acted    bool     // an act succeeded in this go
	inFlight bool     // a write of this go is not on record yet: a release must close the keys for acting

	// doubts are the steps of this run with a write that nothing has answered yet; "" is an unknown step (the process
	// ended). They close acting until ownTil; tainted says that the store knows of one.
	doubts  map[string]bool
	ownTil  time.Time
	tainted bool

	othersTil time.Time // other runs' writes, or a loss of the store, close acting until then
	suspect   bool      // any of these lies on what we hold, or did: look again after an act
}

// start keeps the lease and runs the steps. Its context ends with the lease, the go's own time, or the caller's.
func (e *Engine) start(ctx context.Context, run opened, q Request, grant Grant, sent time.Time) Outcome {
	g := &goes{e: e, run: run, q: q, grant: grant, lease: &lease{q: q}, finished: grant.Steps, doubts: map[string]bool{},
		tainted: len(grant.OwnTaint) > 0, suspect: grant.Suspect}
	g.lease.extend(sent, e.opts.Lease)
	g.ownTil, g.othersTil = time.Now().Add(grant.ActIn), time.Now().Add(grant.OthersIn)
	for _, step := range grant.OwnTaint {
		g.doubts[step] = true
	}
	if err := run.begin(grant); err != nil { // a checkpoint is only a cache: drop it and start from the message
		g.finished = nil
	}
	if len(grant.Steps) > 0 {
		e.opts.Observer.Resumed(ctx, q.Scenario)
	}
	held, cancel := context.WithCancelCause(ctx)
	held, stop := context.WithTimeoutCause(held, e.opts.MaxRun, errRunTooLong)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		e.keep(held, cancel, g.lease)
	}()
	defer func() {
		stop()
		cancel(nil)
		<-kept
	}()
	if grant.Crashed {
		return g.crashed(held)
	}
	return g.steps(held)
}

// steps runs what is not finished, in order; each step's save carries everything before it, and the last one finishes.
func (g *goes) steps(ctx context.Context) Outcome {
	for i := range g.run.count() {
		st := g.run.step(i)
		if g.isFinished(st.Name) || g.tooLate(i, st) {
			continue
		}
		if !g.run.when(i) {
			g.e.opts.Observer.StepDone(ctx, g.q.Scenario, st.Name, "skipped", 0)
			continue
		}
		acted, end := g.step(ctx, i, st)
		if end == nil {
			end = g.rounds(ctx, i, st)
		}
		if end != nil {
			return g.end(ctx, st.Name, *end)
		}
		g.finished = append(g.finished, st.Name)
		last := !g.more(i + 1)
		ends := g.answered(st, acted, last)
		if acted || last || ends || !g.run.staged().empty() {
			if end := g.save(ctx, st, acted, ends, last); end != nil {
				return g.end(ctx, st.Name, *end)
			}
			if last {
				return g.completed(ctx)
			}
		}
		g.tell(ctx)
	}
	if end := g.save(ctx, StepOutline{}, false, g.answered(StepOutline{}, false, true), true); end != nil {
		return g.end(ctx, "", *end)
	}
	return g.completed(ctx)
}

// rounds notes what the step found, and looks anew for as long as it has more.
func (g *goes) rounds(ctx context.Context, i int, st StepOutline) *ending {
	for g.run.note(i); g.run.more(i); g.run.note(i) {
		if end := g.save(ctx, st, false, false, false); end != nil {
			return end
		}
		g.tell(ctx)
		if end := g.over(ctx, st, nil); end != nil {
			return end
		}
		if _, end := g.step(ctx, i, st); end != nil {
			return end
		}
	}
	return nil
}

func (g *goes) completed(ctx context.Context) Outcome {
	g.tell(ctx)
	return Outcome{Verdict: Completed, Attempt: g.attempt()}
}

// tell hands on what the steps reported.
func (g *goes) tell(ctx context.Context) {
	for _, r := range g.run.reports() {
		g.e.opts.Observer.Reported(ctx, g.q.Scenario, r.reason, r.detail)
	}
}

func (g *goes) isFinished(name string) bool { return contains(g.finished, name) }

// tooLate says of a step that the configuration has added that the run has come past its place: one behind it was finished, or has
// written what nobody has looked for yet. A step that is to come before another does not come after it.
func (g *goes) tooLate(i int, st StepOutline) bool {
	if st.Added == "" {
		return false
	}
	for i++; i < g.run.count(); i++ {
		if name := g.run.step(i).Name; g.isFinished(name) || st.looksOnly && g.doubts[name] {
			return true
		}
	}
	return false
}

// more says whether any step from i on would still run, as things stand.
func (g *goes) more(i int) bool {
	for ; i < g.run.count(); i++ {
		if st := g.run.step(i); !g.isFinished(st.Name) && !g.tooLate(i, st) && g.run.when(i) {
			return true
		}
	}
	return false
}

func (g *goes) attempt() int { return max(g.grant.Attempt, g.q.Event.Attempt) }

// ending is how a go ends before its last step, and what the store must be told.
type ending struct {
	out  Outcome
	back *Released // nil: tell the store nothing, the claim is not ours or already given back
}

// end gives the claim back, as far as the store can be reached, and completes the outcome. A claim that cannot be given
// back runs out by its lease and is then taken over with a taint, so nothing depends on it.
func (g *goes) end(ctx context.Context, step string, e ending) Outcome {
	g.tell(ctx)
	e.out.Step = step
	if e.out.Verdict == Rejected && e.back != nil {
		if later := g.refused(ctx, e.out); later != nil {
			e = *later
		}
	}
	o := e.out
	o.Step = step
	o.Attempt = g.attempt()
	if e.back != nil {
		e.back.Step, e.back.Taint = step, g.inFlight
		if f := fault.As(o.Err); f != nil && e.back.Failed == "" {
			e.back.Failed = f.Brief()
		}
		err := g.e.untilKnown(ctx, releaseFor, func(call context.Context) error { return g.e.opts.Store.Release(call, g.q, *e.back) })
		if errors.Is(err, ErrNotOurs) { // another run has it: what this one found out must not settle the message
			g.e.opts.Observer.LeaseLost(ctx, g.q.Scenario, step)
			return Outcome{Verdict: Lost, Attempt: o.Attempt, Step: step, Err: err}
		}
		if e.back.Attempt {
			o.Attempt++
		}
	}
	return o
}

// releaseFor is how long an unanswered release is asked again.
const releaseFor = 5 * time.Second
