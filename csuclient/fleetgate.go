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
	// Changed is told when the gate shuts, until when at first, when that moves by more than a moment, and with zero when it opens:
	// who waits for the end asks ClosedUntil then. It must be quick.
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
	kept    time.Time // until then it stays shut, whatever is heard: the Pace forgot a pause that we know of
	asked   time.Time // when the question was asked whose answer state is
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

// take is a moment that was asked for and is still good: not long past, and of after the last refusal. One that lies beyond the
// caller's patience stays for the next.
func (l *lane) take(now time.Time, rev int64, by time.Time) (got fetched, ok bool) {
	for len(l.moments) > 0 && l.rev == rev {
		at := l.moments[0]
		if at.After(now) && at.After(by) {
			return fetched{tooLong: at.Sub(now)}, true
		}
		l.moments = l.moments[1:]
		if now.Sub(at) < overdue {
			return fetched{at: at, rev: rev, ok: true}, true
		}
	}
	return fetched{}, false
}

// keep takes the place of what there was.
func (l *lane) keep(m Moments, now time.Time) {
	l.moments, l.rev = l.moments[:0], m.Rev
	for _, after := range m.After {
		l.moments = append(l.moments, now.Add(after))
	}
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

// Heard takes note of how things stand for the fleet, by whatever way that was learned; asked is when the question went out. What
// was asked before the last answer, or before a refusal of our own, counts only if it tells of another refusal.
func (g *FleetGate) Heard(s PaceState, asked time.Time) {
	was := g.lock()
	defer func() { g.unlock(was) }()
	now := time.Now()
	g.away = time.Time{}
	if asked.Before(g.asked) && s.Rev <= g.state.Rev {
		return
	}
	if s.Rev < g.state.Rev && g.state.Shut { // its memory was wiped; the CSU's was not
		g.kept = g.until
	}
	if now.Before(g.kept) && !s.Shut {
		s.Paced, s.Shut, s.Until = true, true, g.kept.Sub(now)
	}
	g.state, g.asked, g.heardAt, g.until = s, asked, now, time.Time{}
	if !s.Paced {
		g.told = false
	}
	if s.Shut {
		g.until = now.Add(s.Until)
	}
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
	probe string // names the probe that it is; empty: none
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
			return g.goesFreely(), nil
		case st.kept.After(now):
			if !sleepUntil(ctx, st.kept) {
				return spot{}, operation{name: c.Operation}.cancelled(ctx)
			}
			continue
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
		switch {
		case ctx.Err() != nil || got.ok && !g.waitFor(ctx, got):
			g.giveUp(got)
			return spot{}, operation{name: c.Operation}.cancelled(ctx)
		case got.tooLong > 0:
			return spot{}, throttled(c, spread(got.tooLong))
		case got.ok:
			if s, goes := g.goes(got); goes {
				return s, nil
			}
		}
	}
}

// giveUp gives back the leave to probe.
func (g *FleetGate) giveUp(got fetched) {
	if got.probe != "" {
		g.tell(func(call context.Context) (PaceState, error) {
			return g.opts.Pace.Probed(call, got.probe, got.rev, false)
		})
	}
}

// standing is how a call stands: free to go; or, with alone, to go by itself; else it must ask.
type standing struct {
	free, alone bool
	until       time.Time     // shut until then
	kept        time.Time     // asking is of no use before then
	turned      chan struct{} // closed when that changes
}

func (g *FleetGate) stand(now time.Time) standing {
	g.mu.Lock()
	defer g.mu.Unlock()
	st := standing{free: !g.state.Paced && !g.state.Shut, turned: g.heard}
	if g.state.Shut {
		st.until, st.kept = g.until, g.kept
	}
	switch {
	case st.free || g.away.IsZero():
	case now.Before(g.away):
		st.alone = true
	default: // this one asks again; the others go on alone meanwhile
		g.away = now.Add(paceFor)
	}
	return st
}

func (g *FleetGate) rev() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.Rev
}

// goesFreely counts a call that needs no moment.
func (g *FleetGate) goesFreely() spot {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recent.add(time.Now())
	return spot{rev: g.state.Rev}
}

