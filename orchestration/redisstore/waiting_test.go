package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"

	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

func waits(t *testing.T, k *kit) (all []redisstore.Waiting) {
	t.Helper()
	require.NoError(t, tracer(k).Waiting(t.Context(), func(w redisstore.Waiting) error {
		all = append(all, w)
		return nil
	}))
	return all
}

func TestWhatWaitsIsListedUntilItIsClaimed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		require.Empty(t, waits(t, k))
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		require.Empty(t, waits(t, k), "what is worked on does not wait")
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Cause: orchestration.CauseGate, Wait: time.Minute}))
		got := waits(t, k)
		require.Len(t, got, 1)
		require.Equal(t, "customers", got[0].Scenario)
		require.Equal(t, "gate", got[0].Cause)
		require.Equal(t, "create-account", got[0].Step)
		require.NotEmpty(t, got[0].Run)
		now, err := k.client.Time(t.Context()).Result()
		require.NoError(t, err)
		require.WithinDuration(t, now.Add(time.Minute), got[0].Due, time.Second)
		ttl, err := k.client.PTTL(t.Context(), rediskey.New("default", hasher).Waits()).Result()
		require.NoError(t, err)
		require.Positive(t, ttl, "the index has a lifetime")

		q.ClaimID, q.Event.Generation = "c2", 2
		mustClaim(t, k, q)
		require.Empty(t, waits(t, k))
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Reason: "CsuRejected"}))
		require.Empty(t, waits(t, k), "a dead letter does not wait")
	})
}

func TestListingStopsAtTheFirstErrorAndReadsInPages(t *testing.T) {
	t.Parallel()
	onReal(t, func(t *testing.T, k *kit) {
		for i := range 2500 {
			q := request("c", "e"+time.Duration(i).String(), "n"+time.Duration(i).String(), time.Duration(i).String()+"@example.com", noon)
			mustClaim(t, k, q)
			require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Cause: orchestration.CauseGate, Wait: time.Duration(i) * time.Second}))
		}
		all := waits(t, k)
		require.Len(t, all, 2500)
		require.True(t, all[0].Due.Before(all[2499].Due), "those that are due first come first")
		enough := errors.New("enough")
		n := 0
		err := tracer(k).Waiting(t.Context(), func(redisstore.Waiting) error { n++; return enough })
		require.ErrorIs(t, err, enough)
		require.Equal(t, 1, n)
	})
}

func TestWhatIsLongOverdueIsForgotten(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Cause: orchestration.CauseGate, Wait: time.Minute}))
		pass(23 * time.Hour)
		require.Len(t, waits(t, k), 1)
		pass(2 * time.Hour)
		require.Empty(t, waits(t, k))
	})
}

func TestASupersededRunWaitsNoMoreAndIsOnRecord(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		older := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, older)
		require.NoError(t, k.Release(t.Context(), older, orchestration.Released{Step: "create-account", Cause: orchestration.CauseBackoff, Wait: time.Minute, Attempt: true}))
		newer := request("c2", "e2", "42", "ana@example.com", noon.Add(time.Hour))
		mustClaim(t, k, newer)
		require.NoError(t, k.Save(t.Context(), newer, finish("000001", customer("42"))))

		older.ClaimID, older.Event.Generation = "c3", 2
		g, err := k.Claim(t.Context(), older)
		require.NoError(t, err)
		require.Equal(t, orchestration.AnswerSuperseded, g.Answer)
		require.Empty(t, waits(t, k))
		r, found, err := tracer(k).ByEvent(t.Context(), "shop", "e1")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, redisstore.RunDone, r.State)
		require.Equal(t, "superseded", r.Outcome)
		require.Len(t, r.History, 1, "with what it waited for")
		require.Equal(t, "backoff", r.History[0].Why)

		never := request("c4", "e0", "42", "ana@example.com", noon.Add(-time.Hour)) // superseded before it was ever claimed
		g, err = k.Claim(t.Context(), never)
		require.NoError(t, err)
		require.Equal(t, orchestration.AnswerSuperseded, g.Answer)
		runs, err := tracer(k).ByCorrelation(t.Context(), never.Event.CorrelationID)
		require.NoError(t, err)
		require.NotEmpty(t, runs)
	})
}

