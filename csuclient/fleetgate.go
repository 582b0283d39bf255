package csuclient

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox/signalbox/internal/retryafter"
)

// FleetGateOptions is what a FleetGate is made from. Zero values mean the default.
type FleetGateOptions struct {
	Own  GateOptions
	Pace Pace
	// Changed is told when the gate shuts, until when at first, and with zero when it opens. It must be quick.
	Changed func(until time.Time)
}

// FleetGate is the budget of one process of a fleet. The calls at once are its own matter; when each may go, it asks of a Pace
// that all processes share. While nobody was refused lately, it asks nothing and costs nothing. From the first refusal of any
// process on, every call takes a moment first: those who wait in one lane send one of them to ask for all.
//
// When the Pace cannot be reached, the process goes on at the rate it had of late, and shuts and opens on its own like a Gate.
type FleetGate struct {
	opts FleetGateOptions
	own  *Gate

	mu      sync.Mutex
	state   PaceState
	until   time.Time // shut: until when
	heardAt time.Time
	heard   chan struct{} // closed, and made anew, when the gate shuts or opens
	away    time.Time     // the Pace could not be reached: not asked again before
	alone   float64       // calls a second while it is away; 0: not limited
	next    time.Time     // while it is away: when the next call may go
	recent  recent
	told    bool // how fast this process was, when it was refused under toldRev
	toldRev int64

	lanes map[string]*lane
}

var _ Budget = (*FleetGate)(nil)

// lane is a line of calls that need a moment.
type lane struct {
	asker   chan struct{} // whoever holds its token asks for all
	waiting atomic.Int32
	moments []time.Time // asked for and not used yet; the token's holder's
	rev     int64       // that they belong to
}

// take is a moment that was asked for and is still good: not long past, and of after the last refusal.
func (l *lane) take(now time.Time, rev int64) (at time.Time, ok bool) {
	for len(l.moments) > 0 && l.rev == rev {
		at, l.moments = l.moments[0], l.moments[1:]
		if now.Sub(at) < overdue {
			return at, true
		}
	}
	return at, false
}

const (
	manyAhead  = 64                     // as many moments at most are taken at once
	overdue    = 250 * time.Millisecond // a moment that nobody used by then is gone
	paceFor    = time.Second            // patience with the Pace
	paceRest   = time.Second            // how long it is left alone after it did not answer
	leastAlone = 1.0                    // calls a second of a process that is alone, at least
)

// NewFleetGate makes an open gate.
func NewFleetGate(o FleetGateOptions) *FleetGate {
	def(&o.Own.Backoff, time.Second)
	g := &FleetGate{opts: o, own: NewGate(o.Own), heard: make(chan struct{}), lanes: map[string]*lane{}}
	for _, name := range []string{LaneLive, LaneBulk, LaneReplay} {
		g.lanes[name] = &lane{asker: make(chan struct{}, 1)}
	}
	return g
}

// Limit is the number of calls that this process may have under way at once, now.
func (g *FleetGate) Limit() int { return g.own.Limit() }

// Rate is how many calls a second the fleet may make, as last heard; 0: not limited.
func (g *FleetGate) Rate() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.state.Paced {
		return 0
	}
	return g.state.Rate
}

// ClosedUntil is when the gate opens for its next probe; zero while it is open.
func (g *FleetGate) ClosedUntil() time.Time {
	own := g.own.ClosedUntil() // it shuts by itself only while the Pace is away
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := g.shutUntil(); until.After(own) {
		return until
	}
	return own
}

// HeldBy says what holds a call back at this moment: one of Sources.
func (g *FleetGate) HeldBy() string {
	switch {
	case !g.ClosedUntil().IsZero():
		return SourceRetryAfter
	case g.Rate() > 0:
		return SourceRate
	}
	return SourceConcurrency
}

// Heard takes note of how things stand for the fleet, by whatever way that was learned.
func (g *FleetGate) Heard(s PaceState) {
	was := g.lock()
	g.away = time.Time{}
	g.state, g.heardAt = s, time.Now()
	if !s.Paced {
		g.told = false
	}
	g.until = time.Time{}
	if s.Shut {
		g.until = g.heardAt.Add(s.Until)
	}
	g.unlock(was)
}

// lock takes the lock and gives until when the gate is shut; zero: it is open.
func (g *FleetGate) lock() (was time.Time) {
	g.mu.Lock()
	return g.shutUntil()
}

func (g *FleetGate) shutUntil() time.Time {
	if !g.state.Shut {
		return time.Time{}
	}
	return g.until
}

