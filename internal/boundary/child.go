package boundary

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
)

// What a child is told by its environment. It is this binary once more. (Names that begin with SIGNALBOX_ are those of settings.)
const (
	variable  = "BOUNDARY_CHILD" // what it does at its boundary
	where     = "BOUNDARY_AT"    // the name of the boundary
	number    = "BOUNDARY_NUMBER"
	passedTo  = "BOUNDARY_PASSED" // file that gets the boundary's name
	logFile   = "BOUNDARY_LOG"
	waitInRun = "BOUNDARY_WAIT" // longest wait inside a run
)

// Act is what a child does to itself at its boundary.
type Act string

// The acts.
const (
	Run    Act = "run"  // nothing
	Kill   Act = "kill" // SIGKILL
	Freeze Act = "stop" // SIGSTOP
)

// IsChild says whether this process was started by Spawn.
func IsChild() bool { return os.Getenv(variable) != "" }

// Main is the whole life of a child: one process of the fleet, until SIGTERM or its boundary. parts are those of a process
// without boundaries.
func Main(parts app.Parts) error {
	cfg, err := config.Load(config.Sources{Env: os.Environ()})
	if err != nil {
		return err
	}
	log, err := os.OpenFile(os.Getenv(logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	b := &Boundaries{AtName: os.Getenv(where), Do: func(name string) { end(Act(os.Getenv(variable)), name) }}
	_, _ = fmt.Sscan(os.Getenv(number), &b.At) // else it is a name
	parts.Log, parts.NoHealth = log, true
	if parts.WaitInRun, err = time.ParseDuration(os.Getenv(waitInRun)); err != nil {
		return err
	}
	a, err := app.New(cfg, b.Parts(parts))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return a.Run(ctx)
}

// end leaves the boundary's name behind and sends this process the signal.
func end(act Act, name string) {
	_ = os.WriteFile(os.Getenv(passedTo), []byte(name), 0o600)
	if act == Run {
		return
	}
	sent := syscall.SIGKILL
	if act == Freeze {
		sent = syscall.SIGSTOP
	}
	_ = syscall.Kill(os.Getpid(), sent)
	<-time.After(200 * time.Millisecond) // the signal takes effect a moment after the call; nothing may happen in between
}

// Spec is how a child is started.
type Spec struct {
	Act       Act
	At        int           // which boundary, counted from 1
	AtName    string        // or its name, as in Boundaries
	Env       []string      // the fleet's configuration, over this process's own environment
	Args      []string      // of the command line
	Dir       string        // an empty folder, for what it leaves behind
	WaitInRun time.Duration // longest wait inside a run
	Stderr    io.Writer
}

// Child is one process of the fleet, for real. Safe for concurrent use.
type Child struct {
	cmd   *exec.Cmd
	dir   string
	ended chan struct{}
}

// Spawn starts this binary once more; its main must call Main when IsChild says so. The caller ends the child.
func Spawn(s Spec) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary: %w", err)
	}
	c := &Child{dir: s.Dir, ended: make(chan struct{})}
	c.cmd = exec.Command(self, s.Args...)
	c.cmd.Env = append(append(os.Environ(), s.Env...), variable+"="+string(s.Act), where+"="+s.AtName, number+"="+fmt.Sprint(s.At),
		passedTo+"="+c.file("passed"), logFile+"="+c.file("log"), waitInRun+"="+s.WaitInRun.String())
	c.cmd.Stderr = s.Stderr
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // how it ended is asked of ProcessState
	}()
	return c, nil
}

func (c *Child) file(name string) string { return filepath.Join(c.dir, name) }

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

// Stop ends the child cleanly, and waits for it.
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
	name, _ := os.ReadFile(c.file("passed"))
	return string(name), ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Failed is why a child that has ended was not able to work; nil if it was ended by a signal or in order.
func (c *Child) Failed() error {
	if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Exited() && status.ExitStatus() != 0 {
		return errors.New("a process of the fleet ended by itself: " + c.cmd.ProcessState.String())
	}
	return nil
}

// Passed says whether the child has come to its boundary.
func (c *Child) Passed() bool {
	_, err := os.Stat(c.file("passed"))
	return err == nil
}

// Log is what the child wrote to its log so far.
func (c *Child) Log() string {
	b, _ := os.ReadFile(c.file("log"))
	return string(b)
}
