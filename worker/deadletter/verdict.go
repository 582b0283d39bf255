package deadletter

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Planner says what would become of an event: the engine.
type Planner interface {
	Plan(ctx context.Context, ev orchestration.Event) orchestration.Plan
}

// Verdict is what would become of a dead letter if it were replayed now.
type Verdict struct {
	Letter
	Would   Would              `json:"would"`
	Because string             `json:"because,omitempty"` // one sentence; empty when the word says it all
	Plan    orchestration.Plan `json:"-"`
}

// Would is the verdict in a word.
type Would string

// The verdicts.
const (
	WouldApply     Would = "apply"      // it would go through
	WouldDuplicate Would = "duplicate"  // it is applied already: nothing would happen
	WouldSupersede Would = "superseded" // a newer state is applied: nothing would happen
	WouldFail      Would = "fail"       // it would be dead-lettered again
	WouldWait      Would = "wait"       // it would be put off
	WouldSkip      Would = "skip"       // its body was not kept: there is nothing to replay
	WouldTry       Would = "try"        // the target refused this very act; only trying shows whether it still does
)

// Woulds lists the verdicts.
func Woulds() []Would {
	return []Would{WouldApply, WouldDuplicate, WouldSupersede, WouldFail, WouldWait, WouldTry, WouldSkip}
}

// Foresee gives a verdict for each selected letter, from looks alone: nothing is written and nothing sent. Verdicts come in the
// order in which they are found out, at most at once at a time. An error of use ends it.
func Foresee(ctx context.Context, shelves []Shelf, s Selection, p Planner, at int, pace rate.Limit, use func(Verdict) error) error {
	verdicts := make(chan Verdict)
	limiter := rate.NewLimiter(orInf(pace), 1)
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		defer close(verdicts)
		planning, ctx := errgroup.WithContext(ctx)
		planning.SetLimit(max(at, 1))
		err := each(ctx, shelves, s, func(f found) error {
			if err := limiter.Wait(ctx); err != nil {
				return err
			}
			planning.Go(func() error {
				select {
				case verdicts <- foresee(ctx, p, f):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			return ctx.Err()
		})
		if waited := planning.Wait(); err == nil {
			err = waited
		}
		return err
	})
	all.Go(func() error {
		for v := range verdicts {
			if err := use(v); err != nil {
				return err
			}
		}
		return nil
	})
	return all.Wait()
}

// dryRun stands for the job that a dry run is not.
const dryRun = "dry-run"

// notKept says what to do about a letter whose body was not kept.
const notKept = "its body was not kept: publish the event anew, with a token in place of the card number, and discard this"

func foresee(ctx context.Context, p Planner, f found) Verdict {
	if f.Withheld {
		return Verdict{Letter: f.Letter, Would: WouldSkip, Because: notKept}
	}
	if f.err != nil {
		why := fault.As(f.err)
		return Verdict{Letter: f.Letter, Would: WouldFail, Because: string(why.Reason) + ": " + why.Detail}
	}
	plan := p.Plan(ctx, f.replay(dryRun))
	v := Verdict{Letter: f.Letter, Plan: plan}
	v.Would, v.Because = wouldOf(f.Letter, plan)
	return v
}

// wouldOf reads a plan as an operator does.
func wouldOf(l Letter, p orchestration.Plan) (Would, string) {
	switch p.Outcome.Verdict {
	case orchestration.Duplicate, orchestration.Surplus:
		return WouldDuplicate, ""
	case orchestration.Superseded:
		return WouldSupersede, ""
	case orchestration.Rejected:
		return WouldFail, string(p.Outcome.Reason) + ": " + p.Outcome.Detail
	case orchestration.Postponed:
		return WouldWait, waitsFor(p.Outcome)
	}
	for _, s := range p.Steps {
		if s.Will == orchestration.WillAct && s.Name == l.Step && refusedByTarget(l.Reason) {
			return WouldTry, "the target refused " + l.Step + " with " + l.Reason + "; looking does not show whether it still would"
		}
	}
	return WouldApply, ""
}

// refusedByTarget says whether it was the answer to an act that rejected a letter, not something that a look would find.
func refusedByTarget(reason string) bool {
	return reason == string(fault.CsuRejected) || reason == string(fault.NotPermitted) || reason == string(fault.SinkRejected)
}

func waitsFor(o orchestration.Outcome) string {
	text := "it would wait for: " + string(o.Cause)
	if o.After > 0 {
		text += ", " + o.After.Round(time.Second).String()
	}
	if o.Err != nil {
		text += " (" + o.Err.Error() + ")"
	}
	return text
}