// Whether a write of it was in doubt or its process died: the message of an overtaken event is completed, and nobody else will end
// its run.
func TestAnOvertakenRunIsOnRecordHoweverItWasLeft(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(t *testing.T, k *kit, q orchestration.Request){
		"with a write in doubt": func(t *testing.T, k *kit, q orchestration.Request) {
			require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Taint: true, Cause: orchestration.CauseTaint, Wait: time.Minute}))
		},
		"by a process that died": func(*testing.T, *kit, orchestration.Request) { pass(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMini(t, func(t *testing.T, k *kit) {
				older := request("c1", "e1", "42", "ana@example.com", noon)
				mustClaim(t, k, older)
				leave(t, k, older)
				newer := request("c2", "e2", "42", "ana@example.com", noon.Add(time.Hour))
				mustClaim(t, k, newer)
				require.NoError(t, k.Save(t.Context(), newer, finish("000001", customer("42"))))

				again := older
				again.ClaimID, again.Event.Generation = "c3", 2
				g, err := k.Claim(t.Context(), again)
				require.NoError(t, err)
				require.Equal(t, orchestration.AnswerSuperseded, g.Answer)
				require.Empty(t, waits(t, k))
				r, _, err := tracer(k).ByEvent(t.Context(), "shop", "e1")
				require.NoError(t, err)
				require.Equal(t, redisstore.RunDone, r.State)
				require.Equal(t, "superseded", r.Outcome)
				require.ErrorIs(t, k.Save(t.Context(), older, finish("000002", customer("42"))), orchestration.ErrNotOurs, "whoever thaws has lost it")
			})
		})
	}
}

// An event that was published twice has two messages and one run. The one that was published later counts as newer; the other one
// must not end the run that it is in the middle of.
func TestAnEventIsNotEndedByAnEarlierMessageOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]orchestration.Released{
		"while a write of it is in doubt": {Step: "update-account", Taint: true, Cause: orchestration.CauseTaint, Wait: time.Minute},
		"between two steps":               {Step: "update-account", Cause: orchestration.CauseGate, Wait: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMini(t, func(t *testing.T, k *kit) {
				first := request("c1", "e1", "42", "ana@example.com", noon)
				second := first
				second.ClaimID, second.Event.Origin.Sequence, second.Version = "c2", 2, first.Version+"|2"
				mustClaim(t, k, second)
				require.NoError(t, k.Save(t.Context(), second, orchestration.Progress{Step: "create-account", Steps: []string{"create-account"}, Learned: []byte(`{}`), Applied: true}))
				require.NoError(t, k.Release(t.Context(), second, leave))

				g, err := k.Claim(t.Context(), first)
				require.NoError(t, err)
				require.Equal(t, orchestration.AnswerSuperseded, g.Answer)

				pass(time.Hour)
				second.ClaimID, second.Event.Generation = "c3", 2
				require.Equal(t, orchestration.Go, mustClaim(t, k, second).Answer, "its second step is still to be done")
			})
		})
	}
}

func TestAnOvertakenRunThatIsWorkedOnIsLeftToWhoeverDoes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		newer := request("c1", "e2", "42", "ana@example.com", noon.Add(time.Hour))
		mustClaim(t, k, newer)
		require.NoError(t, k.Save(t.Context(), newer, orchestration.Progress{Applied: true}))
		require.NoError(t, k.Release(t.Context(), newer, orchestration.Released{}))
		older := request("c2", "e1", "43", "bea@example.com", noon)
		mustClaim(t, k, older)
		older.ClaimID, older.Entity = "c3", newer.Entity // the same event, as another version of the pipeline reads it
		g, err := k.Claim(t.Context(), older)
		require.NoError(t, err)
		require.Equal(t, orchestration.AnswerSuperseded, g.Answer)
		r, _, err := tracer(k).ByEvent(t.Context(), "shop", "e1")
		require.NoError(t, err)
		require.NotEqual(t, redisstore.RunDone, r.State)
	})
}

func TestAFinishedRunRemembersItsWaits(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Cause: orchestration.CauseGate, Wait: time.Minute}))
		q.ClaimID, q.Event.Generation, q.Keep = "c2", 2, time.Hour
		mustClaim(t, k, q)
		require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))))
		r, found, err := tracer(k).ByEvent(t.Context(), "shop", "e1")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, redisstore.RunDone, r.State)
		require.Len(t, r.History, 1)
		require.Equal(t, "gate", r.History[0].Why)
		require.Equal(t, "create-account", r.History[0].Step)
		require.WithinDuration(t, r.ServerTime.Add(time.Hour), r.ForgottenAt, time.Second, "a pipeline may have a lifetime of its own")
	})
}

