package rediswaiters_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
	"github.com/signalbox/signalbox/worker/wake"
	"github.com/signalbox/signalbox/worker/wake/rediswaiters"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var customer = mapping.Ref{Kind: "customer", Scope: "default/usmf", Source: "shop", ID: "42"}

// kit is the index over one Redis, with what binds.
type kit struct {
	*rediswaiters.Waiters
	t      *testing.T
	client *redis.Client
	keys   rediskey.Keys
}

func newKit(t *testing.T, addr string, dial func(context.Context, string, string) (net.Conn, error)) *kit {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, Dialer: dial, MaxRetries: -1, PoolSize: 4, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	keys := rediskey.New("default", keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef")))
	return &kit{rediswaiters.New(client, keys), t, client, keys}
}

// onBoth runs a test on a real redis-server, and on miniredis in virtual time, where pass lets time go by.
func onBoth(t *testing.T, test func(k *kit)) {
	t.Parallel()
	t.Run("on redis-server", func(t *testing.T) {
		s, err := simredis.Start(t.Context(), simredis.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		test(newKit(t, s.Addr(), nil))
	})
	t.Run("on miniredis", func(t *testing.T) { inBubble(t, test) })
}

func inBubble(t *testing.T, test func(k *kit)) {
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		t.Cleanup(m.Close)
		test(newKit(t, "127.0.0.1:1", func(context.Context, string, string) (net.Conn, error) { return m.Dial() }))
	})
}

// wait notes that an event waits, its copy under the number n.
func (k *kit) wait(event, seen string, n int64) (there bool) {
	k.t.Helper()
	there, err := k.Wait(k.t.Context(), orchestration.Event{Source: "shop", ID: event},
		orchestration.Missing{CSU: "default", Ref: customer, Seen: seen}, orchestration.Parked{Queue: "live", Sequence: n, MessageID: fmt.Sprint("m", n)})
	require.NoError(k.t, err)
	return there
}

func (k *kit) bind(id string) {
	k.t.Helper()
	answers, err := redistable.New(k.client, k.keys).Bind(k.t.Context(), []mapping.Entry{{Ref: customer, Target: mapping.Target{Kind: "customer", Scope: "default/usmf", ID: id}}}, false)
	require.NoError(k.t, err)
	require.Contains(k.t, []mapping.Result{mapping.Bound, mapping.Unchanged}, answers[0].Result)
}

// rebind is what a promotion does to the binding, and says of it.
func (k *kit) rebind(id string) {
	k.t.Helper()
	require.NoError(k.t, k.client.HSet(k.t.Context(), k.keys.Map(customer), "v", id).Err())
	require.NoError(k.t, k.client.ZIncrBy(k.t.Context(), k.keys.Wakes(), 1, k.keys.EntityID(customer)).Err())
}

// round is one look at the list; those for which wakes says so are woken.
func (k *kit) round(wakes func(wake.Waiter) bool) (seen []int64) {
	k.t.Helper()
	require.NoError(k.t, k.Each(k.t.Context(), func(some []wake.Waiter) (woken []wake.Waiter) {
		for _, one := range some {
			seen = append(seen, one.Parked.Sequence)
			require.Equal(k.t, orchestration.Parked{Queue: "live", Sequence: one.Parked.Sequence, MessageID: fmt.Sprint("m", one.Parked.Sequence)}, one.Parked)
			if wakes(one) {
				woken = append(woken, one)
			}
		}
		return woken
	}))
	return seen
}

func all(wake.Waiter) bool  { return true }
func none(wake.Waiter) bool { return false }

func (k *kit) nothingLeft() {
	k.t.Helper()
	for _, key := range []string{k.keys.Wakes(), k.keys.Wait(k.keys.EntityID(customer))} {
		n, err := k.client.Exists(k.t.Context(), key).Result()
		require.NoError(k.t, err)
		require.Zero(k.t, n, key)
	}
}

const large = int64(1)<<53 + 1 // a partitioned queue has such numbers, and a float would round it

func TestWhoWaitsIsHandedOverOnceItIsBoundAndNotBefore(t *testing.T) {
	onBoth(t, func(k *kit) {
		require.False(k.t, k.wait("e1", "", large))
		require.Empty(k.t, k.round(all))
		k.bind("004711")
		require.Equal(k.t, []int64{large}, k.round(all))
		k.nothingLeft()
		require.Empty(k.t, k.round(all))
	})
}

func TestAWaitForWhatIsThereIsToldSoAndNotNoted(t *testing.T) {
	onBoth(t, func(k *kit) {
		k.bind("004711")
		require.True(k.t, k.wait("e1", "", 7))
		k.nothingLeft()
	})
}

func TestWhoWaitsForMoreThanAProvisionalIdIsHandedOverAtItsPromotion(t *testing.T) {
	onBoth(t, func(k *kit) {
		k.bind("provisional")
		require.False(k.t, k.wait("e1", "provisional", 7))
		k.bind("provisional") // said once more, which changes nothing
		require.Empty(k.t, k.round(all))
		k.rebind("004711")
		require.Equal(k.t, []int64{7}, k.round(all))
		k.nothingLeft()
	})
}

func TestAThousandWhoWaitAreAllHandedOver(t *testing.T) {
	onBoth(t, func(k *kit) {
		for n := range 1000 {
			require.False(k.t, k.wait(fmt.Sprint("e", n), "", int64(n)))
		}
		k.bind("004711")
		seen := map[int64]bool{}
		for _, n := range k.round(all) {
			require.False(k.t, seen[n])
			seen[n] = true
		}
		require.Len(k.t, seen, 1000)
		k.nothingLeft()
	})
}

func TestWhoCouldNotBeWokenIsHandedOverAgainLaterAndCounted(t *testing.T) {
	inBubble(t, func(k *kit) {
		k.wait("e1", "", 7)
		k.wait("e2", "", 8)
		k.bind("004711")
		require.ElementsMatch(k.t, []int64{7, 8}, k.round(func(w wake.Waiter) bool { return w.Parked.Sequence == 8 }))
		require.Empty(k.t, k.round(all), "somebody has it for himself")
		<-time.After(31 * time.Second)
		require.Equal(k.t, []int64{7}, k.round(func(w wake.Waiter) bool { return w.Times == 2 }))
		k.nothingLeft()
	})
}

// While it is being woken, its run may already wait for the next thing that it needs.
func TestWhoWaitsAgainIsNotForgottenForHavingBeenWokenBefore(t *testing.T) {
	onBoth(t, func(k *kit) {
		k.wait("e1", "", 7)
		k.bind("provisional")
		k.round(func(wake.Waiter) bool {
			require.False(k.t, k.wait("e1", "provisional", 9))
			return true
		})
		k.rebind("004711")
		require.Equal(k.t, []int64{9}, k.round(all))
		k.nothingLeft()
	})
}

// The list is read, and then the entity is bound once more, before it is taken off the list.
func TestABindingDuringTheRoundIsNotForgotten(t *testing.T) {
	onBoth(t, func(k *kit) {
		k.wait("e1", "", 7)
		k.bind("provisional")
		k.round(func(wake.Waiter) bool {
			k.wait("e2", "provisional", 8)
			k.rebind("004711")
			return true
		})
		require.Equal(k.t, []int64{8}, k.round(all))
		k.nothingLeft()
	})
}

func TestAWaitThatNobodyEndsIsForgottenInTheEnd(t *testing.T) {
	inBubble(t, func(k *kit) {
		k.wait("e1", "", 7)
		k.bind("004711")
		k.round(none)
		<-time.After(15 * 24 * time.Hour)
		k.nothingLeft()
	})
}
