package certify

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker"
)

const (
	look = 10 * time.Millisecond
	// patience is how long the fleet may take for an event. It recovers within seconds, on a machine that is not busy.
	patience = 2 * time.Minute
)

// stop is what happens to a process, and where. The zero value: nothing.
type stop struct {
	at   string // the boundary's name
	mode Mode
}

// played is what a run of a story left behind.
type played struct {
	end      orchestration.End
	left     int        // messages that had not ended when patience had
	reached  int        // of the stops, in order
	passed   [][]string // by process: the boundaries it passed
	coverage []string   // scenarios that handled something
	log      []byte     // of the processes inside this one
}

// play runs a story from an empty world to its end, with stops for one process after the other. An error means that nothing was
// learned: the stand-ins failed.
func (c *certifier) play(ctx context.Context, s story, stops ...stop) (played, error) {
	w, err := newWorld(ctx, c.ground, int(c.worlds.Add(1)), s)
	if err != nil {
		return played{}, err
	}
	defer w.close()
	run := &playing{certifier: c, world: w, stops: stops, coverage: newCoverage(), log: &log{}}
	if err := run.all(ctx, s); err != nil {
		return played{}, err
	}
	out := played{left: w.left(), reached: run.at, passed: run.passed, coverage: run.coverage.names(), log: run.log.bytes()}
	out.end, err = c.look(ctx, w, s)
	return out, err
}

// playing is a story under way.
type playing struct {
	*certifier
	*world
	stops    []stop
	at       int // how many of the stops were reached
	now      process
	passed   [][]string
	coverage *coverage
	log      *log
}

// all publishes the events and waits for the end of each, or for that of all of them.
func (p *playing) all(ctx context.Context, s story) (err error) {
	if err := p.next(); err != nil {
		return err
	}
	defer func() { // after an error nobody minds what it says
		if p.now != nil {
			_ = p.now.end()
		}
	}()
	step := 1
	if s.Together {
		step = len(s.events)
	}
	for batch := range slices.Chunk(s.events, max(step, 1)) {
		if err := p.publish(ctx, batch); err != nil {
			return err
		}
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	// The last boundaries lie behind the last settlement: a process that ends in order has passed them.
	for {
		if err := p.now.end(); err != nil && ctx.Err() == nil {
			return err
		}
		if !p.moved() {
			break
		}
		if err := p.next(); err != nil {
			return err
		}
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	p.note()
	p.now = nil
	return nil
}

// settle waits until the broker holds nothing, while one process takes the place of the other.
func (p *playing) settle(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for p.left() > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late.C:
			return nil // what is left is counted
		case <-p.now.stopped():
			if err := p.now.end(); err != nil {
				return err
			}
			if !p.moved() {
				return fmt.Errorf("a process of the fleet ended, but not where it should have")
			}
			if err := p.next(); err != nil {
				return err
			}
		case <-tick.C:
		}
	}
	return nil
}

// moved says whether the process that has ended died of its stop, and counts that.
func (p *playing) moved() bool {
	if p.at == len(p.stops) || !p.now.reached() {
		return false
	}
	died := p.stops[p.at].mode != LostAnswer
	p.at++
	if died {
		_ = p.unlock() // the broker knows its own queues
		p.note()
	}
	return died
}

func (p *playing) note() { p.passed = append(p.passed, p.now.passed()) }

// next starts a process with the next stop, or with none.
func (p *playing) next() (err error) {
	var s stop
	if p.at < len(p.stops) {
		s = p.stops[p.at]
	}
	p.now = nil
	if s.mode == Kill {
		child, err := p.outside(p.world, s)
		if err == nil {
			p.now = child
		}
		return err
	}
	own, err := p.inside(p.world, s, p.coverage, p.log)
	if err == nil {
		p.now = own
	}
	return err
}

// coverage notes which scenarios handled something.
type coverage struct {
	worker.NoObserver
	mu   sync.Mutex
	seen map[string]bool
}

func newCoverage() *coverage { return &coverage{seen: map[string]bool{}} }

// Settled implements worker.Observer.
func (c *coverage) Settled(_ context.Context, s worker.Settled) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Outcome.Scenario != "" {
		c.seen[s.Outcome.Scenario] = true
	}
}

func (c *coverage) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.seen))
}

// log collects log lines.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}
