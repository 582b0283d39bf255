package telemetry

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// plainCommands are told apart by name; scripts have names of their own.
var plainCommands = []string{"get", "mget", "hgetall", "smembers", "ping", "info", "wait", "other"}

// handshake is what the client says on a new connection: asking an older server for what it does not have is no error,
// and when it matters, the command that wanted the connection fails too.
var handshake = map[string]bool{"hello": true, "client": true, "auth": true, "select": true}

type redisMetrics struct {
	commands    closed
	duration    *prometheus.HistogramVec
	redisErrors *prometheus.CounterVec
}

func (m *Metrics) newRedisMetrics() redisMetrics {
	m.section = sectionOnce
	r := redisMetrics{
		commands:    closedSet(plainCommands),
		duration:    m.histogram(RedisCommandDuration, "Round trips to Redis: a command, a script by its name, or a pipeline by its first.", redisBuckets, LabelCommand),
		redisErrors: m.counter(RedisErrors, "Round trips to Redis that failed.", LabelCommand, LabelErrorType),
	}
	for _, script := range m.scripts {
		r.commands[script] = true
	}
	start(r.duration, r.commands.and(other))
	start(r.redisErrors, r.commands.and(other), redisFailures)
	return r
}

// Redis is the hook for a client: client.AddHook(m.Redis()). It sees neither keys nor values.
func (m *Metrics) Redis() redis.Hook { return redisHook{m} }

type redisHook struct{ m *Metrics }

func (h redisHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h redisHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if handshake[cmd.Name()] {
			return next(ctx, cmd)
		}
		began := time.Now()
		err := next(ctx, cmd)
		h.count(h.name(cmd), began, err)
		return err
	}
}

func (h redisHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cmds)
		if len(cmds) > 0 {
			h.count(h.name(cmds[0]), began, err)
		}
		return err
	}
}

// name is the label of a command. A script is known by its hash.
func (h redisHook) name(cmd redis.Cmder) string {
	if args := cmd.Args(); len(args) > 1 && (cmd.Name() == "evalsha" || cmd.Name() == "evalsha_ro") {
		hash, _ := args[1].(string)
		return h.m.commands.or(h.m.scripts[hash], other)
	}
	return h.m.commands.or(cmd.Name(), other)
}

func (h redisHook) count(name string, began time.Time, err error) {
	h.m.duration.WithLabelValues(name).Observe(time.Since(began).Seconds())
	// Nil is an answer, and a script that the server does not know yet is sent whole at once.
	if err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "NOSCRIPT") {
		h.m.up.is(dependencyRedis, true)
		return
	}
	failure := redisFailure(err)
	h.m.redisErrors.WithLabelValues(name, failure).Inc()
	if failure == "timeout" || failure == "network" {
		h.m.up.is(dependencyRedis, false)
	}
}

func redisFailure(err error) string {
	var network net.Error
	var reply redis.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout), errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.As(err, &reply):
		return otherType
	}
	return "network"
}

// WatchPool exports a client's pool of connections.
func (m *Metrics) WatchPool(client interface{ PoolStats() *redis.PoolStats }) {
	m.section = sectionOnce
	m.remember(RedisPoolConnections, "gauge", "Connections of the pool.", LabelState)
	connections := prometheus.NewDesc(RedisPoolConnections, m.help(), []string{LabelState}, nil)
	m.remember(RedisPoolTimeouts, "counter", "Waits for a connection that were given up.")
	m.registry.MustRegister(&poolCollector{client.PoolStats, connections, prometheus.NewDesc(RedisPoolTimeouts, m.help(), nil, nil)})
}

type poolCollector struct {
	stats                 func() *redis.PoolStats
	connections, timeouts *prometheus.Desc
}

func (c *poolCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.connections; ch <- c.timeouts }

func (c *poolCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.stats()
	for i, n := range []uint32{s.TotalConns, s.IdleConns} {
		ch <- prometheus.MustNewConstMetric(c.connections, prometheus.GaugeValue, float64(n), poolStates[i])
	}
	ch <- prometheus.MustNewConstMetric(c.timeouts, prometheus.CounterValue, float64(s.Timeouts))
}
