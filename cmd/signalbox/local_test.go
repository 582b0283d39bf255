package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
)

// home is an environment for processes that share one `signalbox local`.
func home(t *testing.T) []string {
	t.Helper()
	return []string{"PATH=" + binary(t) + ":" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}
}

func TestLocalEndsWhenIdle(t *testing.T) {
	t.Parallel()
	p := start(t, home(t), "local", "--exit-when-idle", "--count", "10", "--output", "json")
	require.Equal(t, exit.Done, p.code(), p.err.String())
	require.True(t, json.Valid([]byte(p.out.String())), p.out.String())
}

func TestWithoutALocalOneToTalkToThereIsNothingToDo(t *testing.T) {
	t.Parallel()
	p := start(t, home(t), "deadletter", "list", "--local")
	require.Equal(t, exit.Unreachable, p.code())
	require.Equal(t, "signalbox: no signalbox local is running\nnext: start one in another terminal: signalbox local\n", p.err.String())
}

// runs matches examples that run until a signal ends them, and the one of a schedule that no local has.
var runs = regexp.MustCompile(`^signalbox (local|run|sim [\w-]+|schedules run nightly)\b`)

// The examples of every command run as they stand, in order, against a running local.
func TestEveryExampleWorks(t *testing.T) {
	t.Parallel()
	env, dir := home(t), t.TempDir()
	// Another deployment's settings in the shell must not get in the way of --local.
	env = append(env, "SIGNALBOX_SERVICEBUS_QUEUES=elsewhere")
	gallery(t, dir)
	local := start(t, env, "local")
	local.until("In another terminal")

	every(tree(), func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			line = strings.TrimSpace(line)
			if runs.MatchString(line) {
				continue // these are run by tests of their own
			}
			sh := exec.Command("sh", "-c", line)
			sh.Env, sh.Dir = env, dir
			out, err := sh.CombinedOutput()
			require.NoError(t, err, "%s\n%s", line, out)
		}
	})
	local.signal(syscall.SIGINT)
	require.Equal(t, exit.Done, local.code(), local.err.String())
}

// exampleFile is a configuration file that is complete by itself.
func exampleFile(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"bus": "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b", "redis": "redis://127.0.0.1:1/0",
		"csu": "secret", "hash": canary} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return strings.ReplaceAll(`
servicebus: {connection_string: "file:DIR/bus", queues: [in]}
redis: {url: "file:DIR/redis"}
csu: {url: "http://127.0.0.1:1", token_url: "http://127.0.0.1:1/t/oauth2/token", client_id: a, client_secret: "file:DIR/csu", resource: "http://127.0.0.1:1"}
hash: {key: "file:DIR/hash"}
channels: [{name: main, oun: HOUSTON, legal_entity: usrt}]
`, "DIR", dir)
}

func TestAWorkerCanJoinTheLocalFleet(t *testing.T) {
	t.Parallel()
	env := home(t)
	local := start(t, env, "local")
	local.until("In another terminal")
	p := start(t, env, "run", "--local")
	p.until(`"started"`)
	p.signal(syscall.SIGTERM)
	require.Equal(t, exit.Done, p.code(), p.out.String())
	local.signal(syscall.SIGINT)
	require.Equal(t, exit.Done, local.code())
}

func TestALocalOneThatIsGoneIsNotReached(t *testing.T) {
	t.Parallel()
	env := home(t)
	dir := filepath.Join(strings.TrimPrefix(env[1], "TMPDIR="), "signalbox-local-"+strconv.Itoa(os.Getuid()))
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "env"), []byte(strings.Join(complete[1:], "\n")), 0o600))
	p := start(t, env, "config", "check", "--local")
	require.Equal(t, exit.Done, p.code(), p.err.String())
	p = start(t, env, "trace", "--local", "11111111-1111-4111-8111-111111111111")
	require.Equal(t, exit.Unreachable, p.code(), p.err.String())
	require.Contains(t, p.err.String(), "next: start one in another terminal: signalbox local")
}
