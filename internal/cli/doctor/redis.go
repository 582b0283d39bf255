package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/internal/redisurl"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// Client is a client that can also give one connection, for what belongs together.
type Client interface {
	redis.UniversalClient
	Conn() *redis.Conn
}

// RedisOptions says what is examined, and how.
type RedisOptions struct {
	Config       *config.Config
	Client       Client // that does not touch the fleet's epoch
	Keys         rediskey.Keys
	Kinds        []string // of business objects that are bound
	EventsPerDay float64  // for the estimate of memory; 0: measured from the runs that are stored
	Near         bool     // the server is on this machine: its user may do everything
}

// Redis examines the store. It writes no key.
func Redis(o RedisOptions) Part {
	return func(ctx context.Context) []Finding {
		began := time.Now()
		now, err := o.Client.Time(ctx).Result()
		if err != nil {
			return []Finding{unreachedRedis(err)}
		}
		took := time.Since(began)
		e := redisExam{o, nil}
		all := []Finding{ok(checkRedisReach, "", fmt.Sprintf("answers in %s", took.Round(time.Microsecond)))}
		text, err := o.Client.Info(ctx).Result()
		if err != nil {
			all = append(all, fail(checkRedisCommands, "", "INFO is refused", "let the user do it: a fleet asks who the server is at every connection"))
			return append(all, e.commands(ctx), e.powers(ctx))
		}
		e.info = redisstore.InfoFields(text)
		all = append(all, e.version(), e.role(), e.cluster(ctx), e.failover(), e.eviction(), e.persistence(ctx), e.commands(ctx), e.powers(ctx), e.scripts(ctx),
			clock(checkRedisClock, now.Sub(began.Add(took/2))), e.epoch(ctx), e.hash(ctx))
		return append(all, e.memory(ctx))
	}
}

func unreachedRedis(err error) Finding {
	f := fail(checkRedisReach, "", "cannot be reached", "check redis.url and the network")
	switch exit.From(err).Code {
	case exit.NotAllowed:
		f.What, f.Do = "refuses the user or its password", "correct them in redis.url"
	case exit.Unreachable:
		f.Lost = true
	default:
		f.What = "does not answer: " + err.Error()
	}
	return f
}

type redisExam struct {
	RedisOptions
	info map[string]string
}

// inCluster says whether the server is a node of a Cluster.
func (e redisExam) inCluster() bool { return e.info["cluster_enabled"] == "1" }

// kind is how redis.url says that Redis is run.
func (e redisExam) kind() redisurl.Kind {
	u, _ := redisurl.Parse(e.Config.Redis.URL.Reveal())
	return u.Kind
}

// The oldest versions that scripts and users work with, and that is tested.
const (
	oldestVersion = 6.2
	testedVersion = 7.0
)

func (e redisExam) version() Finding {
	text := e.info["redis_version"]
	parts := strings.SplitN(text, ".", 3)
	version, err := strconv.ParseFloat(strings.Join(parts[:min(2, len(parts))], "."), 64)
	what := strings.Join(strings.Fields("is "+e.info["server_name"]+" "+text), " ")
	switch {
	case err != nil:
		return unknown(checkRedisVersion, "", "does not tell its version", "see that it is 7 or later")
	case version < oldestVersion:
		return fail(checkRedisVersion, "", what, "use Redis 7 or later")
	case version < testedVersion:
		return warn(checkRedisVersion, "", what, "use Redis 7 or later")
	}
	return ok(checkRedisVersion, "", what)
}

func (e redisExam) role() Finding {
	replicas, _ := strconv.Atoi(e.info["connected_slaves"])
	switch {
	case e.info["role"] == "slave" || e.info["role"] == "replica":
		return fail(checkRedisRole, "", "is a replica", "name the primary in redis.url")
	case replicas > 0:
		return ok(checkRedisRole, "", fmt.Sprintf("is a primary with %d replicas; a finish waits for one of them", replicas))
	}
	return ok(checkRedisRole, "", "is a primary without replicas")
}

func (e redisExam) eviction() Finding {
	switch policy := e.info["maxmemory_policy"]; policy {
	case "":
		return unknown(checkRedisEviction, "", "does not tell its maxmemory-policy", "see in the service's settings that it is noeviction")
	case "noeviction":
		return ok(checkRedisEviction, "", "maxmemory-policy is noeviction")
	default:
		return fail(checkRedisEviction, "", "maxmemory-policy is "+policy, "set it to noeviction")
	}
}

func (e redisExam) persistence(ctx context.Context) Finding {
	s, err := redisstore.ReadSafety(ctx, e.Client)
	switch {
	case err != nil || s.Persistence == redisstore.PersistenceUnknown:
		return unknown(checkRedisPersistence, "", "does not tell whether it keeps its data", "see in the service's settings that persistence is on")
	case s.Persistence == redisstore.PersistenceOff:
		return fail(checkRedisPersistence, "", "neither the append-only file nor snapshots are on", "set appendonly to yes")
	case s.Persistence == redisstore.PersistenceFailing:
		return fail(checkRedisPersistence, "", "its last write to disk failed", "see its disk and its log")
	case e.info["aof_enabled"] == "1":
		return ok(checkRedisPersistence, "", "the append-only file is on")
	}
	return ok(checkRedisPersistence, "", "snapshots are on; the append-only file would lose less")
}

// scripts loads them, as every process does when it starts.
func (e redisExam) scripts(ctx context.Context) Finding {
	if err := redisstore.New(redisstore.Options{Client: e.Client}).Load(ctx); err != nil {
		return fail(checkRedisScripts, "", err.Error(), "let the user use SCRIPT LOAD and EVALSHA")
	}
	return ok(checkRedisScripts, "", "can be loaded")
}

func (e redisExam) epoch(ctx context.Context) Finding {
	m, known, err := redisstore.NewTracer(e.Client, e.Keys).Memory(ctx)
	look := e.Config.Run.Lease + e.Config.CSU.MaxExecution + e.Config.CSU.SearchLag
	switch until := time.Until(m.LookOnlyUntil).Round(time.Second); {
	case err != nil:
		return unknown(checkRedisEpoch, "", err.Error(), "")
	case !known:
		return warn(checkRedisEpoch, "", "is empty: a fleet that starts on it looks only for "+look.String(), "nothing, if it is new; else bring the bindings back: signalbox mapping import")
	case until > 0:
		return warn(checkRedisEpoch, "", fmt.Sprintf("lost its memory, or may have, at %s; claims are for looking only for %s more", m.Born.Format(time.RFC3339), until),
			"nothing: it goes on by itself; if bindings were lost, bring them back: signalbox mapping import")
	case e.info["run_id"] != "" && m.Server != "" && m.Server != e.info["run_id"]:
		return warn(checkRedisEpoch, "", "the server was restarted or failed over, and no process has noticed yet: at its next connection claims are for looking only for "+look.String(),
			"see that processes of the fleet run")
	}
	return ok(checkRedisEpoch, "", "its memory is good")
}
