package orchestration

import (
	"context"
	"errors"
	"fmt"

	"github.com/cenkalti/backoff/v4"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// save sends what was staged to our own queue, then writes progress and bindings. Only a known answer lets the go on:
// an unanswered save is asked again, under a context that a drain does not cut short.
func (g *goes) save(ctx context.Context, st StepOutline, acted, last bool) *ending {
	s := g.run.staged()
	if err := g.publish(ctx, s.events); err != nil {
		// The effect is there and will be found; the event it reports is not sent yet, so nothing may be recorded.
		end := g.postpone(CauseBackoff, g.e.opts.Reschedule[0], Released{})
		end.out.Err = err
		return end
	}
	learned, err := g.run.learned()
	if err != nil {
		return reject(fault.Wrap(fault.Permanent, "encode what was learned", err))
	}
	p := Progress{Step: st.Name, Steps: g.finished, Learned: learned, Bindings: s.bindings, Hints: s.hints,
		Applied: acted || last, EndTaint: g.answersTaint(st, acted, last, s), Finish: last}
	err = g.untilKnown(ctx, func(call context.Context) error { return g.e.opts.Store.Save(call, g.q, p) })
	g.bound(ctx, s.bindings, err)
	switch {
	case err == nil:
		g.run.saved()
		if p.EndTaint {
			g.ownTaint, g.actFrom = map[string]bool{}, g.othersTil
		}
		return nil
	case errors.Is(err, mapping.ErrConflict):
		return reject(fault.New(fault.Permanent, fault.MappingConflict,
			"another id of this source is already bound to the same record, or this id to another record; decide which is right, correct the source, then replay"))
	}
	g.e.opts.Observer.LeaseLost(ctx, g.q.Scenario, st.Name)
	if errors.Is(err, ErrNotOurs) && acted {
		g.aftermath(ctx, s.bindings)
	}
	return &ending{out: Outcome{Verdict: Lost, Err: err}}
}

// answersTaint says whether this save proves that no write of this very run is on its way any more: the look of the
// tainted step hit; or, where the step is not known, a look hit that had something new to record (a run that had come
// past it would have recorded it), or every look up to the finish hit.
func (g *goes) answersTaint(st StepOutline, acted, last bool, s staged) bool {
	if acted || len(g.ownTaint) == 0 {
		return false
	}
	if !g.ownTaint[""] {
		return g.ownTaint[st.Name] && len(g.ownTaint) == 1
	}
	return !s.empty() || last && !g.acted
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

func (g *goes) publish(ctx context.Context, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	if g.e.opts.Publisher == nil {
		return fault.New(fault.Permanent, fault.Bug, "a step emits events, but no publisher is wired")
	}
	return g.untilKnown(ctx, func(call context.Context) error { return g.e.opts.Publisher.Publish(call, events) })
}

// untilKnown asks until the answer is known: success, not ours, or a conflict.
func (g *goes) untilKnown(ctx context.Context, ask func(context.Context) error) error {
	base, done := context.WithTimeout(context.WithoutCancel(ctx), g.e.opts.SaveFor)
	defer done()
	pauses := g.e.pauses(g.e.opts.SaveFor)
	for {
		call, stop := context.WithTimeout(base, g.e.opts.Renew)
		err := ask(call)
		stop()
		if err == nil || errors.Is(err, ErrNotOurs) || errors.Is(err, mapping.ErrConflict) {
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
		case err != nil || grant.Answer == Held:
			if !sleep(base, g.e.opts.Renew/5) {
				g.late(ctx, "its end could not be seen")
				return
			}
			continue
		case grant.Answer == Go || grant.Answer == LookOnly:
			// Nobody finished it: whoever claims it next looks first and finds what we made.
			_ = g.e.opts.Store.Release(base, q, Released{}) // else its lease runs out
			return
		case len(ours) == 0: // an update: harmless when it wrote what the run that took over wrote, too
			if grant.Newer {
				g.late(ctx, "it may have overwritten newer data; publish the newest state once more")
			}
			return
		case !boundTo(ours, g.q.Entity, grant.Binding):
			g.late(ctx, fmt.Sprintf("it made %s, while %s is bound; merge or block the first", ours[0].Target.ID, orNothing(grant.Binding)))
		}
		return
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
