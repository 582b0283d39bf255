// Package bench measures events per second end to end against what the same machine, broker and Redis give without the
// engine, in one run: go test -run '^$' -bench . -benchtime 1x ./test/bench
package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

const (
	events = 2000
	slots  = 64
)

// repetitions is BENCH_REPEAT, or five.
func repetitions(b *testing.B) int {
	b.Helper()
	text := os.Getenv("BENCH_REPEAT")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err, "BENCH_REPEAT")
	return n
}

// scope is a testing.TB whose cleanups run when the measurement ends, not when the benchmark does.
type scope struct {
	testing.TB
	ends []func()
}

func (s *scope) Cleanup(f func()) { s.ends = append(s.ends, f) }

func (s *scope) end() {
	for _, f := range slices.Backward(s.ends) {
		f()
	}
}

func BenchmarkEvents(b *testing.B) {
	measures := []struct {
		name string
		run  func(s *scope) time.Duration
	}{
		{"SDK receive+complete", bareBroker},
		{"Redis claim+save", bareRedis},
		{"end to end, CSU 0 ms", func(s *scope) time.Duration { return endToEnd(s, 0) }},
		{"end to end, CSU 20 ms", func(s *scope) time.Duration { return endToEnd(s, 20*time.Millisecond) }},
	}
	rates := make([][]float64, len(measures))
	for range b.N {
		for range repetitions(b) {
			for i, m := range measures {
				s := &scope{TB: b}
				rates[i] = append(rates[i], events/m.run(s).Seconds())
				s.end()
			}
		}
	}
	b.Logf("%s, %d cores, %s; %d new customers in one process, %d slots, csu.concurrency %d, log level info, median of %d", cpu(), runtime.NumCPU(),
		runtime.Version(), events, slots, slots, len(rates[0]))
	b.Logf("two calls of 20 ms each and %d at once allow %.0f/s", slots, slots/(2*0.020))
	for i, m := range measures {
		b.Logf("%-22s %8.0f/s  %.3f of the SDK, %.3f of Redis  %.0f", m.name, median(rates[i]),
			median(rates[i])/median(rates[0]), median(rates[i])/median(rates[1]), rates[i])
	}
}

func median(of []float64) float64 { return slices.Sorted(slices.Values(of))[len(of)/2] }

func cpu() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // not on every system
	for line := range strings.Lines(string(text)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

func world(s *scope, latency time.Duration) *harness.World {
	return harness.NewReal(s, harness.Options{Defaults: true, Slots: slots, CSU: csu.Options{Latency: latency},
		Env: map[string]string{"SIGNALBOX_CSU_CONCURRENCY": fmt.Sprint(slots)}})
}

func publish(w *harness.World) {
	customers := make([]harness.Customer, events)
	for i := range customers {
		customers[i] = harness.Customer{Event: fmt.Sprint("e", i), ID: fmt.Sprint("C-", i), Email: fmt.Sprintf("c%d@example.com", i),
			First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: time.Now()}
	}
	w.Publish(customers...)
}

// settled closes done once every event is settled.
type settled struct {
	worker.NoObserver
	n    atomic.Int64
	done chan struct{}
}

func (o *settled) Settled(context.Context, worker.Settled) {
	if o.n.Add(1) == events {
		close(o.done)
	}
}

func endToEnd(s *scope, latency time.Duration) time.Duration {
	w := world(s, latency)
	publish(w)
	o := &settled{done: make(chan struct{})}
	began := time.Now()
	p := w.StartWith(nil, func(parts *app.Parts) { parts.Settled = o })
	<-o.done
	took := time.Since(began)
	p.Stop()
	require.Zero(s, w.DeadLetters())
	require.Len(s, w.CSU.Customers(), events)
	return took
}

// bareBroker receives and completes as many messages, with nothing in between.
func bareBroker(s *scope) time.Duration {
	w := world(s, 0)
	publish(w)
	ctx := context.Background()
	client, err := azservicebus.NewClientFromConnectionString(w.Config().ServiceBus.ConnectionString.Reveal(), nil)
	require.NoError(s, err)
	defer client.Close(ctx)
	began := time.Now()
	receiver, err := client.NewReceiverForQueue(harness.SourceQueue, nil)
	require.NoError(s, err)
	var group sync.WaitGroup
	for n := 0; n < events; {
		got, err := receiver.ReceiveMessages(ctx, slots, nil)
		require.NoError(s, err)
		n += len(got)
		for _, m := range got {
			group.Go(func() { _ = receiver.CompleteMessage(ctx, m, nil) }) // the broker must be empty in the end
		}
	}
	group.Wait()
	took := time.Since(began)
	require.True(s, w.Empty())
	return took
}

// bareRedis claims and finishes as many runs, as many at once as there are slots.
func bareRedis(s *scope) time.Duration {
	w := world(s, 0)
	ctx, cfg := context.Background(), w.Config()
	epoch := redisstore.NewEpoch(w.Keys(), 0, nil)
	require.NoError(s, epoch.Refresh(ctx, w.Redis))
	store := redisstore.New(redisstore.Options{Client: w.Redis, Hasher: keyhash.New(cfg.Hash.KeyID, []byte(cfg.Hash.Key.Reveal())),
		Epoch: epoch, Lease: time.Minute, Window: time.Minute})
	require.NoError(s, store.Load(ctx))
	var next, failed atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for range slots {
		group.Go(func() {
			for n := next.Add(1); n <= events; n = next.Add(1) {
				q := request(fmt.Sprint(n), cfg.CSU.Name)
				g, err := store.Claim(ctx, q)
				if err != nil || g.Answer != orchestration.Go || store.Save(ctx, q, orchestration.Progress{Finish: true, Applied: true}) != nil {
					failed.Add(1)
				}
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	require.Zero(s, failed.Load())
	return took
}

func request(id, name string) orchestration.Request {
	return orchestration.Request{ClaimID: uuid.NewString(), Owner: "bench", Scenario: "bench", Pipeline: 1, Scope: name + "/usrt", CSU: name,
		Event:  orchestration.Event{Source: harness.Source, ID: id, CorrelationID: orchestration.DeriveCorrelationID(harness.Source, id), Generation: 1},
		Entity: mapping.Ref{Kind: "customer", Scope: name + "/usrt", Source: harness.Source, ID: id},
		Keys:   []orchestration.Key{{Kind: "email", Value: pii.New(id + "@example.com")}}, Version: "1", Fingerprint: "k1.x"}
}
