package orchestration_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// extended is things with one more step, which makes an effect once per event.
func extended(r *rig) func(*orchestration.Options) {
	p := things(r.target)
	p.Steps = append(p.Steps, orchestration.Step[changed, learned]{
		Name: "make-effect", Sure: orchestration.Conclusive,
		Look: func(ctx context.Context, run *run) (bool, error) {
			_, found, err := r.target.has(ctx, run.EventToken("effect"))
			return found, err
		},
		Act: func(ctx context.Context, run *run) error { return r.target.put(ctx, run.EventToken("effect"), "x") },
	})
	return func(o *orchestration.Options) { o.Scenarios = []orchestration.Scenario{p} }
}

// A write in doubt is found: nothing of this run is on its way any more, and the next step acts at once.
func TestAHitEndsADoubtForTheStepsBehindIt(t *testing.T) {
	t.Parallel()
	t.Run("within one go", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(r *rig) {
			lost := false
			r.target.set(nil, func(_ context.Context, op string) error {
				if op == "create" && !lost {
					lost = true
					return fault.New(fault.Ambiguous, "", "reset")
				}
				return nil
			})
			r.target.lag = time.Second
			o := r.engine("w1", extended(r)).Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now()))
			require.Equal(r.t, orchestration.Completed, o.Verdict)
			require.Equal(r.t, 1, r.target.creates)
		})
	})
	t.Run("after a death", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(r *rig) {
			ev := r.event("e1", "42", "ana", "v1", time.Now())
			r.engine("w1", extended(r), mortal(newLife(7))).Handle(r.t.Context(), ev)
			require.Equal(r.t, 1, r.target.creates)
			pass(lease)
			began := time.Now()
			o := r.engine("w2", extended(r)).Handle(r.t.Context(), ev)
			require.Equal(r.t, orchestration.Completed, o.Verdict)
			require.Zero(r.t, time.Since(began))
		})
	})
	t.Run("but not when the hit is of a step before", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(r *rig) {
			e := r.engine("w1", extended(r))
			r.settle(e, r.event("e0", "42", "ana", "v0", time.Now()))
			pass(window)
			r.target.late = window - lag - time.Second
			ev := r.event("e1", "42", "ana", "v0", time.Now()) // all is there but the effect
			l := newLife(8)                                    // claim, search, read, has, and the effect is on its way
			r.engine("w1", extended(r), mortal(l)).Handle(r.t.Context(), ev)
			pass(lease)
			r.settle(r.engine("w2", extended(r)), ev)
			pass(window)
			require.Equal(r.t, 2, r.target.puts, "one for each event")
		})
	})
}

// What a frozen process made lands even after the window, right before our own act: both are seen, one is kept, and the
// one that is kept gets the last state.
func TestALookAfterAnActThatFollowedATaintSeesBoth(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		r.engine("w1", mortal(newLife(5))).Handle(r.t.Context(), ev)
		require.Zero(r.t, r.target.creates)
		r.target.slip = func(op string) {
			if op == "create" {
				r.target.things = append(r.target.things, &thing{id: "000000", key: "ana", value: "old"})
			}
		}
		r.settle(r.engine("w2"), ev)
		require.Len(r.t, r.watch.reported, 1)
		require.Equal(r.t, "000000", r.bound("shop", "42"))
		require.Equal(r.t, "v1", r.target.things[0].value)
	})
}

// An error is the step's own: it may be a variable that many runs return.
func TestAnErrorOfAStepIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	for kind, verdict := range map[fault.Kind]orchestration.Verdict{
		fault.Permanent: orchestration.Rejected, fault.Transient: orchestration.Rejected, fault.Dependency: orchestration.Rejected,
	} {
		inBubble(t, func(r *rig) {
			err := fault.New(kind, "", "as it was")
			r.target.set(func(string) error { return err }, nil)
			ev := r.event("e1", "42", "ana", "v1", time.Now().Add(-8*24*time.Hour))
			ev.Origin.Enqueued, ev.Attempt = time.Now().Add(-8*24*time.Hour), 6
			require.Equal(r.t, verdict, r.engine("w1").Handle(r.t.Context(), ev).Verdict)
			require.Equal(r.t, fault.New(kind, "", "as it was"), err)
		})
	}
}
