package chaos

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// verdict is what was found when nothing waited any more.
type verdict struct {
	lost        int // customers whose last state is not what the CSU has, products that the shop was not told of, and messages that never came to rest
	doubled     int // accounts, creations and addresses beyond the first, products that the shop was told of under several ids
	overtaken   int // customers whom a wipe of Redis left in an older state of theirs
	explained   int // poison events with a dead letter that says why and where
	poison      int
	unexplained int // dead letters of healthy events, or that do not say what is wrong, and poison without one
	details     []string
}

func (v *verdict) note(format string, args ...any) {
	if len(v.details) < 20 {
		v.details = append(v.details, fmt.Sprintf(format, args...))
	}
}

// account is as much of an account as events say.
type account struct {
	AccountNumber, Email, FirstName, LastName, Phone string
	Addresses                                        []struct{ Street, City, State, ZipCode, ThreeLetterISORegionName string }
}

func (a account) is(c harness.Customer) bool {
	if len(a.Addresses) == 0 {
		return false
	}
	at := a.Addresses[0]
	return [8]string{a.FirstName, a.LastName, a.Phone, at.Street, at.City, at.State, at.ZipCode, at.ThreeLetterISORegionName} ==
		[8]string{c.First, c.Last, c.Phone, "1 Harbour Street", c.City, "WA", "98052", "USA"}
}

// judge holds what is there against what was published. forgot: Redis was wiped meanwhile.
func (f *fleet) judge(l load, forgot bool) verdict {
	v := verdict{poison: len(l.poison)}
	if n := f.waiting(); n > 0 {
		v.lost += n
		v.note("%d messages have not come to rest: %+v", n, f.counts())
	}
	accounts := f.accounts(&v)
	for email, states := range l.states {
		got := accounts[email]
		delete(accounts, email)
		if len(got) == 0 {
			v.lost++
			v.note("%s has no account", email)
			continue
		}
		f.judgeOne(&v, got[0], states, forgot)
	}
	for email := range accounts {
		v.doubled++
		v.note("%s should have no account", email)
	}
	f.judgeSales(&v, l, forgot)
	f.judgeCatalogue(&v, l)
	f.letters(&v, l)
	return v
}

// accounts are the CSU's by e-mail address.
func (f *fleet) accounts(v *verdict) map[string][]account {
	var list []account
	f.get(f.csuAdmin+"/customers", &list)
	out := map[string][]account{}
	for _, a := range list {
		email := strings.ToLower(a.Email)
		out[email] = append(out[email], a)
	}
	created := f.created()
	for email, accounts := range out {
		if n := max(len(accounts), created[email]); n > 1 {
			v.doubled += n - 1
			v.note("%s was created %d times and has %d accounts", email, created[email], len(accounts))
		}
	}
	return out
}

func (f *fleet) judgeOne(v *verdict, got account, states []harness.Customer, forgot bool) {
	last := states[len(states)-1]
	if extra := len(got.Addresses) - 1; extra > 0 {
		v.doubled += extra
		v.note("%s has %d addresses", got.Email, len(got.Addresses))
	}
	switch {
	case got.is(last):
	case forgot && slices.ContainsFunc(states, func(c harness.Customer) bool { return got.is(c) && f.mayOvertake(c, last) }):
		v.overtaken++
	default:
		v.lost++
		v.note("%s: the last of %d states is %+v, the CSU has %+v", got.Email, len(states), last, got)
	}
	if forgot { // bindings are learned again by the next event
		return
	}
	target, err := f.table().Find(f.t.Context(), ref("customer", last.ID))
	if err != nil || target.ID != got.AccountNumber {
		v.lost++
		v.note("%s is bound to %q, and its account is %q: %v", last.ID, target.ID, got.AccountNumber, err)
	}
}

// created counts the creations of each e-mail address in the CSU's ledger, where an account that was made and merged away still is.
func (f *fleet) created() map[string]int {
	var ledger []struct{ Operation, Email string }
	f.get(f.csuAdmin+"/ledger", &ledger)
	out := map[string]int{}
	for _, e := range ledger {
		if e.Operation == "CreateCustomer" {
			out[e.Email]++
		}
	}
	return out
}

// letters holds every dead letter against what was wrong with its event.
func (f *fleet) letters(v *verdict, l load) {
	explained := map[string]bool{}
	for _, m := range f.deadLetters() {
		id, _ := m.Properties["cloudEvents_id"].(string)
		if id == "" {
			id = m.ID
		}
		if sick, known := l.poison[id]; known && sick.explains(m) {
			explained[id] = true
			continue
		}
		v.unexplained++
		v.note("dead letter %s: %s: %s", id, m.DeadLetterReason, m.DeadLetterDescription)
	}
	v.explained = len(explained)
	for _, id := range slices.Sorted(maps.Keys(l.poison)) {
		if !explained[id] {
			v.unexplained++
			v.note("%s has no dead letter that says %s", id, l.poison[id].reason)
		}
	}
}

// explains says whether the dead letter has the reason, a sentence, and the step where there is one.
func (a ailment) explains(m worker.Message) bool {
	step, _ := m.Properties[envelope.PropertyStep].(string)
	text := m.DeadLetterDescription
	return m.DeadLetterReason == string(a.reason) && strings.Contains(text, " ") && step == a.step && strings.HasPrefix(text, a.step)
}

func (f *fleet) deadLetters() (all []worker.Message) {
	for _, q := range queues {
		all = slices.AppendSeq(all, f.peek(f.bus.Queue(q).DeadLetters()))
	}
	return all
}

// browser shows a queue's messages, or its dead letters.
type browser interface {
	Peek(ctx context.Context, from int64, most int) ([]worker.Message, error)
	Close(ctx context.Context)
}

// peek gives all messages of a queue, and closes the browser.
func (f *fleet) peek(b browser) iter.Seq[worker.Message] {
	return func(yield func(worker.Message) bool) {
		defer b.Close(f.t.Context())
		for from := int64(0); ; {
			got, err := b.Peek(f.t.Context(), from, 250)
			require.NoError(f.t, err)
			if len(got) == 0 {
				return
			}
			for _, m := range got {
				if !yield(m) {
					return
				}
			}
			from = got[len(got)-1].Sequence + 1
		}
	}
}
