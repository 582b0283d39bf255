package orchestration

import (
	"context"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// missing lists what a step's act changes and the claim does not hold yet.
func (g *goes) missing(i int) (keys []Key) {
	for _, k := range g.run.holds(i) {
		held := func(h Key) bool { return h.Kind == k.Kind && h.Value.Equal(k.Value) }
		if !slices.ContainsFunc(g.q.Keys, held) {
			keys = append(keys, k)
		}
	}
	return keys
}

// hold adds to the claim, by asking for it once more with more keys: all or none. Two runs may each want what the other has; then
// both come back later, one of them sooner. What another run left in doubt there closes acting like any taint.
func (g *goes) hold(ctx context.Context, st StepOutline, keys []Key) *ending {
	q := g.q
	q.Keys = append(slices.Clone(q.Keys), keys...)
	retry, poll := g.e.pauses(g.retryFor()), g.e.polls(g.waitInRun())
	for {
		sent := time.Now()
		grant, err := g.e.askClaim(ctx, q)
		switch {
		case err != nil:
			if pause := retry.NextBackOff(); pause != backoff.Stop && sleep(ctx, pause) {
				continue
			}
			if end := g.over(ctx, st, nil); end != nil {
				return end
			}
			g.q = q // it may have been granted: what is given back then is all of it
			end := g.postpone(CauseBackoff, g.e.opts.Reschedule[0], Released{})
			end.out.Err = err
			return end
		case grant.Answer == Go || grant.Answer == LookOnly:
			g.q = q
			g.lease.holds(q)
			g.lease.extend(sent, g.e.opts.Lease)
			g.othersTil = later(g.othersTil, time.Now().Add(grant.OthersIn))
			g.suspect = g.suspect || grant.Suspect
			return nil
		case grant.Answer == Held:
			q.Place = grant.Place
			if pause := poll.NextBackOff(); pause != backoff.Stop && sleep(ctx, min(pause, grant.Until+time.Millisecond)) {
				continue
			}
			if end := g.over(ctx, st, nil); end != nil {
				return end
			}
			return g.postpone(CauseHeld, grant.Until, Released{})
		default: // the claim has passed on
			return &ending{out: Outcome{Verdict: Lost, Err: ErrNotOurs}}
		}
	}
}
