package docs

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
)

const patience = time.Minute

// A page that can be followed shows files, each under a line with its name, and commands; under a command may stand what it
// prints. The page's commands run in order, in a folder of their own, beside a `signalbox local` or with what they start themselves, whose numbers they leave in
// files.
var (
	file     = regexp.MustCompile("(?m)^`([a-z0-9.-]+)`:\n\n```[a-z]+\n((?:.*\n)*?)```$")
	commands = regexp.MustCompile("(?m)^```sh\n((?:.*\n)*?)```$(?:\n\n```text\n((?:.*\n)*?)```$)?")
)

func TestAPageCanBeFollowed(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "signalbox"), "github.com/signalbox/signalbox/cmd/signalbox").CombinedOutput()
	require.NoError(t, err, string(out))
	for page, alone := range map[string]bool{
		"docs/getting-started.md": false, "docs/how-to/map-a-source.md": false, "docs/how-to/operate.md": false, "docs/how-to/publish-the-catalogue.md": false, "docs/how-to/switch-a-scenario.md": false, "docs/how-to/run-on-a-timer.md": false, "docs/how-to/place-orders.md": false, "docs/how-to/cancel-and-return.md": false, "docs/how-to/prove-it-yourself.md": true, "docs/how-to/certify-a-scenario.md": true,
	} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			env := []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}
			dir, text := t.TempDir(), read(t, page)
			if !alone {
				standIns(t, filepath.Join(bin, "signalbox"), env)
			}
			t.Cleanup(func() {
				if t.Failed() { // else the page ended them
					endAll(dir)
				}
			})
			for _, f := range file.FindAllStringSubmatch(text, -1) {
				require.NoError(t, os.WriteFile(filepath.Join(dir, f[1]), []byte(f[2]), 0o600))
			}
			steps := commands.FindAllStringSubmatch(text, -1)
			require.NotEmpty(t, steps)
			for _, s := range steps {
				followed(t, dir, env, s[1], s[2])
			}
		})
	}
}

// endAll kills what a page that was not followed to its end has left.
func endAll(dir string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.pid"))
	for _, name := range files {
		text, _ := os.ReadFile(name)
		if id, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			_ = syscall.Kill(id, syscall.SIGKILL)
		}
	}
}

// follow runs commands and gives the first line of what they should print that they did not.
func follow(t *testing.T, dir string, env []string, script, prints string) (out, missing string) {
	t.Helper()
	sh := exec.Command("sh", "-uc", script)
	sh.Env, sh.Dir = env, dir
	got, err := sh.CombinedOutput()
	switch sh.ProcessState.ExitCode() {
	case exit.Partly: // which pages show on purpose
	case exit.Nothing:
		if prints != "" { // what it is to show is not there yet
			return string(got), prints
		}
	default:
		require.NoError(t, err, "%s\n%s", script, got)
	}
	for line := range strings.Lines(prints) {
		if !strings.Contains(words(string(got)), words(strings.TrimRight(line, "\n"))) {
			return string(got), line
		}
	}
	return string(got), ""
}

// standIns runs a `signalbox local` until the test ends.
func standIns(t *testing.T, binary string, env []string) {
	t.Helper()
	out, in := io.Pipe()
	c := exec.Command(binary, "local", "--count", "1")
	c.Env, c.Stdout, c.Stderr = env, in, in
	require.NoError(t, c.Start())
	began, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "In another terminal") {
				close(began)
			}
		}
	}()
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGINT)
		require.NoError(t, c.Wait())
		_ = in.Close()
		<-ended
	})
	select {
	case <-began:
	case <-time.After(time.Minute):
		require.FailNow(t, "signalbox local does not begin")
	}
}

// followed runs commands until they print what they should: "a moment later" is when it is there.
func followed(t *testing.T, dir string, env []string, script, prints string) {
	t.Helper()
	var missing, out string
	for end := time.Now().Add(patience); ; {
		if out, missing = follow(t, dir, env, script, prints); missing == "" || time.Now().After(end) {
			break
		}
	}
	require.Empty(t, missing, "%s\n%s", script, out)
}
