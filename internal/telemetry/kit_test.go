package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/watch"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var hasher = keyhash.New("k1", []byte("0123456789abcdefghijklmnopqrstuv"))

// known is a fleet of the given size.
func known(queues, types, stepsEach, operations int) Known {
	k := Known{Version: "1.2.3", Revision: "abc", Kinds: []string{"customer", "order"}, OwnQueues: []string{"signalbox-live"},
		Scripts: map[string]string{"5ca1ab1e": "claim"}, Sources: []string{"crm"}, Sinks: []string{"crm"}, Sweeps: sweeps(1)}
	k.Queues = append(k.Queues, "signalbox-live")
	for i := 1; i < queues; i++ {
		k.Queues = append(k.Queues, fmt.Sprintf("queue-%d", i))
	}
	k.Heartbeats = k.Queues
	for i := range types {
		o := orchestration.Outline{Name: fmt.Sprintf("scenario-%d", i), Handles: fmt.Sprintf("signalbox.type-%d.v1", i)}
		for j := range stepsEach {
			o.Steps = append(o.Steps, orchestration.StepOutline{Name: fmt.Sprintf("step-%d", j)})
		}
		k.Scenarios = append(k.Scenarios, o)
	}
	k.Schedules = schedules(2)
	for i := range operations {
		k.Operations = append(k.Operations, fmt.Sprintf("Things.Do%d", i))
	}
	return k
}

func schedules(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("schedule-%d", i))
	}
	return names
}

type idleWorker struct {
	paused   []string
	draining bool
}

func (w idleWorker) Queues() []worker.QueueStatus {
	return []worker.QueueStatus{{Queue: "queue-1", Slots: 32, InFlight: 3, Paused: w.paused}, {Queue: "signalbox-live", Slots: 32}}
}
func (w idleWorker) Draining() bool { return w.draining }

type openGate struct{ until time.Time }

func (openGate) Limit() int                { return 32 }
func (openGate) Rate() float64             { return 0 }
func (openGate) Open() []csuclient.Circuit { return nil }
func (g openGate) ClosedUntil() time.Time  { return g.until }

// sighted is the watchman of an elected process.
type sighted struct{ seen watch.Sight }

func (s sighted) Sight() (watch.Sight, bool) { return s.seen, true }

// watchman has seen everything there is to see: every queue, and runs of every scenario that wait for every cause. Those of a scenario
// that is off wait for that alone, which is less.
func watchman(k Known) sighted {
	s := watch.Sight{Beats: map[string]time.Time{}, Waits: map[watch.Wait]int{}, Safety: redisstore.Safety{Policy: "noeviction", Persistence: redisstore.PersistenceOK}, Members: 4}
	for _, q := range k.Queues {
		s.Queues = append(s.Queues, watch.Sample{Queue: q, Counted: true, Counts: watch.Counts{MaxSize: 1 << 30}, Found: true, FoundDead: true})
		s.Beats[q] = time.Time{}
	}
	for _, o := range k.Scenarios {
		for _, c := range orchestration.Causes() {
			if c == orchestration.CauseSwitchedOff {
				continue
			}
			s.Waits[watch.Wait{Scenario: o.Name, Cause: string(c)}] = 1
		}
	}
	return sighted{s}
}

type idlePool struct{}

func (idlePool) PoolStats() *redis.PoolStats {
	return &redis.PoolStats{TotalConns: 5, IdleConns: 4, Timeouts: 2}
}

// whole is a registry with everything on it that a process would have.
func whole(k Known) *Metrics {
	m := NewMetrics(k)
	m.WatchWorker(idleWorker{})
	m.WatchPool(idlePool{})
	m.WatchReady(func() bool { return true })
	m.WatchGate(openGate{})
	m.WatchFleet(watchman(k))
	m.WatchSink("crm", openGate{}.ClosedUntil)
	m.WatchSchedules(timers{})
	return m
}

// log collects lines.
type log struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.Write(p)
}

func (l *log) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.String()
}

func (l *log) lines(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for _, b := range bytes.Split(bytes.TrimSpace([]byte(l.text())), []byte("\n")) {
		if len(b) == 0 {
			continue
		}
		var line map[string]any
		require.NoError(t, json.Unmarshal(b, &line), "%s", b)
		lines = append(lines, line)
	}
	return lines
}

func logger(t *testing.T, m *Metrics, level string) (*zap.Logger, *log) {
	t.Helper()
	to := &log{}
	z, err := NewLogger(LogOptions{To: to, Level: level, Version: "1.2.3", Instance: "pod-1", Environment: "test"}, m)
	require.NoError(t, err)
	return z, to
}

// series counts what a scrape stores: each bucket, sum and count is one.
func series(t *testing.T, m *Metrics) int {
	t.Helper()
	families, err := m.Registry().Gather()
	require.NoError(t, err)
	n := 0
	for _, f := range families {
		for _, s := range f.GetMetric() {
			switch f.GetType() {
			case dto.MetricType_HISTOGRAM:
				n += len(s.GetHistogram().GetBucket()) + 3 // with +Inf, sum and count
			case dto.MetricType_SUMMARY:
				n += len(s.GetSummary().GetQuantile()) + 2
			default:
				n++
			}
		}
	}
	return n
}

func settled(result worker.Result, o orchestration.Outcome) worker.Settled {
	return worker.Settled{
		Delivery: worker.Delivery{Queue: "queue-1", MessageID: "0b5f1d5e-9f5a-4c39-9c1c-3f8e0a1b2c3d", Sequence: 42, DeliveryCount: 1, Bytes: 512},
		Event: orchestration.Event{Source: "https://shop.example", ID: "6f1f8c0e-53a4-4d0e-9a6b-2f5d1c7b9e44", Type: "signalbox.type-0.v1",
			CorrelationID: "9a1e0d7c-1111-4222-8333-444455556666", Time: time.Now().Add(-2 * time.Second)},
		Outcome: o, Result: result, Wait: 250 * time.Millisecond, Took: 1500 * time.Millisecond,
	}
}

// has looks for a line without printing the whole exposition when it is not there.
func has(t *testing.T, exposition, line string) {
	t.Helper()
	if strings.Contains(exposition, line) {
		return
	}
	name, _, _ := strings.Cut(line, "{")
	var near []string
	for l := range strings.Lines(exposition) {
		if strings.HasPrefix(l, name) && !strings.Contains(l, "_bucket") {
			near = append(near, l)
		}
	}
	t.Errorf("no %q; there are\n%s", line, strings.Join(near, ""))
}
