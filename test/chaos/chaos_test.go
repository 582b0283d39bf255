// Package chaos runs the real binary as a fleet, in trouble: `signalbox run` several times against `signalbox sim servicebus`,
// `signalbox sim csu` and a redis-server, each behind a proxy. Every row of its table is one fault, in the middle of a known set of
// events; when nothing waits any more, each customer, each dead letter and each binding is held against what was published.
package chaos

import (
	"cmp"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
)

// size is how much is thrown at the fleet.
type size struct {
	rows            []row
	workers, events int
	gates           []int // fleets that are held against a hidden capacity, by their workers
	drain           bool  // measure the live lane while replays drain
	crowd           int   // events of one customer at once
}

const (
	patience = 5 * time.Minute        // until nothing waits any more
	tick     = 100 * time.Millisecond // of publishing
)

// sizeAndSeed are those of make test, or with CHAOS=1 those of make chaos.
func sizeAndSeed(t *testing.T) (s size, seed uint64) {
	s, seed = size{rows: inShort(), workers: 3, events: 200, crowd: 100}, 1
	if os.Getenv("CHAOS") != "" {
		s = size{rows: inFull(), workers: 4, events: 1000, crowd: 500, gates: []int{1, 4, 16}, drain: true}
	}
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "CHAOS_SEED")
	}
	return s, seed
}

// TestNothingIsLostNothingDoubledWhateverFails prints the table, and writes it where CHAOS_REPORT says.
func TestNothingIsLostNothingDoubledWhateverFails(t *testing.T) {
	t.Parallel()
	s, seed := sizeAndSeed(t)
	tb := table{Seed: seed, Workers: s.workers}
	rows, phases := make([]result, len(s.rows)), make([][]phase, len(s.gates))
	t.Run("row", func(t *testing.T) {
		for i, r := range s.rows {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				rows[i] = r.run(t, s, seed+uint64(i))
			})
		}
		t.Run("events of one customer at once", func(t *testing.T) {
			t.Parallel()
			tb.Crowd = hot(t, s.workers, s.crowd, seed)
		})
	})
	t.Run("gate", func(t *testing.T) {
		for i, workers := range s.gates {
			t.Run(strconv.Itoa(workers), func(t *testing.T) {
				t.Parallel()
				phases[i] = gate(t, workers, seed)
			})
		}
	})
	if s.drain {
		t.Run("live while replays drain", func(t *testing.T) { tb.Lanes = drain(t, s.workers, seed) })
	}
	tb.Rows = slices.DeleteFunc(rows, func(r result) bool { return r.Fault == "" }) // those that -run leaves out
	tb.Gate = slices.Concat(phases...)
	t.Logf("\n%s", tb)
	tb.save(t)
}

// result is a line of the table.
type result struct {
	Fault       string  `json:"fault"`
	Seed        uint64  `json:"seed"`
	Events      int     `json:"events"`
	Lost        int     `json:"lost"`
	Doubled     int     `json:"doubled"`
	Overtaken   int     `json:"overtaken"` // by a wipe of Redis alone
	Poison      int     `json:"poison"`
	Explained   int     `json:"explained"`
	Unexplained int     `json:"unexplained"`
	Recovery    float64 `json:"recovery_s"` // from the fault's end until nothing waited any more
	Killed      int     `json:"killed,omitempty"`
}

// run publishes a third, brings the trouble about while half of that is still waiting, publishes the rest for as long as it lasts,
// and waits until nothing waits any more.
func (r row) run(t *testing.T, s size, seed uint64) result {
	set := r.set
	set.workers, set.seed = s.workers, seed
	f := start(t, set)
	l := newLoad(t, seed, cmp.Or(r.events, s.events), r.wipes)
	first := l.messages[:len(l.messages)/3]
	rest := l.messages[len(first):]
	f.publish(first)
	if r.lasts == 0 {
		f.publish(rest)
	}
	if !until(patience, func() bool { return f.waiting() <= len(l.messages)/4 }) {
		t.Error("the fleet does not work before it is in trouble")
	}
	f.exports()
	ended := r.strike(f, rest, rand.New(rand.NewPCG(seed, 2)))
	if !until(patience, func() bool { return f.waiting() == 0 }) {
		t.Error("some messages never come to rest")
	}
	recovery := time.Since(ended)

	v := f.judge(l, r.wipes)
	for _, d := range v.details {
		t.Log(d)
	}
	if v.lost+v.doubled+v.unexplained > 0 || v.overtaken > 0 && !r.wipes {
		t.Errorf("seed %d: %d lost, %d doubled, %d of %d poison events explained, %d dead letters unexplained", seed, v.lost, v.doubled, v.explained, v.poison, v.unexplained)
	}
	out := result{Fault: r.name, Seed: seed, Events: len(l.messages), Lost: v.lost, Doubled: v.doubled, Overtaken: v.overtaken, Poison: v.poison,
		Explained: v.explained, Unexplained: v.unexplained, Recovery: recovery.Seconds(), Killed: f.killed}
	t.Log(out)
	return out
}

// strike is the fault from its beginning to its end; the rest is published evenly over it. An upstream system that the broker sends
// away goes on trying, and what it could not send by the end of the fault it sends then.
func (r row) strike(f *fleet, rest []worker.Message, random *rand.Rand) (ended time.Time) {
	if r.begin != nil {
		r.begin(f)
	}
	if r.lasts == 0 {
		return time.Now()
	}
	sent := make(chan error, 1)
	go func() { sent <- f.trickle(rest, int(r.lasts/tick)) }()
	r.repeatedly(f, random)
	if r.end != nil {
		r.end(f)
	}
	ended = time.Now()
	require.NoError(f.t, <-sent)
	return ended
}

// repeatedly does what is to be done again and again, for as long as the fault lasts.
func (r row) repeatedly(f *fleet, random *rand.Rand) {
	over := time.NewTimer(r.lasts)
	defer over.Stop()
	clock := time.NewTicker(cmp.Or(r.every, r.lasts))
	defer clock.Stop()
	for {
		select {
		case <-over.C:
			return
		case <-clock.C:
			if r.repeat != nil {
				r.repeat(f, random)
			}
		}
	}
}

// trickle publishes messages evenly over so many ticks.
func (f *fleet) trickle(messages []worker.Message, ticks int) error {
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for i := range ticks {
		<-clock.C
		if err := f.publishTo(harness.SourceQueue, messages[len(messages)*i/ticks:len(messages)*(i+1)/ticks]); err != nil {
			return err
		}
	}
	return nil
}
