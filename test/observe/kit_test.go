// Package observe watches a real fleet the way an operator does: `signalbox run` processes on a local Service Bus, a CSU
// simulator and a real redis-server, scraped by a real Prometheus with our rules, which tells a real Alertmanager with our
// inhibitions.
package observe

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/test/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// binary is built once for all tests of the package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "signalbox-observe-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "signalbox")
	out, err := exec.Command("go", "build", "-o", path, "github.com/signalbox/signalbox/cmd/signalbox").CombinedOutput()
	if err != nil {
		_, _ = os.Stderr.Write(out)
	}
	return path, err
})

// fleet is processes of the real binary on stand-ins that this process holds in hand.
type fleet struct {
	*harness.World
	targets []string // admin addresses
}

// startFleet runs n processes and waits until each is started.
func startFleet(t *testing.T, n int, o harness.Options) *fleet {
	t.Helper()
	if len(o.RedisArgs) == 0 {
		o.RedisArgs = []string{"--appendonly", "yes"} // as an operator has it, or the alert on that would fire
	}
	f := &fleet{World: harness.NewReal(t, o)}
	path, err := binary()
	require.NoError(t, err)
	for range n {
		admin := freeAddress(t)
		start(t, exec.Command(path, "run"), append(f.Env(), "SIGNALBOX_ADMIN_LISTEN="+admin)...)
		f.targets = append(f.targets, admin)
	}
	for _, admin := range f.targets {
		await(t, 20*time.Second, "a process is started", func() bool { return answers("http://" + admin + "/readyz") })
	}
	return f
}

// start runs a program until the end of the test. When the test fails, the end of what it wrote is shown.
func start(t *testing.T, cmd *exec.Cmd, env ...string) {
	t.Helper()
	cmd.Env = append(os.Environ(), env...)
	log, err := os.CreateTemp(t.TempDir(), "log")
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is told to end
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s: the end of its log:\n%s", filepath.Base(cmd.Path), text[max(0, len(text)-3000):])
		}
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// answers says whether an address answers with 200.
func answers(url string) bool {
	ctx, done := context.WithTimeout(context.Background(), time.Second)
	defer done()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// client leaves no connection behind.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}

// await waits until something holds.
func await(t *testing.T, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			require.FailNow(t, "it does not come about within "+patience.String(), what)
		}
	}
}
