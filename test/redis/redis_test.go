// Package redis runs a small fleet with Redis as it is run in production: behind Sentinels and as a Cluster, with TLS and
// a user that has no right too many, and has it fail over or move in the middle of a batch.
package redis

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/cli/doctor"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/redisurl"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestMain(m *testing.M) {
	// A pool that cannot dial looks once a second whether it is closed by now.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

const (
	customers = 40
	user      = "signalbox:secret"
)

// production is the options of a server as docs/how-to/redis.md has them.
func production(t *testing.T) simredis.Options {
	certificates, err := simredis.NewCertificates(t.TempDir())
	require.NoError(t, err)
	rule := strings.TrimPrefix(strings.Replace(doctor.AccessList(), "PASSWORD", "secret", 1), "ACL SETUSER ")
	return simredis.Options{TLS: certificates, Password: "master", Users: []string{rule}, Args: []string{"--appendonly", "yes"}}
}

func soon(t *testing.T) context.Context {
	ctx, done := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(done)
	return ctx
}

// fleet is two processes, and a batch of customers on its way.
type fleet struct {
	*harness.World
	processes []*harness.Process
	batch     []harness.Customer
}

func start(t *testing.T, url string) *fleet {
	f := &fleet{World: harness.NewReal(t, harness.Options{RedisURL: url, MaxExecution: time.Second, SearchLag: time.Second,
		CSU: csu.Options{Latency: 100 * time.Millisecond}, Slots: 2})}
	for i := range customers {
		id := fmt.Sprint(i)
		f.batch = append(f.batch, harness.Customer{Event: "e" + id, ID: "c" + id, Email: "c" + id + "@example.com", First: "A", Last: "B", City: "Houston", At: time.Now()})
	}
	for range 2 {
		f.processes = append(f.processes, f.Start(nil))
	}
	return f
}

// midway publishes the batch, and waits until about a third of the accounts are made.
func (f *fleet) midway() {
	f.Publish(f.batch...)
	f.T.Cleanup(func() {
		if f.T.Failed() {
			log := f.processes[0].Log()
			f.T.Logf("the end of a log:\n%s", log[max(0, len(log)-3000):])
		}
	})
	require.Eventually(f.T, func() bool { return len(f.CSU.Customers()) >= customers/3 }, time.Minute, 5*time.Millisecond)
	require.False(f.T, f.Empty(), "the batch is over before anything happens")
}

// requireDone checks that nothing was lost, doubled or given up, that it cost no event an attempt, and that the change of servers was noticed.
func (f *fleet) requireDone(t *testing.T) {
	f.Settle(2 * time.Minute)
	require.Zero(t, f.DeadLetters(), "%v", f.Letters())
	require.Len(t, f.CSU.Customers(), customers)
	require.Empty(t, f.CSU.DuplicateEmails())
	runs := redisstore.NewTracer(f.Redis, f.Keys())
	for _, c := range f.batch {
		account, _ := f.Bound(harness.Source, c.ID)
		run, known, err := runs.ByEvent(t.Context(), harness.Source, c.Event)
		require.NoError(t, err)
		if known && account != "" { // a fail-over may take the last writes with it; what was made is in the CSU
			require.Equal(t, redisstore.RunDone, run.State)
			require.Zero(t, run.Attempt, "attempts of %s: %v", c.Event, run.History)
		}
	}
	noticed := false
	for _, p := range f.processes {
		p.Stop()
		noticed = noticed || strings.Contains(p.Log(), "the store has lost its memory or may have")
		require.NotContains(t, p.Log(), "secret")
	}
	require.True(t, noticed)
}

func TestSentinelsReplaceThePrimaryInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	s, err := simredis.StartSentinels(ctx, simredis.SentinelOptions{Options: production(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	f := start(t, s.URL(user))
	f.midway()
	old, err := s.Master(ctx)
	require.NoError(t, err)
	require.NoError(t, old.Kill())
	require.NoError(t, s.WaitForAnother(ctx, old))
	f.requireDone(t)
}

func TestANodeOfAClusterIsReplacedInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	c, err := simredis.StartCluster(ctx, simredis.ClusterOptions{Options: production(t), Replicas: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	f := start(t, c.URL(user))
	f.midway()
	require.NoError(t, c.FailOver(ctx, redislink.Slot(f.Keys().Prefix())))
	f.requireDone(t)
}

// The keys are on both sides for longer than a lease lasts.
func TestTheSlotMovesInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	c, err := simredis.StartCluster(ctx, simredis.ClusterOptions{Options: production(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	f := start(t, c.URL(user))
	slot := redislink.Slot(f.Keys().Prefix())
	from, err := c.Owner(ctx, slot)
	require.NoError(t, err)
	to := c.Nodes[0]
	if to == from {
		to = c.Nodes[1]
	}
	f.midway()
	m, err := c.Begin(ctx, slot, to)
	require.NoError(t, err)
	keys, err := m.Keys(ctx, 1000)
	require.NoError(t, err)
	require.NoError(t, m.Move(ctx, keys[:len(keys)/2]...))
	admin := from.Client()
	defer admin.Close()
	began := time.Now()
	require.Eventually(t, func() bool {
		return time.Since(began) > 4*time.Second && strings.Contains(admin.Info(ctx, "errorstats").Val(), "errorstat_TRYAGAIN")
	}, time.Minute, 50*time.Millisecond)
	made := len(f.CSU.Customers())
	require.Less(t, made, customers, "nothing new begins while keys are on both sides")
	require.NoError(t, m.Finish(ctx))
	f.requireDone(t)
}

// What docs/how-to/redis.md lets the user of the Sentinels do is enough to find the primary, and to follow it.
func TestTheUserOfTheSentinelsNeedsNoMoreThanIsDocumented(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	s, err := simredis.StartSentinels(ctx, simredis.SentinelOptions{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	page, err := os.ReadFile("../../docs/how-to/redis.md")
	require.NoError(t, err)
	rule := regexp.MustCompile(`(?m)^ACL SETUSER signalbox reset .*\bsentinel\|.*$`).FindString(string(page))
	require.NotEmpty(t, rule)
	for _, one := range s.Sentinels {
		admin := one.Client()
		require.NoError(t, admin.Do(ctx, anys(strings.Fields(strings.Replace(rule, "PASSWORD", "secret", 1)))...).Err())
		require.NoError(t, admin.Close())
	}
	u, problems := redisurl.Parse(s.URL(""))
	require.Empty(t, problems)
	open := func(password string) *redislink.Client {
		c, err := redislink.Open(redislink.Options{URL: u, SentinelUsername: "signalbox", SentinelPassword: password})
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	require.Error(t, open("tulip").Ping(ctx).Err(), "it is asked who it is")
	c := open("secret")
	before := c.Info(ctx, "server").Val()
	require.Contains(t, before, "run_id:")
	require.NoError(t, s.FailOver(ctx))
	require.Eventually(t, func() bool {
		now, err := c.Info(ctx, "server").Result()
		return err == nil && runID(now) != runID(before)
	}, time.Minute, 50*time.Millisecond)
}

func anys(words []string) (out []any) {
	for _, w := range words {
		out = append(out, w)
	}
	return out
}

func runID(info string) string {
	_, rest, _ := strings.Cut(info, "run_id:")
	return rest[:min(40, len(rest))]
}
