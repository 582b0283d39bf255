package orchestration_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// H4.
func TestTwoSystemsAtOnceWithOneNewKeyOnTwoProcessesMakeOneThingBoundTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.lag = window - 10*time.Second
		r.target.late = 3 * time.Second // both are at it at the same time
		var wait sync.WaitGroup
		for _, source := range []string{"shop", "crm"} {
			e, ev := r.engine(source), r.event("e1", "42", "ana", "v1", time.Now())
			ev.Source = source
			wait.Go(func() { r.settle(e, ev) })
		}
		wait.Wait()
		id := r.target.only(r.t).id
		require.Equal(r.t, id, r.bound("shop", "42"))
		require.Equal(r.t, id, r.bound("crm", "42"))
	})
}

// H4 iv.
func TestTwoIDsOfOneSourceAtOnceWithOneNewKeyMakeOneThingAndOneConflict(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		var mu sync.Mutex
		var wait sync.WaitGroup
		ends := map[orchestration.Verdict]int{}
		for i, id := range []string{"42", "77"} {
			e, ev := r.engine([]string{"w1", "w2"}[i]), r.event("e"+id, id, "ana", "v1", time.Now())
			wait.Go(func() {
				o := r.untilSettled(e, ev)
				mu.Lock()
				defer mu.Unlock()
				ends[o.Verdict]++
				if o.Verdict == orchestration.Rejected && o.Reason != fault.MappingConflict {
					t.Errorf("rejected for %s", o.Reason)
				}
			})
		}
		wait.Wait()
		r.target.only(r.t)
		require.Equal(r.t, map[orchestration.Verdict]int{orchestration.Completed: 1, orchestration.Rejected: 1}, ends)
	})
}

// H4: the key was held, so what the dead one did under it is in doubt for whoever takes it, whatever its entity.
func TestADeadRunsNaturalKeyIsClosedForOtherEntitiesToo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.late = window - lag - time.Second
		r.engine("w1", mortal(newLife(6))).Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now()))
		other := r.event("e2", "77", "ana", "v2", time.Now())
		other.Source = "crm"
		r.settle(r.engine("w2"), other)
		pass(window)
		r.target.only(r.t)
	})
}

// H24.
func TestOneIDInTwoLegalEntitiesIsTwoThings(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", func(o *orchestration.Options) {
			o.Channels = orchestration.Channels{
				{Name: "us", CSU: "default", LegalEntity: "usmf"}, {Name: "de", CSU: "default", LegalEntity: "demf"},
			}
			p := things(r.target) // one target for both: what must be kept apart are the keys
			find := p.Steps[0].Look
			p.Steps[0].Look = func(ctx context.Context, run *run) (bool, error) {
				if run.Binding == "" && run.Hints[0] == "" {
					return false, nil // a search within the legal entity finds nothing
				}
				return find(ctx, run)
			}
			o.Scenarios = []orchestration.Scenario{p}
		})
		for i, channel := range []string{"us", "de"} {
			ev := r.event("e"+channel, "42", "ana", "v1", time.Now().Add(-time.Duration(i)*time.Minute))
			ev.Channel = channel
			require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), ev).Verdict, "neither bound, nor learned, nor superseded by the other")
		}
		require.Equal(r.t, 2, r.target.creates)
		nowhere := r.event("e3", "42", "ana", "v1", time.Now())
		require.Equal(r.t, fault.UnknownChannel, e.Handle(r.t.Context(), nowhere).Reason)
	})
}
