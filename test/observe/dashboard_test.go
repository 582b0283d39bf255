package observe

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

// silent are the expressions that may have no data, by what their place begins with, and why.
var silent = map[string]string{
	"4. Pipelines / Rows and their field maps": "this fleet has no source of rows",
	"11. Schedules / Sweeps: ":                 "this fleet compares no feed",
	"SignalboxFreshnessBudgetFastBurn / 2":     "alerts that fire, and none does",
	"SignalboxRetryStorm / 1":                  "alerts that fire, and none does",
	"SignalboxCsuBlocked / 0":                  "looks back in steps of whole minutes, and the fleet is younger",
}

// TestEveryExpressionHasDataOnARealFleet drives a fleet with everything that moves a metric, and asks a real Prometheus for every
// expression of the dashboard and of the rules.
func TestEveryExpressionHasDataOnARealFleet(t *testing.T) {
	f := startFleet(t, 2, harness.Options{CSU: csu.Options{Latency: 10 * time.Millisecond}, Env: map[string]string{
		"SIGNALBOX_SAMPLER_INTERVAL": "1s", "SIGNALBOX_HEARTBEAT_INTERVAL": "2s",
		"SIGNALBOX_SCHEDULES": `[{"name":"often","type":"signalbox.customer.changed.v1","channel":"main","every":"3s","data":{"id":"timer","email":"timer@example.com","firstName":"Ana","lastName":"Contoso"}}]`}})
	p := startPrometheus(t, f.targets, time.Second, "", ruleFiles(t)...)
	began := time.Now()
	p.has(t, 20*time.Second, `count(up{job="signalbox"} == 1) == 2`)
	f.drive(t)

	open := ofTheDashboard(t, "15s")
	maps.Copy(open, ofTheRules(t))
	asked := len(open)
	// a subquery asks at whole minutes: there must have been one
	for end := time.Now().Add(90 * time.Second); len(open) > 0 && time.Now().Before(end); {
		f.late(t) // what shows messages in hand and runs that wait shows nothing between two of them
		for where, expr := range open {
			n, err := p.query(t, expr)
			require.NoError(t, err, "%s: %s", where, expr)
			if n > 0 || strings.HasSuffix(where, " / whole") || mayBeSilent(where) {
				delete(open, where)
			}
		}
	}
	empty := []string{}
	for where, expr := range open {
		empty = append(empty, where+": "+expr)
	}
	slices.Sort(empty)
	require.Empty(t, empty, "no data:\n%s", strings.Join(empty, "\n"))
	t.Logf("%d expressions, all asked and answered %.0f s after the first scrape", asked, time.Since(began).Seconds())
}

func mayBeSilent(where string) bool {
	for place := range silent {
		if strings.HasPrefix(where, place) {
			return true
		}
	}
	return false
}

// drive makes something of everything: completions, duplicates, overtaken states, dead letters of two kinds, refusals by load,
// writes in doubt, a credential that is refused, and runs that wait.
func (f *fleet) drive(t *testing.T) {
	t.Helper()
	inject := func(fault csu.Fault) {
		_, err := f.CSU.Inject(fault)
		require.NoError(t, err)
	}
	now := time.Now()
	var batch []harness.Customer
	for i := range 60 {
		one := harness.Customer{Event: fmt.Sprintf("e-%d", i), ID: fmt.Sprintf("C-%d", i), Email: fmt.Sprintf("observed.%d@example.com", i),
			First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: now}
		newer := one
		newer.Event, newer.City, newer.At = one.Event+"-moved", "Houston", now.Add(time.Second)
		batch = append(batch, one, newer, one)
	}
	inject(csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCreateCustomer, Next: 3})
	f.Publish(batch[:60]...)
	f.Send(worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: []byte("not an event")})
	inject(csu.Fault{Kind: csu.Error, Status: http.StatusTooManyRequests, RetryAfter: csu.RetryAfterSeconds, Wait: time.Second, Next: 3})
	f.Publish(batch[60:120]...)
	inject(csu.Fault{Kind: csu.Unauthorized, Next: 1})
	inject(csu.Fault{Kind: csu.Error, Status: http.StatusBadRequest, Operation: csu.OpCreateCustomer, Next: 1})
	inject(csu.Fault{Kind: csu.Error, Status: http.StatusServiceUnavailable, Operation: csu.OpSearchByFields, Next: 2})
	f.Publish(batch[120:]...)
	f.Settle(30 * time.Second)
	replay := exec.Command(f.path, "deadletter", "replay", "--all", "--yes", "--no-sweep")
	replay.Env = append(os.Environ(), f.Env()...)
	out, err := replay.CombinedOutput()
	require.NoError(t, err, "%s", out)
	inject(csu.Fault{Kind: csu.Error, Status: http.StatusServiceUnavailable, For: 2 * time.Minute})
}

// late publishes some more customers, for whom the CSU is away.
func (f *fleet) late(t *testing.T) {
	t.Helper()
	f.sent++
	var batch []harness.Customer
	for i := range 20 {
		name := fmt.Sprintf("late-%d-%d", f.sent, i)
		batch = append(batch, harness.Customer{Event: name, ID: name, Email: name + "@example.com", First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: time.Now()})
	}
	f.Publish(batch...)
}
