package orchestration

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// tries is what one step goes through within one go.
type tries struct {
	pauses    *backoff.ExponentialBackOff
	conflicts int
	until     time.Time // of a pipeline that lingers only so long
	loose     bool      // a write of this go got no answer

	answered *fault.Error // how the target last failed at what was sent to it; nil: it did not. That it asks to wait, is away or lets nobody in is said of every event
}

// conflictTries is how often a conflict is looked at again at once, before it counts as transient.
const conflictTries = 3

// step looks, and acts when the look found nothing and acting is open. It returns how the go ends if it must.
func (g *goes) step(ctx context.Context, i int, st StepOutline) (acted bool, end *ending) {
	call := g.e.opts.Enter(ctx, Call{CorrelationID: g.q.Event.CorrelationID, Lane: g.q.Event.Lane, StillOurs: g.lease.stillOurs})
	t := &tries{pauses: g.e.pauses(g.retryFor()), until: time.Now().Add(g.q.linger)}
	for {
		began := time.Now()
		undo := g.run.undo()
		found, err := g.look(call, i, st)
		wrote := false
		if err == nil {
			closed := g.closed(st, found)
			switch end := g.mustNotAct(st); {
			case (found || !st.Acts) && closed <= 0:
				if found && st.Acts {
					g.e.opts.Observer.AlreadyThere(ctx, g.q.Scenario, st.Name)
				}
				g.did(ctx, st, "ok", began)
				g.inFlight = false
				return false, nil
			case !found && end != nil:
				return false, end
			case closed > 0:
				undo()
				if end := g.await(ctx, st, t, closed); end != nil {
					return false, end
				}
				continue
			}
			if end := g.over(ctx, st, nil); end != nil { // a cancelled write is a write in doubt: do not begin it
				return false, end
			}
			if missing := g.missing(i); len(missing) > 0 {
				undo()
				if end := g.hold(ctx, st, missing); end != nil {
					return false, end
				}
				continue
			}
			wrote, g.inFlight = true, true
			if err = g.act(call, i, st); err == nil {
				g.did(ctx, st, "ok", began)
				g.acted = g.acted || st.Sure != Repeatable // one that lands late is known by its id: it leaves nothing in doubt
				g.lookOnceMore(call, i, st)
				return true, nil
			}
		}
		undo()
		if end := g.failed(ctx, st, t, err, wrote, began); end != nil {
			return false, end
		}
	}
}

func (g *goes) did(ctx context.Context, st StepOutline, outcome string, began time.Time) {
	g.e.opts.Observer.StepDone(ctx, g.q.Scenario, st.Name, outcome, time.Since(began))
}

// mustNotAct ends the go where acting could double an effect for ever, or where patience is used up.
func (g *goes) mustNotAct(st StepOutline) *ending {
	if st.Sure == AtMostOnce && (g.doubts[st.Name] || g.doubts[""] || g.grant.Forgotten) {
		return reject(errOutcomeUnknown)
	}
	if g.attempt() > len(g.e.opts.Reschedule) {
		return reject(fault.New(fault.Permanent, fault.AttemptsExhausted, "every attempt failed and the last look found nothing; repair the cause, then replay"))
	}
	return nil
}

// closed says how long what the look said must not be relied on. After "not found", because a write may still land or
// the store was lost. After "found", only where an older state's write may still replace what is there now.
func (g *goes) closed(st StepOutline, found bool) time.Duration {
	switch {
	case !st.Acts:
		return 0
	case !found && st.Sure == Repeatable: // our own writes may land behind the next one, but another event's must not
		return time.Until(g.othersTil)
	case !found:
		return time.Until(later(g.ownTil, g.othersTil))
	case g.q.Order == State && st.Sure == Conclusive:
		return time.Until(g.othersTil)
	}
	return 0
}

// await pauses while acting is closed, for the next look; it postpones when the wait is too long for one go.
func (g *goes) await(ctx context.Context, st StepOutline, t *tries, left time.Duration) *ending {
	pause := t.pauses.NextBackOff()
	if left > g.waitInRun() && !g.inFlight || pause == backoff.Stop {
		return g.postpone(CauseTaint, min(left, taintLook), Released{Attempt: g.inFlight})
	}
	if !sleep(ctx, min(max(pause, 10*time.Millisecond), left)) {
		return g.over(ctx, st, nil)
	}
	return nil
}

// retryFor and waitInRun are how long a step is tried again, and how long one wait may be, within one go.
func (g *goes) retryFor() time.Duration { return g.q.lingering(g.e.opts.RetryFor) }

func (g *goes) waitInRun() time.Duration { return g.q.lingering(g.e.opts.WaitInRun) }

// taintLook is how often keys that are closed for long are looked at again.
const taintLook = 30 * time.Second

