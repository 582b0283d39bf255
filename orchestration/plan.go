package orchestration

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Plan is what would become of an event if it were worked on now.
type Plan struct {
	// Outcome is what Handle would come to as things stand: Completed with the steps that would act, Duplicate, Superseded or
	// Surplus, Rejected with its reason, or Postponed with its cause. Nothing of it has happened.
	Outcome Outcome
	Steps   []PlannedStep // as far as the plan got
	Tells   []string      // types of the events that would be sent
}

// Acts says whether any step would act.
func (p Plan) Acts() bool {
	for _, s := range p.Steps {
		if s.Will == WillAct {
			return true
		}
	}
	return false
}

// PlannedStep is what would become of one step.
type PlannedStep struct {
	Name    string
	Will    Will
	Effects []Effect // of a step that would act; none if it cannot say
}

// Will is what would become of a step.
type Will string

// What may become of a step.
const (
	WasDone    Will = "done"    // finished by an earlier go
	WillSkip   Will = "skip"    // its condition does not hold
	WillFind   Will = "found"   // its effect is there already, or it only learns
	WillAct    Will = "act"     // its effect is not there
	WillFail   Will = "fail"    // see the plan's outcome
	WillWait   Will = "wait"    // see the plan's outcome
	WillDepend Will = "depends" // on what a step before it learns from acting
)

// Effect is one remote call that would be made: the operation and the names of what it would set, no value.
type Effect struct {
	Operation string
	Fields    []string
}

// Plan says what Handle would do with an event, by looking only: it claims nothing, writes nothing and calls no act but those
// that can be planned (Step.Plannable). It takes what the store knows by the store's own scripts, so it is right as of now;
// another event, a person or the target may change that before the event is handled.
func (e *Engine) Plan(ctx context.Context, ev Event) Plan {
	if o, off := e.switchedOff(ev); off {
		return Plan{Outcome: o}
	}
	h, run, q, err := e.open(ev)
	if err != nil {
		return Plan{Outcome: rejected(h.outline.Name, err)}
	}
	grant, err := e.opts.Store.Peek(ctx, q)
	if err != nil {
		return Plan{Outcome: Outcome{Verdict: Postponed, Cause: CauseBackoff, Scenario: h.outline.Name, Err: err}}
	}
	p := &planning{e: e, run: run, q: q, grant: grant}
	if grant.Answer == Go || grant.Answer == LookOnly {
		p.steps(ctx)
	} else {
		p.plan.Outcome = p.answered()
	}
	p.plan.Outcome.Scenario = h.outline.Name
	return p.plan
}

type planning struct {
	e     *Engine
	run   opened
	q     Request
	grant Grant
	fits  int // so many of the staged bindings are known to contradict nothing
	plan  Plan
}

// answered is Handle's verdict on an answer that is no grant.
func (p *planning) answered() Outcome {
	attempt := max(p.grant.Attempt, p.q.Event.Attempt)
	switch p.grant.Answer {
	case Done:
		return Outcome{Verdict: Duplicate, Attempt: attempt}
	case AnswerSurplus:
		if p.grant.SameMessage {
			return Outcome{Verdict: Surplus, Attempt: attempt}
		}
		return Outcome{Verdict: Duplicate, Attempt: attempt}
	case AnswerSuperseded:
		return Outcome{Verdict: Superseded, Attempt: attempt}
	case AnswerConflict:
		return rejected(p.q.Scenario, errIDConflict)
	case Held:
		return Outcome{Verdict: Postponed, Cause: CauseHeld, After: p.grant.Until, Attempt: attempt}
	case NewerPipeline:
		return Outcome{Verdict: Postponed, Cause: CauseContinue, Attempt: attempt}
	}
	return rejected(p.q.Scenario, errUnknownAnswer)
}

// steps goes through them as a go does, and stops where it would.
func (p *planning) steps(ctx context.Context) {
	g := &goes{e: p.e, run: p.run, q: p.q, grant: p.grant, lease: &lease{}, finished: p.grant.Steps, doubts: map[string]bool{}}
	g.ownTil, g.othersTil = time.Now().Add(p.grant.ActIn), time.Now().Add(p.grant.OthersIn)
	for _, step := range p.grant.OwnTaint {
		g.doubts[step] = true
	}
	if err := p.run.begin(p.grant); err != nil {
		g.finished = nil
	}
	if p.grant.Crashed {
		p.plan.Outcome = rejected("", errCrashLoop(p.grant.Deaths))
		return
	}
	p.plan.Outcome = Outcome{Verdict: Completed, Attempt: g.attempt()}
	for i := range p.run.count() {
		st := p.run.step(i)
		will, effects, end := p.step(ctx, g, i, st)
		if end == nil && will != WasDone && will != WillSkip {
			end = p.note(ctx, i)
		}
		if end != nil {
			will = WillWait
			if end.Verdict == Rejected {
				will = WillFail
			}
			end.Step, end.Attempt = st.Name, g.attempt()
			p.plan.Outcome = *end
		}
		p.plan.Steps = append(p.plan.Steps, PlannedStep{Name: st.Name, Will: will, Effects: effects})
		if end != nil {
			break
		}
		if will == WillAct && !st.Plannable {
			p.depend(i + 1)
			break
		}
	}
	p.tells()
}

