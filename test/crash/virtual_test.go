// Package crash stops the fleet at every boundary between two effects and counts what is left behind.
package crash

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// story is what is published, and how the CSU behaves, while a process is stopped at each boundary in turn.
type story struct {
	csu    csu.Options
	lag    time.Duration
	events func(now time.Time) []harness.Customer
	order  bool // the customer's order comes first
}

// jane is a customer at a moment.
func jane(event string, at time.Time, city string) harness.Customer {
	return harness.Customer{Event: event, ID: "C-1", Email: "jane@example.com", First: "Jane", Last: "Contoso", Phone: "+14255550100", City: city, At: at}
}

// withoutHeadquarters is a CSU whose accounts are provisional for some seconds.
var withoutHeadquarters = csu.Options{AsyncCustomers: true, Conversion: 5 * time.Second}

var stories = map[string]story{
	"a new customer": {lag: 0,
		events: func(now time.Time) []harness.Customer { return []harness.Customer{jane("e1", now, "Redmond")} }},
	"a new customer, and a search that lags longer than lease and lock": {lag: 15 * time.Second,
		events: func(now time.Time) []harness.Customer { return []harness.Customer{jane("e1", now, "Redmond")} }},
	"a new customer whose create commits late": {lag: time.Second, csu: csu.Options{CommitDelay: 1500 * time.Millisecond},
		events: func(now time.Time) []harness.Customer { return []harness.Customer{jane("e1", now, "Redmond")} }},
	"a customer who moves": {lag: 15 * time.Second,
		events: func(now time.Time) []harness.Customer {
			return []harness.Customer{jane("e1", now, "Redmond"), jane("e2", now.Add(time.Second), "Houston")}
		}},
	"a customer who moves before headquarters knows": {lag: 2 * time.Second, csu: withoutHeadquarters,
		events: func(now time.Time) []harness.Customer {
			return []harness.Customer{jane("e1", now, "Redmond"), jane("e2", now.Add(time.Second), "Houston")}
		}},
	"an order, and then its customer, before headquarters knows": {lag: 2 * time.Second, order: true, csu: withoutHeadquarters,
		events: func(now time.Time) []harness.Customer { return []harness.Customer{jane("e1", now, "Redmond")} }},
	"two sources with one e-mail address": {lag: 15 * time.Second,
		events: func(now time.Time) []harness.Customer {
			crm := jane("e2", now.Add(time.Second), "Redmond")
			crm.Source, crm.ID = "https://crm.example.com", "77"
			return []harness.Customer{jane("e1", now, "Redmond"), crm}
		}},
}

func TestStoppedAtAnyBoundaryThereIsOneAccountBoundBothWays(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 1; ; at += harness.Stride {
				crossed, passed := s.stopAt(t, at)
				if !crossed {
					require.Greater(t, at, 10, "the run has more boundaries than that: %v", passed)
					break
				}
			}
		})
	}
}

// stopAt runs the story with the first process stopped at one boundary; false if it has no such boundary.
func (s story) stopAt(t *testing.T, at int) (crossed bool, passed []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, harness.Options{SearchLag: s.lag, CSU: s.csu})
		events := s.events(time.Now())
		if s.order {
			w.Bind("product", "bread", harness.Bread())
			w.Send(order())
		}
		w.Publish(events...)
		b := &harness.Boundaries{At: at}
		stopped := make(chan struct{})
		b.Do = func(string) { b.Die(); close(stopped) }
		first := w.Start(b)
		idle := func() bool { return w.Empty() }
		select {
		case <-stopped:
			crossed = true
		case <-wait(idle):
		}
		first.Stop()
		second := w.Start(nil)
		<-wait(idle)
		second.Stop()
		passed = b.Passed()
		where := "never"
		if crossed {
			where = passed[at-1]
		}
		t.Logf("boundary %d: %s", at, where)
		require.Zero(t, w.DeadLetters(), where)
		last := events[len(events)-1]
		for _, e := range events {
			e.City = last.City // of one customer, the last state counts
			w.RequireState(e)
		}
		require.Len(t, w.CSU.Customers(), 1, where)
		if s.order {
			requireOneSalesOrder(t, w, where)
		}
		<-time.After(time.Minute) // a stopped process asks in vain for a while; its goroutines must have ended
	})
	return crossed, passed
}

// wait closes its channel once the condition holds, looking every 100 ms of virtual time.
func wait(until func() bool) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if until() {
				return
			}
		}
	}()
	return done
}
