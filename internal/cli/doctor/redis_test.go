package doctor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/doctor"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisschedule"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/schedule"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

var (
	hasher = keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef"))
	keys   = rediskey.New("default", hasher)
)

// memory is a real redis-server with the fleet's epoch in it, and a client that does not touch that.
type memory struct {
	t      *testing.T
	server *simredis.Server
	client *redis.Client
	cfg    *config.Config
	near   bool
	perDay float64
}

func newMemory(t *testing.T, args ...string) *memory {
	t.Helper()
	server, err := simredis.Start(t.Context(), simredis.Options{Args: append([]string{"--appendonly", "yes"}, args...)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	m := &memory{t: t, server: server, cfg: settings(), near: true}
	m.client = m.open(&redis.Options{Addr: server.Addr()})
	m.clean()
	return m
}

func (m *memory) open(o *redis.Options) *redis.Client {
	o.MaxRetries, o.DisableIdentity = -1, true
	c := redis.NewClient(o)
	m.t.Cleanup(func() { _ = c.Close() })
	return c
}

// clean writes the epoch of a fleet whose memory is good.
func (m *memory) clean() {
	m.t.Helper()
	epoch := redisstore.NewEpoch(keys, time.Minute, nil)
	require.NoError(m.t, epoch.Refresh(m.t.Context(), m.client))
	require.NoError(m.t, epoch.WriteClean(m.t.Context(), m.client))
}

func (m *memory) do(args ...any) {
	m.t.Helper()
	require.NoError(m.t, m.client.Do(m.t.Context(), args...).Err())
}

func (m *memory) examined(client *redis.Client) doctor.Report {
	m.t.Helper()
	return examine(m.t, doctor.Redis(doctor.RedisOptions{Config: m.cfg, Client: client, Keys: keys, Kinds: []string{"customer"}, Near: m.near, EventsPerDay: m.perDay}))
}

func (m *memory) says() []string { m.t.Helper(); return said(m.examined(m.client)) }

func TestEachClashOfRedisIsExplained(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	before := m.dump()
	require.Empty(t, m.says())
	require.Equal(t, before, m.dump(), "it writes no key")

	m.do("config", "set", "maxmemory-policy", "allkeys-lru")
	require.Equal(t, []string{"fail redis.eviction : maxmemory-policy is allkeys-lru"}, m.says())
	m.do("config", "set", "maxmemory-policy", "noeviction")
	m.do("config", "set", "appendonly", "no")
	require.Equal(t, []string{"fail redis.persistence : neither the append-only file nor snapshots are on"}, m.says())
	m.do("config", "set", "save", "3600 1")
	require.Empty(t, m.says(), "snapshots will do")
	m.near = false
	require.Equal(t, []string{"warn redis.powers : the user may use FLUSHALL, CONFIG, keys of others"}, m.says())
	require.Equal(t, before, m.dump(), "and nothing of it was done")
	m.near = true

	require.NoError(t, m.client.FlushAll(t.Context()).Err())
	require.Equal(t, []string{"warn redis.epoch : is empty: a fleet that starts on it looks only for 2m45s"}, m.says())
	epoch := redisstore.NewEpoch(keys, time.Minute, nil)
	other := m.open(&redis.Options{Addr: m.server.Addr(), OnConnect: epoch.OnConnect})
	require.NoError(t, other.Ping(t.Context()).Err())
	require.Contains(t, m.says()[0], "warn redis.epoch : lost its memory, or may have, at 20")
}

func TestARestartThatNobodyNoticedIsSaid(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	require.NoError(t, m.server.Kill())
	require.NoError(t, m.server.Restart(t.Context()))
	require.Contains(t, m.says()[0], "warn redis.epoch : the server was restarted or failed over, and no process has noticed yet")
}

func TestAReplicaIsNoPrimary(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	host, port, _ := strings.Cut(m.server.Addr(), ":")
	replica := newMemory(t, "--repl-diskless-sync-delay", "0")
	replica.do("replicaof", host, port)
	require.Contains(t, replica.says(), "fail redis.role : is a replica")
	require.Eventually(t, func() bool {
		r := m.examined(m.client)
		for _, f := range r.Findings {
			if f.Check == "redis.role" && strings.Contains(f.What, "with 1 replicas") {
				return true
			}
		}
		return false
	}, 20*time.Second, 50*time.Millisecond)
	replica.do("replicaof", "no", "one")
}

func TestAFailOverThatWouldLoseSomethingIsTold(t *testing.T) {
	t.Parallel()
	m := newMemory(t, "--repl-diskless-sync-delay", "0")
	m.cfg.Redis.URL = secret.New("redis+sentinel://127.0.0.1:1/mymaster")
	require.Equal(t, []string{"warn redis.failover : no replica is connected: nothing can take the primary's place"}, m.says())
	replica := newMemory(t)
	host, port, _ := strings.Cut(m.server.Addr(), ":")
	replica.do("replicaof", host, port)
	cut := "warn redis.failover : min-replicas-to-write is 0: a primary that is cut off from the others goes on granting claims, and another one does, too"
	require.Eventually(t, func() bool { return slices.Equal(m.says(), []string{cut}) }, 20*time.Second, 50*time.Millisecond)
	m.do("config", "set", "min-replicas-to-write", "1")
	require.Empty(t, m.says())
	m.cfg.Redis.URL = secret.New("redis+cluster://127.0.0.1:1")
	require.Equal(t, []string{"fail redis.cluster : is no node of a Cluster, though redis.url says so"}, m.says())
}

func TestANodeOfAClusterThatIsTakenForAServerIsTold(t *testing.T) {
	t.Parallel()
	server, err := simredis.Start(t.Context(), simredis.Options{Args: []string{"--cluster-enabled", "yes", "--appendonly", "yes"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	m := &memory{t: t, server: server, cfg: settings(), near: true}
	m.client = m.open(&redis.Options{Addr: server.Addr()})
	m.do("cluster", "addslotsrange", 0, 16383)
	require.Eventually(t, func() bool { return strings.Contains(m.client.ClusterInfo(t.Context()).Val(), "cluster_state:ok") }, 20*time.Second, 50*time.Millisecond)
	m.clean()
	require.Contains(t, m.says(), "fail redis.cluster : is a node of a Cluster, and redis.url names it as one server: when the slot moves, nobody follows")
	m.cfg.Redis.URL = secret.New("redis+cluster://" + server.Addr())
	require.Equal(t, []string{"warn redis.failover : no replica is connected: nothing can take the primary's place"}, m.says(), "the user may use CLUSTER and ASKING, too")
	m.do("cluster", "delslots", redislink.Slot(keys.Prefix()))
	require.Contains(t, strings.Join(m.says(), "\n"), "redis.cluster : slot ")
}

func TestAUserThatLacksACommandIsTold(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	m.near = false
	user := func(rules ...any) *redis.Client {
		m.do(append([]any{"acl", "setuser", "fleet", "reset", "on", ">secret"}, rules...)...)
		return m.open(&redis.Options{Addr: m.server.Addr(), Username: "fleet", Password: "secret"})
	}
	all := []any{"~sb1:*"}
	for _, c := range doctor.Commands() {
		all = append(all, "+"+c)
	}
	r := m.examined(user(all...))
	require.Equal(t, []string{"unknown redis.persistence : does not tell whether it keeps its data"}, remove(said(r), "redis.persistence"), "what the list grants is enough, and no more than that")
	require.Contains(t, m.examined(user(append(all, "-zadd", "-evalsha")...)).Findings, doctor.Finding{Check: "redis.commands", Status: doctor.Fail,
		What: "the user may not use ZADD, EVALSHA on sb1:{c:default}:…", Why: why("redis.commands"), Do: "let it; docs/reference/doctor.md has the whole access list"})
	require.Contains(t, said(m.examined(user(append(all, "resetkeys", "~other:*")...)))[0], "redis.commands : the user may not use GET, EXISTS, HGET,")
	require.Contains(t, said(m.examined(user(append(all, "-multi")...))), "fail redis.commands : MULTI is refused")
	require.Contains(t, said(m.examined(user(append(all, "-info")...))), "fail redis.commands : INFO is refused")
	require.Contains(t, said(m.examined(user(append(all, "+config|get", "~*")...))), "warn redis.powers : the user may use CONFIG, keys of others")

	wrong := m.examined(m.open(&redis.Options{Addr: m.server.Addr(), Username: "fleet", Password: "tulip"}))
	require.Equal(t, []string{"fail redis.reach : refuses the user or its password"}, said(wrong))
	require.Equal(t, exit.Failed, exit.From(wrong.Verdict()).Code)
	require.NoError(t, m.server.Kill())
	require.Equal(t, exit.Unreachable, exit.From(m.examined(m.client).Verdict()).Code)
}

// remove drops the line of one check if it is there, and gives a line of it either way: a server may tell or not.
func remove(lines []string, check string) []string {
	out := []string{"unknown " + check + " : does not tell whether it keeps its data"}
	for _, l := range lines {
		if !strings.Contains(l, check+" ") {
			out = append(out, l)
		}
	}
	return out
}

func why(check string) string {
	for _, c := range doctor.Checks() {
		if c.Name == check {
			return c.Why
		}
	}
	return ""
}

func TestAHashKeyUnderWhichNothingIsFoundIsTold(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	bind := func(k rediskey.Keys, scope, id string) {
		_, err := redistable.New(m.client, k).Bind(t.Context(), []mapping.Entry{{Ref: mapping.Ref{Kind: "customer", Scope: scope, Source: "shop", ID: id},
			Target: mapping.Target{Kind: "customer", Scope: scope, ID: "A" + id}}}, false)
		require.NoError(t, err)
	}
	bind(rediskey.New("default", keyhash.New("k1", []byte("another key of the same name, 32 bytes"))), "default/usrt", "1")
	require.Equal(t, []string{"fail redis.hash : none of 1 bindings is found"}, m.says())
	m.do("flushall")
	m.clean()
	bind(keys, "default/usrt", "1")
	bind(keys, "default/gone", "2")
	require.Equal(t, []string{"warn redis.hash : 1 of 2 bindings belong to no channel"}, m.says())
}

func TestMemoryIsEstimatedFromARateThatIsGivenOrMeasured(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	line := func() string {
		r := m.examined(m.client)
		for _, f := range r.Findings {
			if f.Check == "redis.memory" {
				return string(f.Status) + " " + f.What
			}
		}
		return ""
	}
	require.Contains(t, line(), "too few runs to measure a rate")
	m.do("config", "set", "maxmemory", "100mb")
	m.perDay = 1000
	require.Regexp(t, `^ok .* in use of 104.9 MB; 1000 events a day, as you say, kept for 14 days, and 0 bindings come to 11.1 MB at most$`, line())
	m.perDay = 7500
	require.Regexp(t, `^warn .* come to 83.0 MB at most$`, line())
	m.perDay = 20000
	require.Regexp(t, `^fail .* come to 221.2 MB at most$`, line())

	// 700 runs of the last two weeks, 50 a day, and one binding for each.
	m.perDay = 0
	var entries []mapping.Entry
	for i := range 700 {
		age := time.Duration(i) * 336 * time.Hour / 700
		m.do("set", keys.Run(keys.RunID("shop", fmt.Sprint(i))), "{}", "px", (m.cfg.Run.Keep - age - time.Minute).Milliseconds())
		entries = append(entries, mapping.Entry{Ref: mapping.Ref{Kind: "customer", Scope: "default/usrt", Source: "shop", ID: fmt.Sprint(i)}})
		m.do("hset", keys.Map(entries[i].Ref), "v", fmt.Sprint(i))
	}
	require.Regexp(t, `; (49|50|51) events a day, as measured, kept for 14 days, and 700 bindings come to`, line())
}

func (m *memory) dump() map[string]string {
	m.t.Helper()
	all := map[string]string{}
	names, err := m.client.Keys(m.t.Context(), "*").Result()
	require.NoError(m.t, err)
	for _, name := range names {
		all[name], err = m.client.Dump(m.t.Context(), name).Result()
		require.NoError(m.t, err)
	}
	return all
}

// waits lets runs of a store wait for a cause.
func (m *memory) waits(cause orchestration.Cause, due time.Duration, n int) {
	m.t.Helper()
	epoch := redisstore.NewEpoch(keys, time.Minute, nil)
	store := redisstore.New(redisstore.Options{Client: m.client, Hasher: hasher, Epoch: epoch, Lease: time.Minute, Window: time.Minute})
	require.NoError(m.t, epoch.Refresh(m.t.Context(), m.client))
	for i := range n {
		id := fmt.Sprint(cause, i)
		q := orchestration.Request{ClaimID: id, Owner: "w1", Scenario: "customers", Pipeline: 1, Scope: "default/usrt", CSU: "default",
			Entity: mapping.Ref{Kind: "customer", Scope: "default/usrt", Source: "shop", ID: id}, Version: "1", Fingerprint: "k1.x",
			Event: orchestration.Event{Source: "shop", ID: id, Generation: 1, CorrelationID: orchestration.DeriveCorrelationID("shop", id)}}
		_, err := store.Claim(m.t.Context(), q)
		require.NoError(m.t, err)
		require.NoError(m.t, store.Release(m.t.Context(), q, orchestration.Released{Step: "create-account", Cause: cause, Wait: due}))
	}
}

func TestWhatWaitsIsCountedByCauseWithTheLongest(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	fleet := func() []string {
		all := []string{}
		for _, f := range examine(t, doctor.Fleet(m.cfg, m.client, keys)).Findings {
			all = append(all, fmt.Sprintf("%s %s %s: %s", f.Status, f.Check, f.About, f.What))
		}
		return all
	}
	require.Equal(t, []string{"warn fleet.alive : no process leads the watch", "ok fleet.schedules : there is no schedule", "ok fleet.waiting : nothing waits",
		"ok fleet.promotion : no customer and no order waits for headquarters' id"}, fleet())

	m.do("set", keys.Lease("watch"), "w1/0815")
	m.waits(orchestration.CauseGate, time.Minute, 3)
	m.waits(orchestration.CauseBlocked, time.Minute, 1)
	m.waits(orchestration.CausePromotion, time.Minute, 2)
	m.waits(orchestration.CauseBackoff, -10*time.Minute, 1)
	// One of those that wait for headquarters has done so for long.
	name := keys.Run(keys.RunID("shop", "promotion1"))
	now, err := m.client.Time(t.Context()).Result()
	require.NoError(t, err)
	m.do("hset", name, "hist", fmt.Sprintf("%d|create-account|promotion", now.Add(-38*time.Minute).UnixMilli()))
	got := fleet()
	require.Len(t, got, 6)
	got = slices.Delete(got, 1, 2) // that there is no schedule
	require.Equal(t, "ok fleet.alive : w1/0815 leads the watch", got[0])
	require.Regexp(t, `^warn fleet.waiting backoff: 1 wait, the longest for \d+\w+, and one was due 10 min ago$`, got[1])
	require.Regexp(t, `^warn fleet.waiting blocked: 1 wait, the longest for .* for the CSU to let us in$`, got[2])
	require.Regexp(t, `^ok fleet.waiting gate: 3 wait, the longest for `, got[3])
	require.Equal(t, "warn fleet.promotion : headquarters is degraded: 2 wait for headquarters' id of a customer or an order, the longest for 38 min", got[4])

	m.cfg.Sampler.Interval, m.cfg.Heartbeat.Interval = 0, 0
	require.Contains(t, fleet()[0], "unknown fleet.alive : sampler and heartbeat are off")
	require.NoError(t, m.server.Kill())
	require.Empty(t, fleet(), "that Redis does not answer is said elsewhere")
}

func TestWhoLeadsTheSchedulesAndWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	said := func() (all []string) {
		for _, f := range examine(t, doctor.Fleet(m.cfg, m.client, keys)).Findings {
			if f.Check == "fleet.schedules" {
				all = append(all, fmt.Sprintf("%s %s: %s", f.Status, f.About, f.What))
			}
		}
		return all
	}
	row := config.ScheduleRow{Type: "signalbox.customer.changed.v1", Every: time.Minute, Zone: "UTC", Missed: "latest"}
	for _, name := range []string{"new", "well", "dead", "lost", "long", "off"} {
		row.Name, row.Off = name, name == "off"
		m.cfg.Schedules = append(m.cfg.Schedules, row)
	}
	now := time.Now()
	for name, r := range map[string]schedule.Record{
		"well": {Event: "e", Sent: now, State: schedule.OK}, "dead": {Event: "e", Sent: now, State: schedule.Failed},
		"lost": {Event: "e", Sent: now, State: schedule.Lost}, "long": {Event: "e", Sent: now.Add(-time.Hour), State: schedule.Open},
	} {
		r.Since = now.Add(-2 * time.Hour)
		written, err := redisschedule.New(m.client, keys).Write(t.Context(), name, r)
		require.NoError(t, err)
		require.True(t, written)
	}
	require.Equal(t, []string{"warn : no process leads the schedules", "ok new: has published nothing yet", "ok well: its last event is ok",
		"warn dead: its last event is a dead letter", "warn lost: its last event has had no run"}, said()[:5])
	require.Regexp(t, `^warn long: the run of its last event is not over since \S+, and ticks are skipped$`, said()[5])
	require.Len(t, said(), 6, "of one that is off nothing is expected")
	m.do("set", keys.Lease("schedule"), "w1/0815")
	require.Equal(t, "ok : w1/0815 leads the schedules", said()[0])
	m.do("del", keys.Lease("schedule"))
	m.cfg.Schedules = m.cfg.Schedules[5:]
	require.Equal(t, []string{"ok : every schedule is off, and no process leads them"}, said())
}
