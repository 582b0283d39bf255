package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
)

const (
	childVariable = "HARNESS_CHILD"  // what a child does at its boundary: run, kill or stop
	childAt       = "HARNESS_AT"     // which boundary
	childPassed   = "HARNESS_PASSED" // file that gets the boundary's name
	childLogFile  = "HARNESS_LOG"
)

// Main runs the tests of a package, or, in a child that World.Spawn started, one process of the fleet. Call it from
// TestMain.
func Main(m *testing.M, run func(*testing.M)) {
	do := os.Getenv(childVariable)
	if do == "" {
		run(m)
		return
	}
	if err := child(do); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(do string) error {
	cfg, err := config.Load(config.Sources{Env: os.Environ()})
	if err != nil {
		return err
	}
	log, err := os.OpenFile(os.Getenv(childLogFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	at, _ := strconv.Atoi(os.Getenv(childAt)) // else it is a name
	b := &Boundaries{At: at, AtName: os.Getenv(childAt), Do: func(name string) {
		_ = os.WriteFile(os.Getenv(childPassed), []byte(name), 0o600)
		signal := syscall.SIGKILL
		if do == "stop" {
			signal = syscall.SIGSTOP
		}
		_ = syscall.Kill(os.Getpid(), signal)
		<-time.After(200 * time.Millisecond) // the signal takes effect a moment after the call; nothing may happen in between
	}}
	a, err := app.New(cfg, b.Parts(app.Parts{Log: log, NoHealth: true, WaitInRun: time.Second}))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return a.Run(ctx)
}

// Child is one process of the fleet, for real: the test binary once more.
type Child struct {
	t      testing.TB
	cmd    *exec.Cmd
	passed string
	log    string
	ended  chan struct{}
}

// Spawn starts a child. do is what it does to itself at the boundary: "run" nothing, "kill" SIGKILL, "stop" SIGSTOP. at is
// the boundary's number, or its name for the first of that name; empty for none.
func (w *World) Spawn(do, at string) *Child {
	dir := w.T.TempDir()
	c := &Child{t: w.T, passed: filepath.Join(dir, "passed"), log: filepath.Join(dir, "log"), ended: make(chan struct{})}
	c.cmd = exec.Command(os.Args[0], "-test.run=^$")
	c.cmd.Env = append(append(os.Environ(), w.Env()...), childVariable+"="+do, childAt+"="+at, childPassed+"="+c.passed, childLogFile+"="+c.log)
	c.cmd.Stderr = os.Stderr
	require.NoError(w.T, c.cmd.Start())
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // how it ended is asked of ProcessState
	}()
	w.T.Cleanup(func() {
		c.Signal(syscall.SIGKILL)
		<-c.ended
	})
	return c
}

// Signal sends a signal, unless the child has ended.
func (c *Child) Signal(s syscall.Signal) {
	select {
	case <-c.ended:
	default:
		_ = c.cmd.Process.Signal(s) // it may end at this moment
	}
}

// Ended is closed when the child has ended.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Stop ends the child cleanly.
func (c *Child) Stop() {
	c.Signal(syscall.SIGCONT)
	c.Signal(syscall.SIGTERM)
	<-c.ended
}

// Killed says whether the child died of SIGKILL, and at which boundary.
func (c *Child) Killed() (at string, killed bool) {
	select {
	case <-c.ended:
	default:
		return "", false
	}
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	name, _ := os.ReadFile(c.passed)
	return string(name), ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Passed says whether the child has come to its boundary.
func (c *Child) Passed() bool {
	_, err := os.Stat(c.passed)
	return err == nil
}

// Log is what the child wrote to its log so far.
func (c *Child) Log() string {
	b, _ := os.ReadFile(c.log)
	return string(b)
}
