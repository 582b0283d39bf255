package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox/signalbox/internal/rediskey"
)

// needed are the commands that a fleet and this command line use, each with arguments; K stands for a key of ours. They are
// queued in a transaction that is then discarded: the server judges each when it is queued, and none is carried out.
var needed = []string{
	"get K", "exists K", "hget K f", "hgetall K", "hmget K f", "hexists K f", "hlen K", "hscan K 0", "type K", "pttl K", "srandmember K 1", "zrange K 0 0", "zrevrange K 0 0", "zscore K v",
	"set K v px 1", "hset K f v", "hdel K f", "hincrby K f 1", "sadd K v", "zadd K 0 v", "zincrby K 1 v", "zrem K v", "zremrangebyscore K 0 0", "pexpire K 1", "persist K", "del K",
	"eval return 1 K", "evalsha ffffffffffffffffffffffffffffffffffffffff 1 K", "script load return", "time", "ping", "scan 0", "wait 0 0",
}

// neededInCluster are those besides that find the way in a Cluster.
var neededInCluster = []string{"cluster slots", "cluster nodes", "asking"}

// Commands lists the names of the needed ones as an access list grants them.
func Commands() []string {
	return append([]string{"multi", "exec", "discard", "info"}, granted(needed)...)
}

// ClusterCommands lists those that a Cluster takes besides.
func ClusterCommands() []string { return granted(neededInCluster) }

func granted(commands []string) []string {
	var names []string
	for _, n := range commands {
		word := strings.Fields(n)
		if word[0] == "script" || word[0] == "cluster" {
			word[0] += "|" + word[1]
		}
		names = append(names, word[0])
	}
	return names
}

// commands asks for each whether the user may use it.
func (e redisExam) commands(ctx context.Context) Finding {
	conn := e.Client.Conn()
	defer conn.Close()
	if _, err := conn.Do(ctx, "multi").Result(); err != nil {
		if refused(err) {
			return fail(checkRedisCommands, "", "MULTI is refused", "let the user do it; docs/reference/doctor.md has the whole access list")
		}
		return unknown(checkRedisCommands, "", "cannot be asked: "+err.Error(), "")
	}
	defer func() { _ = conn.Do(ctx, "discard").Err() }() // the connection is closed with it
	var lacks []string
	asked := needed
	if e.inCluster() {
		asked = append(append([]string(nil), needed...), neededInCluster...)
	}
	for _, n := range asked {
		words := strings.Fields(n)
		args := make([]any, len(words))
		for i, w := range words {
			args[i] = w
			if w == "K" {
				args[i] = e.Keys.Prefix() + "doctor"
			}
		}
		answer, err := conn.Do(ctx, args...).Text()
		switch {
		case err == nil && answer == "QUEUED":
		case refused(err):
			lacks = append(lacks, strings.ToUpper(words[0]))
		default: // something in between that knows no transactions: do not go on
			return unknown(checkRedisCommands, "", "the server does not queue commands in a transaction", "compare the user's access list with docs/reference/doctor.md")
		}
	}
	if len(lacks) > 0 {
		return fail(checkRedisCommands, "", "the user may not use "+strings.Join(lacks, ", ")+" on "+e.Keys.Prefix()+"…",
			"let it; docs/reference/doctor.md has the whole access list")
	}
	return ok(checkRedisCommands, "", fmt.Sprintf("the user may use all %d that are needed", len(asked)+len(Commands())-len(needed)))
}

// powers looks for what the user should not be able to do. Nothing of it is done: FLUSHALL gets an argument that it does not know.
func (e redisExam) powers(ctx context.Context) Finding {
	var has []string
	for _, p := range []struct {
		name string
		ask  func() error
	}{
		{"FLUSHALL", func() error { return e.Client.Do(ctx, "flushall", "signalbox-doctor-asks-only").Err() }},
		{"CONFIG", func() error { return e.Client.ConfigGet(ctx, "maxmemory-policy").Err() }},
		{"keys of others", func() error { return e.Client.Exists(ctx, "signalbox-doctor").Err() }},
	} {
		if err := p.ask(); !refused(err) && !unknownCommand(err) {
			has = append(has, p.name)
		}
	}
	switch {
	case len(has) == 0:
		return ok(checkRedisPowers, "", "the user may do no more than it must")
	case e.Near:
		return ok(checkRedisPowers, "", "the user may use "+strings.Join(has, ", ")+", on this machine alone")
	}
	return warn(checkRedisPowers, "", "the user may use "+strings.Join(has, ", "), "give the fleet a user of its own with the access list of docs/reference/doctor.md")
}

func refused(err error) bool { return redis.HasErrorPrefix(err, "NOPERM") }

func unknownCommand(err error) bool {
	return redis.HasErrorPrefix(err, "ERR") && strings.Contains(err.Error(), "unknown command")
}

// AccessList is the rule for the user of a fleet, as ACL SETUSER takes it. Its last three commands are for a Cluster.
func AccessList() string {
	var b strings.Builder
	b.WriteString("ACL SETUSER signalbox reset on >PASSWORD ~" + rediskey.Schema + ":*")
	for _, c := range append(Commands(), ClusterCommands()...) {
		b.WriteString(" +" + c)
	}
	return b.String()
}
