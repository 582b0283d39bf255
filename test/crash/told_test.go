package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/sink"
)

// telling is what is published while a process that tells a receiver is stopped at each boundary in turn.
type telling struct {
	faults []sink.Fault // of the receiver
	there  bool         // the account, with other fields
	events func(now time.Time) []harness.Customer
	told   map[string]string // by event: the type of its outcome; of events that a newer one overtook, nothing
}

const (
	relayed = "signalbox.customer.relayed.v1"
	refused = "signalbox.customer.refused.v1"
)

func nobody(event string, at time.Time) harness.Customer {
	c := jane(event, at, "Redmond")
	c.Email = ""
	return c
}

var tellings = map[string]telling{
	"an outcome": {
		events: func(now time.Time) []harness.Customer { return []harness.Customer{jane("e1", now, "Redmond")} },
		told:   map[string]string{"e1": relayed}},
	"an outcome whose answer is lost": {
		faults: []sink.Fault{{Kind: sink.AcceptThenDrop, Next: 1}},
		events: func(now time.Time) []harness.Customer { return []harness.Customer{jane("e1", now, "Redmond")} },
		told:   map[string]string{"e1": relayed}},
	"a refusal": {
		events: func(now time.Time) []harness.Customer { return []harness.Customer{nobody("e1", now)} },
		told:   map[string]string{"e1": refused}},
	"two states and a refusal of one customer": {
		events: func(now time.Time) []harness.Customer {
			return []harness.Customer{jane("e1", now, "Redmond"), jane("e2", now.Add(time.Second), "Houston"), nobody("e3", now.Add(2*time.Second))}
		},
		told: map[string]string{"e2": relayed, "e3": refused}},
	"a change of an account that was there": {
		there:  true,
		events: func(now time.Time) []harness.Customer { return []harness.Customer{jane("e1", now, "Redmond")} },
		told:   map[string]string{"e1": relayed}},
}

// TestStoppedAtAnyBoundaryEveryOutcomeIsTold: at least once, always under the same id, and nothing behind something newer.
func TestStoppedAtAnyBoundaryEveryOutcomeIsTold(t *testing.T) {
	for name, s := range tellings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 1; ; at += harness.Stride {
				crossed, passed := s.stopAt(t, at)
				if !crossed {
					require.Greater(t, at, 10, "the run has more boundaries than that: %v", passed)
					require.Contains(t, passed, "before sink crm")
					break
				}
			}
		})
	}
}

// stopAt runs the story with the first process stopped at one boundary; false if it has no such boundary.
func (s telling) stopAt(t *testing.T, at int) (crossed bool, passed []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, harness.Options{Sink: true})
		events := s.publish(w)
		b := &harness.Boundaries{At: at}
		stopped := make(chan struct{})
		b.Do = func(string) { b.Die(); close(stopped) }
		first := w.Start(b)
		select {
		case <-stopped:
			crossed = true
		case <-wait(w.Empty):
		}
		first.Stop()
		second := w.Start(nil)
		<-wait(w.Empty)
		second.Stop()
		passed = b.Passed()
		where := "never"
		if crossed {
			where = passed[at-1]
		}
		t.Logf("boundary %d: %s: %d deliveries", at, where, w.Sink.Stats().Accepted)
		s.check(t, w, events, where)
		<-time.After(time.Minute) // a stopped process asks in vain for a while; its goroutines must have ended
	})
	return crossed, passed
}

func (s telling) publish(w *harness.World) []harness.Customer {
	for _, f := range s.faults {
		_, err := w.Sink.Inject(f)
		require.NoError(w.T, err)
	}
	if s.there {
		_, err := w.CSU.AddCustomer(map[string]any{"Email": "jane@example.com", "FirstName": "Jane", "LastName": "Other"})
		require.NoError(w.T, err)
	}
	events := s.events(time.Now())
	w.Publish(events...)
	return events
}

// check holds what the receiver knows against what happened.
func (s telling) check(t testing.TB, w *harness.World, events []harness.Customer, where string) {
	t.Helper()
	outcomes := map[string][]string{} // types by correlation
	for _, e := range w.Sink.Events() {
		outcomes[e.CorrelationID] = append(outcomes[e.CorrelationID], e.Type)
		require.False(t, e.Changed, "%s: the same id says the same: %+v", where, e)
		require.False(t, e.Overtaken, "%s: behind something newer: %+v", where, e)
		require.LessOrEqual(t, len(e.Deliveries), 3, "%s: %+v", where, e)
		var said struct{ ID, AccountNumber, Reason string }
		require.NoError(t, json.Unmarshal(e.Data, &said))
		if e.Type == relayed {
			account, _ := w.Bound(harness.Source, "C-1")
			require.Equal(t, account, said.AccountNumber, where)
		} else {
			require.Equal(t, "SchemaInvalid", said.Reason, where)
		}
	}
	dead := 0
	for _, e := range events {
		got, want := outcomes[orchestration.DeriveCorrelationID(harness.Source, e.Event)], s.told[e.Event]
		if want == "" { // overtaken: told before that, or not at all
			require.LessOrEqual(t, len(got), 1, "%s: %s", where, e.Event)
			continue
		}
		require.Equal(t, []string{want}, got, "%s: %s", where, e.Event)
		if want == refused {
			dead++
		}
	}
	require.Equal(t, dead, w.DeadLetters(), where)
}

func TestKilledForRealAtAnyBoundaryEveryOutcomeIsTold(t *testing.T) {
	t.Parallel()
	s := tellings["two states and a refusal of one customer"]
	stride := 2 * harness.Stride // the walk in virtual time stops at each
	if os.Getenv("CHAOS") != "" {
		stride = 1
	}
	for from := 1; ; from += together * stride {
		var group sync.WaitGroup
		crossed := make([]bool, together)
		for i := range together {
			group.Go(func() { crossed[i] = s.killAt(t, from+i*stride) })
		}
		group.Wait()
		if !crossed[together-1] {
			require.Greater(t, from+together*stride, 20, "the run has more boundaries than that")
			return
		}
	}
}

// killAt runs the story with a first child that kills itself at one boundary; false if it has no such boundary.
func (s telling) killAt(t *testing.T, at int) (crossed bool) {
	ok := t.Run(fmt.Sprintf("at boundary %d", at), func(t *testing.T) {
		o := short
		o.Sink = true
		w := harness.NewReal(t, o)
		events := s.publish(w)
		first := w.Spawn("kill", fmt.Sprint(at))
		require.Eventually(t, func() bool { _, killed := first.Killed(); return killed || w.Empty() }, patience, often)
		var where string
		if where, crossed = first.Killed(); crossed {
			second := w.Spawn("run", "")
			require.Eventually(t, w.Empty, patience, often, where)
			second.Stop()
		}
		first.Stop()
		s.check(t, w, events, where)
	})
	return crossed && ok
}
