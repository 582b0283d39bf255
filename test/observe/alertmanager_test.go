//go:build drill

package observe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// alertmanager is a running Alertmanager with our inhibitions, and what it has told whom.
type alertmanager struct {
	address string

	mu   sync.Mutex
	told map[string][]notice // by receiver
}

// notice is one alert as somebody was told of it.
type notice struct {
	alert, queue string
	at           time.Time
}

var wait = regexp.MustCompile(`(?m)^( +(?:group_wait|group_interval|repeat_interval): )(\d+[smh])$`)

// startAlertmanager runs the example's configuration, its times divided by the factor, with receivers that write down what
// they are told.
func startAlertmanager(t *testing.T, factor int) *alertmanager {
	t.Helper()
	a := &alertmanager{address: freeAddress(t), told: map[string][]notice{}}
	hook := httptest.NewServer(http.HandlerFunc(a.hear))
	t.Cleanup(hook.Close)
	b, err := os.ReadFile(filepath.Join(opsFolder, "alertmanager-example.yaml"))
	require.NoError(t, err)
	text := wait.ReplaceAllStringFunc(string(b), func(w string) string {
		m := wait.FindStringSubmatch(w)
		return m[1] + shorter(t, m[2], factor)
	})
	for _, receiver := range []string{"pager", "tickets"} {
		line := "  - name: " + receiver + "\n"
		require.Contains(t, text, line)
		text = strings.Replace(text, line, line+fmt.Sprintf("    webhook_configs: [{url: %q, send_resolved: false}]\n", hook.URL+"/"+receiver), 1)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	start(t, exec.Command(tool(t, "prometheus-alertmanager", "alertmanager"), "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+a.address, "--cluster.listen-address=", "--log.level=warn"))
	await(t, 20*time.Second, "Alertmanager is ready", func() bool { return answers("http://" + a.address + "/-/ready") })
	return a
}

func (a *alertmanager) hear(_ http.ResponseWriter, r *http.Request) {
	var message struct {
		Alerts []struct{ Labels map[string]string }
	}
	if json.NewDecoder(r.Body).Decode(&message) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	who := strings.TrimPrefix(r.URL.Path, "/")
	for _, one := range message.Alerts {
		a.told[who] = append(a.told[who], notice{one.Labels["alertname"], one.Labels["queue"], time.Now()})
	}
}

// heard are the alerts that somebody was told of, each once.
func (a *alertmanager) heard(who string) map[string]time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := map[string]time.Time{}
	for _, n := range a.told[who] {
		if _, known := first[n.alert]; !known {
			first[n.alert] = n.at
		}
	}
	return first
}

// forget drops what was told so far.
func (a *alertmanager) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.told)
}
