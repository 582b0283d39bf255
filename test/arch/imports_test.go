// Package arch holds the picture of the rooms against the code: which package may import which.
package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/signalbox/signalbox"

// arrows lists, for each package of ours, the packages of ours it may import. A package or an arrow that is not here is
// a decision: make it on purpose, and draw it here. Names ending in /... stand for everything below.
var arrows = map[string][]string{
	"orchestration/fault":   {},
	"internal/jsontext":     {},
	"internal/joined":       {},
	"internal/smallfile":    {},
	"internal/cardnumber":   {},
	"internal/pii":          {"internal/jsontext"},
	"internal/secret":       {},
	"internal/dataschema":   {"orchestration/fault"},
	"internal/keyhash":      {},
	"internal/sample":       {},
	"internal/health":       {},
	"internal/isoduration":  {},
	"internal/retryafter":   {},
	"internal/subscription": {},
	"internal/bounded":      {},
	"internal/outgate":      {},
	"internal/flight":       {},
	"internal/httpout":      {"internal/flight", "internal/outgate", "internal/retryafter", "orchestration/fault"},
	"internal/redisurl":     {},
	"internal/redislink":    {"internal/redisurl"},
	"internal/leader":       {},
	"mapping":               {},
	"mapping/normal":        {},
	"mapping/fieldmap":      {"internal/joined", "internal/smallfile", "mapping/normal", "orchestration/fault"},
	"mapping/valuemap":      {"internal/joined", "internal/smallfile", "mapping"},

	// The owners of the ports.
	"orchestration":       {"orchestration/fault", "mapping", "internal/pii", "internal/keyhash", "internal/jsontext", "internal/cardnumber", "internal/dataschema"},
	"worker":              {"orchestration", "orchestration/fault", "worker/envelope", "internal/cardnumber"},
	"csuclient":           {"internal/flight", "orchestration/fault", "internal/pii", "internal/secret", "internal/retryafter", "internal/jsontext"},
	"inventoryvisibility": {"orchestration/fault", "internal/secret", "internal/httpout", "internal/jsontext"},
	"config":              {"internal/joined", "internal/smallfile", "inventoryvisibility", "orchestration", "orchestration/fault", "internal/secret", "internal/redisurl", "internal/subscription", "internal/httpout", "mapping/fieldmap", "sink/webhook", "worker/businessevents", "orchestration/scenarios", "orchestration/scenarios/...", "orchestration/steps", "orchestration/schedule", "mapping", "mapping/valuemap"},

	"worker/envelope":   {"orchestration", "orchestration/fault", "internal/jsontext", "internal/cardnumber"},
	"worker/deadletter": {"worker", "worker/envelope", "orchestration", "orchestration/fault", "orchestration/schedule", "internal/keyhash", "internal/cardnumber"},
	"worker/rows":       {"worker/envelope", "orchestration", "mapping/fieldmap"},

	"worker/businessevents": {"worker/envelope", "orchestration", "orchestration/fault"},
	"internal/rediskey":     {"internal/keyhash", "internal/pii", "mapping"},

	// Adapters: one technology, one port, never each other.
	"csuclient/redisgate":         {"csuclient", "internal/rediskey"},
	"csuclient/rediscircuit":      {"csuclient", "internal/rediskey"},
	"orchestration/redisstore":    {"orchestration", "mapping", "internal/jsontext", "internal/keyhash", "internal/rediskey"},
	"orchestration/feed":          {"orchestration", "orchestration/fault", "mapping"},
	"orchestration/redisfeed":     {"orchestration/feed", "internal/rediskey"},
	"orchestration/redisswitch":   {"orchestration", "internal/rediskey"},
	"mapping/redistable":          {"mapping", "internal/rediskey"},
	"worker/servicebus":           {"worker", "internal/secret", "internal/bounded", "internal/isoduration", "internal/subscription"},
	"orchestration/redisschedule": {"orchestration/schedule", "internal/rediskey"},

	"worker/wake":                   {"worker", "worker/envelope", "orchestration"},
	"worker/wake/rediswaiters":      {"worker", "worker/wake", "orchestration", "internal/rediskey"},
	"worker/deadletter/redisledger": {"worker/deadletter", "internal/rediskey"},

	// Sinks: how events leave.
	"sink/cloudevent": {"orchestration"},
	"sink/claim":      {},
	"sink/webhook":    {"orchestration", "orchestration/fault", "orchestration/feed", "sink/claim", "sink/cloudevent", "internal/secret", "internal/httpout"},
	"sink/servicebus": {"orchestration", "orchestration/fault", "sink/claim", "sink/cloudevent", "internal/bounded", "internal/outgate", "internal/secret"},
	"sink/jsonlines":  {"orchestration", "orchestration/fault", "sink/claim", "sink/cloudevent"},

	// For producers, who want nothing of the rest.
	"producer": {"orchestration/fault", "internal/cardnumber", "internal/dataschema"},

	// Scenarios: one event, the CSU's vocabulary, the order of steps.
	anyScenario:                         {"orchestration", "orchestration/fault", "mapping", "csuclient", "internal/pii"},
	"orchestration/scenarios":           {"orchestration", "orchestration/feed", "mapping", "csuclient", "orchestration/scenarios/..."},
	"orchestration/scenarios/heartbeat": {"orchestration"},
	"orchestration/scenarios/orders":    {"orchestration", "orchestration/fault", "mapping", "csuclient", "internal/pii", "inventoryvisibility"},
	"orchestration/scenarios/payments":  {"orchestration", "orchestration/fault"},
	"orchestration/scenarios/returns":   {"orchestration", "orchestration/fault", "orchestration/scenarios/orders", "mapping", "csuclient", "internal/pii"},

	"orchestration/scenarios/inventory": {"orchestration", "orchestration/fault", "orchestration/feed", "orchestration/scenarios/products", "mapping", "csuclient", "inventoryvisibility"},
	"orchestration/scenarios/locations": {"orchestration", "orchestration/feed", "mapping", "csuclient"},
	"orchestration/scenarios/reconcile": {"orchestration", "orchestration/fault", "orchestration/feed", "orchestration/scenarios/..."},
	"orchestration/scenarios/prices":    {"orchestration", "orchestration/fault", "orchestration/feed", "orchestration/scenarios/products", "mapping", "csuclient"},
	"orchestration/scenarios/products":  {"orchestration", "orchestration/fault", "orchestration/feed", "mapping", "csuclient"},

	"orchestration/scenarios/sinks": {"orchestration", "orchestration/fault", "mapping"},

	// Timers: they only publish events.
	"orchestration/schedule": {"orchestration"},

	// Steps that a configuration puts into scenarios: they know no scenario.
	"orchestration/steps": {"orchestration", "orchestration/fault", "mapping", "mapping/fieldmap", "internal/httpout", "internal/secret"},

	// Watching.
	"internal/telemetry": {"internal/cardnumber", "mapping/fieldmap", "orchestration", "orchestration/fault", "worker", "csuclient", "internal/keyhash", "orchestration/scenarios/heartbeat", "orchestration/scenarios/sinks", "orchestration/schedule", "internal/watch"},
	"internal/watch":     {"orchestration/redisstore", "worker", "worker/envelope"},

	// What operators do.
	"internal/audit":            {"internal/keyhash"},
	"internal/audit/redisaudit": {"internal/audit", "internal/rediskey"},

	// Wiring, and what uses it.
	"internal/app":      {"config", "csuclient/...", "inventoryvisibility", "mapping/...", "orchestration/...", "worker/...", "sink/...", "internal/..."},
	"internal/boundary": {"config", "internal/app", "orchestration", "orchestration/fault", "orchestration/redisstore", "orchestration/scenarios/sinks", "worker"},
	"internal/certify":  {"config", "internal/...", "mapping/...", "orchestration/...", "worker/...", "csuclient", "test/sim/..."},
	"internal/local":    {"config", "mapping/redistable", "orchestration/...", "worker/...", "internal/...", "test/sim/..."},
	"internal/cli":      {"config", "csuclient/...", "inventoryvisibility", "mapping/...", "orchestration/...", "worker/...", "internal/...", "test/sim/..."},
	"cmd/signalbox":     {"config", "internal/app", "internal/audit", "internal/boundary", "internal/certify", "internal/local", "internal/subscription", "internal/cli/...", "mapping/...", "orchestration/...", "worker/...", "test/sim/..."},

	"ops": {}, // files for Prometheus, Alertmanager and Grafana, and the tests that hold them against the code

	// The stand-ins know nothing of Signalbox: others want them, too.
	"test/sim/redis":                     {},
	"test/sim/proxy":                     {},
	"test/sim/misbehave":                 {},
	"test/sim/csu":                       {"test/sim/misbehave"},
	"test/sim/sink":                      {"test/sim/misbehave"},
	"test/sim/inventoryvisibility":       {"test/sim/misbehave"},
	"test/sim/servicebus":                {"test/sim/servicebus/internal/...", "test/sim/misbehave", "internal/isoduration"},
	"test/sim/servicebus/internal/atom":  {"internal/isoduration"},
	"test/sim/servicebus/internal/wire":  {},
	"test/sim/servicebus/internal/store": {"test/sim/servicebus/internal/wire"},

	"worker/queuetest": {"worker", "orchestration", "worker/envelope"},
	"test/harness":     {"config", "csuclient", "mapping/...", "orchestration/...", "worker/...", "internal/...", "test/sim/..."},
}

