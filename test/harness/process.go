package harness

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
)

// Process is one process of the fleet, inside this one.
type Process struct {
	*Boundaries
	w      *World
	app    *app.App
	cancel context.CancelFunc
	ended  chan struct{}
	log    *Log
	links  links // virtual worlds only
}

// Log collects a process's log lines. Safe for concurrent use.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is everything written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Start runs a process with the given boundaries; nil for one that nothing happens to.
func (w *World) Start(b *Boundaries) *Process { return w.StartWith(b, func(*app.Parts) {}) }

// StartWith runs a process whose parts change changes.
func (w *World) StartWith(b *Boundaries, change func(*app.Parts)) *Process {
	if b == nil {
		b = &Boundaries{}
	}
	p := &Process{Boundaries: b, w: w, ended: make(chan struct{}), log: &Log{}}
	parts := app.Parts{Log: p.log, NoHealth: true, WaitInRun: 2 * time.Second}
	if w.Mini != nil {
		parts.RedisPool = 256 // nobody waits for a connection: the client's timers for that live beyond a bubble
		p.links = w.links()
		p.links.into(&parts)
		parts.Administration = administration{w.Broker.AdministrationHandler()}
	}
	if w.toSink != nil {
		parts.DialSink = w.dialSink
	}
	if w.toAsked != nil {
		parts.DialStep = w.dialAsked
	}
	if w.toVisibility != nil {
		parts.DialVisibility = w.dialVisibility
	}
	if w.opts.Defaults {
		parts.WaitInRun = 0
	}
	parts = b.Parts(parts)
	change(&parts)
	var err error
	p.app, err = app.New(w.Config(), parts)
	require.NoError(w.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer close(p.ended)
		_ = p.app.Run(ctx) // a dead process ends with an error, and that is the point
	}()
	return p
}

// Log is what the process wrote to its log.
func (p *Process) Log() string { return p.log.String() }

// Ended is closed when the process has ended, by itself or because it was stopped.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Stop ends the process: cleanly, or, if it died, without a trace: its goroutines end, and nothing they do gets out.
func (p *Process) Stop() {
	p.cancel()
	<-p.ended
	ctx, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	_ = p.app.Close(ctx)
}
