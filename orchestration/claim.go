package orchestration

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
)

var (
	errLineTooLong = errors.New("orchestration: waited too long behind another run of this process")
	errRunTooLong  = errors.New("orchestration: the run takes too long in one go")
)

// names are what runs of one process line up for. They stay in memory.
func (q Request) names() []string {
	names := []string{
		"run\x00" + q.Event.Source + "\x00" + q.Event.ID,
		strings.Join([]string{"ent", q.Entity.Kind, q.Entity.Scope, q.Entity.Source, q.Entity.ID}, "\x00"),
	}
	for _, k := range q.Keys {
		names = append(names, strings.Join([]string{"nat", q.Scope, k.Kind, k.Value.Reveal()}, "\x00"))
	}
	return names
}

// inLine waits behind runs of this process for the same things, then claims.
func (e *Engine) inLine(ctx context.Context, run opened, q Request) Outcome {
	newestFirst := ""
	if q.Order == State {
		newestFirst = q.Version
	}
	leave, err := e.lines.join(ctx, q.names(), newestFirst, e.opts.MaxRun)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return Outcome{Verdict: Interrupted, Attempt: q.Event.Attempt, Err: err}
	default:
		return Outcome{Verdict: Postponed, Cause: CauseHeld, After: jittered(time.Second), Attempt: q.Event.Attempt, Err: err}
	}
	defer leave()
	return e.claimTogether(ctx, run, q)
}

// claim asks for the claim until it is answered. While somebody else holds it, it asks again for as long as waiting in a
// run is allowed: holders are done in milliseconds, as a rule. alone: nothing is claimed, and the run must be alone for that.
func (e *Engine) claim(ctx context.Context, run opened, q Request) (o Outcome, alone bool) {
	retry, poll := e.pauses(q.lingering(e.opts.RetryFor)), e.polls(q.lingering(e.opts.WaitInRun))
	for {
		sent := time.Now()
		grant, err := e.askClaim(ctx, q)
		if err != nil {
			e.opts.Observer.Claimed(ctx, q.Scenario, "error")
			e.opts.Observer.LookedUp(ctx, q.Scenario, q.Entity.Kind, "error")
			if pause := retry.NextBackOff(); pause == backoff.Stop || !sleep(ctx, pause) {
				return e.unclaimed(ctx, q, err), false
			}
			continue
		}
		e.opts.Observer.Claimed(ctx, q.Scenario, string(grant.Answer))
		switch grant.Answer {
		case Held:
			q.Place = grant.Place
			if pause := poll.NextBackOff(); pause != backoff.Stop && sleep(ctx, min(pause, grant.Until+time.Millisecond)) {
				continue
			}
			return e.held(ctx, q, grant), false
		case AnswerAlone:
			return Outcome{}, true
		}
		e.opts.Observer.LookedUp(ctx, q.Scenario, q.Entity.Kind, lookup(grant))
		return e.answered(ctx, run, q, grant, sent), false
	}
}

// held gives up waiting for a claim that somebody else has.
func (e *Engine) held(ctx context.Context, q Request, grant Grant) Outcome {
	if ctx.Err() != nil {
		return Outcome{Verdict: Interrupted, Attempt: q.Event.Attempt, Err: context.Cause(ctx)}
	}
	after := grant.Until + time.Duration(grant.Place)*50*time.Millisecond
	return Outcome{Verdict: Postponed, Cause: CauseHeld, After: jittered(after), Attempt: max(q.Event.Attempt, grant.Attempt)}
}

// lookup is what a claim's answer says of the entity's binding.
func lookup(g Grant) string {
	if g.Binding == "" {
		return "miss"
	}
	return "hit"
}

func (e *Engine) askClaim(ctx context.Context, q Request) (Grant, error) {
	call, done := context.WithTimeout(ctx, e.opts.Lease)
	defer done()
	return e.opts.Store.Claim(call, q)
}

// unclaimed gives up claiming. The claim may have been granted without our hearing of it, so it is given back, as far
// as the store can be reached; else its lease runs out.
func (e *Engine) unclaimed(ctx context.Context, q Request, err error) Outcome {
	call, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer done()
	_ = e.opts.Store.Release(call, q, Released{}) // best effort, see above
	if ctx.Err() != nil {
		return Outcome{Verdict: Interrupted, Attempt: q.Event.Attempt, Err: context.Cause(ctx)}
	}
	return Outcome{Verdict: Postponed, Cause: CauseBackoff, After: jittered(e.opts.Reschedule[0]), Attempt: q.Event.Attempt, Err: err}
}

// answered turns every answer but a grant into its verdict, and runs the steps on a grant.
func (e *Engine) answered(ctx context.Context, run opened, q Request, g Grant, sent time.Time) Outcome {
	attempt := max(g.Attempt, q.Event.Attempt)
	switch g.Answer {
	case Go, LookOnly:
		return e.start(ctx, run, q, g, sent)
	case Done:
		return Outcome{Verdict: Duplicate, Attempt: attempt}
	case AnswerSurplus:
		if !g.SameMessage { // the event was published more than once, and this is not the message that is being worked on
			return Outcome{Verdict: Duplicate, Attempt: attempt}
		}
		return Outcome{Verdict: Surplus, Attempt: attempt}
	case AnswerSuperseded:
		return Outcome{Verdict: Superseded, Attempt: attempt}
	case AnswerConflict:
		return e.refusedAtTheDoor(ctx, run.outline(), q.Event, q.Entity, rejected(q.Scenario, errIDConflict))
	case NewerPipeline:
		return Outcome{Verdict: Postponed, Cause: CauseContinue, After: jittered(e.opts.Reschedule[0]), Attempt: attempt}
	}
	return e.refusedAtTheDoor(ctx, run.outline(), q.Event, q.Entity, rejected(q.Scenario, errUnknownAnswer))
}

// pauses is exponential with full jitter, and stops after d. It is not safe for concurrent use.
func (e *Engine) pauses(d time.Duration) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond), backoff.WithMultiplier(2), backoff.WithRandomizationFactor(1),
		backoff.WithMaxInterval(2*time.Second), backoff.WithMaxElapsedTime(d), backoff.WithClockProvider(clock{}))
}

// polls asks often at first: what is held is usually free soon.
func (e *Engine) polls(d time.Duration) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(20*time.Millisecond), backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0.5),
		backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(d), backoff.WithClockProvider(clock{}))
}

// clock is the standard library's; the backoff package captures time.Now in a variable of its own otherwise.
type clock struct{}

func (clock) Now() time.Time { return time.Now() }

// jittered spreads what would otherwise come back together: d plus up to a fifth.
func jittered(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d + rand.N(d/5+1)
}

// sleep waits for d; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
