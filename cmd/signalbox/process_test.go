package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is the command in a process of its own.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	in       io.WriteCloser
	out, err watched
}

// watched is output that can be read while it is written.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// binary is a folder for PATH in which the command is.
func binary(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.Symlink(self, filepath.Join(dir, "signalbox")))
	return dir
}

func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(filepath.Join(binary(t), "signalbox"), args...)}
	p.cmd.Env = append(slices.Clone(env), "GOCOVERDIR="+t.TempDir()) // else a test binary that counts coverage complains
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	var err error
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		if p.cmd.ProcessState != nil {
			return
		}
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // in order, so that it takes its own Redis along
		hopeless := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
		_ = p.cmd.Wait()
		hopeless.Stop()
	})
	return p
}

// until waits for text on standard output or standard error.
func (p *process) until(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.out.String()+p.err.String(), text) }, patience, look, "%s%s", &p.out, &p.err)
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

func (p *process) code() int {
	p.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		var status *exec.ExitError
		if err != nil && !errors.As(err, &status) {
			require.NoError(p.t, err)
		}
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-ended
		p.t.Fatalf("it does not end: %s%s", &p.out, &p.err)
	}
	return p.cmd.ProcessState.ExitCode()
}
