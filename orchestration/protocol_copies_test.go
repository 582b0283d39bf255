package orchestration_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestOfTwoCopiesTheOlderGenerationIsSurplus(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.set(func(string) error { return fault.New(fault.Blocked, "", "") }, nil)
		e, original := r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now())
		require.Equal(r.t, orchestration.Postponed, e.Handle(r.t.Context(), original).Verdict)
		// A crash between copy and complete: both live. The copy may also never have been sent, so the original still runs.
		require.Equal(r.t, orchestration.Postponed, e.Handle(r.t.Context(), original).Verdict)
		made := original
		made.Generation = 2
		require.Equal(r.t, orchestration.Postponed, e.Handle(r.t.Context(), made).Verdict)
		require.Equal(r.t, orchestration.Surplus, e.Handle(r.t.Context(), original).Verdict)
		published := original // the source published it once more
		published.Origin.Sequence = 99
		require.Equal(r.t, orchestration.Duplicate, e.Handle(r.t.Context(), published).Verdict)
		r.target.set(nil, nil)
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), made).Verdict)
		require.Equal(r.t, orchestration.Duplicate, e.Handle(r.t.Context(), original).Verdict)
		require.Equal(r.t, orchestration.Duplicate, e.Handle(r.t.Context(), published).Verdict)
		require.Equal(r.t, 1, r.target.creates)
	})
}

// Attempts live in the run, the message carries them as a floor.
func TestAttemptsAreCountedOnceWhicheverCopyComes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.set(func(string) error { return fault.New(fault.Transient, "", "503") }, nil)
		e, ev := r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now())
		for want := 1; want <= 3; want++ { // the original again and again: its copies were never sent
			require.Equal(r.t, want, e.Handle(r.t.Context(), ev).Attempt)
		}
		r.redis.FlushAll()
		ev.Generation, ev.Attempt = 4, 3
		require.Equal(r.t, 4, e.Handle(r.t.Context(), ev).Attempt, "after a wipe the copy still knows")
	})
}

// A replay is known by its job. A copy that was left over from before the rejection is none, however high its generation.
func TestAReplayBeginsItsAttemptsAnewAndARedeliveryDoesNot(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.set(func(string) error { return fault.New(fault.Transient, "", "503") }, nil)
		e, ev := r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now())
		for range 6 {
			o := e.Handle(r.t.Context(), ev)
			require.Equal(r.t, orchestration.Postponed, o.Verdict)
			ev.Generation, ev.Attempt = ev.Generation+1, o.Attempt
		}
		require.Equal(r.t, fault.AttemptsExhausted, e.Handle(r.t.Context(), ev).Reason)
		require.Equal(r.t, fault.AttemptsExhausted, e.Handle(r.t.Context(), ev).Reason, "died before it was dead-lettered")
		leftover := ev
		leftover.Generation++
		require.Equal(r.t, fault.AttemptsExhausted, e.Handle(r.t.Context(), leftover).Reason)
		ev.Generation, ev.Attempt, ev.Replay = ev.Generation+2, 0, "job-1"
		o := e.Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.Postponed, o.Verdict)
		require.Equal(r.t, 1, o.Attempt)
		ev.Generation, ev.Attempt = ev.Generation+1, o.Attempt
		require.Equal(r.t, 2, e.Handle(r.t.Context(), ev).Attempt, "a copy of a replay is no replay")
		ev.Generation, ev.Attempt, ev.Replay = ev.Generation+1, 0, "job-2"
		require.Equal(r.t, 1, e.Handle(r.t.Context(), ev).Attempt, "and of another job it is one again")
	})
}

func TestAnEventWithoutACorrelationIDAlwaysGetsTheSameOne(t *testing.T) {
	t.Parallel()
	require.Equal(t, orchestration.DeriveCorrelationID("shop", "e1"), orchestration.DeriveCorrelationID("shop", "e1"))
	require.NotEqual(t, orchestration.DeriveCorrelationID("shop", "e1"), orchestration.DeriveCorrelationID("shope", "1"))
}

