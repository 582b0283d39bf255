package redisstore_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

var hasher = keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef"))

const (
	lease  = 15 * time.Second
	window = 150 * time.Second
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// kit is a store over one Redis, with what a test needs to look behind it.
type kit struct {
	*redisstore.Store
	client *redis.Client
	epoch  *redisstore.Epoch
}

func newKit(t *testing.T, dial func(context.Context, string, string) (net.Conn, error), addr string) *kit {
	t.Helper()
	keys := rediskey.New("default", hasher)
	epoch := redisstore.NewEpoch(keys, lease+window, nil)
	client := redis.NewClient(&redis.Options{Addr: addr, Dialer: dial, MaxRetries: -1, OnConnect: epoch.OnConnect, PoolSize: 4,
		DisableIdentity: true})
	k := &kit{client: client, epoch: epoch,
		Store: redisstore.New(redisstore.Options{Client: client, Hasher: hasher, Epoch: epoch, Lease: lease, Window: window})}
	return k
}

// onMini runs a test in virtual time on miniredis.
func onMini(t *testing.T, test func(t *testing.T, k *kit)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		k := newKit(t, func(context.Context, string, string) (net.Conn, error) { return m.Dial() }, "127.0.0.1:1")
		require.NoError(t, k.client.Ping(t.Context()).Err())
		require.NoError(t, k.epoch.WriteClean(t.Context(), k.client))
		t.Cleanup(m.Close)
		t.Cleanup(func() { _ = k.client.Close() })
		test(t, k)
	})
}

// onReal runs the same on a real redis-server, in real time.
func onReal(t *testing.T, test func(t *testing.T, k *kit)) {
	t.Helper()
	s, err := simredis.Start(t.Context(), simredis.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	k := newKit(t, nil, s.Addr())
	t.Cleanup(func() { _ = k.client.Close() })
	require.NoError(t, k.client.Ping(t.Context()).Err())
	require.NoError(t, k.epoch.WriteClean(t.Context(), k.client))
	test(t, k)
}

// pass lets virtual time go by; it is only called inside a bubble.
func pass(d time.Duration) { <-time.After(d) }

func onBoth(t *testing.T, test func(t *testing.T, k *kit)) {
	t.Helper()
	t.Run("on miniredis", func(t *testing.T) { onMini(t, test) })
	t.Run("on redis-server", func(t *testing.T) { onReal(t, test) })
}

func customer(id string) mapping.Ref {
	return mapping.Ref{Kind: "customer", Scope: "default/usmf", Source: "shop", ID: id}
}

// request is a claim of one event of a customer with an e-mail address.
func request(claim, event, customerID, email string, at time.Time) orchestration.Request {
	ev := orchestration.Event{Source: "shop", ID: event, Type: "signalbox.customer.changed.v1", Time: at, Generation: 1,
		CorrelationID: orchestration.DeriveCorrelationID("shop", event),
		Origin:        orchestration.Origin{Queue: "in", Enqueued: time.Now(), Sequence: 1}}
	return orchestration.Request{ClaimID: claim, Owner: "w1", Event: ev, Scenario: "customers", Pipeline: 1, Scope: "default/usmf",
		CSU: "default", Entity: customer(customerID), Keys: []orchestration.Key{{Kind: "email", Value: pii.New(email)}},
		Version: at.UTC().Format(time.RFC3339Nano), Fingerprint: "k1." + event}
}

func mustClaim(t *testing.T, k *kit, q orchestration.Request) orchestration.Grant {
	t.Helper()
	g, err := k.Claim(t.Context(), q)
	require.NoError(t, err)
	return g
}

func finish(id string, ref mapping.Ref) orchestration.Progress {
	return orchestration.Progress{Step: "create-account", Steps: []string{"create-account"}, Learned: []byte(`{"Account":"` + id + `"}`),
		Bindings: []mapping.Binding{{Ref: ref, Target: mapping.Target{Kind: ref.Kind, Scope: ref.Scope, ID: id}}},
		Hints:    []string{id}, Applied: true, Finish: true}
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestAClaimTakesRunEntityAndNaturalKeysAllOrNone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		a := request("c1", "e1", "42", "ana@example.com", noon)
		require.Equal(t, orchestration.Go, mustClaim(t, k, a).Answer)
		for name, q := range map[string]orchestration.Request{
			"the same event":                  request("c2", "e1", "42", "ana@example.com", noon),
			"another event of the customer":   request("c3", "e2", "42", "bo@example.com", noon),
			"another customer of that e-mail": request("c4", "e3", "77", "ana@example.com", noon),
		} {
			g := mustClaim(t, k, q)
			require.Equal(t, orchestration.Held, g.Answer, name)
			require.Equal(t, "w1", g.HeldBy)
			require.Positive(t, g.Until)
		}
		require.Equal(t, orchestration.Go, mustClaim(t, k, request("c5", "e4", "78", "bo@example.com", noon)).Answer,
			"what a refused claim wanted must stay free")
	})
}

func TestTheSameClaimAskedTwiceGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		require.Equal(t, orchestration.Go, mustClaim(t, k, q).Answer)
		require.Equal(t, orchestration.Go, mustClaim(t, k, q).Answer)
		require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))))
		require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))), "a finish whose answer was lost is asked again")
		require.ErrorIs(t, k.Save(t.Context(), request("c9", "e1", "42", "ana@example.com", noon), finish("000001", customer("42"))), orchestration.ErrNotOurs)
	})
}

func TestAFinishedEventIsDoneAndItsBindingIsThereForTheNext(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))))

		again := request("c2", "e1", "42", "ana@example.com", noon)
		again.Event.Origin = q.Event.Origin
		g := mustClaim(t, k, again)
		require.Equal(t, orchestration.Done, g.Answer)
		require.True(t, g.SameMessage)
		again.Event.Origin.Sequence = 99
		require.False(t, mustClaim(t, k, again).SameMessage, "published twice")

		next := mustClaim(t, k, request("c3", "e2", "42", "ana@example.com", noon.Add(time.Minute)))
		require.Equal(t, orchestration.Go, next.Answer)
		require.Equal(t, "000001", next.Binding)
		require.Equal(t, []string{"000001"}, next.Hints)
		require.False(t, next.Suspect)

		other := mustClaim(t, k, request("c4", "e3", "77", "bo@example.com", noon))
		require.Empty(t, other.Binding)
	})
}

func TestAnOvertakenStateIsSupersededButNeverByItself(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		newer := request("c1", "e2", "42", "ana@example.com", noon.Add(time.Minute))
		mustClaim(t, k, newer)
		p := finish("000001", customer("42"))
		p.Finish = false // its first acting save records the version
		require.NoError(t, k.Save(t.Context(), newer, p))
		require.NoError(t, k.Release(t.Context(), newer, orchestration.Released{}))

		require.Equal(t, orchestration.AnswerSuperseded, mustClaim(t, k, request("c2", "e1", "42", "ana@example.com", noon)).Answer)
		newer.ClaimID = "c3"
		g := mustClaim(t, k, newer)
		require.Equal(t, orchestration.Go, g.Answer)
		require.Equal(t, []string{"create-account"}, g.Steps)
		require.JSONEq(t, `{"Account":"000001"}`, string(g.Learned))
	})
}

// Else the older one could come behind it: while the newer one waits for its next look, nothing holds the entity.
func TestAStateThatMayHaveArrivedSupersedesAnOlderOneAndNotItself(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		newer, older := request("c1", "e2", "42", "ana@example.com", noon.Add(time.Minute)), request("c2", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, newer)
		require.NoError(t, k.Release(t.Context(), newer, orchestration.Released{Step: "create-account"}))
		require.Equal(t, orchestration.Go, mustClaim(t, k, older).Answer, "nothing of the newer one went out")
		require.NoError(t, k.Release(t.Context(), older, orchestration.Released{}))

		newer.ClaimID, older.ClaimID = "c3", "c4"
		mustClaim(t, k, newer)
		require.NoError(t, k.Release(t.Context(), newer, orchestration.Released{Step: "create-account", Taint: true}))
		newer.ClaimID = "c5"
		require.Equal(t, orchestration.LookOnly, mustClaim(t, k, newer).Answer, "its own write may still land")
		require.NoError(t, k.Release(t.Context(), newer, orchestration.Released{}))
		require.Equal(t, orchestration.AnswerSuperseded, mustClaim(t, k, older).Answer)
	})
}

func TestOtherContentUnderTheSameIDIsAConflict(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		other := request("c2", "e1", "42", "ana@example.com", noon)
		other.Fingerprint = "k1.other"
		require.Equal(t, orchestration.AnswerConflict, mustClaim(t, k, other).Answer)
		other.Fingerprint = "k2.other"
		require.Equal(t, orchestration.Held, mustClaim(t, k, other).Answer, "fingerprints of another hash key cannot be compared")
		require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))))
		other.Fingerprint = "k1.other"
		require.Equal(t, orchestration.AnswerConflict, mustClaim(t, k, other).Answer)
	})
}

