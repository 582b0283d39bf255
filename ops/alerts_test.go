package ops

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// later are the alerts that wait for a metric which nothing exports yet. When it comes, the test says so.
var later = map[string]string{
	"SignalboxSecretExpiring":     "signalbox_secret_expiry_timestamp_seconds",
	"SignalboxConfigReloadFailed": "signalbox_config_last_reload_successful",
	"SignalboxAuditNotWritten":    "signalbox_audit_write_failures_total",
}

func TestAlertsThatAreLeftOutHaveNoMetricYet(t *testing.T) {
	known, there := exported(), alerts(t)
	for name, metric := range later {
		_, comes := known[metric]
		require.False(t, comes, "the metric is there: write %s, its runbook and its tests, and take it out of this list", name)
		_, written := there[name]
		require.False(t, written, name)
	}
}

func TestEveryAlertSaysWhatItIsHowBadAndWhatToDo(t *testing.T) {
	camel := regexp.MustCompile(`^Signalbox([A-Z][a-z]+)+$`)
	const where = "https://github.com/signalbox/signalbox/blob/main/ops/runbooks/"
	for name, a := range alerts(t) {
		require.Regexp(t, camel, name)
		require.Contains(t, []string{"critical", "warning", "info"}, a.Labels["severity"], name)
		require.NotEmpty(t, a.Annotations["summary"], name)
		require.True(t, strings.HasSuffix(a.Annotations["description"], "."), "%s: the description is no sentence", name)
		require.NotEqual(t, a.Annotations["summary"], a.Annotations["description"], name)
		require.Equal(t, where+name+".md", a.Annotations["runbook_url"], name)
	}
}

func TestEveryAlertHasARunbookAndNoOtherIsThere(t *testing.T) {
	var books []string
	for _, path := range glob(t, "runbooks/*.md") {
		books = append(books, withoutExtension(path))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), "# "+withoutExtension(path)+"\n"), path)
		for _, part := range []string{"## Look at", "## Do", "## Do not"} {
			require.Contains(t, string(text), "\n"+part+"\n", "%s has no part %q", path, part)
		}
	}
	require.Equal(t, sortedKeys(alerts(t)), books)
}

// TestEveryAlertIsTestedToFireAndToStayQuiet counts the tests that promtool runs.
func TestEveryAlertIsTestedToFireAndToStayQuiet(t *testing.T) {
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, path := range glob(t, "tests/*.yaml") {
		var file struct {
			Tests []struct {
				Alerts []struct {
					Name     string `yaml:"alertname"`
					Expected []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		read(t, yaml.Unmarshal, path, &file)
		for _, one := range file.Tests {
			for _, a := range one.Alerts {
				fires[a.Name], quiet[a.Name] = fires[a.Name] || len(a.Expected) > 0, quiet[a.Name] || len(a.Expected) == 0
			}
		}
	}
	for name := range alerts(t) {
		require.True(t, fires[name], "no test sees %s fire", name)
		require.True(t, quiet[name], "no test sees %s stay quiet", name)
	}
}

func TestPromtoolAcceptsTheRulesAndTheirTests(t *testing.T) {
	run(t, "promtool", append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, glob(t, "rules/*.yaml")...)...)
	for _, path := range glob(t, "tests/*.yaml") {
		t.Run(withoutExtension(path), func(t *testing.T) {
			t.Parallel()
			run(t, "promtool", "test", "rules", path)
		})
	}
}

// inhibition is one rule of Alertmanager's.
type inhibition struct {
	Source []string `yaml:"source_matchers"`
	Target []string `yaml:"target_matchers"`
}

func TestTheInhibitionsAreOfAlertsThatThereAre(t *testing.T) {
	run(t, "amtool", "check-config", "alertmanager-example.yaml")
	var file struct {
		Rules []inhibition `yaml:"inhibit_rules"`
	}
	read(t, yaml.Unmarshal, "alertmanager-example.yaml", &file)
	require.NotEmpty(t, file.Rules)
	names := sortedKeys(alerts(t))
	for _, r := range file.Rules {
		for _, m := range append(slices.Clone(r.Source), r.Target...) {
			for _, name := range named(m) {
				pattern := regexp.MustCompile("^(?:" + name + ")$")
				require.True(t, slices.ContainsFunc(names, pattern.MatchString), "%s: no alert is called %s", m, name)
			}
		}
	}
}

// named spells out the names of a matcher such as alertname=~"Signalbox(A|B)".
func named(matcher string) []string {
	_, value, _ := strings.Cut(matcher, `"`)
	value = strings.TrimSuffix(value, `"`)
	before, rest, ok := strings.Cut(value, "(")
	if !ok {
		return []string{value}
	}
	inside, after, _ := strings.Cut(rest, ")")
	var all []string
	for one := range strings.SplitSeq(inside, "|") {
		all = append(all, before+one+after)
	}
	return all
}

// run runs a tool of Prometheus's.
func run(t *testing.T, tool string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(tool)
	require.NoError(t, err, "%s is not installed: make tools", tool)
	out, err := exec.Command(path, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
