package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

// A connection to a replica outlives its promotion, and a Cluster moves slots under living connections. So the claim itself
// compares; here no connection ever does.
func TestAPromotedReplicaGrantsNoClaimToActByAnOldConnection(t *testing.T) {
	t.Parallel()
	primary, err := simredis.Start(t.Context(), simredis.Options{Args: []string{"--repl-diskless-sync-delay", "0"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, primary.Close()) })
	replica, err := simredis.Start(t.Context(), simredis.Options{Args: []string{"--replicaof", strings.Replace(primary.Addr(), ":", " ", 1), "--repl-diskless-sync-delay", "0"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, replica.Close()) })

	var heard []string
	on := func(s *simredis.Server) *kit {
		epoch := redisstore.NewEpoch(rediskey.New("default", hasher), lease+window, func(change string) { heard = append(heard, change) })
		client := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, PoolSize: 1, DisableIdentity: true})
		t.Cleanup(func() { _ = client.Close() })
		require.NoError(t, epoch.Refresh(t.Context(), client))
		return &kit{client: client, epoch: epoch,
			Store: redisstore.New(redisstore.Options{Client: client, Hasher: hasher, Epoch: epoch, Lease: lease, Window: window})}
	}
	k := on(primary)
	require.NoError(t, k.epoch.WriteClean(t.Context(), k.client))
	require.Equal(t, orchestration.Go, mustClaim(t, k, request("c1", "e1", "42", "ana@example.com", noon)).Answer)
	require.Empty(t, heard)

	old := on(replica)
	require.Eventually(t, func() bool { return old.client.Exists(t.Context(), rediskey.New("default", hasher).Epoch()).Val() == 1 }, 20*time.Second, 20*time.Millisecond)
	q := request("c2", "e2", "77", "bo@example.com", noon)
	q.Event.Origin.Enqueued = time.Now().Add(-time.Second)
	_, err = old.Claim(t.Context(), q)
	require.True(t, redis.IsReadOnlyError(err), "err is %v", err)
	old = on(replica)
	require.NoError(t, old.client.Do(t.Context(), "replicaof", "no", "one").Err())
	g := mustClaim(t, old, q)
	require.Equal(t, orchestration.LookOnly, g.Answer)
	require.True(t, g.Forgotten)
	require.InDelta(t, (lease + window).Seconds(), g.ActIn.Seconds(), 1)
	require.Equal(t, []string{"changed"}, heard)

	again := mustClaim(t, old, request("c3", "e3", "78", "cy@example.com", noon))
	require.Equal(t, orchestration.LookOnly, again.Answer)
	require.LessOrEqual(t, again.ActIn, g.ActIn, "the pause is not begun anew")
	require.Equal(t, []string{"changed"}, heard, "and it is told once")
}

func TestAReplicaThatHangsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]int{
		"": 0,
		"slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0":                                                              1,
		"slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=11":                                                             0,
		"slave0:ip=127.0.0.1,port=1,state=wait_bgsave,offset=0,lag=0":                                                         0,
		"slave0:ip=127.0.0.1,port=1,state=send_bulk,offset=0,lag=0\r\nslave1:ip=127.0.0.1,port=2,state=online,offset=1,lag=1": 1,
	} {
		require.Equal(t, want, redisstore.Confirming(redisstore.InfoFields(lines)), lines)
	}
}
