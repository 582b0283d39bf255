// Package sinks runs a small fleet, in virtual time and with the settings of an operator who set none, that tells a receiver what
// became of events, while the receiver fails in one way at a time.
package sinks

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	relayed = "signalbox.customer.relayed.v1"
	refused = "signalbox.customer.refused.v1"
)

// fleet is processes on one world with a receiver.
type fleet struct {
	*harness.World
	processes []*harness.Process
	gone      int
}

// bubble runs a story about a fleet of two in virtual time.
func bubble(t *testing.T, o harness.Options, story func(f *fleet)) {
	t.Helper()
	t.Parallel()
	inBubble(t, o, story)
}

func inBubble(t *testing.T, o harness.Options, story func(f *fleet)) {
	t.Helper()
	o.Defaults, o.Sink = true, true
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{World: harness.NewVirtual(t, o)}
		defer f.leave()
		f.join()
		f.join()
		story(f)
		f.leave()
		for _, e := range f.Sink.Events() {
			require.False(t, e.Changed, "the same id says the same: %+v", e)
		}
	})
}

// leave stops every process, and waits until what still waits has given up: its goroutines must have ended.
func (f *fleet) leave() {
	for _, p := range f.processes[f.gone:] {
		p.Stop()
		f.gone++
	}
	<-time.After(5 * time.Minute)
}

func (f *fleet) join() { f.processes = append(f.processes, f.Start(nil)) }

func (f *fleet) count(metric string, labels ...string) (n float64) {
	for _, p := range f.processes {
		n += p.Count(metric, labels...)
	}
	return n
}

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

// told are the accepted events of a type.
func (f *fleet) told(typ string) (out []sink.Event) {
	for _, e := range f.Sink.Events() {
		if e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

func (f *fleet) inject(faults ...sink.Fault) {
	for _, one := range faults {
		_, err := f.Sink.Inject(one)
		require.NoError(f.T, err)
	}
}

// dataOf is what an event says.
func dataOf(t testing.TB, e sink.Event) (d struct{ ID, AccountNumber, EventID, EventType, Reason, Detail, Step string }) {
	t.Helper()
	require.NoError(t, json.Unmarshal(e.Data, &d))
	return d
}

func customer(i int, event string, at time.Time) harness.Customer {
	return harness.Customer{Event: event, ID: fmt.Sprintf("C-%d", i), Email: fmt.Sprintf("customer.%d@example.com", i),
		First: "Jane", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: at}
}

// some publishes n new customers and gives them back.
func (f *fleet) some(n int) (out []harness.Customer) {
	for i := range n {
		out = append(out, customer(i, fmt.Sprintf("e%d", i), time.Now()))
	}
	f.Publish(out...)
	return out
}

// requireTold asserts that the receiver knows every customer's account, each told once as far as it can tell.
func (f *fleet) requireTold(customers []harness.Customer) {
	f.T.Helper()
	accounts := map[string]string{}
	for _, e := range f.told(relayed) {
		accounts[e.Subject] = dataOf(f.T, e).AccountNumber
	}
	for _, c := range customers {
		account, _ := f.Bound(harness.Source, c.ID)
		require.NotEmpty(f.T, account, c.ID)
		require.Equal(f.T, account, accounts[c.ID], c.ID)
	}
	for _, e := range f.Sink.Events() {
		require.False(f.T, e.Overtaken, "behind something newer: %+v", e)
	}
}
