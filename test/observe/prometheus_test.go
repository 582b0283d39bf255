package observe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// prometheus is a running Prometheus.
type prometheus struct{ url string }

// startPrometheus scrapes targets at an interval, evaluates rule files, and tells an Alertmanager, if there is one.
func startPrometheus(t *testing.T, targets []string, every time.Duration, alertmanager string, ruleFiles ...string) prometheus {
	t.Helper()
	path := tool(t, "prometheus")
	dir, listen := t.TempDir(), freeAddress(t)
	quoted := func(list []string) string { return `"` + strings.Join(list, `", "`) + `"` }
	config := fmt.Sprintf("global: {scrape_interval: %s, scrape_timeout: %s, evaluation_interval: %s}\nrule_files: [%s]\nscrape_configs:\n- job_name: signalbox\n  static_configs: [{targets: [%s]}]\n",
		milliseconds(every), milliseconds(every), milliseconds(every), quoted(ruleFiles), quoted(targets))
	if alertmanager != "" {
		config += fmt.Sprintf("alerting:\n  alertmanagers:\n  - static_configs: [{targets: [%q]}]\n", alertmanager)
	}
	file := filepath.Join(dir, "prometheus.yaml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	start(t, exec.Command(path, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+listen,
		"--log.level=warn", "--storage.tsdb.retention.time=1d", "--rules.alert.resend-delay="+milliseconds(every)))
	p := prometheus{"http://" + listen}
	await(t, 20*time.Second, "Prometheus is ready", func() bool { return answers(p.url + "/-/ready") })
	return p
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }

// tool finds one of the first names on PATH.
func tool(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	require.FailNow(t, names[0]+" is not installed: make tools")
	return ""
}

// get asks the API and decodes its data; an error of the query is one of the result.
func (p prometheus) get(t *testing.T, path string, query url.Values, data any) error {
	t.Helper()
	resp, err := client.Get(p.url + path + "?" + query.Encode())
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer), "%s", resp.Status)
	if resp.StatusCode != http.StatusOK || answer.Status != "success" {
		return fmt.Errorf("%s: %s", resp.Status, answer.Error)
	}
	return json.Unmarshal(answer.Data, data)
}

// query evaluates an expression now and gives how many series it has.
func (p prometheus) query(t *testing.T, expr string) (series int, err error) {
	t.Helper()
	var data struct {
		ResultType string
		Result     []json.RawMessage
	}
	if err := p.get(t, "/api/v1/query", url.Values{"query": {expr}}, &data); err != nil {
		return 0, err
	}
	if data.ResultType == "scalar" {
		return 1, nil
	}
	return len(data.Result), nil
}

// has waits until an expression has data.
func (p prometheus) has(t *testing.T, patience time.Duration, expr string) {
	t.Helper()
	await(t, patience, expr, func() bool {
		n, err := p.query(t, expr)
		require.NoError(t, err)
		return n > 0
	})
}
