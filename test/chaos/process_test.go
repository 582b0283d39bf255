package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(workshop)
		os.Exit(code)
	}))
}

var workshop = filepath.Join(os.TempDir(), fmt.Sprintf("signalbox-chaos-%d", os.Getpid()))

// binary is the program, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(workshop, "signalbox")
	out, err := exec.Command("go", "build", "-o", path, "github.com/signalbox/signalbox/cmd/signalbox").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// process is the program, running.
type process struct {
	*exec.Cmd
	log string // the file it writes to
}

// run starts the program; it is killed at the end of the test if it still runs.
func (f *fleet) run(args ...string) *process {
	path, err := binary()
	require.NoError(f.t, err)
	cmd := exec.Command(path, args...)
	cmd.Env = f.env
	log, err := os.CreateTemp(f.t.TempDir(), "log")
	require.NoError(f.t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(f.t, cmd.Start())
	f.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if f.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			f.t.Logf("%s: the end of its log:\n%s", strings.Join(args, " "), text[max(0, len(text)-3000):])
		}
	})
	return &process{Cmd: cmd, log: log.Name()}
}

func (p *process) kill(t testing.TB) {
	require.NoError(t, p.Process.Kill())
	_ = p.Wait() // it says "killed"
}

// line is what is read of a line of a worker's log.
type line struct {
	Outcome string `json:"outcome"`
	Event   string `json:"event_id"`
}

func (p *process) lines(t testing.TB) (out []line) {
	text, err := os.ReadFile(p.log)
	require.NoError(t, err)
	for l := range bytes.Lines(text) {
		var read line
		if json.Unmarshal(l, &read) == nil { // else it is the last, cut short
			out = append(out, read)
		}
	}
	return out
}

func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func answers(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	return c.Close() == nil
}