func TestALowerGenerationIsSurplusOnceAHigherOneWasClaimed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Cause: orchestration.CauseBackoff, Attempt: true}))
		original := q
		original.ClaimID = "c2"
		require.Equal(t, orchestration.Go, mustClaim(t, k, original).Answer, "a release raises nothing: the copy may never have been sent")
		require.NoError(t, k.Release(t.Context(), original, orchestration.Released{}))

		copied := q
		copied.ClaimID, copied.Event.Generation = "c3", 2
		g := mustClaim(t, k, copied)
		require.Equal(t, orchestration.Go, g.Answer)
		require.Equal(t, 1, g.Attempt)
		require.NoError(t, k.Release(t.Context(), copied, orchestration.Released{}))
		original.ClaimID = "c4"
		g = mustClaim(t, k, original)
		require.Equal(t, orchestration.AnswerSurplus, g.Answer)
		require.True(t, g.SameMessage)
	})
}

func TestAnEventPublishedAgainAfterItWasRejectedIsWorkedOn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		q.Event.Generation = 3
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Reason: "CsuRejected", Attempt: true}))
		leftover := q
		leftover.ClaimID, leftover.Event.Generation = "c2", 2
		require.Equal(t, orchestration.AnswerSurplus, mustClaim(t, k, leftover).Answer)

		second := q
		second.ClaimID, second.Event.Generation, second.Event.Origin.Sequence = "c3", 1, 99
		g := mustClaim(t, k, second)
		require.Equal(t, orchestration.Go, g.Answer)
		require.Zero(t, g.Attempt)
		require.NoError(t, k.Release(t.Context(), second, orchestration.Released{Cause: orchestration.CauseBackoff, Attempt: true}))
		copied := second
		copied.ClaimID, copied.Event.Generation = "c4", 2
		require.Equal(t, orchestration.Go, mustClaim(t, k, copied).Answer, "its copies are not surplus to those of the rejected message")
	})
}

func TestALeaseThatRanOutClosesTheKeysForActing(t *testing.T) {
	t.Parallel()
	onMini(t, func(t *testing.T, k *kit) {
		dead := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, dead)
		pass(lease + time.Second)

		next := request("c2", "e2", "77", "ana@example.com", noon.Add(time.Minute)) // holds only the e-mail in common
		g := mustClaim(t, k, next)
		require.Equal(t, orchestration.LookOnly, g.Answer)
		require.Equal(t, window-time.Second, g.ActIn.Round(100*time.Millisecond))
		require.Empty(t, g.OwnTaint)
		require.True(t, g.Suspect)
		require.ErrorIs(t, k.Save(t.Context(), dead, finish("000001", customer("42"))), orchestration.ErrNotOurs)
		require.ErrorIs(t, k.Extend(t.Context(), dead), orchestration.ErrNotOurs)

		pass(5 * time.Second)
		require.NoError(t, k.Extend(t.Context(), next))
		pass(lease - time.Second)
		require.NoError(t, k.Extend(t.Context(), next))
		require.NoError(t, k.Release(t.Context(), next, orchestration.Released{}))
		pass(window)
		next.ClaimID = "c3"
		g = mustClaim(t, k, next)
		require.Equal(t, orchestration.Go, g.Answer)
		require.True(t, g.Suspect, "a taint that is over still says: look again after an act")
	})
}

func TestOnlyTheTaintedRunsOwnHitEndsATaintEarly(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, q)
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Taint: true, Attempt: true}))

		other := request("c2", "e2", "42", "ana@example.com", noon.Add(time.Minute))
		g := mustClaim(t, k, other)
		require.Equal(t, orchestration.LookOnly, g.Answer)
		require.Equal(t, g.ActIn, g.OthersIn)
		p := finish("000001", customer("42"))
		p.Finish, p.EndTaint, p.Applied = false, true, false
		require.NoError(t, k.Save(t.Context(), other, p))
		require.NoError(t, k.Release(t.Context(), other, orchestration.Released{}))

		q.ClaimID = "c3"
		g = mustClaim(t, k, q)
		require.Equal(t, orchestration.LookOnly, g.Answer, "the other run's hit ends only its own taint")
		require.Equal(t, []string{"create-account"}, g.OwnTaint)
		require.Zero(t, g.OthersIn)
		require.NoError(t, k.Save(t.Context(), q, p))
		require.NoError(t, k.Release(t.Context(), q, orchestration.Released{}))
		other.ClaimID = "c4"
		require.Equal(t, orchestration.Go, mustClaim(t, k, other).Answer)
	})
}

