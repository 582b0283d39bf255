package trouble

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// several are so many customers that nobody knows yet.
func several(prefix string, n int) (all []harness.Customer) {
	for i := range n {
		all = append(all, harness.Customer{Event: fmt.Sprint(prefix, i), ID: fmt.Sprint("C-", prefix, i), Email: fmt.Sprintf("%s.%d@example.com", prefix, i),
			First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: time.Now()})
	}
	return all
}

const probes = "GetEnvironmentConfiguration"

// requireDelivered asserts that no message was delivered more often than that.
func (f *fleet) requireDelivered(most int) {
	f.T.Helper()
	for _, line := range f.lines("message settled") {
		n, _ := line["delivery_count"].(float64)
		require.LessOrEqual(f.T, n, float64(most), "%v", line)
	}
}

// Locked out: the intake of both processes rests, one of them probes without a message, and when the door opens everything goes on by
// itself. No message is dead-lettered for it, and none is delivered again and again.
func TestAFleetThatIsLockedOutWaitsAndProbesWithoutAMessage(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 4}, func(f *fleet) {
		f.inject(csu.Fault{ID: "door", Kind: csu.Forbid})
		published = several("locked", 60)
		f.Publish(published...)
		<-time.After(time.Minute)
		require.EqualValues(f.T, 2, f.count(telemetry.WorkerPaused, "queue", harness.SourceQueue, "reason", "blocked"), "both processes")
		require.Positive(f.T, f.count(telemetry.CircuitOpen, "circuit", "csu"))
		before := f.count(telemetry.CSURequests) - f.count(telemetry.CSURequests, "operation", probes)
		probed := f.count(telemetry.CSURequests, "operation", probes)
		<-time.After(10 * time.Minute)
		require.EqualValues(f.T, before, f.count(telemetry.CSURequests)-f.count(telemetry.CSURequests, "operation", probes), "only probes are sent")
		require.InDelta(f.T, probed+20, f.count(telemetry.CSURequests, "operation", probes), 4, "one each half minute for the whole fleet")
		require.Zero(f.T, f.DeadLetters(), f.reasons())
		f.CSU.Clear("door")
	}, func(f *fleet) {
		for _, c := range published {
			f.RequireState(c)
		}
		f.requireNoAttempt()
		f.requireDelivered(2) // once in a while the first message comes once more when the intake begins again, and is surplus
		require.Zero(f.T, f.DeadLetters(), f.reasons())
		require.Zero(f.T, f.count(telemetry.WorkerPaused))
		require.Zero(f.T, f.count(telemetry.CircuitOpen))
		require.EqualValues(f.T, 1, f.count(telemetry.CircuitTransitions, "circuit", "csu", "to", "closed"))
	})
}

// One operation is not permitted: the event that finds out says so, the others of its kind wait, and everything else goes on.
func TestAnOperationThatIsNotPermittedHoldsUpNothingElse(t *testing.T) {
	var known, changed, fresh []harness.Customer
	bubble(t, harness.Options{Slots: 4}, func(f *fleet) {
		known = several("known", 10)
		f.Publish(known...)
		f.Settle(patience)
		f.inject(csu.Fault{ID: "role", Kind: csu.Forbid, Operation: csu.OpCreateCustomer})
		fresh = several("fresh", 40)
		f.Publish(fresh...)
		<-time.After(30 * time.Second)
		require.Zero(f.T, f.count(telemetry.WorkerPaused))
		require.Positive(f.T, f.count(telemetry.CircuitOpen, "circuit", "Customers.Create"))
		changed = known
		for i := range changed {
			changed[i].Event, changed[i].City, changed[i].At = changed[i].Event+"-moved", "Houston", time.Now()
		}
		f.Publish(changed...)
		<-time.After(30 * time.Second)
		for _, c := range changed {
			f.RequireState(c)
		}
		require.Positive(f.T, f.count(telemetry.DeadLetters, "reason", "NotPermitted"))
		require.Less(f.T, f.DeadLetters(), 16, "those that were on their way, and a probe now and then")
		f.CSU.Clear("role")
	}, func(f *fleet) {
		f.requireNoAttempt()
		there := len(f.CSU.Customers())
		require.Equal(f.T, len(known)+len(fresh), there+f.DeadLetters(), "each is there, or says why not: %v", f.reasons())
		for _, reason := range f.reasons() {
			require.Contains(f.T, reason, "NotPermitted: ")
		}
		require.Zero(f.T, f.count(telemetry.CircuitOpen))
	})
}

// The CSU is down: after a few calls that failed nobody asks it any more but a probe.
func TestACSUThatIsDownIsLeftAloneAndTakenUpAgain(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 8}, func(f *fleet) {
		f.inject(csu.Fault{ID: "down", Kind: csu.Error, Status: 503, RetryAfter: csu.RetryAfterNone})
		published = several("down", 60)
		f.Publish(published...)
		<-time.After(time.Minute)
		require.EqualValues(f.T, 2, f.count(telemetry.WorkerPaused, "queue", harness.SourceQueue, "reason", "circuit"), "both processes")
		before := f.count(telemetry.CSURequests)
		<-time.After(10 * time.Minute)
		require.LessOrEqual(f.T, f.count(telemetry.CSURequests)-before, 25.0)
		f.CSU.Clear("down")
	}, func(f *fleet) {
		for _, c := range published {
			f.RequireState(c)
		}
		require.Zero(f.T, f.DeadLetters(), f.reasons())
		require.Zero(f.T, f.count(telemetry.WorkerPaused))
	})
}

// Redis away while the CSU is down: each process is on its own, and comes back.
func TestWithoutRedisAProcessKeepsItsCircuitsItself(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 8}, func(f *fleet) {
		f.inject(csu.Fault{ID: "down", Kind: csu.Error, Status: 500})
		published = several("both", 30)
		f.Publish(published...)
		<-time.After(30 * time.Second)
		require.EqualValues(f.T, 2, f.count(telemetry.WorkerPaused, "queue", harness.SourceQueue, "reason", "circuit"))
		f.Mini.SetError("LOADING Redis is loading the dataset in memory")
		<-time.After(5 * time.Minute)
		f.CSU.Clear("down")
		<-time.After(time.Minute)
		require.Zero(f.T, f.count(telemetry.WorkerPaused), "each has probed for itself")
		f.Mini.SetError("")
	}, func(f *fleet) {
		for _, c := range published {
			f.RequireState(c)
		}
		require.Zero(f.T, f.DeadLetters(), f.reasons())
	})
}
