package redislink_test

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/redisurl"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	// A pool that cannot dial looks once a second whether it is closed by now.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

const tag = "sb1:{c:default}:"

func soon(t *testing.T) context.Context {
	ctx, done := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(done)
	return ctx
}

func open(t *testing.T, url string, change ...func(*redislink.Options)) *redislink.Client {
	t.Helper()
	u, problems := redisurl.Parse(url)
	require.Empty(t, problems)
	o := redislink.Options{URL: u, Key: tag}
	for _, c := range change {
		c(&o)
	}
	c, err := redislink.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func certificates(t *testing.T) *simredis.Certificates {
	c, err := simredis.NewCertificates(t.TempDir())
	require.NoError(t, err)
	return c
}

func cluster(t *testing.T, o simredis.ClusterOptions) *simredis.Cluster {
	t.Helper()
	c, err := simredis.StartCluster(soon(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestASlotIsWhatTheServerSays(t *testing.T) {
	t.Parallel()
	s, err := simredis.Start(soon(t), simredis.Options{Args: []string{"--cluster-enabled", "yes"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	c := s.Client()
	defer c.Close()
	for _, key := range []string{"", "a", tag + "run:x", "{}a", "{a", "a}b{c}d", "{{a}}", "123456789", strings.Repeat("ö", 99)} {
		want, err := c.ClusterKeySlot(t.Context(), key).Result()
		require.NoError(t, err)
		require.Equal(t, int(want), redislink.Slot(key), key)
	}
}

// owner is the node that has our keys, and another one that has not.
func owner(t *testing.T, c *simredis.Cluster) (has, hasNot *simredis.Server) {
	t.Helper()
	has, err := c.Owner(t.Context(), redislink.Slot(tag))
	require.NoError(t, err)
	hasNot = c.Nodes[0]
	if has == hasNot {
		hasNot = c.Nodes[1]
	}
	return has, hasNot
}

func port(s *simredis.Server) string { return s.Addr()[strings.LastIndex(s.Addr(), ":")+1:] }

var (
	both = redis.NewScript("redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])")
	one  = redis.NewScript("return redis.call('INCR', KEYS[1])")
)

func TestInAClusterEverythingGoesToTheNodeThatHasOurKeys(t *testing.T) {
	t.Parallel()
	c := cluster(t, simredis.ClusterOptions{})
	has, _ := owner(t, c)
	client, ctx := open(t, c.URL("")), soon(t)
	for range 3 { // a client that spreads keyless commands would be found out
		info, err := client.Info(ctx, "server").Result()
		require.NoError(t, err)
		require.Contains(t, info, "tcp_port:"+port(has))
	}
	n, err := both.Run(ctx, client, []string{tag + "a", tag + "n"}, "x").Int()
	require.NoError(t, err, "a script that the node does not know is sent whole")
	require.Equal(t, 1, n)
	p := client.Pipeline()
	set, wait := p.Set(ctx, tag+"b", "1", 0), p.Do(ctx, "wait", 0, 10)
	_, err = p.Exec(ctx)
	require.NoError(t, err)
	require.NoError(t, set.Err())
	require.NoError(t, wait.Err())
	var get *redis.StringCmd
	_, err = client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Time(ctx)
		get = p.Get(ctx, tag+"b")
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "1", get.Val())
	require.ErrorIs(t, client.Get(ctx, tag+"none").Err(), redis.Nil)
	keys, _, err := client.Scan(ctx, 0, tag+"*", 100).Result()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{tag + "a", tag + "b", tag + "n"}, keys)
	conn := client.Conn()
	defer conn.Close()
	require.NoError(t, conn.Do(ctx, "multi").Err())
	require.NoError(t, conn.Do(ctx, "discard").Err())
	require.Positive(t, client.PoolStats().TotalConns)
}

func TestWhileASlotMovesNothingIsLostAndNothingIsDoneTwice(t *testing.T) {
	t.Parallel()
	c := cluster(t, simredis.ClusterOptions{})
	_, to := owner(t, c)
	client, ctx := open(t, c.URL(""), func(o *redislink.Options) { o.Patience = 20 * time.Second }), soon(t)
	for _, key := range []string{"a", "b", "m"} {
		require.NoError(t, client.Set(ctx, tag+key, 1, 0).Err())
	}
	m, err := c.Begin(ctx, redislink.Slot(tag), to)
	require.NoError(t, err)
	require.NoError(t, m.Move(ctx, tag+"a", tag+"m"))

	// What is on one side is reached there, by ASK if need be: a command, a script, a pipeline, a transaction.
	require.NoError(t, client.Incr(ctx, tag+"a").Err())
	require.NoError(t, client.Incr(ctx, tag+"b").Err())
	require.NoError(t, one.Run(ctx, client, []string{tag + "a"}).Err())
	p := client.Pipeline()
	a, b, waited := p.Incr(ctx, tag+"a"), p.Incr(ctx, tag+"b"), p.Do(ctx, "wait", 0, 10)
	_, err = p.Exec(ctx)
	require.NoError(t, err)
	require.NoError(t, waited.Err())
	require.Equal(t, []int64{4, 3}, []int64{a.Val(), b.Val()})
	var moved *redis.IntCmd
	_, err = client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Time(ctx)
		moved = p.Incr(ctx, tag+"m")
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, moved.Val())
	_, _, err = client.Scan(ctx, 0, tag+"*", 100).Result()
	require.ErrorContains(t, err, "keys are being moved")

	// What is on both sides is refused (TRYAGAIN) until the move is over, and then done once.
	impatient := open(t, c.URL(""), func(o *redislink.Options) { o.Patience = time.Nanosecond })
	require.True(t, redis.IsTryAgainError(both.Run(ctx, impatient, []string{tag + "a", tag + "b"}, "9").Err()))
	done := make(chan error, 1)
	go func() { done <- both.Run(ctx, client, []string{tag + "a", tag + "b"}, "9").Err() }()
	tx := make(chan error, 1)
	go func() {
		_, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, tag+"m")
			p.Incr(ctx, tag+"b")
			return nil
		})
		tx <- err
	}()
	select {
	case err := <-done:
		require.Fail(t, "done while keys were on both sides", "%v", err)
	case <-time.After(300 * time.Millisecond):
	}
	require.NoError(t, m.Finish(ctx))
	require.NoError(t, <-done)
	require.NoError(t, <-tx)
	got, err := client.MGet(ctx, tag+"a", tag+"b", tag+"m").Result()
	require.NoError(t, err)
	require.Equal(t, []any{"9", "5", "3"}, got)
	require.NoError(t, impatient.Get(ctx, tag+"a").Err(), "MOVED is followed, and is no matter of patience")
	require.Equal(t, 1, keysOf(t, client, ctx))
}

func keysOf(t *testing.T, client *redislink.Client, ctx context.Context) int {
	_, cursor, err := client.Scan(ctx, 0, tag+"*", 1).Result()
	require.NoError(t, err)
	_, _, err = client.Scan(ctx, cursor, tag+"*", 1).Result()
	require.NoError(t, err, "the next page of the same node")
	return 1
}

func TestAClientFollowsAFailOverOfACluster(t *testing.T) {
	t.Parallel()
	c := cluster(t, simredis.ClusterOptions{Replicas: 1, Options: simredis.Options{TLS: certificates(t), Password: "master"}})
	client, ctx := open(t, c.URL("")), soon(t)
	require.NoError(t, client.Set(ctx, tag+"a", 1, 0).Err())
	slot := redislink.Slot(tag)
	require.NoError(t, c.FailOver(ctx, slot))
	require.NoError(t, client.Incr(ctx, tag+"a").Err(), "the old master says where to go")
	second, err := c.Owner(ctx, slot)
	require.NoError(t, err)
	require.NoError(t, second.Kill())
	require.Error(t, client.Incr(ctx, tag+"a").Err())
	require.Eventually(t, func() bool { return client.Set(ctx, tag+"a", 9, 0).Err() == nil }, time.Minute, 50*time.Millisecond)
	require.Equal(t, "9", client.Get(ctx, tag+"a").Val())
}

func TestAClientFollowsTheSentinels(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	s, err := simredis.StartSentinels(ctx, simredis.SentinelOptions{Options: simredis.Options{TLS: certificates(t), Password: "master"}, SentinelPass: "watch"})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	var greeted atomic.Int32
	client := open(t, s.URL(""), func(o *redislink.Options) {
		o.SentinelPassword = "watch"
		o.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
			greeted.Add(1)
			return cn.MGet(ctx, tag+"a").Err() // which no Sentinel can
		}
	})
	require.NoError(t, client.Set(ctx, tag+"a", 1, 0).Err())
	require.NoError(t, s.FailOver(ctx))
	// The old one takes writes until the Sentinels have told it; what it took then is lost, and no claim acts meanwhile.
	require.Eventually(t, func() bool { return client.Incr(ctx, tag+"a").Err() == nil && greeted.Load() >= 2 }, time.Minute, 20*time.Millisecond,
		"the new primary's connection is greeted, too")
	require.NoError(t, s.WaitUntilSafe(ctx))
	second, err := s.Master(ctx)
	require.NoError(t, err)
	require.NoError(t, second.Freeze())
	require.Eventually(t, func() bool { return client.Set(ctx, tag+"a", 9, 0).Err() == nil }, time.Minute, 20*time.Millisecond)
	require.NoError(t, second.Thaw())

	other := open(t, s.URL(""), func(o *redislink.Options) { o.SentinelPassword = "tulip" })
	err = other.Ping(ctx).Err()
	require.Error(t, err)
	require.NotContains(t, err.Error(), "tulip")
}

func TestRenewedCertificatesNeedNoRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, err := simredis.NewCertificates(dir)
	require.NoError(t, err)
	s, err := simredis.Start(soon(t), simredis.Options{TLS: old, Args: []string{"--timeout", "0"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	client, ctx := open(t, s.URL()), soon(t)
	require.NoError(t, client.Ping(ctx).Err())
	require.NoError(t, s.Kill())
	_, err = simredis.NewCertificates(dir) // another authority altogether, in the same files
	require.NoError(t, err)
	require.NoError(t, s.Restart(ctx))
	require.Eventually(t, func() bool { return client.Ping(ctx).Err() == nil }, 10*time.Second, 20*time.Millisecond)
}

func TestWhoDoesNotTrustTheServerDoesNotTalkToIt(t *testing.T) {
	t.Parallel()
	certs := certificates(t)
	s, err := simredis.Start(soon(t), simredis.Options{TLS: certs})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for query, want := range map[string]string{
		"server_name=" + simredis.ServerName: "",
		"server_name=other.example.com":      "other.example.com",
	} {
		err := open(t, s.URL()+"&"+query).Ping(t.Context()).Err()
		if want == "" {
			require.NoError(t, err, query)
			continue
		}
		require.ErrorContains(t, err, want, query)
	}
	require.Error(t, open(t, strings.SplitN(s.URL(), "?", 2)[0]).Ping(t.Context()).Err(), "an authority that this machine does not trust")

	u, _ := redisurl.Parse("rediss://localhost?ca_file=/nowhere/ca.pem")
	_, err = redislink.Open(redislink.Options{URL: u})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "redis.url, ca_file")
}

func TestAServerThatIsLoadingIsWaitedForAndWhatHasNoAnswerIsNotSentAgain(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	s, err := simredis.Start(ctx, simredis.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	replica, err := simredis.Start(ctx, simredis.Options{Args: []string{"--replicaof", strings.Replace(s.Addr(), ":", " ", 1)}})
	require.NoError(t, err)
	defer func() { require.NoError(t, replica.Close()) }()
	client := open(t, replica.URL(), func(o *redislink.Options) { o.Patience = 20 * time.Second })
	require.Eventually(t, func() bool { return client.Ping(ctx).Err() == nil }, 10*time.Second, 20*time.Millisecond)
	done := make(chan error, 1)
	go func() { done <- client.Incr(ctx, tag+"n").Err() }() // READONLY
	admin := replica.Client()
	defer admin.Close()
	require.Eventually(t, func() bool { return strings.Contains(admin.Info(ctx, "errorstats").Val(), "errorstat_READONLY") }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, admin.Do(ctx, "replicaof", "no", "one").Err())
	require.NoError(t, <-done)

	require.NoError(t, replica.Freeze())
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	require.Error(t, client.Incr(short, tag+"n").Err())
	require.NoError(t, replica.Thaw())
	require.Eventually(t, func() bool { return client.Get(ctx, tag+"n").Val() == "2" }, 10*time.Second, 20*time.Millisecond, "it was executed, once")
}
