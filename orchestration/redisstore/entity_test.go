package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

func entity(t *testing.T, k *kit, id string) redisstore.EntityTrace {
	t.Helper()
	e, _, err := tracer(k).ByEntity(t.Context(), customer(id))
	require.NoError(t, err)
	return e
}

func byEmail(t *testing.T, k *kit, address string) redisstore.EntityTrace {
	t.Helper()
	e, _, err := tracer(k).ByKey(t.Context(), "default/usmf", orchestration.Key{Kind: "email", Value: pii.New(address)})
	require.NoError(t, err)
	return e
}

func runName(event string) string {
	return rediskey.New("default", hasher).RunID("shop", event)
}

func TestAnEntityAndANaturalKeyKnowTheirLastRuns(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		_, known, err := tracer(k).ByEntity(t.Context(), customer("42"))
		require.NoError(t, err)
		require.False(t, known)
		_, known, err = tracer(k).ByKey(t.Context(), "default/usmf", orchestration.Key{Kind: "email", Value: pii.New("ana@example.com")})
		require.NoError(t, err)
		require.False(t, known)

		for i := range 7 {
			at := noon.Add(time.Duration(i) * time.Hour)
			q := request(fmt.Sprint("c", i), fmt.Sprint("e", i), "42", "ana@example.com", at)
			q.Order, q.Version = orchestration.State, at.Format("20060102150405.000000000")+"//1.1"
			mustClaim(t, k, q)
			e := entity(t, k, "42")
			require.Equal(t, &redisstore.Holder{Owner: "w1", Run: runName(q.Event.ID), LeaseUntil: e.Holder.LeaseUntil}, e.Holder)
			require.WithinDuration(t, e.Checked.Add(lease), e.Holder.LeaseUntil, time.Second)
			require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))))
		}
		e := entity(t, k, "42")
		require.Nil(t, e.Holder)
		require.Equal(t, "000001", e.D365ID)
		require.Equal(t, noon.Add(6*time.Hour), e.Applied)
		last := []string{runName("e6"), runName("e5"), runName("e4"), runName("e3"), runName("e2")}
		require.Equal(t, last, e.Runs)
		require.Equal(t, last, byEmail(t, k, "ana@example.com").Runs)
		require.Equal(t, "000001", byEmail(t, k, "ana@example.com").D365ID)

		runs, err := tracer(k).Runs(t.Context(), e.Runs)
		require.NoError(t, err)
		require.Len(t, runs, 5)
		for _, r := range runs {
			require.Equal(t, e.Entity, r.Entity, "a finished run knows what it was about")
		}
		ttl, err := k.client.PTTL(t.Context(), rediskey.New("default", hasher).EntityNamed(e.Entity)).Result()
		require.NoError(t, err)
		require.Positive(t, ttl)
	})
}

func TestARunThatComesAgainIsTheLastOnceAndAnOvertakenOneIsAmongThem(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		claim := func(claim, event string, generation int, at time.Time) orchestration.Request {
			q := request(claim, event, "42", "ana@example.com", at)
			q.Event.Generation, q.Order, q.Version = generation, orchestration.State, at.Format("20060102150405.000000000")+"//1.1"
			return q
		}
		waits := claim("c1", "e1", 1, noon)
		mustClaim(t, k, waits)
		require.NoError(t, k.Release(t.Context(), waits, orchestration.Released{Cause: orchestration.CauseGate, Wait: time.Minute}))
		newer := claim("c2", "e2", 1, noon.Add(time.Hour))
		mustClaim(t, k, newer)
		require.Equal(t, []string{runName("e2"), runName("e1")}, entity(t, k, "42").Runs)
		require.NoError(t, k.Release(t.Context(), newer, orchestration.Released{Cause: orchestration.CauseGate, Wait: time.Minute}))
		mustClaim(t, k, claim("c3", "e1", 2, noon))
		require.Equal(t, []string{runName("e1"), runName("e2")}, entity(t, k, "42").Runs)
		require.NoError(t, k.Save(t.Context(), claim("c3", "e1", 2, noon), finish("000001", customer("42"))))

		early := claim("c4", "e0", 1, noon.Add(-time.Hour))
		g, err := k.Claim(t.Context(), early)
		require.NoError(t, err)
		require.Equal(t, orchestration.AnswerSuperseded, g.Answer)
		require.Equal(t, []string{runName("e0"), runName("e1"), runName("e2")}, entity(t, k, "42").Runs)
		require.Equal(t, runName("e0"), byEmail(t, k, "ana@example.com").Runs[0])
		overtaken, _, err := tracer(k).ByEvent(t.Context(), "shop", "e0")
		require.NoError(t, err)
		require.Equal(t, entity(t, k, "42").Entity, overtaken.Entity)
	})
}

