package csuclient

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/signalbox/signalbox/internal/retryafter"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// GateOptions tunes a Gate. Zero values mean the default.
type GateOptions struct {
	Concurrency int           // most calls at once, by weight; default 32
	Backoff     time.Duration // first pause after a refusal that names none, doubled up to MaxBackoff; default 1 s
	MaxBackoff  time.Duration // default 1 min
}

// Gate is the budget of one process. It limits the calls at once and learns that limit (additive increase,
// multiplicative decrease). The first refusal shuts it for everyone, for as long as the server said, at most ten
// minutes; then one call goes alone as a probe, and only when that was served does the limit grow again, from one: by one
// for each served call up to half of what it was, so that those who waited do not all arrive at once, then by one for
// each round of served calls.
type Gate struct {
	opts GateOptions

	mu       sync.Mutex
	limit    int // calls at once, now
	target   int // up to here the limit grows by one per call, beyond by one per round
	inFlight int // weight of the calls under way
	served   int // in this round
	cuts     int // refusals taken to heart; a call that began before the last cut says nothing new
	strikes  int // refusals in a row that named no wait

	shut        bool // refused: until a probe is served, calls go one at a time
	probing     bool
	closedUntil time.Time
	opening     *time.Timer

	queue  []*waiter // oldest first
	grants int
}

var _ Budget = (*Gate)(nil)

// waiter is a call that waits for its turn.
type waiter struct {
	cost    Cost
	gives   time.Time // up: when it stops waiting
	started chan turn // has room for one
}

// turn is a call that may go, or, with a wait, one that must not.
type turn struct {
	cut   int
	probe bool
	wait  time.Duration
}

// fairness: every so many grants go to whoever waited longest, whatever the lane, so that no lane starves.
const fairness = 8

// NewGate makes an open gate.
func NewGate(o GateOptions) *Gate {
	def(&o.Concurrency, 32)
	def(&o.Backoff, time.Second)
	def(&o.MaxBackoff, time.Minute)
	return &Gate{opts: o, limit: o.Concurrency, target: o.Concurrency}
}

// Limit is the number of calls that may be under way at once, now.
func (g *Gate) Limit() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return 1
	}
	return g.limit
}

// ClosedUntil is when the gate opens for its next probe; zero while it is open.
func (g *Gate) ClosedUntil() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		return time.Time{}
	}
	return g.closedUntil
}

// HeldBy says what holds a call back at this moment: one of Sources.
func (g *Gate) HeldBy() string {
	if g.ClosedUntil().IsZero() {
		return SourceConcurrency
	}
	return SourceRetryAfter
}

// Acquire implements Budget.
func (g *Gate) Acquire(ctx context.Context, c Cost) (func(Load), error) {
	c.Weight = max(c.Weight, 1)
	if ctx.Err() != nil {
		return nil, operation{name: c.Operation}.cancelled(ctx)
	}
	w, t, ok := g.enter(c)
	if ok {
		return g.ender(c, t), nil
	}
	if w == nil {
		return nil, throttled(c, t.wait)
	}
	patience := time.NewTimer(c.MaxWait)
	defer patience.Stop()
	select {
	case t = <-w.started:
	case <-patience.C:
		t = g.leave(w)
	case <-ctx.Done():
		if t = g.leave(w); t.wait == 0 {
			g.end(c, t, Load{})
		}
		return nil, operation{name: c.Operation}.cancelled(ctx)
	}
	if t.wait > 0 {
		return nil, throttled(c, t.wait)
	}
	return g.ender(c, t), nil
}

// enter starts the call, or queues it, or, when the wait is known to be too long, neither.
func (g *Gate) enter(c Cost) (*waiter, turn, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if len(g.queue) == 0 && g.admits(c, now) {
		return nil, g.grant(c), true
	}
	if wait := g.closedUntil.Sub(now); wait > c.MaxWait {
		return nil, turn{wait: spread(wait)}, false
	}
	if c.MaxWait <= 0 {
		return nil, turn{wait: spread(g.opts.Backoff)}, false
	}
	w := &waiter{cost: c, gives: now.Add(c.MaxWait), started: make(chan turn, 1)}
	g.queue = append(g.queue, w)
	g.next(now)
	return w, turn{}, false
}

// leave takes a waiter out; its turn may have come in the same moment.
func (g *Gate) leave(w *waiter) turn {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, q := range g.queue {
		if q == w {
			g.queue = append(g.queue[:i], g.queue[i+1:]...)
			return turn{wait: spread(max(g.opts.Backoff, time.Until(g.closedUntil)))}
		}
	}
	return <-w.started
}

