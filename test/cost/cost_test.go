// Package cost counts what one event costs in round trips: of Redis, by a hook on the fleet's client, and of the CSU, by
// the simulator's own books; and of the broker's client, save receiving, which many messages share. Connecting and the token are paid for by a customer who goes before; renewals of a lease
// come by the clock and are not counted.
package cost

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options() harness.Options { return harness.Options{Lease: 30 * time.Second, Slots: 1} }

func TestWhatAnEventCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { count(t, harness.NewVirtual(t, options())) })
}

func TestWhatAnEventCostsOnARealRedis(t *testing.T) { count(t, harness.NewReal(t, options())) }

// count publishes one event after the other and compares what each has cost.
func count(t *testing.T, w *harness.World) {
	trips := &roundTrips{scripts: redisstore.Scripts()}
	passed := &harness.Boundaries{}
	told := settled{ended: make(chan struct{}, 10)}
	p := w.StartWith(passed, func(parts *app.Parts) { parts.RedisHooks, parts.Settled = append(parts.RedisHooks, trips), told })
	defer p.Stop()
	now := time.Now()
	customer := func(event, id, city string, at time.Time) harness.Customer {
		return harness.Customer{Event: event, ID: id, Email: id + "@example.com", First: "Jane", Last: "Contoso", Phone: "+14255550100", City: city, At: at}
	}
	w.Publish(customer("e0", "warm-up", "Redmond", now))
	told.wait(t)

	created := customer("e1", "C-1", "Redmond", now)
	for _, one := range []struct {
		name            string
		event           harness.Customer
		outcome         string
		redis, csu, bus int
	}{
		{"a created customer", created, "", 2, 2, 1},
		{"an updated customer", customer("e2", "C-1", "Houston", now.Add(2*time.Second)), "", 2, 2, 1},
		{"a duplicate", created, "duplicate", 1, 0, 1},
		{"a superseded one", customer("e3", "C-1", "Seattle", now.Add(time.Second)), "superseded", 1, 0, 1},
	} {
		ended := p.Count(telemetry.Messages, "outcome", one.outcome)
		trips.forget()
		before, paid := calls(w.CSU), len(brokerCalls(passed))
		w.Publish(one.event)
		told.wait(t)
		redis, web, bus := trips.seen(), since(before, calls(w.CSU)), brokerCalls(passed)[paid:]
		t.Logf("%s: %d of Redis %v, %d of the CSU %v, %d of the broker %v", one.name, sum(redis), redis, sum(web), web, len(bus), bus)
		if one.outcome != "" {
			require.Equal(t, ended+1, p.Count(telemetry.Messages, "outcome", one.outcome), one.name)
		}
		require.Equal(t, one.redis, sum(redis), "%s: round trips of Redis: %v", one.name, redis)
		require.Equal(t, one.csu, sum(web), "%s: calls of the CSU: %v", one.name, web)
		require.Len(t, bus, one.bus, "%s: calls of the broker", one.name)
	}
	require.Zero(t, w.DeadLetters())
	require.True(t, w.Empty())
	w.RequireState(customer("e2", "C-1", "Houston", now))
}

// settled is told of each event once it is counted.
type settled struct {
	worker.NoObserver
	ended chan struct{}
}

func (s settled) Settled(context.Context, worker.Settled) { s.ended <- struct{}{} }

func (s settled) wait(t *testing.T) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		require.FailNow(t, "the event is not settled")
	}
}

// brokerCalls are the sends and settlements so far.
func brokerCalls(b *harness.Boundaries) (calls []string) {
	for _, at := range b.Passed() {
		if call, ok := strings.CutPrefix(at, "before "); ok && !strings.HasPrefix(call, "csu ") && !strings.HasPrefix(call, "redis ") {
			calls = append(calls, call)
		}
	}
	return calls
}

// calls is how often the CSU was called, by operation and without the token.
func calls(s *csu.Simulator) map[string]int {
	out := map[string]int{}
	for operation, statuses := range s.Stats().ByStatus {
		if operation == csu.OpToken {
			continue
		}
		for _, n := range statuses {
			out[operation] += int(n)
		}
	}
	return out
}

func since(before, after map[string]int) map[string]int {
	out := map[string]int{}
	for operation, n := range after {
		if n > before[operation] {
			out[operation] = n - before[operation]
		}
	}
	return out
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// roundTrips counts every command and every pipeline as one, whatever it is, but renewals. Safe for concurrent use.
type roundTrips struct {
	scripts map[string]string
	mu      sync.Mutex
	counts  map[string]int
}

func (r *roundTrips) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts = nil
}

func (r *roundTrips) seen() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

func (r *roundTrips) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[string]int{}
	}
	r.counts[name]++
}

func (r *roundTrips) name(cmd redis.Cmder) string {
	if args := cmd.Args(); len(args) > 1 && cmd.Name() == "evalsha" {
		if script, known := r.scripts[fmt.Sprint(args[1])]; known {
			return script
		}
	}
	return cmd.Name()
}

func (r *roundTrips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r *roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if name := r.name(cmd); name != "extend" {
			r.add(name)
		}
		return next(ctx, cmd)
	}
}

func (r *roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		r.add(fmt.Sprintf("pipeline of %d", len(cmds)))
		return next(ctx, cmds)
	}
}
