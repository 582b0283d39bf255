package orchestration_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestANewThingIsCreatedBoundAndDone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e, ev := r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now())
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), ev).Verdict)
		require.Equal(r.t, orchestration.Duplicate, e.Handle(r.t.Context(), ev).Verdict)
		require.Equal(r.t, 1, r.target.creates)
		require.Zero(r.t, r.target.updates)
	})
}

func TestTheNewestStateWinsAndAnOvertakenOneIsSuperseded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e, now := r.engine("w1"), time.Now()
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e3", "42", "ana", "v3", now.Add(2*time.Minute))).Verdict)
		require.Equal(r.t, orchestration.Superseded, e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", now)).Verdict)
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e4", "42", "ana", "v4", now.Add(3*time.Minute))).Verdict)
		require.Equal(r.t, 1, r.target.creates)
		require.Equal(r.t, "v4", r.target.things[0].value)
	})
}

func TestTwoSourcesWithOneNewKeyMakeOneThing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		var wait sync.WaitGroup
		for i, owner := range []string{"w1", "w2"} {
			ev := r.event("e1", "42", "ana", "v1", time.Now().Add(time.Duration(i)*time.Second))
			ev.Source = owner // two systems, two workers
			e := r.engine(owner)
			wait.Go(func() { require.Equal(r.t, orchestration.Completed, r.untilSettled(e, ev).Verdict) })
		}
		wait.Wait()
		require.Equal(r.t, 1, r.target.creates, "the search lags: only the hint under the natural key can tell")
	})
}

func TestTwoIDsOfOneSourceForOneThingAreAMappingConflict(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1")
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now())).Verdict)
		pass(lag)
		o := e.Handle(r.t.Context(), r.event("e2", "77", "ana", "v2", time.Now()))
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		require.Equal(r.t, fault.MappingConflict, o.Reason)
		require.Equal(r.t, "v1", r.target.things[0].value, "refused before anything was written")
	})
}

func TestAWriteWithoutAnAnswerIsLookedUpAndNeverRepeated(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]error{
		"an unclassified error": errors.New("connection reset"),
		"an ambiguous answer":   fault.New(fault.Ambiguous, "", "502 from a gateway"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				r.target.set(nil, func(context.Context, string) error { return lost })
				o := r.untilSettled(r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now()))
				require.Equal(r.t, orchestration.Completed, o.Verdict)
				require.Equal(r.t, 1, r.target.creates)
				require.Equal(r.t, 1, r.watch.tainted)
			})
		})
	}
}

func TestAWriteThatNeverLandedIsMadeOnceTheWindowIsOver(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		began, lost := time.Now(), false
		r.target.set(func(op string) error {
			if op == "create" && !lost {
				lost = true
				return fault.New(fault.Ambiguous, "", "timeout")
			}
			return nil
		}, nil)
		o := r.untilSettled(r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, orchestration.Completed, o.Verdict)
		require.Equal(r.t, 1, r.target.creates)
		require.GreaterOrEqual(r.t, time.Since(began), window)
		require.Equal(r.t, 1, o.Attempt)
	})
}

func TestAReadThatFailsIsTriedAgainAndThenRescheduledSixTimes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		down := fault.New(fault.Transient, "", "503")
		r.target.set(func(string) error { return down }, nil)
		e, ev, began := r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now()), time.Now()
		o := r.untilSettled(e, ev)
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		require.Equal(r.t, fault.AttemptsExhausted, o.Reason)
		require.Equal(r.t, 6, o.Attempt)
		require.Greater(r.t, time.Since(began), 5*time.Hour)
		require.Zero(r.t, r.target.creates)
	})
}

func TestThrottlingNeverUsesUpAttempts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		until := time.Now().Add(time.Hour)
		r.target.set(func(string) error {
			if time.Now().Before(until) {
				return &fault.Error{Kind: fault.Throttled, Wait: min(time.Until(until), time.Minute)}
			}
			return nil
		}, nil)
		o := r.untilSettled(r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, orchestration.Completed, o.Verdict)
		require.Zero(r.t, o.Attempt)
	})
}

func TestBlockedAndDependencyAreNeverDeadLetteredBeforeTheirDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		for kind, cause := range map[fault.Kind]orchestration.Cause{fault.Blocked: orchestration.CauseBlocked, fault.Dependency: orchestration.CauseDependency} {
			r.target.set(func(string) error { return fault.New(kind, "", "") }, nil)
			ev := r.event("e-"+kind.String(), "42", "ana", "v1", time.Now())
			for i := range 20 {
				ev.Generation = i + 1
				o := r.engine("w1").Handle(r.t.Context(), ev)
				require.Equal(r.t, orchestration.Postponed, o.Verdict)
				require.Equal(r.t, cause, o.Cause)
				require.Zero(r.t, o.Attempt)
				pass(o.After)
			}
		}
		ev := r.event("e-late", "42", "ana", "v1", time.Now().Add(-8*24*time.Hour))
		ev.Origin.Enqueued = time.Now().Add(-8 * 24 * time.Hour)
		require.Equal(r.t, fault.MissingDependency, func() fault.Reason {
			r.target.set(func(string) error { return fault.New(fault.Dependency, "", "") }, nil)
			return r.engine("w1").Handle(r.t.Context(), ev).Reason
		}())
	})
}

