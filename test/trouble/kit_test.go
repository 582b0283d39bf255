// Package trouble runs a small fleet, in virtual time and with the settings of an operator who set none, while its
// surroundings fail in one way at a time, and checks what is left when everything has come to rest.
package trouble

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	customers = 20
	patience  = 24 * time.Hour // of virtual time
	otherShop = "https://crm.example.com"
)

// fleet is two processes on one world.
type fleet struct {
	*harness.World
	processes []*harness.Process
}

// bubble runs a story about a fleet of two in virtual time; both have stopped when ending is called.
func bubble(t *testing.T, o harness.Options, story func(f *fleet), ending func(f *fleet)) {
	t.Helper()
	empty(t, o, func(f *fleet) {
		f.join()
		f.join()
		story(f)
	}, ending)
}

// empty is bubble with a fleet that has no process yet.
func empty(t *testing.T, o harness.Options, story func(f *fleet), ending func(f *fleet)) {
	t.Helper()
	t.Parallel()
	o.Defaults = true
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{World: harness.NewVirtual(t, o)}
		began := time.Now()
		story(f)
		f.Settle(patience)
		f.T.Logf("at rest after %s: %v taints, %v claims for looking only, %v rescheduled, %v calls of the CSU", time.Since(began).Round(100*time.Millisecond),
			f.taints(), f.lookOnly(), f.count(telemetry.RescheduledMessages), f.CSU.Stats().Requests)
		for _, p := range f.processes {
			p.Stop()
		}
		ending(f)
		<-time.After(5 * time.Minute) // late writes would show
		require.Empty(t, f.CSU.DuplicateEmails())
	})
}

// join starts one more process.
func (f *fleet) join() *harness.Process {
	p := f.Start(nil)
	f.processes = append(f.processes, p)
	return p
}

// count adds up a counter over the processes.
func (f *fleet) count(metric string, labels ...string) (n float64) {
	for _, p := range f.processes {
		n += p.Count(metric, labels...)
	}
	return n
}

// lines are the log lines of all processes with a message.
func (f *fleet) lines(message string) (all []map[string]any) {
	for _, p := range f.processes {
		all = append(all, p.Lines(message)...)
	}
	return all
}

func (f *fleet) log() string {
	var b strings.Builder
	for _, p := range f.processes {
		b.WriteString(p.Log())
	}
	return b.String()
}

// batch is 20 customers, each with an older and a newer state, some twice, some from two shops under one e-mail address,
// in an order of its own.
type batch struct {
	published []harness.Customer
	final     []harness.Customer // the last state by each source
}

func newBatch(now time.Time) batch {
	var b batch
	for i := range customers {
		older := harness.Customer{Event: fmt.Sprintf("e%d", i), ID: fmt.Sprintf("C-%d", i), Email: fmt.Sprintf("customer.%d@example.com", i),
			First: "Jane", Last: fmt.Sprintf("Contoso%d", i), Phone: "+14255550100", City: "Redmond", At: now}
		newer := older
		newer.Event, newer.City, newer.Phone, newer.At = older.Event+"-moved", "Houston", "+17135550100", now.Add(time.Second)
		b.published = append(b.published, older, newer)
		if i%3 == 0 { // the producer sends the same event once more
			b.published = append(b.published, older, newer)
		}
		b.final = append(b.final, newer)
		if i%5 == 0 { // another shop knows the customer by a number of its own, and has the newest state
			there := newer
			there.Source, there.ID, there.City, there.At = otherShop, fmt.Sprint(7000+i), "Houston", now.Add(2*time.Second)
			b.published = append(b.published, there)
			b.final = append(b.final, there)
		}
	}
	shuffle := rand.New(rand.NewPCG(1, 2))
	shuffle.Shuffle(len(b.published), func(i, j int) { b.published[i], b.published[j] = b.published[j], b.published[i] })
	return b
}

// requireFinal asserts one account for each e-mail address in its last state, bound to every source both ways, and no
// message left anywhere.
func (f *fleet) requireFinal(b batch) {
	f.T.Helper()
	require.Zero(f.T, f.DeadLetters(), "dead letters: %v", f.reasons())
	for _, c := range b.final {
		f.RequireState(c)
	}
	require.Len(f.T, f.CSU.Customers(), customers, "accounts")
	require.True(f.T, f.Empty(), "the broker is empty")
}

// requireNoAttempt asserts that no event has used up an attempt.
func (f *fleet) requireNoAttempt() {
	f.T.Helper()
	for _, line := range f.lines("message settled") {
		require.EqualValues(f.T, 0, line["attempt"], "%v", line)
	}
}

func (f *fleet) reasons() (all []string) {
	for _, m := range f.Letters() {
		all = append(all, m.DeadLetterReason+": "+m.DeadLetterDescription)
	}
	return all
}

// effects counts commits of one operation.
func (f *fleet) effects(operation string) (n int) {
	for _, e := range f.CSU.Ledger() {
		if e.Operation == operation {
			n++
		}
	}
	return n
}

func (f *fleet) taints() float64 { return f.count(telemetry.Taints) }

func (f *fleet) lookOnly() float64 {
	return f.count(telemetry.IdempotencyChecks, "result", "look_only")
}

// inject makes the CSU misbehave.
func (f *fleet) inject(faults ...csu.Fault) {
	for _, one := range faults {
		_, err := f.CSU.Inject(one)
		require.NoError(f.T, err)
	}
}