// lookOnceMore follows an act that came after a taint: what the tainted write made may have landed just before, and then
// the look finds it. It sees what the act learned, picks which one to keep and reports the other.
func (g *goes) lookOnceMore(ctx context.Context, i int, st StepOutline) {
	if !g.suspect || st.Sure != Lagging {
		return
	}
	undo := g.run.undo()
	if found, err := g.look(ctx, i, st); err != nil || !found {
		undo()
	}
}

func (g *goes) look(ctx context.Context, i int, st StepOutline) (found bool, err error) {
	if !g.run.looks(i) {
		return false, nil
	}
	defer g.recovered(ctx, st, fault.Transient, &err)
	return g.run.look(ctx, i)
}

func (g *goes) act(ctx context.Context, i int, st StepOutline) (err error) {
	defer g.recovered(ctx, st, fault.Ambiguous, &err)
	return g.run.act(ctx, i)
}

// recovered turns a panic into a failure: of a look it is transient, of an act nobody knows what went out.
func (g *goes) recovered(ctx context.Context, st StepOutline, kind fault.Kind, err *error) {
	if p := recover(); p != nil {
		g.e.opts.Observer.Panicked(ctx, g.q.Scenario, st.Name, debug.Stack())
		*err = &fault.Error{Kind: kind, Operation: st.Name, Class: "panic", Detail: "the step panicked"}
	}
}

// failed decides what a failure means: nil to look again, else how the go ends.
func (g *goes) failed(ctx context.Context, st StepOutline, t *tries, err error, wrote bool, began time.Time) *ending {
	f := *fault.As(err) // a copy: the error may be one of the step's own variables
	f.Kind = kindOf(f.Kind, wrote)
	if wrote {
		t.loose = t.loose || f.Kind == fault.Ambiguous
		g.inFlight = f.Kind == fault.Ambiguous || st.Sure == Repeatable && t.loose // made again while the one before may still land
		if fault.FailedAt(f.Status) && (f.Kind == fault.Transient || f.Kind == fault.Ambiguous) {
			t.answered = &f
		}
	}
	if f.Kind == fault.Ambiguous {
		g.doubts[st.Name], g.suspect = true, true
		g.run.doubt()
		if st.Sure != Repeatable {
			g.ownTil = later(g.ownTil, time.Now().Add(g.e.opts.Window))
		}
		g.e.opts.Observer.Tainted(ctx, g.q.Scenario, st.Name)
	}
	if end := g.over(ctx, st, err); end != nil {
		g.did(ctx, st, "cancelled", began)
		return end
	}
	g.did(ctx, st, stepOutcome(&f), began)
	end := g.next(ctx, st, t, &f)
	if end != nil {
		g.lacks(end, err)
	}
	return end
}

// kindOf reads an unclassified failure by what was being done: a read leaves nothing behind, of a write nobody knows.
func kindOf(k fault.Kind, wrote bool) fault.Kind {
	switch {
	case k != fault.Unknown && k != fault.Ambiguous:
		return k
	case wrote:
		return fault.Ambiguous
	}
	return fault.Transient
}

func stepOutcome(f *fault.Error) string {
	switch {
	case f.Kind == fault.Permanent || f.Kind == fault.Poison:
		return "permanent"
	case f.Class == "timeout":
		return "timeout"
	}
	return "retryable"
}

// next is the table of the eight kinds.
func (g *goes) next(ctx context.Context, st StepOutline, t *tries, f *fault.Error) *ending {
	switch f.Kind {
	case fault.Permanent, fault.Poison:
		f.Reason = orRejected(f.Reason)
		if st.looksOnly && len(g.doubts) > 0 {
			f.Detail += "; a write of an earlier go may have been made all the same: check the target"
		}
		return reject(f)
	case fault.Blocked:
		end := g.postpone(CauseBlocked, orElse(f.Wait, 30*time.Second), Released{})
		end.out.Err = f
		return end
	case fault.Dependency:
		return g.dependency(f)
	case fault.Ambiguous:
		if f.Waits != "" { // in doubt, and another try is known to end so until that is there
			return g.dependency(f)
		}
	case fault.Throttled:
		return g.throttled(ctx, st, t, f)
	case fault.Conflict:
		if t.conflicts++; t.conflicts <= conflictTries {
			g.e.opts.Observer.StepRetried(ctx, g.q.Scenario, st.Name, f.Kind)
			return nil
		}
	}
	return g.again(ctx, st, t, f)
}