func TestPeekingAnswersAsAClaimWouldAndChangesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		dump := func() map[string]string {
			out := map[string]string{}
			keys, err := k.client.Keys(t.Context(), "*").Result()
			require.NoError(t, err)
			for _, key := range keys {
				kind, err := k.client.Type(t.Context(), key).Result()
				require.NoError(t, err)
				switch kind {
				case "hash":
					h, err := k.client.HGetAll(t.Context(), key).Result()
					require.NoError(t, err)
					for f, v := range h {
						out[key+" "+f] = v
					}
				default:
					out[key] = kind
				}
			}
			return out
		}
		same := func(q orchestration.Request, what string) orchestration.Grant {
			before := dump()
			peeked, err := k.Peek(t.Context(), q)
			require.NoError(t, err)
			require.Equal(t, before, dump(), what)
			claimed, err := k.Claim(t.Context(), q)
			require.NoError(t, err)
			require.Equal(t, claimed.Answer, peeked.Answer, what)
			require.Equal(t, claimed.Binding, peeked.Binding, what)
			require.Equal(t, claimed.Attempt, peeked.Attempt, what)
			require.Equal(t, claimed.OwnTaint, peeked.OwnTaint, what)
			require.Equal(t, claimed.Steps, peeked.Steps, what)
			return claimed
		}
		q := request("c1", "e1", "42", "ana@example.com", noon)
		same(q, "a new event")
		other := request("c2", "e2", "42", "ana@example.com", noon.Add(time.Hour))
		before := dump()
		held, err := k.Peek(t.Context(), other)
		require.NoError(t, err)
		require.Equal(t, orchestration.Held, held.Answer)
		require.Zero(t, held.Place, "whoever only looks stands in no line")
		require.Equal(t, before, dump())
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Taint: true, Attempt: true, Reason: "CsuRejected"}))
		q.ClaimID, q.Event.Generation = "c3", 2
		same(q, "a replay")
		require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))))
		q.ClaimID = "c4"
		same(q, "a finished event")
		same(other, "an event that finds a binding")
	})
}

func TestWhatWouldContradictIsKnownBeforehand(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		p := finish("000001", customer("42"))
		require.NoError(t, k.Fits(t.Context(), q, p.Bindings))
		require.NoError(t, k.Save(t.Context(), q, p))
		require.NoError(t, k.Fits(t.Context(), q, p.Bindings), "so it is already")
		twin := request("c2", "e2", "43", "ana@example.com", noon)
		require.ErrorIs(t, k.Fits(t.Context(), twin, finish("000001", customer("43")).Bindings), mapping.ErrConflict)
		_, err := redistable.New(k.client, rediskey.New("default", hasher)).Find(t.Context(), customer("43"))
		require.ErrorIs(t, err, mapping.ErrNotBound)
	})
}

func TestAProvisionalIDGoesOnResolvingAfterItsPromotion(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		table := redistable.New(k.client, rediskey.New("default", hasher))
		bind := func(claim, event string, ref mapping.Ref, was, id string) error {
			q := request(claim, event, ref.ID, ref.ID+"@example.com", noon)
			q.Event.Source, q.Entity, q.Order = ref.Source, ref, orchestration.Fact
			mustClaim(t, k, q)
			p := finish(id, ref)
			p.Bindings[0].Was = was
			return k.Save(t.Context(), q, p)
		}
		shop, crm := customer("42"), customer("c-7")
		crm.Source = "crm"
		provisional := mapping.Target{Kind: shop.Kind, Scope: shop.Scope, ID: "guid"}
		permanent := mapping.Target{Kind: shop.Kind, Scope: shop.Scope, ID: "000007"}
		require.NoError(t, bind("c1", "e1", shop, "", "guid"))
		require.NoError(t, bind("c2", "e2", crm, "", "guid"))

		require.NoError(t, bind("c3", "e3", shop, "guid", "000007"))
		got, err := table.Find(t.Context(), shop)
		require.NoError(t, err)
		require.Equal(t, permanent, got)
		refs, err := table.Sources(t.Context(), provisional)
		require.NoError(t, err)
		require.Equal(t, []mapping.Ref{crm}, refs, "the other source is not promoted yet")
		resolved, err := table.Resolve(t.Context(), provisional)
		require.NoError(t, err)
		require.Equal(t, permanent, resolved)

		require.NoError(t, bind("c4", "e4", crm, "guid", "000007"))
		refs, err = table.Sources(t.Context(), provisional)
		require.NoError(t, err)
		require.Equal(t, []mapping.Ref{crm, shop}, refs, "found under the permanent id")
		keys := rediskey.New("default", hasher)
		ttl, err := k.client.PTTL(t.Context(), keys.MapBack(provisional)).Result()
		require.NoError(t, err)
		require.Positive(t, ttl, "for a while")
		ttl, err = k.client.PTTL(t.Context(), keys.MapBack(permanent)).Result()
		require.NoError(t, err)
		require.Negative(t, ttl)
		same, err := table.Resolve(t.Context(), permanent)
		require.NoError(t, err)
		require.Equal(t, permanent, same)

		require.ErrorIs(t, bind("c5", "e5", shop, "another", "000009"), mapping.ErrConflict, "that is not what it is bound to")
	})
}
