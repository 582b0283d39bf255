package chaos

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// load is what is published, in order: of a hundred messages some sixty are states of customers, the first or a newer one, some of
// those behind a newer one (stale); fifteen repeat an earlier one; one is poison; and the others are orders, some of them twice. The same
// seed and size make the same load.
type load struct {
	messages []worker.Message
	states   map[string][]harness.Customer // by e-mail address, in the order of their versions
	sales    []sale
	products []string           // ids of what the CSU sells, which the shop is told of
	poison   map[string]ailment // by event id, or message id of what is no event
}

// ailment is what is wrong with an event, and how its dead letter says so.
type ailment struct {
	reason fault.Reason
	step   string // empty: it was refused at the door
	make   func(t testing.TB, id string, healthy harness.Customer) worker.Message
}

// guests says that orders are guests'.
func newLoad(t testing.TB, seed uint64, n int, guests bool) load {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	l := load{states: map[string][]harness.Customer{}, products: catalogue(), poison: map[string]ailment{}}
	poison := max(n/100, len(ailments))
	n -= n / 5
	sales := n * 3 / 20 // and two thirds of them once more: a fifth of all
	repeats := n / 5
	fresh := n - poison - repeats
	events := l.fresh(r, fresh, n/10)
	for range repeats {
		at := r.IntN(len(events))
		events = slices.Insert(events, at+1+r.IntN(len(events)-at), events[at])
	}
	for _, c := range events {
		m := c.Message(t)
		m.ID = uuid.NewString() // of each message, as the broker wants it
		l.messages = append(l.messages, m)
	}
	l.sell(r, sales, guests)
	for i := range poison {
		id := fmt.Sprintf("poison-%04d", i)
		sick := ailments[i%len(ailments)]
		l.poison[id] = sick
		m := sick.make(t, id, customer(100_000+i, 0))
		l.messages = slices.Insert(l.messages, r.IntN(len(l.messages)), m)
	}
	return l
}

// fresh are n states of customers, two or three each, in an order in which stale of them come right behind the state that follows them.
func (l load) fresh(r *rand.Rand, n, stale int) []harness.Customer {
	customers := max(n*2/5, 1)
	turns := make([]int, n) // whose next state it is
	for i := range turns {
		turns[i] = i % customers
	}
	r.Shuffle(n, func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	out := make([]harness.Customer, 0, n)
	places := map[int][]int{}
	for at, c := range turns {
		is := customer(c, len(places[c]))
		places[c] = append(places[c], at)
		out = append(out, is)
		l.states[is.Email] = append(l.states[is.Email], is)
	}
	for _, c := range slices.Sorted(maps.Keys(places)) {
		if p := places[c]; len(p) > 1 && stale > 0 {
			i, j := p[len(p)-2], p[len(p)-1]
			out[i], out[j] = out[j], out[i]
			stale--
		}
	}
	return out
}

var launched = time.Now()

// customer is a customer's state of a version.
func customer(number, version int) harness.Customer {
	return harness.Customer{Event: fmt.Sprintf("e-%06d-%d", number, version), ID: fmt.Sprintf("C-%06d", number), Email: fmt.Sprintf("fleet.%06d@example.com", number),
		First: fmt.Sprintf("Jane%d", version), Last: "Contoso", Phone: fmt.Sprintf("+1425555%04d", version), City: fmt.Sprintf("Redmond %d", version),
		At: launched.Add(-time.Hour).Add(time.Duration(version) * time.Minute)}
}

var ailments = []ailment{
	{reason: fault.Malformed, make: func(_ testing.TB, id string, _ harness.Customer) worker.Message {
		return worker.Message{ID: id, ContentType: "application/cloudevents+json", Body: []byte(`{"specversion":"1.0","id":`)}
	}},
	{reason: fault.SchemaInvalid, make: func(t testing.TB, id string, c harness.Customer) worker.Message {
		c.Event, c.Email = id, ""
		return c.Message(t)
	}},
	{reason: fault.UnknownType, make: func(_ testing.TB, id string, c harness.Customer) worker.Message {
		parts := envelope.Encode(orchestration.Event{Source: harness.Source, ID: id, Type: "signalbox.customer.vanished.v9", Time: c.At, Data: []byte(`{}`),
			CorrelationID: orchestration.DeriveCorrelationID(harness.Source, id)})
		return worker.Message{ID: id, ContentType: parts.ContentType, Properties: parts.Properties, Body: parts.Body}
	}},
	{reason: fault.TimeInFuture, make: func(t testing.TB, id string, c harness.Customer) worker.Message {
		c.Event, c.At = id, launched.Add(24*time.Hour)
		return c.Message(t)
	}},
	{reason: fault.BusinessRule, step: "create-account", make: func(t testing.TB, id string, c harness.Customer) worker.Message {
		c.Event = id
		m := c.Message(t)
		m.Body = bytes.ReplaceAll(m.Body, []byte(`"USA"`), []byte(`"ZZZ"`)) // a country that the CSU does not know
		return m
	}},
}