// What fails for something known goes on waiting for it: a day without headquarters uses up no attempts.
func TestWhatFailsForWantOfHeadquartersWaitsForItWithoutAttempts(t *testing.T) {
	t.Parallel()
	for kind, calls := range map[fault.Kind]string{fault.Ambiguous: "create", fault.Transient: "search"} {
		inBubble(t, func(r *rig) {
			away := &fault.Error{Kind: kind, Waits: fault.ForHQ, Code: "HeadquarterCommunicationFailure"}
			acts := 0
			r.target.set(func(op string) error {
				if op != calls {
					return nil
				}
				acts++
				return away
			}, nil)
			ev := r.event("e1", "42", "ana", "v1", time.Now())
			for began := time.Now(); time.Since(began) < 24*time.Hour; ev.Generation++ {
				o := r.engine("w1").Handle(r.t.Context(), ev)
				require.Equal(r.t, orchestration.Postponed, o.Verdict, o.Detail)
				require.Contains(r.t, []orchestration.Cause{orchestration.CauseHQ, orchestration.CauseTaint}, o.Cause)
				require.Zero(r.t, o.Attempt)
				pass(o.After)
			}
			require.Greater(r.t, acts, 24)
			if kind == fault.Ambiguous {
				require.Less(r.t, acts, 80, "not a call more than one a wait")
			}
			r.target.set(nil, nil)
			o := r.untilSettled(r.engine("w1"), ev)
			require.Equal(r.t, orchestration.Completed, o.Verdict)
			require.Zero(r.t, o.Attempt)
			r.target.only(r.t)
		})
	}
}

// A write that failed so may have landed all the same.
func TestAWriteThatFailedForWantOfHeadquartersIsInDoubt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.set(nil, func(_ context.Context, op string) error {
			if op == "create" {
				return &fault.Error{Kind: fault.Ambiguous, Waits: fault.ForHQ}
			}
			return nil
		})
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		o := r.engine("w1").Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.CauseHQ, o.Cause)
		require.GreaterOrEqual(r.t, o.After, window)
		ev.Generation++
		o = r.untilSettled(r.engine("w2"), ev)
		require.Equal(r.t, orchestration.Completed, o.Verdict)
		r.target.only(r.t)
	})
}

func TestAConflictIsLookedAtAgainAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		tries := 0
		r.target.set(func(op string) error {
			if op == "create" {
				if tries++; tries < 3 {
					return fault.New(fault.Conflict, "", "changed meanwhile")
				}
			}
			return nil
		}, nil)
		began := time.Now()
		require.Equal(r.t, orchestration.Completed, r.engine("w1").Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now())).Verdict)
		require.Zero(r.t, time.Since(began))
	})
}

func TestAPermanentRefusalIsRejectedWithItsStepAndCanBeReplayed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.set(func(op string) error {
			if op == "create" {
				return &fault.Error{Kind: fault.Permanent, Operation: "Things.Create", Status: 400, Code: "InvalidFormat"}
			}
			return nil
		}, nil)
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		o := r.engine("w1").Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		require.Equal(r.t, fault.CsuRejected, o.Reason)
		require.Equal(r.t, "create-thing", o.Step)
		require.Contains(r.t, o.Detail, "Things.Create")
		r.target.set(nil, nil)
		ev.Generation++
		require.Equal(r.t, orchestration.Completed, r.engine("w1").Handle(r.t.Context(), ev).Verdict)
	})
}

func TestAPanicInAnActIsAmbiguousAndInALookTransient(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		looks := 0
		r.target.set(func(op string) error {
			if looks++; op == "search" && looks == 1 {
				panic("in a look")
			}
			return nil
		}, func(context.Context, string) error { panic("after a commit") })
		o := r.untilSettled(r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, orchestration.Completed, o.Verdict)
		require.Equal(r.t, 1, r.target.creates)
		require.Equal(r.t, 2, r.watch.panics)
	})
}

func TestADrainCostsNoAttemptAndLeavesATaintWhereAWriteWasCutShort(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ctx, drain := context.WithCancel(r.t.Context())
		r.target.set(nil, func(ctx context.Context, _ string) error {
			drain()
			return fault.Wrap(fault.Ambiguous, "create", context.Cause(ctx))
		})
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		o := r.engine("w1").Handle(ctx, ev)
		require.Equal(r.t, orchestration.Interrupted, o.Verdict)
		require.Zero(r.t, o.Attempt)
		r.target.set(nil, nil)
		o = r.untilSettled(r.engine("w2"), ev)
		require.Equal(r.t, orchestration.Completed, o.Verdict)
		require.Zero(r.t, o.Attempt)
		require.Equal(r.t, 1, r.target.creates)
	})
}

