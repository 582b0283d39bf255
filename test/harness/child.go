package harness

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/boundary"
)

// Boundaries are the places between two effects that a process passes.
type Boundaries = boundary.Boundaries

// Child is one process of the fleet, for real: the test binary once more.
type Child = boundary.Child

// Main runs the tests of a package, or, in a child that World.Spawn started, one process of the fleet. Call it from
// TestMain.
func Main(m *testing.M, run func(*testing.M)) {
	if !boundary.IsChild() {
		run(m)
		return
	}
	if err := boundary.Main(app.Parts{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Spawn starts a child. do is what it does to itself at the boundary: "run" nothing, "kill" SIGKILL, "stop" SIGSTOP. at is
// the boundary's number, or its name for the first of that name; empty for none.
func (w *World) Spawn(do, at string) *Child {
	s := boundary.Spec{Act: boundary.Act(do), Env: w.Env(), Args: []string{"-test.run=^$"}, Dir: w.T.TempDir(), WaitInRun: time.Second, Stderr: os.Stderr}
	var err error
	if s.At, err = strconv.Atoi(at); err != nil {
		s.AtName = at
	}
	c, err := boundary.Spawn(s)
	require.NoError(w.T, err)
	w.T.Cleanup(func() {
		c.Signal(syscall.SIGKILL)
		<-c.Ended()
	})
	return c
}
