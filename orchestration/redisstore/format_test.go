package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

// Lua knows only floats: times in milliseconds must not come out as 1.7e+12, nor counts as 3.0, on either server.
func TestNumbersAreStoredAsWholeNumbers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		require.NoError(t, k.client.FlushAll(t.Context()).Err()) // so that the claim writes the epoch
		q := request("c1", "e1", "42", "ana@example.com", noon)
		q.Event.Generation, q.Event.Attempt, q.Pipeline = 12, 3, 7
		mustClaim(t, k, q)
		require.NoError(t, k.Extend(t.Context(), q))
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Taint: true, Attempt: true, Reason: "CsuRejected"}))
		q.ClaimID, q.Event.Generation, q.Event.Replay = "c2", 13, "job-1"
		g := mustClaim(t, k, q)
		require.Equal(t, 3, g.Attempt, "a replay counts anew, from the message's floor")

		keys := rediskey.New("default", hasher)
		names := []string{"lease", "gen", "attempt", "pv", "began", "cleared", "born", "look_only_until"}
		seen := map[string]bool{}
		for _, key := range []string{keys.Run(keys.RunID("shop", "e1")), keys.Entity(customer("42")), keys.Epoch()} {
			h, err := k.client.HGetAll(t.Context(), key).Result()
			require.NoError(t, err)
			for _, name := range names {
				if v, ok := h[name]; ok {
					seen[name] = true
					require.Regexp(t, `^[0-9]+$`, v, name)
				}
			}
			for name, v := range h {
				if strings.HasPrefix(name, "t:") {
					seen["taint"] = true
					require.Regexp(t, `^create-account\|[0-9]{12,13}$`, v)
				}
			}
		}
		require.Len(t, seen, len(names)+1)
		require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))))
		text, err := k.client.Get(t.Context(), keys.Run(keys.RunID("shop", "e1"))).Result()
		require.NoError(t, err)
		require.Regexp(t, `^c2\|k1\.e1\|in/[0-9]+/1\|13\|3\|customers\|[0-9a-f-]{36}\|-?[0-9]+\|[0-9]+\|\|[0-9a-f]{32}\|[0-9]+\|create-account\|CsuRejected$`, text)
	})
}

// What JSON in Lua gets wrong most easily: nothing in a list, no list, an empty text, text that is not ASCII.
func TestNothingAndOddTextGoThroughTheScriptsUnharmed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "", noon)
		q.Keys = nil
		q.Event.Source, q.Owner = `a "quoted" \ ☃ source|x`, "w|1"
		g := mustClaim(t, k, q)
		require.Equal(t, orchestration.Go, g.Answer)
		require.Empty(t, g.Hints)
		require.Empty(t, g.Steps)
		require.Empty(t, g.Learned)
		require.Empty(t, g.OwnTaint)
		require.NoError(t, k.Save(t.Context(), q, orchestration.Progress{Learned: []byte(`{"a":[],"b":null,"c":"☃","d":1e30,"e":12345678901234567890}`)}))
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{}))
		q.ClaimID = "c2"
		g = mustClaim(t, k, q)
		require.Equal(t, `{"a":[],"b":null,"c":"☃","d":1e30,"e":12345678901234567890}`, string(g.Learned), "never read by a script")
		ref := mapping.Ref{Kind: "customer", Scope: "default/usmf", Source: q.Event.Source, ID: "né | 7"}
		q.Entity = customer("42")
		require.NoError(t, k.Save(t.Context(), q, orchestration.Progress{Finish: true, Hints: []string{}, Bindings: []mapping.Binding{
			{Ref: ref, Target: mapping.Target{Kind: "customer", Scope: "default/usmf", ID: `0|"☃`}}}}))
		q.ClaimID, q.Event.ID, q.Entity = "c3", "e2", ref
		require.Equal(t, `0|"☃`, mustClaim(t, k, q).Binding)
	})
}

func TestAPlaceInLineIsGivenOnceAndHintsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		two := func(claim, event string) orchestration.Request {
			q := request(claim, event, "42", "ana@example.com", noon)
			q.Keys = append(q.Keys, orchestration.Key{Kind: "phone", Value: pii.New("+1")})
			return q
		}
		q := two("c1", "e1")
		mustClaim(t, k, q)
		require.NoError(t, k.Save(t.Context(), q, orchestration.Progress{Hints: []string{"", "000007"}}))
		for range 3 {
			waits := two("c2", "e2")
			waits.Place = mustClaim(t, k, waits).Place
			require.Equal(t, waits.Place, mustClaim(t, k, waits).Place)
		}
		require.Equal(t, 4, mustClaim(t, k, two("c3", "e3")).Place)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{}))
		g := mustClaim(t, k, two("c4", "e4"))
		require.Equal(t, []string{"", "000007"}, g.Hints)
		require.Equal(t, 1, mustClaim(t, k, two("c5", "e5")).Place, "a new holder, a new line")
	})
}

// A run remembers a write that nothing answered, however long ago, and although others have tidied the entity up.
func TestARunKeepsItsDoubtWhenTheEntityHasForgottenIt(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "charge-card", Taint: true}))
		pass(window + time.Second)
		other := request("c2", "e2", "42", "ana@example.com", noon)
		require.Equal(t, orchestration.Go, mustClaim(t, k, other).Answer)
		require.NoError(t, k.Save(t.Context(), other, finish("000001", customer("42"))))

		q.ClaimID = "c3"
		g := mustClaim(t, k, q)
		require.Equal(t, orchestration.Go, g.Answer)
		require.Equal(t, []string{"charge-card"}, g.OwnTaint)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "send-mail", Taint: true}))
		q.ClaimID = "c4"
		require.Contains(t, mustClaim(t, k, q).OwnTaint, "", "two writes in doubt: any step")
		require.NoError(t, k.Save(t.Context(), q, orchestration.Progress{EndTaint: true}))
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{}))
		q.ClaimID = "c5"
		g = mustClaim(t, k, q)
		require.Empty(t, g.OwnTaint)
		require.Equal(t, orchestration.Go, g.Answer)
	})
}

// A claim that is taken over by another event of the entity leaves the dead run's own record in doubt, too.
func TestARunThatDiedKnowsItWhoeverTookItsEntityOver(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		pass(lease + window + time.Second)
		other := request("c2", "e2", "42", "ana@example.com", noon)
		mustClaim(t, k, other)
		require.NoError(t, k.Save(t.Context(), other, finish("000001", customer("42"))))
		q.ClaimID = "c3"
		g := mustClaim(t, k, q)
		require.Equal(t, orchestration.Go, g.Answer)
		require.Equal(t, []string{""}, g.OwnTaint)
	})
}

// After a restart, what was written last may be lost: of an older event it is not known what was done, until a person replays it.
func TestWhatMayBeForgottenIsSaidAtEveryClaimUntilAReplay(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		q.Event.Origin.Enqueued = time.Now().Add(-time.Minute)
		require.NoError(t, k.client.FlushAll(t.Context()).Err())
		require.True(t, mustClaim(t, k, q).Forgotten)
		require.True(t, mustClaim(t, k, q).Forgotten, "the same claim asked again")
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{}))
		q.ClaimID = "c2"
		require.True(t, mustClaim(t, k, q).Forgotten, "the next claim")
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Reason: "OutcomeUnknown"}))
		q.ClaimID, q.Event.Generation, q.Event.Replay = "c3", 2, "job-1"
		require.False(t, mustClaim(t, k, q).Forgotten)
		require.False(t, mustClaim(t, k, q).Forgotten, "the same claim asked again")
	})
}
