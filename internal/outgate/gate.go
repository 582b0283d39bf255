// Package outgate is how one receiver of ours (of what sinks tell, of what configured steps ask) is treated by one process, whatever
// it is reached by: one that refuses or fails is left alone for a while.
package outgate

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	strikesOut = 3                      // failures in a row that shut the gate, of one and the same event as one
	firstRest  = time.Second            // of a shut gate, doubled while probes fail
	longest    = 5 * time.Minute        // rest between probes of a receiver that is down
	patience   = 2 * time.Second        // how long a delivery stands in line while the receiver takes others
	lineLength = 2                      // times the limit: more than that are sent away at once
	usual      = 100 * time.Millisecond // a delivery takes so long, as far as we know at first
	farthest   = 30 * time.Minute       // a delivery that is sent away comes back by then, however many were before it
	impatience = 4                      // of a receiver that is down: whoever is sent away comes back after that part of how long it has been so far
)

// Gate is how one receiver is treated by one process. It lets so many deliveries go at once and a few stand in line; whoever
// it sends away gets a moment to come back at, one after the other at the receiver's own pace, so that a long queue costs no
// slot and no stampede. The first refusal shuts it for everyone for as long as the receiver said; failures in a row shut it,
// too, unless they are answers to one and the same event, which may be to blame. Then a single probe goes at a time, and the one that is served opens it.
type Gate struct {
	limit   int
	changed func(until time.Time, class string) // told when it shuts, and of what, and with zero when it opens

	mu       sync.Mutex
	inFlight int
	line     []*waiter // oldest first
	shut     bool
	class    string    // shut: of the answer that it was last shut for
	since    time.Time // shut: since when
	told     bool      // that it is shut
	probing  bool
	until    time.Time // shut: no probe before
	strikes  []string  // failures in a row, by the event: each but once, empty if it is not known; no more than shut the gate
	rests    int       // how often it was shut since the last delivery that was served, for a time of our own choice
	cuts     int       // how often it was shut: what began before says nothing of now
	pace     time.Duration
	next     time.Time // the next moment to hand out
}

// Said is what a delivery tells the gate of the receiver. The zero value tells nothing.
type Said struct {
	Word Word
	Wait time.Duration // Refused: how long it asks to be left alone; zero: it did not say
	Took time.Duration // Served: how long it needed

	Class string // Refused, Failed: the failure's class, such as unauthorized
	Event string // Failed: id of the event that the receiver had, and failed; empty: it had none, or nobody knows
}

// Word is how a receiver answered.
type Word int

// The words.
const (
	Nothing Word = iota
	Served       // it answered for the event, whether it took it or not
	Refused      // it is overloaded
	Failed       // it did not answer, or not as a receiver
)

// waiter is a delivery in line. Its turn has come when ready is closed and goes is true.
type waiter struct {
	ready chan struct{}
	goes  bool
	turn  turn
}

// turn is a delivery that goes.
type turn struct {
	cut   int
	probe bool
}

// New makes a gate that lets limit deliveries go at once. changed, which may be nil, is told when it shuts, and for an answer of which class,
// and with zero when it opens.
func New(limit int, changed func(until time.Time, class string)) *Gate {
	return &Gate{limit: limit, pace: usual, changed: changed}
}

// Closed is until when the gate is shut; zero when it is open.
func (g *Gate) Closed() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		return time.Time{}
	}
	return g.until
}

// Class is that of the answer for which the gate is shut; empty when it is open.
func (g *Gate) Class() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		return ""
	}
	return g.class
}

// Strikes is how many deliveries failed in a row, those of one and the same event as one.
func (g *Gate) Strikes() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.strikes)
}

// Enter waits for a turn. leave ends it, and says when to come back should the receiver have asked to wait. Where there is no
// turn leave is nil, and wait says when to come back.
func (g *Gate) Enter(ctx context.Context) (leave func(Said) (wait time.Duration), wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	switch {
	case g.admits(now):
		return g.leaver(g.take()), 0
	case g.shut, len(g.line) >= lineLength*g.limit:
		return nil, g.moment(now)
	}
	w := &waiter{ready: make(chan struct{})}
	g.line = append(g.line, w)
	g.stand(ctx, w)
	g.line = slices.DeleteFunc(g.line, func(other *waiter) bool { return other == w })
	if !w.goes {
		return nil, g.moment(time.Now())
	}
	return g.leaver(w.turn), 0
}

