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

// One process is told to wait, and all of them do: one call is refused, or the few that were on their way; nobody takes a message
// that could only be sent away again; and after the pause one call looks.
func TestOneRefusalHoldsBackTheWholeFleetAndItsIntake(t *testing.T) {
	var published []harness.Customer
	bubble(t, harness.Options{Slots: 2}, func(f *fleet) {
		f.inject(csu.Fault{Kind: csu.Error, Status: 429, RetryAfter: csu.RetryAfterSeconds, Wait: time.Minute, For: 58 * time.Second})
		for i := range 40 {
			published = append(published, harness.Customer{Event: fmt.Sprint("e", i), ID: fmt.Sprint("G-", i), Email: fmt.Sprintf("g.%d@example.com", i),
				First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: time.Now()})
		}
		f.Publish(published...)
		<-time.After(30 * time.Second)
		require.LessOrEqual(f.T, f.count(telemetry.CSURequests, "result", "throttled"), float64(2*2), "what was on its way already")
		require.EqualValues(f.T, 2, f.count(telemetry.WorkerPaused, "queue", harness.SourceQueue, "reason", "gate"), "both processes")
		require.Zero(f.T, f.count(telemetry.WorkerPaused, "queue", "signalbox-live"), "sinks are told all the same")
	}, func(f *fleet) {
		for _, c := range published {
			f.RequireState(c)
		}
		f.requireNoAttempt()
		require.Zero(f.T, f.count(telemetry.WorkerPaused, "reason", "gate"))
		require.LessOrEqual(f.T, f.count(telemetry.RescheduledMessages, "reason", "gate"), float64(2*2), "only what was in hand")
		require.LessOrEqual(f.T, f.count(telemetry.CSURequests, "result", "throttled"), float64(2*2))
	})
}