// unlock gives up the lock, and tells of a gate that was shut, opened, or shut for longer under it.
func (g *FleetGate) unlock(was time.Time) {
	until := g.shutUntil()
	moved := until.IsZero() != was.IsZero() || until.Sub(was) > overdue
	if moved {
		close(g.heard)
		g.heard = make(chan struct{})
	}
	g.mu.Unlock()
	if moved && g.opts.Changed != nil {
		g.opts.Changed(until)
	}
}

// spot is a call's leave to go.
type spot struct {
	rev   int64
	probe bool
}

// Acquire implements Budget. A call waits for its place among those of the process first, then for its moment.
func (g *FleetGate) Acquire(ctx context.Context, c Cost) (func(Load), error) {
	c.Weight = max(c.Weight, 1)
	by := time.Now().Add(c.MaxWait)
	end, err := g.own.Acquire(ctx, c)
	if err != nil {
		return nil, err
	}
	left := true
	defer func() {
		if left { // without a moment, or by a panic
			end(Load{})
		}
	}()
	s, err := g.moment(ctx, c, by)
	if err != nil {
		return nil, err
	}
	left = false
	var once sync.Once
	return func(l Load) { once.Do(func() { g.end(s, l, end) }) }, nil
}

// moment waits for the call's moment. When that is longer than the call's patience, the error says how long.
func (g *FleetGate) moment(ctx context.Context, c Cost, by time.Time) (spot, error) {
	line := g.lanes[c.Lane]
	if line == nil {
		line = g.lanes[LaneLive]
	}
	line.waiting.Add(1)
	defer line.waiting.Add(-1)
	patience := time.NewTimer(time.Until(by))
	defer patience.Stop()
	for {
		now := time.Now()
		st := g.stand(now)
		switch {
		case st.until.After(now) && st.until.After(by):
			return spot{}, throttled(c, spread(st.until.Sub(now)))
		case st.free:
			return g.goes(false)
		case st.alone:
			if s, again, err := g.goAlone(ctx, c, by); !again {
				return s, err
			}
			continue
		}
		select {
		case line.asker <- struct{}{}:
		case <-st.turned:
			continue
		case <-patience.C:
			return spot{}, throttled(c, spread(g.opts.Own.Backoff))
		case <-ctx.Done():
			return spot{}, operation{name: c.Operation}.cancelled(ctx)
		}
		got := g.fetch(ctx, line, c, by)
		<-line.asker
		if ctx.Err() != nil || got.ok && !g.waitFor(ctx, got) {
			if got.probe {
				g.tell(func(call context.Context) (PaceState, error) { return g.opts.Pace.Probed(call, false) })
			}
			return spot{}, operation{name: c.Operation}.cancelled(ctx)
		}
		switch {
		case got.tooLong > 0:
			return spot{}, throttled(c, spread(got.tooLong))
		case got.ok && (got.probe || !g.isShut() && g.rev() == got.rev): // a moment of before a refusal is void
			return g.goes(got.probe)
		}
	}
}

// standing is how a call stands: free to go; or, with alone, to go by itself; else it must ask.
type standing struct {
	free, alone bool
	until       time.Time     // shut until then
	turned      chan struct{} // closed when that changes
}

func (g *FleetGate) stand(now time.Time) standing {
	g.mu.Lock()
	defer g.mu.Unlock()
	st := standing{free: !g.state.Paced && !g.state.Shut, alone: now.Before(g.away), turned: g.heard}
	if g.state.Shut {
		st.until = g.until
	}
	return st
}

func (g *FleetGate) rev() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.Rev
}

func (g *FleetGate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.Shut
}

// goes counts a call that goes now.
func (g *FleetGate) goes(probe bool) (spot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recent.add(time.Now())
	return spot{rev: g.state.Rev, probe: probe}, nil
}

// fetched is what the asker got for itself.
type fetched struct {
	at      time.Time
	rev     int64
	ok      bool
	probe   bool
	tooLong time.Duration // the wait, when that is longer than its patience
}