func TestARunThatTakesTooLongContinuesByACopyAtNoCost(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		quiet := time.Now().Add(12 * time.Minute)
		r.target.set(func(string) error {
			if time.Now().Before(quiet) {
				return &fault.Error{Kind: fault.Throttled, Wait: 2 * time.Second}
			}
			return nil
		}, nil)
		began := time.Now()
		e, ev := r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now())
		o := e.Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.Postponed, o.Verdict)
		require.Equal(r.t, orchestration.CauseContinue, o.Cause)
		require.Zero(r.t, o.After)
		require.Zero(r.t, o.Attempt)
		require.Equal(r.t, 5*time.Minute, time.Since(began))
		ev.Generation++
		o = r.untilSettled(e, ev)
		require.Equal(r.t, orchestration.Completed, o.Verdict)
		require.Zero(r.t, o.Attempt)
		require.Zero(r.t, r.watch.tainted)
	})
}

// A write that is cut short by the end of the go is a write in doubt, and is looked up like any other.
func TestARunThatTakesTooLongInAWriteLooksItUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.late = window - lag - time.Second
		e := r.engine("w1", func(o *orchestration.Options) { o.MaxRun = time.Second })
		o := r.untilSettled(e, r.event("e1", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, orchestration.Completed, o.Verdict)
		pass(window)
		r.target.only(r.t)
	})
}

// A drain between a look and its act begins no write, so it closes nothing either.
func TestADrainBeforeTheActLeavesNoTaint(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ctx, drain := context.WithCancel(r.t.Context())
		r.target.set(func(op string) error {
			if op == "search" {
				drain()
			}
			return nil
		}, nil)
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		require.Equal(r.t, orchestration.Interrupted, r.engine("w1").Handle(ctx, ev).Verdict)
		require.Zero(r.t, r.watch.tainted)
		began := time.Now()
		require.Equal(r.t, orchestration.Completed, r.engine("w2").Handle(r.t.Context(), ev).Verdict)
		require.Zero(r.t, time.Since(began))
	})
}

func TestABurstForOneEntityOverTwoProcessesEndsWithTheNewestAndFewCopies(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.set(func(string) error { pass(20 * time.Millisecond); return nil }, nil)
		engines := []*orchestration.Engine{r.engine("w1"), r.engine("w2")}
		now := time.Now()
		var wait sync.WaitGroup
		for i := range 50 {
			ev := r.event("e"+string(rune('A'+i)), "42", "ana", "v"+string(rune('A'+i)), now.Add(time.Duration(i)*time.Second))
			wait.Go(func() {
				o := r.untilSettled(engines[i%2], ev)
				if o.Verdict != orchestration.Completed && o.Verdict != orchestration.Superseded {
					t.Errorf("%s ended %s", ev.ID, o.Verdict)
				}
			})
		}
		wait.Wait()
		require.Equal(r.t, "v"+string(rune('A'+49)), r.target.only(r.t).value)
		require.Zero(r.t, r.watch.postponed)
		require.LessOrEqual(r.t, r.target.updates, 3)
	})
}

// Asking again does not take another place in line.
func TestAPlaceInLineIsKeptWhileWaiting(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		free := make(chan struct{})
		r.target.set(func(op string) error {
			if op == "create" {
				<-free
			}
			return nil
		}, nil)
		var wait sync.WaitGroup
		e1, ev1 := r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now())
		wait.Go(func() { e1.Handle(r.t.Context(), ev1) })
		synctest.Wait()
		e := r.engine("w2", func(o *orchestration.Options) { o.WaitInRun = 30 * time.Second }) // asks some thirty times
		require.Equal(r.t, orchestration.CauseHeld, e.Handle(r.t.Context(), r.event("e2", "42", "ana", "v2", time.Now())).Cause)
		require.Greater(r.t, r.watch.answers["held"], 10)
		line, err := r.client.HGet(r.t.Context(), r.entityKey("shop", "42"), "line").Int()
		require.NoError(r.t, err)
		require.Equal(r.t, 1, line)
		close(free)
		wait.Wait()
	})
}