// stand waits in line, without the lock.
func (g *Gate) stand(ctx context.Context, w *waiter) {
	g.mu.Unlock()
	defer g.mu.Lock()
	tired := time.NewTimer(patience)
	defer tired.Stop()
	select {
	case <-w.ready:
	case <-tired.C:
	case <-ctx.Done():
	}
}

func (g *Gate) admits(now time.Time) bool {
	if g.shut {
		return !g.probing && !now.Before(g.until)
	}
	return g.inFlight < g.limit && len(g.line) == 0
}

func (g *Gate) take() turn {
	g.inFlight++
	g.probing = g.shut
	return turn{cut: g.cuts, probe: g.shut}
}

func (g *Gate) leaver(t turn) func(Said) time.Duration {
	return func(v Said) time.Duration {
		g.mu.Lock()
		wait := g.leave(t, v, time.Now())
		until, class, news := time.Time{}, "", g.shut != g.told
		if g.told = g.shut; g.shut {
			until, class = g.until, g.class
		}
		g.mu.Unlock()
		if news && g.changed != nil {
			g.changed(until, class)
		}
		return wait
	}
}

// leave learns from how a delivery went.
func (g *Gate) leave(t turn, v Said, now time.Time) (wait time.Duration) {
	g.inFlight--
	fresh := t.cut == g.cuts
	if t.probe && fresh {
		g.probing = false
	}
	switch v.Word {
	case Served:
		g.pace = max((7*g.pace+v.Took)/8, time.Millisecond)
		if fresh {
			g.strikes, g.rests = nil, 0
			g.shut = g.shut && !t.probe
		}
	case Refused:
		switch {
		case v.Wait > 0:
			g.close(now.Add(v.Wait), v.Class)
		case fresh:
			g.close(now.Add(g.rest()), v.Class)
		}
		wait = g.moment(now)
	case Failed:
		if fresh {
			if g.strike(v.Event); t.probe || len(g.strikes) >= strikesOut {
				g.close(now.Add(g.rest()), v.Class)
			}
		}
	}
	g.callNext()
	return wait
}

func (g *Gate) strike(event string) {
	if len(g.strikes) < strikesOut && (event == "" || !slices.Contains(g.strikes, event)) {
		g.strikes = append(g.strikes, event)
	}
}

// rest is how long a receiver is left alone that did not say for how long.
func (g *Gate) rest() time.Duration {
	d := min(firstRest<<min(g.rests, 10), longest)
	g.rests++
	return d + rand.N(d/2+1)
}

// close shuts the gate and sends away who stands in line.
func (g *Gate) close(until time.Time, class string) {
	if !g.shut {
		g.since = time.Now()
	}
	g.shut, g.class, g.probing = true, class, false
	g.cuts++
	if until.After(g.until) {
		g.until = until
	}
	for _, w := range g.line {
		close(w.ready)
	}
	g.line = nil
}

// callNext lets go who stands in line, as far as there is room.
func (g *Gate) callNext() {
	for !g.shut && len(g.line) > 0 && g.inFlight < g.limit {
		w := g.line[0]
		g.line = g.line[1:]
		w.goes, w.turn = true, g.take()
		close(w.ready)
	}
}

// moment is when to come back: behind everyone who was sent away before, at the receiver's pace. Of a receiver that has been down
// for hours nobody asks every minute: each asking costs a copy in our queue.
func (g *Gate) moment(now time.Time) time.Duration {
	first := now
	if g.shut {
		first = now.Add(min(now.Sub(g.since)/impatience, farthest))
	}
	if g.shut && g.until.After(first) {
		first = g.until
	}
	at := first
	if g.next.After(at) {
		at = g.next
	}
	at = at.Add(g.pace / time.Duration(g.limit))
	if last := first.Add(farthest); at.After(last) {
		return last.Sub(now)
	}
	g.next = at
	return at.Sub(now)
}