func TestAnEntitySaysWhatIsInDoubt(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Taint: true, Cause: orchestration.CauseTaint, Wait: time.Minute,
			Failed: "Customers.Create timeout"}))
		e := entity(t, k, "42")
		require.Equal(t, []redisstore.HeldDoubt{{Run: runName("e1"), RunDoubt: redisstore.RunDoubt{Step: "create-account", Until: e.Checked.Add(window)}}}, e.Doubts)
		require.Empty(t, e.D365ID)
		require.Equal(t, "Customers.Create timeout", onlyRun(t, k, q).History[0].Failed)
	})
}

func TestTheStoreSaysSinceWhenItsMemoryCanBeTrusted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		m, known, err := tracer(k).Memory(t.Context())
		require.NoError(t, err)
		require.True(t, known)
		require.Zero(t, m.LookOnlyUntil, "a clean one")

		require.NoError(t, k.client.FlushAll(t.Context()).Err())
		_, known, err = tracer(k).Memory(t.Context())
		require.NoError(t, err)
		require.False(t, known)
		mustClaim(t, k, request("c1", "e1", "42", "ana@example.com", noon))
		m, known, err = tracer(k).Memory(t.Context())
		require.NoError(t, err)
		require.True(t, known)
		require.Equal(t, lease+window, m.LookOnlyUntil.Sub(m.Born))
	})
}

func TestWhatIsKnownOfAnObjectIsAnErrorWhenTheStoreIsGone(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		require.NoError(t, k.client.Close())
		_, _, err := tracer(k).ByEntity(t.Context(), customer("42"))
		require.ErrorContains(t, err, "read what is known of an object")
		_, _, err = tracer(k).Memory(t.Context())
		require.ErrorContains(t, err, "read the epoch")
	})
}

// What stays of a finished event is small, because millions of them are kept: with names and numbers as long as they are in a
// fleet, the server's memory pays at most 300 bytes for the record of a run, its key and all. Footprint is what estimates are made from.
func TestWhatStaysOfAnEventThatWentStraightThroughIsSmall(t *testing.T) {
	t.Parallel()
	onReal(t, func(t *testing.T, k *kit) {
		q := request("0123456789abcdef01234567", "customer-1001-v1", "1001", "ana@example.com", noon)
		q.Event.Origin = orchestration.Origin{Queue: "signalbox-customers-in", Enqueued: time.Now(), Sequence: 12_345_678}
		q.Fingerprint = hasher.Short("fingerprint", "x")
		mustClaim(t, k, q)
		require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("1001"))))
		paid := map[string]int64{}
		keys, err := k.client.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		for _, key := range keys {
			_, name, _ := strings.Cut(key, "}:")
			kind, _, _ := strings.Cut(name, ":")
			paid[kind], err = k.client.MemoryUsage(t.Context(), key).Result()
			require.NoError(t, err)
		}
		require.LessOrEqual(t, paid["run"], int64(300))
		f := redisstore.Footprint()
		require.InDelta(t, f.Event, paid["run"]+paid["corr"], 100, "%v", paid)
		require.InDelta(t, f.Entity, paid["ent"]+paid["nat"], 100, "%v", paid)
		require.InDelta(t, f.Binding, paid["map"]+paid["mapr"], 100, "%v", paid)
	})
}
