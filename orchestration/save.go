package orchestration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// save sends what was staged to our own queue, then writes progress and bindings. Only a known answer lets the go on:
// an unanswered save is asked again, under a context that a drain does not cut short.
func (g *goes) save(ctx context.Context, st StepOutline, acted, endTaint, last bool) *ending {
	s := g.run.staged()
	if s.wrong != nil {
		return reject(s.wrong)
	}
	learned, err := g.run.learned()
	if err != nil {
		return reject(fault.Wrap(fault.Permanent, "encode what was learned", err))
	}
	if acted && len(s.events) > 0 {
		// What is told of an effect has one id, so it must say the same when it is told again. A look cannot know that the effect
		// was this run's own: that is on record before anybody is told, and the step is not, so that it is told after a crash, too.
		before := Progress{Step: st.Name, Steps: g.finished[:len(g.finished)-1], Learned: learned, Applied: true}
		if end := g.write(ctx, st, before, acted); end != nil {
			return end
		}
	}
	if err := g.publish(ctx, s.events); err != nil {
		// The event that reports the effect is not sent, so the step is not on record. The effect will be found, though
		// perhaps not at once: an act that is not on record leaves a taint.
		switch {
		case isForGood(err):
			return reject(err)
		case errors.Is(err, ErrLeaseLost):
			return g.lost(ctx, st.Name, err)
		}
		end := g.postpone(CauseBackoff, g.e.opts.Reschedule[0], Released{})
		end.out.Err = err
		return end
	}
	p := Progress{Step: st.Name, Steps: g.finished, Learned: learned, Bindings: s.bindings, Hints: s.hints,
		Applied: acted && st.Added == "" || last, EndTaint: endTaint, Finish: last}
	if end := g.write(ctx, st, p, acted); end != nil {
		return end
	}
	g.run.saved()
	g.inFlight = false
	if endTaint {
		g.tainted = false
	}
	return nil
}

// write writes progress until the answer is known, and says how the go ends if it is not written.
func (g *goes) write(ctx context.Context, st StepOutline, p Progress, acted bool) *ending {
	err := g.e.untilKnown(ctx, g.e.opts.SaveFor, func(call context.Context) error { return g.e.opts.Store.Save(call, g.q, p) })
	g.bound(ctx, p.Bindings, err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mapping.ErrConflict):
		return reject(errMappingConflict).named(err)
	}
	end := g.lost(ctx, st.Name, err)
	if errors.Is(err, ErrNotOurs) && acted && st.Sure != Repeatable {
		g.aftermath(ctx, g.run.staged().bindings)
	}
	return end
}

// lost is the ending of a go whose claim may have passed to somebody else.
func (g *goes) lost(ctx context.Context, step string, err error) *ending {
	g.e.opts.Observer.LeaseLost(ctx, g.q.Scenario, step)
	return &ending{out: Outcome{Verdict: Lost, Err: err}}
}

// named has the dead letter say which two ids collide. The log does not.
func (e *ending) named(err error) *ending {
	e.out.Detail = collision(err, e.out.Detail)
	return e
}

func collision(err error, otherwise string) string {
	var c *mapping.Conflict
	if !errors.As(err, &c) {
		return otherwise
	}
	return c.Sentence() + "; decide which is right, correct the source, then replay"
}

// answered notes what the end of a step says about this run's writes in doubt, and whether it ends the taint that the
// store knows of. A step that was found or made is in doubt no more. An unknown step is answered by a hit that binds the
// entity for the first time (a run that had come past it would have bound it), or when every look up to the finish hit.
func (g *goes) answered(st StepOutline, acted, last bool) (endsTaint bool) {
	delete(g.doubts, st.Name)
	if !acted && g.bindsFirst() || last && !g.acted {
		delete(g.doubts, "")
	}
	if len(g.doubts) > 0 {
		return false
	}
	g.ownTil = time.Time{}
	return g.tainted
}

func (g *goes) bindsFirst() bool {
	return g.grant.Binding == "" && slices.ContainsFunc(g.run.staged().bindings, func(b mapping.Binding) bool { return b.Ref == g.q.Entity })
}

func (g *goes) bound(ctx context.Context, bindings []mapping.Binding, err error) {
	outcome := "created"
	switch {
	case errors.Is(err, mapping.ErrConflict):
		outcome = "conflict"
	case err != nil:
		outcome = "error"
	}
	for _, b := range bindings {
		g.e.opts.Observer.Bound(ctx, b.Ref.Kind, outcome)
	}
}

