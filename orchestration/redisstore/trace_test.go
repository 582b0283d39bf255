package redisstore_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

func tracer(k *kit) *redisstore.Tracer {
	return redisstore.NewTracer(k.client, rediskey.New("default", hasher))
}

func TestARunIsTracedFromItsClaimToItsEnd(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		_, found, err := tracer(k).ByEvent(t.Context(), "shop", "e1")
		require.NoError(t, err)
		require.False(t, found, "the store knows nothing yet")

		mustClaim(t, k, q)
		r := onlyRun(t, k, q)
		require.Equal(t, redisstore.RunWorking, r.State)
		require.Equal(t, "customers", r.Scenario)
		require.Equal(t, "w1", r.Owner)
		require.Equal(t, q.Event.Origin.String(), r.Origin)
		require.Equal(t, 1, r.Generation)
		require.WithinDuration(t, r.ServerTime.Add(lease), r.LeaseUntil, time.Second)
		require.Empty(t, r.Steps)

		p := finish("000001", customer("42"))
		p.Finish = false
		require.NoError(t, k.Save(t.Context(), q, p))
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "update-account", Attempt: true,
			Cause: orchestration.CauseGate, Wait: time.Minute}))
		r = onlyRun(t, k, q)
		require.Equal(t, redisstore.RunWaiting, r.State)
		require.Equal(t, []string{"create-account"}, r.Steps)
		require.Equal(t, 1, r.Attempt)
		require.Equal(t, "gate", r.Wait.For)
		require.Equal(t, "update-account", r.Wait.Step)
		require.WithinDuration(t, r.ServerTime.Add(time.Minute), r.Wait.Until, time.Second)
		require.Equal(t, []redisstore.RunMoment{{At: r.Wait.Until.Add(-time.Minute), Step: "update-account", Why: "gate"}}, r.History)

		q.ClaimID, q.Event.Generation = "c2", 2
		mustClaim(t, k, q)
		require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))))
		r = onlyRun(t, k, q)
		require.Equal(t, redisstore.RunDone, r.State)
		require.Equal(t, "completed", r.Outcome)
		require.Equal(t, 2, r.Generation)
		require.Equal(t, 1, r.Attempt)
		require.False(t, r.Ended.Before(r.Began))
		require.WithinDuration(t, r.ServerTime.Add(14*24*time.Hour), r.ForgottenAt, time.Minute)
	})
}

// onlyRun reads a run both ways, which must agree.
func onlyRun(t *testing.T, k *kit, q orchestration.Request) redisstore.RunTrace {
	t.Helper()
	runs, err := tracer(k).ByCorrelation(t.Context(), q.Event.CorrelationID)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	r, found, err := tracer(k).ByEvent(t.Context(), q.Event.Source, q.Event.ID)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, r.Run, runs[0].Run)
	require.Equal(t, r.State, runs[0].State)
	return r
}

func TestRunsOfOneCorrelationComeTogetherInTheOrderTheyBegan(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		first, second, third := request("c1", "e1", "1", "a@example.com", noon), request("c2", "e2", "2", "b@example.com", noon), request("c3", "e3", "3", "c@example.com", noon)
		for _, q := range []*orchestration.Request{&second, &third} {
			q.Event.CorrelationID = first.Event.CorrelationID
		}
		for _, q := range []orchestration.Request{first, second, third} {
			mustClaim(t, k, q)
			pass(time.Second)
		}
		runs, err := tracer(k).ByCorrelation(t.Context(), first.Event.CorrelationID)
		require.NoError(t, err)
		require.Len(t, runs, 3)
		require.True(t, runs[0].Began.Before(runs[1].Began) && runs[1].Began.Before(runs[2].Began))

		none, err := tracer(k).ByCorrelation(t.Context(), "5d1c9e7c-0b7f-5a0e-9d53-3a1f6b7e2c11")
		require.NoError(t, err)
		require.Empty(t, none)
	})
}

