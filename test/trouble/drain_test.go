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

// A process is told to stop 2 s after it began with 20 new customers, and may drain for 5 s; another one goes on. Nobody
// pays for it with an attempt, and nobody waits for longer than it takes to see what the writes that were cut off did.
func TestADrainCostsNoAttemptAndNoWaitThatIsNotNeeded(t *testing.T) {
	for name, drain := range map[string]struct {
		slow   csu.Fault
		within time.Duration // of the signal everything is at rest
		cut    int           // runs
		taints int
	}{
		"the runs end within the drain": {
			slow: csu.Fault{Kind: csu.Latency, Delay: time.Second}, within: 5 * time.Second}, // a search, two tables, a create
		"it ends while they look": {
			slow: csu.Fault{Kind: csu.Latency, Delay: 20 * time.Second, Operation: csu.OpSearchByFields}, within: 30 * time.Second, cut: customers},
		"it ends while they write, and the write was committed": {
			slow:   csu.Fault{Kind: csu.Latency, Delay: 20 * time.Second, Operation: csu.OpCreateCustomer},
			within: 30 * time.Second, cut: customers, taints: customers},
		"it ends while they write, and the write is committed later": {
			slow:   csu.Fault{Kind: csu.Latency, Delay: 20 * time.Second, Operation: csu.OpCreateCustomer, Point: csu.PointCommit},
			within: time.Minute, cut: customers, taints: customers},
	} {
		t.Run(name, func(t *testing.T) {
			var b batch
			empty(t, harness.Options{Slots: 2 * customers, Env: map[string]string{"SIGNALBOX_WORKER_DRAIN": "5s"}}, func(f *fleet) {
				f.CSU.Configure(func(o *csu.Options) { o.SearchLag = 0 })
				f.inject(drain.slow)
				first := f.join()
				b = newcomers(time.Now())
				f.Publish(b.published...)
				<-time.After(2 * time.Second)
				require.EqualValues(f.T, customers, first.Count(telemetry.MessagesInflight), "all of them are in flight")
				told := time.Now()
				f.join()
				first.Stop()
				require.LessOrEqual(f.T, time.Since(told), 6*time.Second)
				require.Contains(f.T, first.Log(), `"msg":"drained"`)
				f.Settle(patience)
				require.LessOrEqual(f.T, time.Since(told), drain.within)
			}, func(f *fleet) {
				require.EqualValues(f.T, drain.cut, f.processes[0].Count(telemetry.ShutdownAbandoned))
				require.EqualValues(f.T, drain.cut, f.processes[1].Count(telemetry.Messages, "outcome", "completed"))
				f.requireFinal(b)
				f.requireNoAttempt()
				require.EqualValues(f.T, drain.taints, f.taints())
				require.Equal(f.T, customers, f.effects(csu.OpCreateCustomer), "creates")
			})
		})
	}
}

// newcomers are 20 customers with one state each.
func newcomers(now time.Time) (b batch) {
	for i := range customers {
		b.published = append(b.published, harness.Customer{Event: fmt.Sprintf("e%d", i), ID: fmt.Sprintf("C-%d", i), Email: fmt.Sprintf("customer.%d@example.com", i),
			First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: now})
	}
	b.final = b.published
	return b
}