// wanted leaves out what a sink is not to be told.
func (e *Engine) wanted(events []Event) []Event {
	if e.opts.Wants == nil {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), func(ev Event) bool { return ev.Sink != "" && !e.opts.Wants(ev.Sink, ev.Type) })
}

// publish sends what the run tells while its claim lasts: whoever took it over may have told newer things since.
func (g *goes) publish(ctx context.Context, events []Event) error {
	return g.e.publish(ctx, g.lease.within, events)
}

// sentAtOnce is how many events are sent in one try: what a standard namespace takes within half a second.
const sentAtOnce = 500

// publish sends events to our own queue, and asks until the broker has them all. within is asked before each try, and limits
// it; its error is returned.
func (e *Engine) publish(ctx context.Context, within limit, events []Event) error {
	if events = e.wanted(events); len(events) == 0 {
		return nil
	}
	if e.opts.Publisher == nil {
		return fault.New(fault.Permanent, fault.Bug, "a step emits events, but no publisher is wired")
	}
	for some := range slices.Chunk(events, sentAtOnce) {
		err := e.untilKnown(ctx, e.opts.SaveFor, func(call context.Context) error {
			try, done, err := within(call)
			if err != nil {
				return err
			}
			defer done()
			return e.opts.Publisher.Publish(try, some)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// limit says until when something may be done, or that it may not be done any more.
type limit func(context.Context) (context.Context, context.CancelFunc, error)

// atAnyTime is for what is told without a claim.
func atAnyTime(ctx context.Context) (context.Context, context.CancelFunc, error) {
	return ctx, func() {}, nil
}

// untilKnown asks until the answer is known (success, not ours, a conflict, or refused for good), for as long as d. A
// drain does not cut it short.
func (e *Engine) untilKnown(ctx context.Context, d time.Duration, ask func(context.Context) error) error {
	base, done := context.WithTimeout(context.WithoutCancel(ctx), d)
	defer done()
	pauses := e.pauses(d)
	for {
		call, stop := context.WithTimeout(base, e.opts.Renew)
		err := ask(call)
		stop()
		if err == nil || errors.Is(err, ErrNotOurs) || errors.Is(err, ErrLeaseLost) || errors.Is(err, mapping.ErrConflict) || fault.KindOf(err) == fault.Permanent {
			return err
		}
		pause := pauses.NextBackOff()
		if pause == backoff.Stop || !sleep(base, pause) {
			return err
		}
	}
}

// aftermath follows an act that succeeded although the claim had passed on: a request thawed late. It waits for the run
// that took over to end, and reports what slipped through: a second record, or an older state written over a newer one.
func (g *goes) aftermath(ctx context.Context, ours []mapping.Binding) {
	base, done := context.WithTimeout(context.WithoutCancel(ctx), g.e.opts.SaveFor)
	defer done()
	for {
		q := g.q
		q.ClaimID = newClaimID()
		grant, err := g.e.opts.Store.Claim(base, q)
		switch {
		case err != nil:
		case grant.Answer == Go || grant.Answer == LookOnly:
			// Nobody finished it: whoever claims it next looks first and finds what we made.
			_ = g.e.opts.Store.Release(base, q, Released{}) // else its lease runs out
			if grant.Binding != "" {
				g.judge(ctx, ours, grant)
			}
			return
		case grant.Answer == Done || grant.Answer == AnswerSuperseded || grant.Answer != Held && grant.Binding != "":
			g.judge(ctx, ours, grant)
			return
		}
		if !sleep(base, g.e.opts.Renew/5) {
			g.late(ctx, "the end of the run that took over could not be seen")
			return
		}
	}
}

// judge reports a write that landed late, unless it did no harm.
func (g *goes) judge(ctx context.Context, ours []mapping.Binding, grant Grant) {
	switch {
	case len(ours) == 0 && grant.Newer: // an update; harmless when it wrote what the run that took over wrote, too
		g.late(ctx, "it may have overwritten newer data; publish the newest state once more")
	case len(ours) > 0 && !boundTo(ours, g.q.Entity, grant.Binding):
		g.late(ctx, fmt.Sprintf("it made %s, while %s is bound; merge or block the first", ours[0].Target.ID, orNothing(grant.Binding)))
	}
}

func (g *goes) late(ctx context.Context, what string) {
	g.e.opts.Observer.Reported(ctx, g.q.Scenario, fault.DuplicateAccount, "a write landed after its claim had passed on: "+what)
}

func boundTo(ours []mapping.Binding, entity mapping.Ref, id string) bool {
	for _, b := range ours {
		if b.Ref == entity {
			return b.Target.ID == id
		}
	}
	return true
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