func TestARunSaysWhenItWasGivenBackOrLeftAlone(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		pass(lease + time.Second)
		require.Equal(t, redisstore.RunAbandoned, onlyRun(t, k, q).State, "nobody renewed the lease")

		q.ClaimID = "c2"
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Taint: true}))
		r := onlyRun(t, k, q)
		require.Equal(t, redisstore.RunReleased, r.State)
		require.Nil(t, r.Wait)

		q.ClaimID = "c3"
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Reason: "CsuRejected"}))
		r = onlyRun(t, k, q)
		require.Equal(t, redisstore.RunRejected, r.State)
		require.Len(t, r.History, 2)
		require.Equal(t, "CsuRejected", r.History[1].Why)
	})
}

func TestARunIsActiveUntilItsClaimOrItsWaitIsOver(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		claimed := onlyRun(t, k, q)
		require.Equal(t, claimed.LeaseUntil, claimed.Active())
		pass(time.Hour)
		require.Equal(t, claimed.LeaseUntil, onlyRun(t, k, q).Active(), "nobody went on with it")

		q.ClaimID = "c2"
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account"}))
		released := onlyRun(t, k, q)
		require.Equal(t, released.ServerTime, released.Active())
		pass(time.Hour)
		require.Equal(t, released.Active(), onlyRun(t, k, q).Active())

		q.ClaimID = "c3"
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Cause: orchestration.CauseBackoff, Wait: time.Hour}))
		waiting := onlyRun(t, k, q)
		require.Equal(t, waiting.Wait.Until, waiting.Active())
	})
}

func TestATraceHoldsNothingOfTheEventAndNothingLearned(t *testing.T) {
	t.Parallel()
	onReal(t, func(t *testing.T, k *kit) {
		q := request("c1", "ana@example.com", "customer-of-ana", "ana@example.com", noon)
		mustClaim(t, k, q)
		p := finish("000001", customer("customer-of-ana"))
		p.Finish = false
		require.NoError(t, k.Save(t.Context(), q, p))
		r, _, err := tracer(k).ByEvent(t.Context(), "shop", "ana@example.com")
		require.NoError(t, err)
		text, err := json.Marshal(r)
		require.NoError(t, err)
		for _, personal := range []string{"ana", "000001", "shop"} {
			require.NotContains(t, string(text), personal)
		}
	})
}

func TestARunOfAnotherVersionIsShownAsFarAsItCanBeRead(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		keys := rediskey.New("default", hasher)
		key := keys.Run(keys.RunID("shop", "e1"))
		require.NoError(t, k.client.HSet(t.Context(), key, "scen", "orders", "t:"+keys.RunID("shop", "e1"), "place-order|1700000000000", "wait", "what|ever", "hist", "x\n1|a|b", "began", "1.7e+12").Err())
		r, found, err := tracer(k).ByEvent(t.Context(), "shop", "e1")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, "orders", r.Scenario)
		require.Equal(t, int64(1_700_000_000_000), r.Began.UnixMilli())
		require.Len(t, r.History, 1)
		require.Equal(t, []redisstore.RunDoubt{{Step: "place-order", Until: r.Began}}, r.Doubts)

		require.NoError(t, k.client.Set(t.Context(), key, "no record", 0).Err())
		_, _, err = tracer(k).ByEvent(t.Context(), "shop", "e1")
		require.ErrorContains(t, err, "read the record of a finished run")
	})
}

func TestAStoreThatCannotBeReachedIsAnError(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		require.NoError(t, k.client.Close())
		_, err := tracer(k).ByCorrelation(t.Context(), "5d1c9e7c-0b7f-5a0e-9d53-3a1f6b7e2c11")
		require.ErrorContains(t, err, "read the runs of a correlation")
		_, _, err = tracer(k).ByEvent(t.Context(), "shop", "e1")
		require.ErrorContains(t, err, "read a run")
	})
}