// fetch uses the asker's token: for a moment that is there already, or for new ones, or to wait until it is worth asking again,
// since whoever is behind would hear the same.
func (g *FleetGate) fetch(ctx context.Context, line *lane, c Cost, by time.Time) fetched {
	n := 1
	if c.Weight == 1 {
		rev := g.rev()
		if at, ok := line.take(time.Now(), rev); ok {
			return fetched{at: at, rev: rev, ok: true}
		}
		n = min(max(int(line.waiting.Load()), 1), manyAhead)
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), paceFor)
	defer cancel()
	m, err := g.opts.Pace.Take(call, c.Lane, c.Weight, n)
	if err != nil {
		g.lost()
		return fetched{}
	}
	g.Heard(m.PaceState)
	now := time.Now()
	if c.MaxWait <= 0 && len(m.After) > 0 && m.After[0] > 0 {
		return fetched{tooLong: m.After[0]}
	}
	if len(m.After) == 0 {
		if now.Add(m.Again).After(by) {
			return fetched{tooLong: m.Again}
		}
		sleepUntil(ctx, now.Add(m.Again))
		return fetched{}
	}
	line.moments, line.rev = line.moments[:0], m.Rev
	for _, after := range m.After[1:] {
		line.moments = append(line.moments, now.Add(after))
	}
	return fetched{at: now.Add(m.After[0]), rev: m.Rev, ok: true, probe: m.Probe}
}

// waitFor waits for a moment, and hears once more how things stand unless that was heard just now: what was handed out some time
// ago may be void. It says false when the context ended first.
func (g *FleetGate) waitFor(ctx context.Context, got fetched) bool {
	if !sleepUntil(ctx, got.at) {
		return false
	}
	g.mu.Lock()
	fresh := time.Since(g.heardAt) < overdue
	g.mu.Unlock()
	if !fresh && !got.probe {
		g.tell(g.opts.Pace.Look)
	}
	return ctx.Err() == nil
}

// goAlone waits for a call's moment while nobody can be asked. It says again when the gate was shut meanwhile.
func (g *FleetGate) goAlone(ctx context.Context, c Cost, by time.Time) (s spot, again bool, err error) {
	g.mu.Lock()
	now := time.Now()
	at := now
	if g.next.After(at) {
		at = g.next
	}
	if g.state.Shut && g.until.After(at) {
		at = g.until
	}
	if at.After(now) && at.After(by) {
		g.mu.Unlock()
		return spot{}, false, throttled(c, spread(at.Sub(now)))
	}
	if g.alone > 0 {
		g.next = at.Add(time.Duration(float64(c.Weight) / g.alone * float64(time.Second)))
	}
	g.mu.Unlock()
	if !sleepUntil(ctx, at) {
		return spot{}, false, operation{name: c.Operation}.cancelled(ctx)
	}
	was := g.lock()
	again = g.state.Shut && g.until.After(time.Now())
	if !again {
		g.state.Shut = false
	}
	g.unlock(was)
	if again {
		return spot{}, true, nil
	}
	s, err = g.goes(false)
	return s, false, err
}

// lost notes that the Pace does not answer: the process goes on as fast as it was.
func (g *FleetGate) lost() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.away.IsZero() {
		g.alone = 0
		if g.state.Paced {
			g.alone = max(g.recent.rate(now), leastAlone)
		}
	}
	g.away = now.Add(paceRest)
}

// end tells the fleet what a call learned, before its place is given up.
func (g *FleetGate) end(s spot, l Load, own func(Load)) {
	if l.Refused {
		l.Wait = spread(min(l.Wait, retryafter.Max))
		rate := g.refused(s, l)
		if g.tell(func(call context.Context) (PaceState, error) { return g.opts.Pace.Refused(call, l, s.rev, rate) }) {
			l = Load{} // a matter of the fleet, not of this process
		}
	} else if s.probe {
		g.tell(func(call context.Context) (PaceState, error) { return g.opts.Pace.Probed(call, l.Served) })
	}
	own(l)
}

// refused shuts the gate for this process at once, before the fleet has answered.
func (g *FleetGate) refused(s spot, l Load) (rate float64) {
	was := g.lock()
	now := time.Now()
	if !g.told || s.rev != g.toldRev { // once for all that were refused together
		rate = g.recent.rate(now)
		g.told, g.toldRev = true, s.rev
	}
	if s.rev == g.state.Rev && !g.state.Shut {
		g.state.Shut, g.state.Paced = true, true
		g.until = now.Add(max(l.Wait, g.opts.Own.Backoff))
	}
	g.unlock(was)
	return rate
}

// tell tells the fleet, and takes note of its answer; false if there was none.
func (g *FleetGate) tell(what func(context.Context) (PaceState, error)) bool {
	call, cancel := context.WithTimeout(context.Background(), paceFor)
	defer cancel()
	s, err := what(call)
	if err != nil {
		g.lost()
		return false
	}
	g.Heard(s)
	return true
}

// sleepUntil says false when the context ended first.
func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