func TestTwoIDsOfOneSourceForOneTargetAreAConflict(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		a := request("c1", "e1", "42", "ana@example.com", noon)
		mustClaim(t, k, a)
		require.NoError(t, k.Save(t.Context(), a, finish("000001", customer("42"))))
		b := request("c2", "e2", "77", "ana@example.com", noon)
		mustClaim(t, k, b)
		for id, account := range map[string]string{"77": "000001", "42": "000002"} {
			err := k.Save(t.Context(), b, finish(account, customer(id)))
			require.ErrorIs(t, err, mapping.ErrConflict)
			want := &mapping.Conflict{Ref: customer(id), Target: mapping.Target{Kind: customer(id).Kind, Scope: customer(id).Scope, ID: account}}
			if id == "42" {
				want.To = "000001"
			} else {
				want.By = "42"
			}
			require.Equal(t, want, err, "it says what collides")
		}
		crm := customer("77")
		crm.Source = "crm"
		require.NoError(t, k.Save(t.Context(), b, finish("000001", crm)), "another source may share the account")
	})
}

func TestAWipedStoreIsForLookingOnlyForAWhile(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, k *kit) {
		q := request("c1", "e1", "42", "ana@example.com", noon)
		q.Event.Origin.Enqueued = time.Now().Add(-time.Hour)
		mustClaim(t, k, q)
		require.NoError(t, k.client.FlushAll(t.Context()).Err())
		require.ErrorIs(t, k.Save(t.Context(), q, finish("000001", customer("42"))), orchestration.ErrNotOurs)
		q.ClaimID = "c2"
		g := mustClaim(t, k, q)
		require.Equal(t, orchestration.LookOnly, g.Answer)
		require.True(t, g.Forgotten)
		require.InDelta(t, (lease + window).Seconds(), g.ActIn.Seconds(), 1)
	})
}

func TestARestartedServerIsForLookingOnlyForAWhile(t *testing.T) {
	t.Parallel()
	s, err := simredis.Start(t.Context(), simredis.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "always"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	k := newKit(t, nil, s.Addr())
	t.Cleanup(func() { _ = k.client.Close() })
	require.NoError(t, k.client.Ping(t.Context()).Err())
	require.NoError(t, k.epoch.WriteClean(t.Context(), k.client))
	q := request("c1", "e1", "42", "ana@example.com", noon)
	require.Equal(t, orchestration.Go, mustClaim(t, k, q).Answer)
	q = request("c2", "e2", "77", "bo@example.com", noon)
	q.Event.Origin.Enqueued = time.Now()
	require.NoError(t, s.Kill())
	require.NoError(t, s.Restart(t.Context()))
	var g orchestration.Grant
	require.Eventually(t, func() bool { // connections of the old server fail first
		g, err = k.Claim(t.Context(), q)
		return err == nil
	}, 5*time.Second, 20*time.Millisecond)
	require.Equal(t, orchestration.LookOnly, g.Answer)
	require.True(t, g.Forgotten, "the event is older than the restart: what was written last may be lost")
}

func TestEveryKeyButBindingsHasALifetimeAndHoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	onReal(t, func(t *testing.T, k *kit) {
		for i, q := range []orchestration.Request{request("c1", "e1", "42", "ana@example.com", noon), request("c2", "e2", "77", "bo@example.com", noon)} {
			mustClaim(t, k, q)
			mustClaim(t, k, request("cx", q.Event.ID, q.Entity.ID, "cy@example.com", noon)) // refused, leaves a place in line
			if i == 0 {
				require.NoError(t, k.Save(t.Context(), q, finish("000001", customer("42"))))
			} else {
				require.NoError(t, k.Release(t.Context(), q, orchestration.Released{Step: "create-account", Taint: true}))
			}
		}
		keys, err := k.client.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		require.NotEmpty(t, keys)
		for _, key := range keys {
			require.True(t, strings.HasPrefix(key, "sb1:{c:default}:"), key)
			dump, err := k.client.Dump(t.Context(), key).Result()
			require.NoError(t, err)
			require.NotContains(t, key+dump, "example.com")
			bound := strings.Contains(key, ":map:") && k.client.HExists(t.Context(), key, "v").Val()
			kept := bound || strings.Contains(key, ":mapr:") || strings.HasSuffix(key, ":epoch")
			ttl := k.client.PTTL(t.Context(), key).Val()
			require.Equal(t, kept, ttl < 0, "%s has lifetime %s", key, ttl)
			require.LessOrEqual(t, ttl, 14*24*time.Hour)
		}
	})
}
