package certify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/boundary"
	"github.com/signalbox/signalbox/worker"
)

// process is one process of the fleet, in a world.
type process interface {
	// stopped is closed when the process died at its boundary; of a process that does not die there, never.
	stopped() <-chan struct{}
	// end ends the process in order, unless it is dead, and says why it could not work, if so. After it, reached is sure.
	end() error
	reached() bool
	passed() []string // names of the boundaries; nil if they cannot be known
}

// line is a process's connections: they end with it, as a system closes those of a process that was killed.
type line struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

var errCut = errors.New("the process is dead")

func (l *line) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = c.Close()
		return nil, errCut
	}
	l.conns = append(l.conns, c)
	return c, nil
}

func (l *line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for _, c := range l.conns {
		_ = c.Close()
	}
}

// inside is a process inside this one: dead, its calls fail and its connections are closed.
type inside struct {
	b     *boundary.Boundaries
	app   *app.App
	stop  context.CancelFunc
	died  chan struct{}
	ended chan struct{}
	err   error           // of Run, once ended
	rest  *sync.WaitGroup // what is left of dead processes
}

// inside starts a process with something to happen at a boundary.
func (c *certifier) inside(w *world, s stop, observer worker.Observer, log io.Writer) (*inside, error) {
	l, p := &line{}, &inside{died: make(chan struct{}), ended: make(chan struct{}), rest: &c.rest}
	p.b = &boundary.Boundaries{AtName: s.at, Lose: s.mode == LostAnswer, Do: func(string) {
		if s.mode == Stop {
			p.b.Die()
			l.end()
			close(p.died)
		}
	}}
	parts := app.Parts{Log: log, NoHealth: true, WaitInRun: waitInRun, RedisPool: 16, DialRedis: l.dial, DialCSU: l.dial, DialSink: l.dial,
		DialBroker: func(ctx context.Context) (net.Conn, error) { return l.dial(ctx, "tcp", w.addr.broker) }}
	parts.Settled, parts.Scenarios = observer, c.o.Scenarios
	if c.o.Change != nil {
		c.o.Change(&parts)
	}
	var err error
	if p.app, err = app.New(w.cfg, p.b.Parts(parts)); err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() {
		defer close(p.ended)
		p.err = p.app.Run(ctx)
	}()
	return p, nil
}

func (p *inside) stopped() <-chan struct{} { return p.died }
func (p *inside) reached() bool            { return p.b.Reached() }
func (p *inside) passed() []string         { return p.b.Passed() }

// end does not wait for a dead process: what is left of it asks in vain for a while.
func (p *inside) end() error {
	p.stop()
	if !p.b.Dead() {
		<-p.ended
	}
	if p.b.Dead() {
		p.rest.Go(func() {
			<-p.ended
			p.close()
		})
		return nil
	}
	p.close()
	if errors.Is(p.err, context.Canceled) { // it had hardly begun
		return nil
	}
	return p.err
}

func (p *inside) close() {
	ctx, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	_ = p.app.Close(ctx)
}

// outside is a process of its own, which kills itself with SIGKILL at its boundary.
type outside struct{ *boundary.Child }

func (c *certifier) outside(w *world, s stop) (*outside, error) {
	dir, err := os.MkdirTemp("", "signalbox-certify-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for a process: %w", err)
	}
	w.onStop(func() error { return os.RemoveAll(dir) })
	child, err := boundary.Spawn(boundary.Spec{Act: boundary.Kill, AtName: s.at, Env: slices.Concat(w.env, c.o.ChildEnv), Args: c.o.ChildArgs, Dir: dir,
		WaitInRun: waitInRun, Stderr: io.Discard})
	if err != nil {
		return nil, err
	}
	w.onStop(func() error { // whatever became of the run
		child.Signal(syscall.SIGKILL)
		<-child.Ended()
		return nil
	})
	return &outside{child}, nil
}

func (p *outside) stopped() <-chan struct{} { return p.Ended() }
func (p *outside) passed() []string         { return nil }

func (p *outside) reached() bool {
	_, killed := p.Killed()
	return killed
}

func (p *outside) end() error {
	select {
	case <-p.Ended(): // by itself
		return p.Failed()
	default:
		p.Stop()
		return nil
	}
}