// goes counts a call that goes at its moment; false: the moment is of before a refusal, and void.
func (g *FleetGate) goes(got fetched) (spot, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if got.rev != g.state.Rev || g.state.Shut && got.probe == "" {
		return spot{}, false
	}
	g.recent.add(time.Now())
	return spot{rev: got.rev, probe: got.probe}, true
}

// fetched is what the asker got for itself.
type fetched struct {
	at      time.Time
	rev     int64
	ok      bool
	probe   string
	tooLong time.Duration // the wait, when that is longer than its patience
}

// fetch uses the asker's token: for a moment that is there already, or for new ones, or to wait until it is worth asking again,
// since whoever is behind would hear the same.
func (g *FleetGate) fetch(ctx context.Context, line *lane, c Cost, by time.Time) fetched {
	n := 1
	if c.Weight == 1 {
		if got, ok := line.take(time.Now(), g.rev(), by); ok {
			return got
		}
		n = min(max(int(line.waiting.Load()), 1), manyAhead)
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), paceFor)
	defer cancel()
	asked := time.Now()
	pace := g.pace(asked)
	m, err := g.opts.Pace.Take(call, c.Lane, c.Weight, n)
	if err != nil {
		g.lost(pace)
		return fetched{}
	}
	g.Heard(m.PaceState, asked)
	now := time.Now()
	if len(m.After) == 0 {
		again := now.Add(m.Again)
		if again.After(by) {
			return fetched{tooLong: m.Again}
		}
		sleepUntil(ctx, again)
		return fetched{}
	}
	if m.Probe != "" {
		return fetched{at: now, rev: m.Rev, ok: true, probe: m.Probe}
	}
	line.keep(m, now)
	got, _ := line.take(now, m.Rev, by)
	return got
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
	if !fresh && got.probe == "" {
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
	return g.goesFreely(), false, nil
}

// pace is how fast this process was of late, in calls a second.
func (g *FleetGate) pace(now time.Time) float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.recent.rate(now)
}

// lost notes that the Pace does not answer: the process goes on as fast as it was before it asked.
func (g *FleetGate) lost(pace float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.away.IsZero() {
		g.alone = 0
		if g.state.Paced {
			g.alone = max(pace, leastAlone)
		}
	}
	g.away = time.Now().Add(paceRest)
	close(g.heard)
	g.heard = make(chan struct{})
}

// end tells the fleet what a call learned, before its place is given up.
func (g *FleetGate) end(s spot, l Load, own func(Load)) {
	if l.Refused {
		l.Wait = spread(min(l.Wait, retryafter.Max))
		r := Refusal{Load: l, Rev: s.rev, Rate: g.refused(s, l), Probe: s.probe != ""}
		if g.tell(func(call context.Context) (PaceState, error) { return g.opts.Pace.Refused(call, r) }) {
			l = Load{} // a matter of the fleet, not of this process
		}
	} else if s.probe != "" {
		g.tell(func(call context.Context) (PaceState, error) {
			return g.opts.Pace.Probed(call, s.probe, s.rev, l.Served)
		})
	}
	own(l)
}

// refused shuts the gate for this process at once, before the fleet has answered.
func (g *FleetGate) refused(s spot, l Load) (rate float64) {
	was := g.lock()
	defer func() { g.unlock(was) }()
	now := time.Now()
	g.asked = now
	if !g.told || s.rev != g.toldRev { // once for all that were refused together
		rate = g.recent.rate(now)
		g.told, g.toldRev = true, s.rev
	}
	if s.rev == g.state.Rev && !g.state.Shut {
		g.state.Shut, g.state.Paced = true, true
		g.until = now.Add(max(l.Wait, g.opts.Own.Backoff))
	}
	return rate
}

// tell tells the fleet, and takes note of its answer; false if there was none, or if there was none just now.
func (g *FleetGate) tell(what func(context.Context) (PaceState, error)) bool {
	asked := time.Now()
	g.mu.Lock()
	away, pace := asked.Before(g.away), g.recent.rate(asked)
	g.mu.Unlock()
	if away {
		return false
	}
	call, cancel := context.WithTimeout(context.Background(), paceFor)
	defer cancel()
	s, err := what(call)
	if err != nil {
		g.lost(pace)
		return false
	}
	g.Heard(s, asked)
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
