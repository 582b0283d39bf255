package chaos

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
)

// lanes is how long events of the live lane take, from published to done, while the lane replay is empty and while it drains.
type lanes struct {
	Before  float64 `json:"before_s"` // p95
	During  float64 `json:"during_s"`
	Drained int     `json:"drained"` // replays done meanwhile
}

const (
	livePace  = 17 // events a second, of two calls each: two thirds of the CSU's limit of 50
	liveFor   = time.Minute
	replays   = 10_000
	firstLive = 500_000
)

// drain measures a fleet whose CSU allows 50 calls a second, after the gate has found that out.
func drain(t *testing.T, workers int, seed uint64) (out lanes) {
	f := start(t, setup{workers: workers, seed: seed, csu: []string{"--rate", "50/s", "--burst", "50"}})
	f.publish(newcomers(t, 0, 1000))
	require.True(t, until(patience, func() bool { return f.waiting() == 0 }))
	out.Before = f.live(firstLive)
	require.NoError(t, f.publishTo(harness.ReplayQueue, newcomers(t, 1000, replays)))
	pass(10 * time.Second)
	out.During = f.live(2 * firstLive)
	left := f.counts()[harness.ReplayQueue]
	require.Positive(t, left.Active+left.Scheduled, "there was always something to drain")
	out.Drained = replays - left.Active - left.Scheduled
	t.Logf("p95 of %d live events a second: %.3f s, and %.3f s while %d events drain in lane replay", livePace, out.Before, out.During, out.Drained)
	return out
}

// live publishes live events evenly and gives the 95th percentile of the time until their accounts were made.
func (f *fleet) live(from int) float64 {
	sent := map[string]time.Time{}
	clock := time.NewTicker(time.Second / livePace)
	defer clock.Stop()
	n := livePace * int(liveFor.Seconds())
	for i := range n {
		<-clock.C
		c := customer(from+i, 0)
		sent[c.Email] = time.Now()
		f.publish([]worker.Message{c.Message(f.t)})
	}
	var waits []float64
	require.True(f.t, until(patience, func() bool { waits = f.waits(sent); return len(waits) == n }))
	slices.Sort(waits)
	return waits[n*95/100]
}

// waits are how long it took until accounts were made, of those that are there.
func (f *fleet) waits(sent map[string]time.Time) (out []float64) {
	var ledger []struct {
		Operation, Email string
		Time             time.Time
	}
	f.get(f.csuAdmin+"/ledger", &ledger)
	for _, e := range ledger {
		if at, ok := sent[e.Email]; ok && e.Operation == "CreateCustomer" {
			out = append(out, e.Time.Sub(at).Seconds())
		}
	}
	return out
}

// crowd is how many copies the events of one customer at once cost: the dearest of them, and all.
type crowd struct {
	Events int `json:"events"`
	Most   int `json:"most"`
	Copies int `json:"copies"`
}

// hot publishes n states of one customer at once.
func hot(t *testing.T, workers, n int, seed uint64) crowd {
	f := start(t, setup{workers: workers, seed: seed})
	l := load{states: map[string][]harness.Customer{}}
	for v := range n {
		c := customer(0, v)
		c.At = launched.Add(-time.Hour).Add(time.Duration(v) * time.Second)
		l.states[c.Email] = append(l.states[c.Email], c)
		l.messages = append(l.messages, c.Message(t))
	}
	f.publish(l.messages)
	require.True(t, until(patience, func() bool { return f.waiting() == 0 }))
	v := f.judge(l, false)
	require.Zero(t, v.lost+v.doubled+v.unexplained, "%v", v.details)
	out := crowd{Events: n}
	for _, copies := range f.copies() {
		out.Most = max(out.Most, copies)
		out.Copies += copies
	}
	t.Logf("%d events of one customer at once: %d copies, %d of the dearest", out.Events, out.Copies, out.Most)
	if out.Most > 2 {
		t.Errorf("an event of a customer with many costs at most two copies: %+v", out)
	}
	return out
}

// copies counts, by event, how often a worker put it off, out of the workers' logs.
func (f *fleet) copies() map[string]int {
	out := map[string]int{}
	for _, p := range f.running {
		for _, line := range p.lines(f.t) {
			if line.Outcome == "rescheduled" {
				out[line.Event]++
			}
		}
	}
	return out
}
