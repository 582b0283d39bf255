package ops

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/internal/watch"
	"github.com/signalbox/signalbox/worker"
)

// read decodes a file of this folder.
func read(t *testing.T, decode func([]byte, any) error, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, decode(b, into), path)
}

// rule is one rule of a file of Prometheus.
type rule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

// rules are those of every file in rules/, in order.
func rules(t *testing.T) (all []rule) {
	t.Helper()
	for _, path := range glob(t, "rules/*.yaml") {
		var file struct{ Groups []struct{ Rules []rule } }
		read(t, yaml.Unmarshal, path, &file)
		for _, g := range file.Groups {
			all = append(all, g.Rules...)
		}
	}
	require.NotEmpty(t, all)
	return all
}

func alerts(t *testing.T) map[string]rule {
	t.Helper()
	all := map[string]rule{}
	for _, r := range rules(t) {
		if r.Alert != "" {
			require.NotContains(t, all, r.Alert, "two alerts of one name")
			all[r.Alert] = r
		}
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths, pattern)
	return paths
}

// dashboard is what the tests look at of dashboard.json.
type dashboard struct {
	UID, Title  string
	Panels      []panel
	Templating  struct{ List []variable }
	Annotations struct{ List []annotation }
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ Type, UID string }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []struct {
		Expr, LegendFormat, RefID string
		Datasource                struct{ UID string }
	}
}

type variable struct{ Name, Type, Definition string }

type annotation struct{ Name, Expr string }

func theDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	read(t, json.Unmarshal, "dashboard.json", &d)
	return d
}

// idle is a process with nothing to do, for everything that telemetry watches.
type idle struct{}

func (idle) Queues() []worker.QueueStatus             { return nil }
func (idle) Draining() bool                           { return false }
func (idle) PoolStats() *redis.PoolStats              { return &redis.PoolStats{} }
func (idle) Limit() int                               { return 1 }
func (idle) Rate() float64                            { return 0 }
func (idle) Open() []csuclient.Circuit                { return nil }
func (idle) ClosedUntil() time.Time                   { return time.Time{} }
func (idle) LeadsSchedules() bool                     { return false }
func (idle) Interval(string, time.Time) time.Duration { return 0 }
func (idle) Sight() (watch.Sight, bool)               { return watch.Sight{}, false }

// exported gives every metric that a process exports, with its labels. Histograms stand there as their series do.
func exported() map[string][]string {
	m := telemetry.NewMetrics(telemetry.Known{})
	m.WatchWorker(idle{})
	m.WatchPool(idle{})
	m.WatchGate(idle{})
	m.WatchCircuits(idle{})
	m.WatchFleet(idle{})
	m.WatchSchedules(idle{})
	m.WatchReady(func() bool { return true })
	all := maps.Clone(foreign)
	for _, f := range m.Families() {
		if f.Type != "histogram" {
			all[f.Name] = f.Labels
			continue
		}
		all[f.Name+"_bucket"] = append(slices.Clone(f.Labels), "le")
		all[f.Name+"_sum"], all[f.Name+"_count"] = f.Labels, f.Labels
	}
	return all
}

// foreign are the metrics of Prometheus itself and of the Go and process collectors that are asked for.
var foreign = map[string][]string{
	"up": nil, "process_start_time_seconds": nil, "process_cpu_seconds_total": nil, "process_resident_memory_bytes": nil,
	"go_goroutines": nil, "go_gc_duration_seconds_sum": nil, "ALERTS": {"alertname", "alertstate"},
}

// scraped are the labels that the scraper adds.
var scraped = []string{"job", "instance"}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func withoutExtension(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}