// anyScenario stands for every scenario that has no arrows of its own, so that a new one needs none.
const anyScenario = "orchestration/scenarios/*"

// ignorant lists what packages must not know at all, not even through others.
var ignorant = map[string][]string{
	"orchestration":          {"net/http", "github.com/Azure/", "github.com/redis/", "go.uber.org/zap", "github.com/prometheus/"},
	"orchestration/schedule": {"net/http", "github.com/Azure/", "github.com/redis/", "go.uber.org/zap", "github.com/prometheus/"},
	"orchestration/fault":    {"net/http", "github.com/"},
	"mapping":                {"net/http", "github.com/"},
	"worker":                 {"net/http", "github.com/Azure/", "github.com/redis/", "go.uber.org/zap", "github.com/prometheus/"},
	"inventoryvisibility":    {"github.com/Azure/", "github.com/redis/", "go.uber.org/zap", "github.com/prometheus/"},
	"csuclient":              {"github.com/Azure/", "github.com/redis/", "go.uber.org/zap", "github.com/prometheus/"},
	"producer":               {"github.com/redis/", "go.uber.org/zap", "github.com/prometheus/"},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	GoFiles    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps,GoFiles", module+"/...").Output()
	require.NoError(t, err)
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
}

func TestEveryImportIsAnArrowOfThePicture(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name := ours(p.ImportPath)
		allowed, drawn := arrowsOf(name)
		require.True(t, drawn, "package %s is not in the picture: add it to arrows, with what it may import", name)
		for _, i := range p.Imports {
			if strings.HasPrefix(i, module) {
				require.True(t, matches(allowed, ours(i)), "%s imports %s: an arrow that should not exist", name, ours(i))
			}
		}
	}
}