func TestABurstForOneEntityCostsOneClaimEach(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e, now := r.engine("w1"), time.Now()
		r.target.set(func(string) error { pass(20 * time.Millisecond); return nil }, nil)
		verdicts := map[orchestration.Verdict]int{}
		var mu sync.Mutex
		var wait sync.WaitGroup
		for i := range 50 {
			ev := r.event("e"+string(rune('A'+i)), "42", "ana", "v"+string(rune('A'+i)), now.Add(time.Duration(i)*time.Second))
			wait.Go(func() {
				o := e.Handle(r.t.Context(), ev)
				mu.Lock()
				defer mu.Unlock()
				verdicts[o.Verdict]++
			})
		}
		wait.Wait()
		require.Equal(r.t, "v"+string(rune('A'+49)), r.target.things[0].value)
		require.Equal(r.t, 50, verdicts[orchestration.Completed]+verdicts[orchestration.Superseded])
		require.LessOrEqual(r.t, verdicts[orchestration.Completed], 2, "the first one in, then the newest")
		require.Zero(r.t, r.watch.answers["held"])
	})
}

func TestWhatAnotherProcessHoldsIsWaitedForAWhileThenRescheduled(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		slow := make(chan struct{})
		r.target.set(func(op string) error {
			if op == "create" {
				<-slow
			}
			return nil
		}, nil)
		var first orchestration.Outcome
		var wait sync.WaitGroup
		e1 := r.engine("w1")
		ev1 := r.event("e1", "42", "ana", "v1", time.Now())
		wait.Go(func() { first = e1.Handle(r.t.Context(), ev1) })
		synctest.Wait()
		ev := r.event("e2", "42", "ana", "v2", time.Now().Add(time.Second))
		o := r.engine("w2").Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.Postponed, o.Verdict)
		require.Equal(r.t, orchestration.CauseHeld, o.Cause)
		pass(30 * time.Second) // far past the lease: it is renewed
		close(slow)
		wait.Wait()
		require.Equal(r.t, orchestration.Completed, first.Verdict)
		require.Equal(r.t, orchestration.Completed, r.untilSettled(r.engine("w2"), ev).Verdict)
		require.Equal(r.t, 1, r.target.creates)
	})
}

func TestWhatCannotBeReadIsPoisonWithAPointerAndWithoutARun(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1")
		good := func() orchestration.Event { return r.event("e1", "42", "ana", "v1", time.Now()) }
		for name, tc := range map[string]struct {
			spoil  func(*orchestration.Event)
			reason fault.Reason
			detail string
		}{
			"an unknown type":        {func(ev *orchestration.Event) { ev.Type = "example.other" }, fault.UnknownType, "no scenario"},
			"an unknown channel":     {func(ev *orchestration.Event) { ev.Channel = "nowhere" }, fault.UnknownChannel, "channel table"},
			"a clock far ahead":      {func(ev *orchestration.Event) { ev.Time = time.Now().Add(6 * time.Minute) }, fault.TimeInFuture, "clock"},
			"an expired event":       {func(ev *orchestration.Event) { ev.Expires = time.Now().Add(-time.Second) }, fault.Expired, "time to live"},
			"a missing member":       {func(ev *orchestration.Event) { ev.Data = []byte(`{"id":"42"}`) }, fault.SchemaInvalid, "lacks key"},
			"a member that is wrong": {func(ev *orchestration.Event) { ev.Data = []byte(`{"id":"42","key":"zq"}`) }, fault.SchemaInvalid, `/key does not keep`},
		} {
			ev := good()
			tc.spoil(&ev)
			o := e.Handle(r.t.Context(), ev)
			require.Equal(r.t, orchestration.Rejected, o.Verdict, name)
			require.Equal(r.t, tc.reason, o.Reason, name)
			require.Contains(r.t, o.Detail, tc.detail, name)
			require.NotContains(r.t, o.Detail, "zq", "no value of the data may be repeated")
		}
		require.Empty(r.t, r.watch.answers)
	})
}

func TestTheSameEventWithOtherContentIsAnIDConflict(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1")
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), ev).Verdict)
		ev.Data = []byte(` { "value" : "v1", "key":"ana","id":"42" } `)
		require.Equal(r.t, orchestration.Duplicate, e.Handle(r.t.Context(), ev).Verdict, "white space and order mean nothing")
		ev.Data = []byte(`{"value":"v2","key":"ana","id":"42"}`)
		require.Equal(r.t, fault.IDConflict, e.Handle(r.t.Context(), ev).Reason)
	})
}