// step says what would become of one step, and how the go would end there if it must.
func (p *planning) step(ctx context.Context, g *goes, i int, st StepOutline) (Will, []Effect, *Outcome) {
	switch {
	case g.isFinished(st.Name):
		return WasDone, nil, nil
	case g.tooLate(i, st) || !p.run.when(i):
		return WillSkip, nil, nil
	}
	ctx = context.WithValue(ctx, planKey{}, true)
	call := Call{CorrelationID: p.q.Event.CorrelationID, Lane: p.q.Event.Lane, StillOurs: func() error { return nil }}
	found, err := g.look(p.e.opts.Enter(ctx, call), i, st)
	if err != nil {
		return "", nil, g.wouldFail(err)
	}
	if st.Acts && !found {
		if end := g.mustNotAct(st); end != nil {
			return "", nil, &end.out
		}
	}
	if closed := g.closed(st, found); closed > 0 {
		return "", nil, &Outcome{Verdict: Postponed, Cause: CauseTaint, After: closed}
	}
	if found || !st.Acts {
		return WillFind, nil, nil
	}
	if !st.Plannable {
		return WillAct, nil, nil
	}
	var effects []Effect
	call.StillOurs = func() error { return errPlanning } // should an act come as far as the connection
	call.Plan = func(x Effect) { effects = append(effects, x) }
	if err := g.act(p.e.opts.Enter(ctx, call), i, st); err != nil {
		return "", nil, g.wouldFail(err)
	}
	return WillAct, effects, nil
}

type planKey struct{}

// Planning says that a look is made for a plan: one that keeps what it has read must not keep it then, since nothing that it goes with happens.
func Planning(ctx context.Context) bool { return ctx.Value(planKey{}) != nil }

var errPlanning = errors.New("orchestration: a plan does not act")

// note stages what the step would bind, and sees whether that contradicts what is bound.
func (p *planning) note(ctx context.Context, i int) *Outcome {
	p.run.note(i)
	fresh := p.run.staged().bindings[p.fits:]
	p.fits += len(fresh)
	if len(fresh) == 0 {
		return nil
	}
	switch err := p.e.opts.Store.Fits(ctx, p.q, fresh); {
	case errors.Is(err, mapping.ErrConflict):
		o := rejected("", errMappingConflict)
		o.Detail = collision(err, o.Detail)
		return &o
	case err != nil:
		return &Outcome{Verdict: Postponed, Cause: CauseBackoff, Err: err}
	}
	return nil
}

// depend lists the steps behind an act that cannot be planned.
func (p *planning) depend(from int) {
	for i := from; i < p.run.count(); i++ {
		p.plan.Steps = append(p.plan.Steps, PlannedStep{Name: p.run.step(i).Name, Will: WillDepend})
	}
}

// tells lists the types of the events that would be sent.
func (p *planning) tells() {
	events := p.run.staged().events
	if p.plan.Outcome.Verdict == Rejected {
		events, _ = p.run.refusals(p.plan.Outcome) // one that cannot be encoded is not sent either
	}
	for _, ev := range p.e.wanted(events) {
		if !contains(p.plan.Tells, ev.Type) {
			p.plan.Tells = append(p.plan.Tells, ev.Type)
		}
	}
}

// wouldFail is what a failure would come to, were nothing to change: what heals by itself is tried again later.
func (g *goes) wouldFail(err error) *Outcome {
	f := *fault.As(err)
	o := Outcome{Verdict: Postponed, Cause: CauseBackoff, Err: &f}
	switch f.Kind {
	case fault.Permanent, fault.Poison:
		f.Reason = orRejected(f.Reason)
		o = rejected("", &f)
	case fault.Blocked:
		o.Cause, o.After = CauseBlocked, f.Wait
	case fault.Throttled:
		o.Cause, o.After = CauseGate, f.Wait
	case fault.Dependency:
		o = g.dependency(&f).out
	}
	return &o
}
