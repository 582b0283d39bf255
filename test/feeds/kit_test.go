// Package feeds runs a small fleet that tells a receiver what the CSU knows, in virtual time, and counts what the receiver has.
package feeds

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	publish = "signalbox.products.publish.v1"
	product = "signalbox.product.v1"
	deleted = "signalbox.product.deleted.v1"
)

// fleet is processes on one world with a receiver.
type fleet struct {
	*harness.World
	processes []*harness.Process
	gone, ids int
}

// bubble runs a story about a fleet of one in virtual time.
func bubble(t *testing.T, o harness.Options, story func(f *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Sink = true
		f := &fleet{World: harness.NewVirtual(t, o)}
		defer f.leave()
		defer func() {
			if t.Failed() {
				for _, p := range f.processes {
					t.Log(p.Log())
				}
			}
		}()
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

func (f *fleet) join(b *harness.Boundaries) *harness.Process {
	p := f.Start(b)
	f.processes = append(f.processes, p)
	return p
}

// ask publishes a request as a timer would, under a new id.
func (f *fleet) ask(typ, data string) string {
	f.ids++
	id := fmt.Sprint("tick-", f.ids)
	f.Send(app.Message(orchestration.Event{Source: "https://ops.example.com", ID: id, Type: typ, Time: time.Now(), Data: json.RawMessage(data)}))
	return id
}

// asked publishes a request and waits until all of it is told.
func (f *fleet) asked(typ, data string) {
	f.T.Helper()
	f.ask(typ, data)
	f.Settle(time.Hour)
	require.Zero(f.T, f.DeadLetters())
}

// told are the accepted events of a type since a number.
func (f *fleet) told(typ string, since int) (out []sink.Event) {
	for _, e := range f.Sink.Events()[since:] {
		if e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

func (f *fleet) so() int { return len(f.Sink.Events()) }

// shop is what the receiver has: the newest state of each product, by id; what was deleted is not there.
func (f *fleet) shop() map[string]string {
	have, newest := map[string]string{}, map[string]string{}
	for _, e := range f.Sink.Events() {
		if e.Type != product && e.Type != deleted || e.Sequence < newest[e.Subject] {
			continue
		}
		newest[e.Subject] = e.Sequence
		if e.Type == deleted {
			delete(have, e.Subject)
			continue
		}
		var d struct{ Name string }
		require.NoError(f.T, json.Unmarshal(e.Data, &d))
		have[e.Subject] = d.Name
	}
	return have
}

// catalogue is what the CSU sells.
func (f *fleet) catalogue() map[string]string {
	have := map[string]string{}
	for _, p := range f.CSU.Products() {
		have[fmt.Sprint(p.RecordID)] = p.Name
	}
	return have
}

func (f *fleet) requireComplete(where ...any) {
	f.T.Helper()
	require.Equal(f.T, f.catalogue(), f.shop(), where...)
	require.Zero(f.T, f.CSU.Sessions(), "every session is ended")
}

// rename changes the name of some products.
func (f *fleet) rename(from, to int, suffix string) (ids []string) {
	for _, p := range slices.Clone(f.CSU.Products()[from:to]) {
		p.Name += suffix
		f.CSU.PutProducts(p)
		ids = append(ids, fmt.Sprint(p.RecordID))
	}
	return ids
}

// remove takes some out of what is sold.
func (f *fleet) remove(from, to int) (ids []string) {
	for _, p := range slices.Clone(f.CSU.Products()[from:to]) {
		f.CSU.RemoveProducts(p.RecordID)
		ids = append(ids, fmt.Sprint(p.RecordID))
	}
	return ids
}

func subjects(events []sink.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.Subject)
	}
	slices.Sort(all)
	return all
}

func selling(n int) csu.Options { return csu.Options{Products: csu.MakeProducts(n)} }
