package orchestration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/signalbox/signalbox/orchestration/fault"
)

var errNotAlone = errors.New("orchestration: other runs of this process did not end in time")

// everybody is more runs than a process has at once.
const everybody = 1 << 30

// solo lets runs be in the process together, or one alone. Who waits to be alone is not overtaken: runs that come later wait
// behind it, so that it need only wait for those that are under way.
type solo struct{ places *semaphore.Weighted }

func newSolo() solo { return solo{semaphore.NewWeighted(everybody)} }

// together waits while a run is alone, or waits to be.
func (s solo) together(ctx context.Context) (leave func(), err error) { return s.take(ctx, 1) }

// alone waits until no other run is in the process. Whoever asks must not be in together.
func (s solo) alone(ctx context.Context) (leave func(), err error) { return s.take(ctx, everybody) }

func (s solo) take(ctx context.Context, n int64) (leave func(), err error) {
	if err := s.places.Acquire(ctx, n); err != nil {
		return nil, context.Cause(ctx)
	}
	return func() { s.places.Release(n) }, nil
}

// How long a run that is to be alone may hold up the others of its process: until they have ended, and then by waiting for the
// CSU's gate, or for a write in doubt.
const (
	aloneFor    = 15 * time.Second
	aloneLinger = 2 * time.Second
	aloneAgain  = 30 * time.Second // when it could not be alone
)

// claimTogether claims beside the other runs of the process; a run that processes died of is claimed again, alone.
func (e *Engine) claimTogether(ctx context.Context, run opened, q Request) Outcome {
	leave, err := e.solo.together(ctx)
	if err != nil {
		return e.notLetIn(ctx, q, err)
	}
	o, alone := e.claim(ctx, run, q)
	leave()
	if !alone {
		return o
	}
	return e.claimAlone(ctx, run, q)
}

func (e *Engine) claimAlone(ctx context.Context, run opened, q Request) Outcome {
	wait, cancel := context.WithTimeoutCause(ctx, aloneFor, errNotAlone)
	leave, err := e.solo.alone(wait)
	cancel()
	if err != nil {
		return e.notLetIn(ctx, q, err)
	}
	defer leave()
	q.Alone, q.Place = true, 0
	if q.linger == 0 || q.linger > aloneLinger {
		q.linger = aloneLinger
	}
	e.opts.Observer.RunsAlone(ctx, q.Scenario)
	o, _ := e.claim(ctx, run, q)
	return o
}

func (e *Engine) notLetIn(ctx context.Context, q Request, err error) Outcome {
	if ctx.Err() != nil && !errors.Is(err, errLineTooLong) {
		return Outcome{Verdict: Interrupted, Attempt: q.Event.Attempt, Err: err}
	}
	return Outcome{Verdict: Postponed, Cause: CauseAlone, After: jittered(aloneAgain), Attempt: q.Event.Attempt, Err: err}
}

// crashed ends a run that processes die of. Which step it was nobody lived to say: it is the first that is not finished, or
// one behind it that the run came to without a save.
func (g *goes) crashed(ctx context.Context) Outcome {
	step := ""
	for i := range g.run.count() {
		if st := g.run.step(i); !g.isFinished(st.Name) && !g.tooLate(i, st) && g.run.when(i) {
			step = st.Name
			break
		}
	}
	return g.end(ctx, step, *reject(errCrashLoop(g.grant.Deaths)))
}

func errCrashLoop(deaths int) error {
	return fault.New(fault.Permanent, fault.CrashLoop, fmt.Sprintf("%d processes died while they worked on it, the last one while it worked on "+
		"nothing else; see how that one ended (memory, as a rule: the container's record says), correct the event or report it, then replay", deaths))
}