// again pauses before the next look, or uses up an attempt when the step has had its time.
func (g *goes) again(ctx context.Context, st StepOutline, t *tries, f *fault.Error) *ending {
	pause := t.pauses.NextBackOff()
	if pause == backoff.Stop {
		if f.Waits != "" {
			return g.dependency(f)
		}
		return g.spend(st, f, 0)
	}
	g.e.opts.Observer.StepRetried(ctx, g.q.Scenario, st.Name, f.Kind)
	if !sleep(ctx, pause) {
		return g.over(ctx, st, f)
	}
	return nil
}

// spend ends a go that counts as an attempt; the next one comes after least at the soonest.
func (g *goes) spend(st StepOutline, f *fault.Error, least time.Duration) *ending {
	if g.inFlight && st.Sure != Repeatable {
		end := g.postpone(CauseTaint, max(least, min(time.Until(g.ownTil), taintLook)), Released{Attempt: true})
		end.out.Err = f
		return end
	}
	used := g.attempt()
	if used >= len(g.e.opts.Reschedule) {
		failed := f.Brief()
		f.Reason, f.Detail = fault.AttemptsExhausted, "every attempt failed, the last one with: "+sentence(f)
		f.Operation, f.Code, f.Status, f.RequestID = "", "", 0, "" // they are in the sentence now
		end := reject(f)
		end.back.Failed = failed
		return end
	}
	end := g.postpone(CauseBackoff, max(least, g.e.opts.Reschedule[used]), Released{Attempt: true})
	end.out.Err = f
	return end
}

// throttled waits as told if that fits the go, else postpones to that moment. It never counts by itself; but a go in which the target
// failed what was sent to it does, also when a later try in it is not let through.
func (g *goes) throttled(ctx context.Context, st StepOutline, t *tries, f *fault.Error) *ending {
	wait, cause := orElse(f.Wait, time.Second), CauseGate
	if f.Waits == fault.ForCircuit { // one short pause would follow the other in here, and hold the slot for as long as it lasts
		cause = CauseCircuit
	}
	if cause == CauseCircuit || wait > g.waitInRun() || g.q.linger > 0 && time.Now().Add(wait).After(t.until) {
		if t.answered != nil {
			return g.spend(st, t.answered, wait)
		}
		end := g.postpone(cause, wait, Released{})
		end.out.Err = f
		return end
	}
	g.e.opts.Observer.StepRetried(ctx, g.q.Scenario, st.Name, fault.Throttled)
	t.pauses.Reset() // the server's pause is not the step's failure: its time begins anew
	if !sleep(ctx, jittered(wait)) {
		return g.over(ctx, st, f)
	}
	return nil
}

// dependency waits for what is not there, a binding as a rule, up to a deadline from the event's origin; no attempts are used.
func (g *goes) dependency(f *fault.Error) *ending {
	age := time.Since(g.q.Event.Origin.Enqueued)
	if !g.q.Event.Origin.Enqueued.IsZero() && age > g.e.opts.Patience {
		f.Kind, f.Reason = fault.Permanent, fault.MissingDependency
		return reject(f)
	}
	least := g.e.opts.WaitFirst
	if f.Waits == fault.ForHQ { // it may be back any moment, but a write in doubt is not tried again before
		least = min(least, g.e.opts.Window)
	}
	wait := orElse(f.Wait, min(max(age, least), g.e.opts.WaitMost)) // doubles with age
	end := g.postpone(causeOf(f.Waits), wait, Released{})
	end.out.Err = f
	return end
}

func orRejected(r fault.Reason) fault.Reason {
	if r == "" {
		return fault.CsuRejected
	}
	return r
}

func causeOf(w fault.Wait) Cause {
	switch w {
	case fault.ForPromotion:
		return CausePromotion
	case fault.ForHQ:
		return CauseHQ
	}
	return CauseDependency
}

// over ends a go whose lease is lost or whose context is over: too long in one go, or a drain. It is nil while neither
// is so. err is what failed because of it, if anything did.
func (g *goes) over(ctx context.Context, st StepOutline, err error) *ending {
	cause := context.Cause(ctx)
	switch {
	case g.lease.stillOurs() != nil || errors.Is(cause, ErrLeaseLost):
		return g.lost(ctx, st.Name, ErrLeaseLost)
	case cause == nil:
		return nil
	case errors.Is(cause, errRunTooLong):
		return g.postpone(CauseContinue, 0, Released{})
	case err == nil:
		err = cause
	}
	return &ending{out: Outcome{Verdict: Interrupted, Err: err}, back: &Released{}}
}

func (g *goes) postpone(cause Cause, wait time.Duration, back Released) *ending {
	wait = jittered(max(wait, 0))
	back.Cause, back.Wait = cause, wait
	return &ending{out: Outcome{Verdict: Postponed, Cause: cause, After: wait}, back: &back}
}

func reject(err error) *ending {
	o := rejected("", err)
	return &ending{out: o, back: &Released{Reason: string(o.Reason)}}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func orElse(d, other time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return other
}
