package crash

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

func TestMain(m *testing.M) {
	harness.Main(m, func(m *testing.M) { goleak.VerifyTestMain(m) })
}

// short are the times of tests in real time: the search still lags longer than lease and lock.
var short = harness.Options{Lease: time.Second, Lock: 2 * time.Second, MaxExecution: time.Second, SearchLag: 4 * time.Second}

const (
	together = 12 // worlds at once
	patience = 60 * time.Second
	often    = 20 * time.Millisecond
)

func TestKilledForRealAtAnyBoundaryThereIsOneAccountBoundBothWays(t *testing.T) {
	t.Parallel()
	names := []string{"a new customer, and a search that lags longer than lease and lock", "a customer who moves"}
	stride := 2 * harness.Stride  // the walk in virtual time stops at each
	if os.Getenv("CHAOS") != "" { // minutes of real time
		stride, names = 1, append(names, "a customer who moves before headquarters knows")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			for from := 1; ; from += together * stride {
				var wait sync.WaitGroup
				crossed := make([]bool, together)
				for i := range together {
					wait.Go(func() { crossed[i] = stories[name].killAt(t, from+i*stride) })
				}
				wait.Wait()
				if !crossed[together-1] {
					require.Greater(t, from+together*stride, 10, "the run has more boundaries than that")
					return
				}
			}
		})
	}
}

// logOf shows what a child has logged if the test fails.
func logOf(t *testing.T, name string, c *harness.Child) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of the %s child:\n%s", name, c.Log())
		}
	})
}

// killAt runs the story with a first child that kills itself at one boundary; false if it has no such boundary.
func (s story) killAt(t *testing.T, at int) (crossed bool) {
	ok := t.Run(fmt.Sprintf("at boundary %d", at), func(t *testing.T) {
		o := short
		o.CSU = s.csu
		w := harness.NewReal(t, o)
		events := s.events(time.Now())
		w.Publish(events...)
		first := w.Spawn("kill", fmt.Sprint(at))
		logOf(t, "first", first)
		require.Eventually(t, func() bool { _, killed := first.Killed(); return killed || w.Empty() }, patience, often)
		var where string
		if where, crossed = first.Killed(); crossed {
			second := w.Spawn("run", "")
			logOf(t, "second", second)
			require.Eventually(t, w.Empty, patience, often, where)
			second.Stop()
		}
		first.Stop()
		require.Zero(t, w.DeadLetters(), where)
		for _, e := range events {
			e.City = events[len(events)-1].City
			w.RequireState(e)
		}
		require.Len(t, w.CSU.Customers(), 1, where)
	})
	return crossed && ok
}

func TestFrozenPastTheirLeaseManyAtOnce(t *testing.T) {
	freezes := 48
	if os.Getenv("CHAOS") != "" {
		freezes = 500
	}
	f := freeze(t, freezes)
	t.Logf("%d runs frozen past their lease: %d accounts, %d late writes found and reported", f.runs, f.accounts, f.reported)
	require.Equal(t, f.doubled, f.reported, "every second account is a late write that was found and reported")
	require.LessOrEqual(t, f.completed, f.runs, "no event is completed twice")
}

// TestThawedAfterItsClaimHasPassedOnAProcessChangesNothing freezes a process at the most dangerous points, right before its
// write and right before the save behind it, lets another process finish the event, and thaws it.
func TestThawedAfterItsClaimHasPassedOnAProcessChangesNothing(t *testing.T) {
	for _, at := range []string{"before csu POST /Commerce/Customers", "before redis save"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			w := harness.NewReal(t, short)
			w.Publish(jane("e1", time.Now(), "Redmond"))
			first := w.Spawn("stop", at)
			require.Eventually(t, first.Passed, patience, often)
			second := w.Spawn("run", "")
			require.Eventually(t, w.Empty, patience, often)
			before := w.RunRecord(harness.Source, "e1")
			require.NotEmpty(t, before)

			first.Signal(syscall.SIGCONT)
			require.Eventually(t, func() bool {
				return strings.Contains(first.Log(), "the claim is no longer ours") || strings.Contains(first.Log(), `"outcome":"`)
			}, patience, often)
			first.Stop()
			second.Stop()
			require.Equal(t, before, w.RunRecord(harness.Source, "e1"), "the record of whoever finished the event stands")
			require.Contains(t, first.Log(), "the claim is no longer ours", "the thawed process settles nothing")
			require.NotContains(t, first.Log(), `"outcome":"completed"`)
			w.RequireState(jane("e1", time.Now(), "Redmond"))
		})
	}
}

type frozen struct{ runs, accounts, doubled, reported, completed int }

// freeze stops a process with SIGSTOP while n runs are in flight, lets another take over, and thaws it.
func freeze(t *testing.T, n int) frozen {
	o := short
	o.Slots, o.SearchLag = n, time.Second
	o.CSU = csu.Options{CommitDelay: 100 * time.Millisecond, Latency: 150 * time.Millisecond}
	w := harness.NewReal(t, o)
	var customers []harness.Customer
	for i := range n {
		customers = append(customers, harness.Customer{Event: fmt.Sprintf("e%d", i), ID: fmt.Sprintf("C-%d", i), Email: fmt.Sprintf("frozen.%d@example.com", i),
			First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: time.Now()})
	}
	w.Publish(customers...)
	first := w.Spawn("run", "")
	require.Eventually(t, func() bool { return w.CSU.Stats().Requests >= int64(n) }, patience, time.Millisecond)
	first.Signal(syscall.SIGSTOP)
	second := w.Spawn("run", "")
	require.Eventually(t, w.Empty, patience, often)
	first.Signal(syscall.SIGCONT)
	before := w.CSU.Stats().Requests
	require.Eventually(t, func() bool { now := w.CSU.Stats().Requests; quiet := now == before; before = now; return quiet }, patience, 500*time.Millisecond)
	first.Stop()
	second.Stop()

	f := frozen{runs: n, accounts: len(w.CSU.Customers())}
	logs := first.Log() + second.Log()
	for _, accounts := range w.CSU.DuplicateEmails() {
		f.doubled += len(accounts) - 1
	}
	f.reported = strings.Count(logs, `"dead_letter_reason":"DuplicateAccount"`) + strings.Count(logs, `"reason":"DuplicateAccount"`)
	f.completed = strings.Count(logs, `"outcome":"completed"`)
	for _, c := range customers {
		account, _ := w.Bound(harness.Source, c.ID)
		require.NotEmpty(t, account)
	}
	return f
}
