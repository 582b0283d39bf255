package virtual

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// plan is everything that a seed decides: the world, what is published and when, and what goes wrong and when. The seed fixes all of
// it; in which order goroutines run that are ready at the same moment is the Go scheduler's.
type plan struct {
	seed      uint64
	processes int
	options   harness.Options
	wipe      bool // Redis loses everything once
	tells     bool // a receiver is told of outcomes
	async     bool // accounts are provisional at first
	sales     int  // orders, by their numbers from 1

	messages []publication
	troubles []trouble

	random *rand.Rand // of the plan while it is made, then of the story
}

// publication is a message, and when it is sent.
type publication struct {
	at   time.Duration
	what content
	is   harness.Customer // of a state; of a sale, who buys, and the event
	sale int              // number of the order, and how many it is of
	body string           // of a poison
}

type content string

const (
	state    content = "state"    // a customer's
	conflict content = "conflict" // an id that was used, with other content
	refusal  content = "refusal"  // not by the schema, but a customer's
	sale     content = "sale"     // an order
	poison   content = "poison"   // nobody can read it
)

const secondShop = "https://crm.example.com"

// calm is how long after the last trouble nothing goes wrong any more, as a multiple of the lease.
const lastTrouble = 12 * time.Second

func newPlan(seed uint64) plan {
	p := plan{seed: seed, random: rand.New(rand.NewPCG(seed, 1))}
	p.processes = 2 + p.random.IntN(3)
	p.wipe = p.chance(8)
	p.tells = p.chance(4)
	p.async = !p.wipe && !p.tells && p.chance(5)
	p.options = harness.Options{Sink: p.tells, Slots: 4, MaxExecution: pick[time.Duration](p.random, 5, 8) * time.Second,
		SearchLag: pick[time.Duration](p.random, 0, 1, 3, 8) * time.Second, Defaults: p.chance(5)}
	p.options.CSU = csu.Options{Seed: seed, Latency: pick[time.Duration](p.random, 0, 20, 300) * time.Millisecond, AsyncCustomers: p.async, Conversion: 4 * time.Second, OrderSync: 2 * time.Second}
	p.publish()
	p.sell(rand.New(rand.NewPCG(seed, 2)))
	for range 1 + p.random.IntN(5) {
		p.troubles = append(p.troubles, p.trouble())
	}
	if p.wipe {
		p.troubles = append(p.troubles, trouble{at: p.moment(), kind: redisWiped})
	}
	slices.SortFunc(p.troubles, func(a, b trouble) int { return int(a.at - b.at) })
	return p
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// chance is true once in n times.
func (p *plan) chance(n int) bool { return p.random.IntN(n) == 0 }

// moment is some time before the calm.
func (p *plan) moment() time.Duration {
	return time.Duration(p.random.Int64N(int64(lastTrouble))).Truncate(time.Millisecond)
}

// early is some time while the batch is worked on, as a rule.
func (p *plan) early() time.Duration {
	return time.Duration(p.random.Int64N(int64(3 * time.Second))).Truncate(time.Millisecond)
}

// publish plans a handful of customers in several versions, in any order, some of them twice, or again much later.
func (p *plan) publish() {
	for c := range 1 + p.random.IntN(4) {
		versions := 1 + p.random.IntN(3)
		for v := range versions {
			p.state(c, v, v == versions-1)
		}
	}
	for n := range p.random.IntN(3) {
		body := pick(p.random, `{"id":"X-%d","email":"canary.poison@example.com"`, `["canary.poison@example.com",%d]`, `{"id":%d,"email":"canary.poison@example.com"}`)
		p.messages = append(p.messages, publication{at: p.early(), what: poison, body: fmt.Sprintf(body, n)})
	}
	if p.chance(4) {
		nobody := p.customer(8, 0)
		nobody.Email = ""
		p.messages = append(p.messages, publication{at: p.early(), what: refusal, is: nobody})
	}
	slices.SortStableFunc(p.messages, func(a, b publication) int { return int(a.at - b.at) })
}

// sell plans up to three orders in every other world, of customers who may be known later, or not at all where a wipe would lose who they
// are; each is published once, twice, or once more under another id.
func (p *plan) sell(r *rand.Rand) {
	if r.IntN(2) > 0 {
		return
	}
	early := func() time.Duration {
		return time.Duration(r.Int64N(int64(3 * time.Second))).Truncate(time.Millisecond)
	}
	p.sales = 1 + r.IntN(3)
	for n := 1; n <= p.sales; n++ {
		one := publication{at: early(), what: sale, sale: n, is: harness.Customer{Event: fmt.Sprintf("w-%d", n)}}
		if !p.wipe {
			one.is.ID = "C-0"
		}
		p.messages = append(p.messages, one)
		if again := r.IntN(3); again > 0 {
			one.at = pick(r, early(), time.Duration(r.Int64N(int64(lastTrouble))).Truncate(time.Millisecond))
			if again > 1 {
				one.is.Event += "-from-a-backup"
			}
			p.messages = append(p.messages, one)
		}
	}
	slices.SortStableFunc(p.messages, func(a, b publication) int { return int(a.at - b.at) })
}

func (p *plan) state(c, v int, last bool) {
	one := publication{at: p.early(), what: state, is: p.customer(c, v)}
	p.messages = append(p.messages, one)
	if p.chance(4) { // the producer sends it once more
		again := one
		again.at = pick(p.random, p.early(), p.moment())
		p.messages = append(p.messages, again)
	}
	if last && p.chance(5) { // another shop knows the customer by a number of its own, and has the newest state
		there := one
		there.at, there.is.Source, there.is.ID, there.is.Event = p.early(), secondShop, fmt.Sprint(7000+c), fmt.Sprintf("crm-%d", c)
		p.messages = append(p.messages, there)
	}
	if !last && !p.wipe && p.chance(5) {
		other := one
		other.at, other.what, other.is.City = p.moment(), conflict, "Canaryville"
		p.messages = append(p.messages, other)
	}
}

// customer is the state of a customer in a version. Every word of a person is recognisable.
func (p *plan) customer(c, v int) harness.Customer {
	return harness.Customer{Event: fmt.Sprintf("e-%d-%d", c, v), ID: fmt.Sprintf("C-%d", c), Email: fmt.Sprintf("canary.%d@example.com", c),
		First: fmt.Sprintf("Canary%d", c), Last: "Canaria", Phone: fmt.Sprintf("+1425777%d%03d", c, v), City: fmt.Sprintf("Canary Bay %d", v)}
}

// source is the source of a customer's event.
func source(c harness.Customer) string {
	if c.Source == "" {
		return harness.Source
	}
	return c.Source
}

// newest are the last states, by source and id.
func (p plan) newest() map[string]harness.Customer {
	last := map[string]harness.Customer{}
	for _, m := range p.messages {
		key := source(m.is) + " " + m.is.ID
		if m.what == state && m.is.Event >= last[key].Event {
			last[key] = m.is
		}
	}
	return last
}

// String tells a person what was planned.
func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d processes, %d orders, lag %s, execution %s, latency %s, default times %v, wipe %v, sink %v, provisional %v\n", p.seed, p.processes, p.sales,
		p.options.SearchLag, p.options.MaxExecution, p.options.CSU.Latency, p.options.Defaults, p.wipe, p.tells, p.async)
	for _, m := range p.messages {
		fmt.Fprintf(&b, "  %8s  %s %s %s\n", m.at, m.what, source(m.is), m.is.Event)
	}
	for _, t := range p.troubles {
		fmt.Fprintf(&b, "  %8s  %s\n", t.at, t)
	}
	return b.String()
}