func (g *Gate) ender(c Cost, t turn) func(Load) {
	var once sync.Once
	return func(l Load) { once.Do(func() { g.end(c, t, l) }) }
}

// end takes a call out and learns from it.
func (g *Gate) end(c Cost, t turn, l Load) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	full := g.inFlight >= g.limit
	g.inFlight -= c.Weight
	fresh := t.cut == g.cuts
	if t.probe && fresh {
		g.probing = false
	}
	switch {
	case l.Refused:
		g.refuse(l, fresh, t.probe, now)
	case l.Served && fresh && t.probe:
		g.shut, g.closedUntil, g.limit, g.served = false, time.Time{}, min(2, g.opts.Concurrency), 0
	case l.Served && fresh:
		g.strikes = 0
		g.grow(full)
	}
	g.next(now)
}

// grow raises the limit, but only when it was in use: idle time proves nothing.
func (g *Gate) grow(full bool) {
	if !full || g.limit >= g.opts.Concurrency {
		return
	}
	if g.served++; g.limit < g.target || g.served >= g.limit {
		g.limit, g.served = g.limit+1, 0
	}
}

// refuse shuts the gate. Of the calls that were under way together only the first refusal halves the limit; the others
// may still prolong the pause.
func (g *Gate) refuse(l Load, fresh, probe bool, now time.Time) {
	wait := spread(min(l.Wait, retryafter.Max))
	if !l.Told || l.Wait <= 0 {
		if !fresh {
			return
		}
		wait = min(g.opts.Backoff<<min(g.strikes, 10), g.opts.MaxBackoff)
		wait += rand.N(wait/2 + 1)
		g.strikes++
	}
	if fresh {
		g.cuts++
		g.shut, g.probing = true, false
		if !probe {
			g.target = max(g.limit/2, 1)
		}
	}
	if until := now.Add(wait); until.After(g.closedUntil) {
		g.closedUntil = until
	}
	g.dismiss(now)
}

// dismiss sends away those whose patience ends before the gate opens.
func (g *Gate) dismiss(now time.Time) {
	stay := g.queue[:0]
	for _, w := range g.queue {
		if w.gives.Before(g.closedUntil) {
			w.started <- turn{wait: spread(g.closedUntil.Sub(now))}
			continue
		}
		stay = append(stay, w)
	}
	clear(g.queue[len(stay):])
	g.queue = stay
}

// next starts who may go, and sets the clock for when the gate opens.
func (g *Gate) next(now time.Time) {
	for len(g.queue) > 0 {
		i := g.pick()
		w := g.queue[i]
		if !g.admits(w.cost, now) {
			break
		}
		g.queue = append(g.queue[:i], g.queue[i+1:]...)
		w.started <- g.grant(w.cost)
	}
	if len(g.queue) == 0 || !now.Before(g.closedUntil) {
		return
	}
	if g.opening == nil {
		g.opening = time.AfterFunc(g.closedUntil.Sub(now), func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.next(time.Now())
		})
		return
	}
	g.opening.Reset(g.closedUntil.Sub(now))
}

// pick chooses among those who wait: by lane, and every so often by age.
func (g *Gate) pick() int {
	if g.grants%fairness == fairness-1 {
		return 0
	}
	best := 0
	for i, w := range g.queue {
		if urgency(w.cost.Lane) < urgency(g.queue[best].cost.Lane) {
			best = i
		}
	}
	return best
}

func urgency(lane string) int {
	switch lane {
	case LaneBulk:
		return 1
	case LaneReplay:
		return 2
	default:
		return 0
	}
}

// admits says whether a call may go now. A heavy one goes when nothing else is under way.
func (g *Gate) admits(c Cost, now time.Time) bool {
	switch {
	case now.Before(g.closedUntil):
		return false
	case g.shut:
		return !g.probing
	default:
		return g.inFlight == 0 || g.inFlight+c.Weight <= g.limit
	}
}

func (g *Gate) grant(c Cost) turn {
	g.inFlight += c.Weight
	g.grants++
	g.probing = g.shut
	return turn{cut: g.cuts, probe: g.shut}
}

// throttled is a call that the gate did not let through: nothing was sent.
func throttled(c Cost, wait time.Duration) *fault.Error {
	f := operation{name: c.Operation}.fault(fault.Throttled, classThrottled, "held back by the gate")
	f.Wait = wait
	return f
}

// spread adds up to a tenth, a second at most, so that those who were sent away together do not come back together.
func spread(d time.Duration) time.Duration {
	d = max(d, 0)
	return d + rand.N(min(d/10, time.Second)+1)
}