// arrowsOf gives a package's own arrows, or its nearest parent's for a package below one that has "/..." drawn to it; of a scenario without
// arrows of its own, those that every scenario may have.
func arrowsOf(name string) ([]string, bool) {
	if _, drawn := arrows[name]; !drawn && path.Dir(name) == path.Dir(anyScenario) {
		return arrows[anyScenario], true
	}
	for at := name; at != ""; {
		if a, ok := arrows[at]; ok {
			return append(slices.Clone(a), at, at+"/..."), true
		}
		i := strings.LastIndex(at, "/")
		if i < 0 || !strings.HasPrefix(name, "internal/cli") {
			return nil, false
		}
		at = at[:i]
	}
	return nil, false
}

func matches(allowed []string, name string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		if below, ok := strings.CutSuffix(a, "/..."); ok {
			return name == below || strings.HasPrefix(name, below+"/")
		}
		return a == name
	})
}

func ours(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func TestTheCoreKnowsNoTechnology(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, unknown := range ignorant[ours(p.ImportPath)] {
			for _, dep := range p.Deps {
				require.False(t, dep == unknown || strings.HasSuffix(unknown, "/") && strings.HasPrefix(dep, unknown) && !permitted(dep),
					"%s depends on %s", ours(p.ImportPath), dep)
			}
		}
	}
}

// permitted are modules without any technology of ours: identifiers, schemas, back-off.
func permitted(dep string) bool {
	for _, p := range []string{module, "github.com/google/uuid", "github.com/santhosh-tekuri/jsonschema", "github.com/cenkalti/backoff", "github.com/dlclark"} {
		if strings.HasPrefix(dep, p) {
			return true
		}
	}
	return false
}

func TestOnlyTheWiringImportsTelemetryAndNobodyTheWiring(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name := ours(p.ImportPath)
		for _, i := range p.Imports {
			if ours(i) == "internal/telemetry" {
				require.Equal(t, "internal/app", name)
			}
			if ours(i) == "internal/app" {
				require.True(t, strings.HasPrefix(name, "internal/cli") || name == "cmd/signalbox" || name == "internal/local" || name == "internal/boundary" || name == "internal/certify" || strings.HasPrefix(name, "test/"), "%s imports internal/app", name)
			}
		}
	}
}

// TestNobodySleepsForReal: tests sleep inside synctest bubbles only, where a minute takes no time.
func TestNobodySleepsForReal(t *testing.T) {
	t.Parallel()
	sleeps, bubbles := map[string]string{}, map[string]bool{}
	require.NoError(t, filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || filepath.Base(path) == "imports_test.go" {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "time.Sleep(") {
			require.True(t, strings.HasSuffix(path, "_test.go"), "%s sleeps", path)
			sleeps[filepath.Dir(path)] = path
		}
		bubbles[filepath.Dir(path)] = bubbles[filepath.Dir(path)] || strings.Contains(string(text), `"testing/synctest"`)
		return err
	}))
	for dir, path := range sleeps {
		require.True(t, bubbles[dir], "%s sleeps in real time", path)
	}
}
