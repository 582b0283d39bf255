// Package drift asks the CSU whether what bindings lead to is still there, and is what it is bound to, for the command line.
//
// It is a sample under a number of calls: customers and products are asked for fifty at a time, orders one by one, reference data by
// lists. Nothing is changed, and nothing personal is kept or shown: an id that looks personal is not stored, and its hash stands for it.
package drift

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/cli/scaleunit"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

// The samples.
const (
	Random = "random" // as many as the calls are enough for, drawn
	All    = "all"    // every one
)

// Samples lists them.
func Samples() []string { return []string{Random, All} }

// atOnce is how many customers or products one call asks for.
const atOnce = 50

// Unit is the CSU, with a number of calls.
type Unit interface {
	Ask(ctx context.Context, ch orchestration.Channel, needs int, ask func(context.Context, *csuclient.Channel) error) error
	Known(ctx context.Context, ch orchestration.Channel, kind string) (map[string]bool, error)
	Spent() int
}

// Options of Verify.
type Options struct {
	From     mapping.Storage
	Places   []mapping.Place
	Channels orchestration.Channels
	CSU      Unit
	Calls    int    // as the Unit has them
	Sample   string // one of Samples
	Kind     string // only of this kind; empty: all
	Source   string // only of this source; empty: all
	Told     func(asked int)
}

// Verify takes a sample and asks. The report stands whatever happened; errors are those of the storage and of a CSU that cannot be
// reached, which the next call would meet too.
func Verify(ctx context.Context, o Options) (Report, error) {
	v := &verifying{Options: o, counts: map[string]*Count{}, groups: map[group][]mapping.Entry{}, known: map[group]map[string]bool{}, refused: map[string]bool{}}
	take := v.take
	var drawn *draw
	if o.Sample != All {
		drawn = &draw{most: o.Calls * atOnce, of: map[string]*reservoir{}}
		take = func(_ context.Context, e mapping.Entry) error { return drawn.offer(e) }
	}
	err := o.From.Walk(ctx, o.Places, func(e mapping.Entry) error {
		if o.Kind != "" && e.Ref.Kind != o.Kind || o.Source != "" && e.Ref.Source != o.Source {
			return nil
		}
		v.count(e.Ref.Kind).Bindings++
		return take(ctx, e)
	})
	if err == nil && drawn != nil {
		err = v.all(ctx, drawn.inTurn())
	}
	if err == nil {
		err = v.flush(ctx)
	}
	return v.report(), err
}

// draw is a sample of what was walked: so many of each kind, each as likely as any other.
type draw struct {
	most int
	of   map[string]*reservoir
}

type reservoir struct {
	entries []mapping.Entry
	seen    int
}

func (d *draw) offer(e mapping.Entry) error {
	r := d.of[e.Ref.Kind]
	if r == nil {
		r = &reservoir{}
		d.of[e.Ref.Kind] = r
	}
	most := d.most
	if !batched(e.Ref.Kind) {
		most /= atOnce // one call each
	}
	r.seen++
	if len(r.entries) < most {
		r.entries = append(r.entries, e)
	} else if i := rand.IntN(r.seen); i < len(r.entries) {
		r.entries[i] = e
	}
	return nil
}

// inTurn lists the sample so that each kind gets as many calls as the others, as long as it has something to ask: what one call takes of
// each, in turn.
func (d *draw) inTurn() []mapping.Entry {
	var kinds []string
	for kind, r := range d.of {
		kinds = append(kinds, kind)
		rand.Shuffle(len(r.entries), func(i, j int) { r.entries[i], r.entries[j] = r.entries[j], r.entries[i] })
	}
	slices.Sort(kinds)
	var all []mapping.Entry
	for more := true; more; {
		more = false
		for _, kind := range kinds {
			r, n := d.of[kind], 1
			if batched(kind) {
				n = atOnce
			}
			n = min(n, len(r.entries))
			all, r.entries = append(all, r.entries[:n]...), r.entries[n:]
			more = more || len(r.entries) > 0
		}
	}
	return all
}

func batched(kind string) bool { return kind == mapping.KindCustomer || kind == mapping.KindProduct }

// group is what one call may ask for.
type group struct{ kind, channel string }

type verifying struct {
	Options
	counts  map[string]*Count
	groups  map[group][]mapping.Entry // not asked yet
	known   map[group]map[string]bool // lists that were read
	refused map[string]bool           // operations that our role may not make
	drifted []Drift
	asked   int
}

func (v *verifying) count(kind string) *Count {
	if v.counts[kind] == nil {
		v.counts[kind] = &Count{Kind: kind}
	}
	return v.counts[kind]
}

func (v *verifying) all(ctx context.Context, entries []mapping.Entry) error {
	for _, e := range entries {
		if err := v.take(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// take asks for a binding, or keeps it until there are enough for one call.
func (v *verifying) take(ctx context.Context, e mapping.Entry) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ch, ok := scaleunit.ChannelOf(v.Channels, e.Ref.Scope, e.Ref.Source)
	if !ok {
		return nil
	}
	if !batched(e.Ref.Kind) {
		return v.settle(v.one(ctx, ch, e))
	}
	g := group{e.Ref.Kind, ch.Name}
	v.groups[g] = append(v.groups[g], e)
	if len(v.groups[g]) < atOnce {
		return nil
	}
	return v.ask(ctx, g)
}

func (v *verifying) flush(ctx context.Context) error {
	var groups []group
	for g := range v.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b group) int { return slices.Compare([]string{a.kind, a.channel}, []string{b.kind, b.channel}) })
	for _, g := range groups {
		if err := v.ask(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifying) ask(ctx context.Context, g group) error {
	some := v.groups[g]
	v.groups[g] = nil
	if len(some) == 0 {
		return nil
	}
	ch := v.Channels[slices.IndexFunc(v.Channels, func(ch orchestration.Channel) bool { return ch.Name == g.channel })]
	many := v.customers
	if g.kind == mapping.KindProduct {
		many = v.products
	}
	return v.settle(many(ctx, ch, some))
}

// settle hands on what the next call would meet too. What could not be asked for is what is counted nowhere.
func (v *verifying) settle(err error) error {
	if v.Told != nil {
		v.Told(v.asked)
	}
	if errors.Is(err, scaleunit.ErrSpent) || errors.Is(err, errCannotBeAsked) {
		return nil
	}
	return err
}

// errCannotBeAsked is in the way of what the CSU cannot say, or does not say to us.
var errCannotBeAsked = errors.New("the CSU cannot be asked")

func (v *verifying) there(e mapping.Entry) { v.asked++; v.count(e.Ref.Kind).There++ }

// pending counts what is there, under an id that headquarters is about to replace.
func (v *verifying) pending(e mapping.Entry) { v.asked++; v.count(e.Ref.Kind).Pending++ }

func (v *verifying) drift(e mapping.Entry, what string) {
	v.asked++
	v.count(e.Ref.Kind).Drift++
	d := Drift{Kind: e.Ref.Kind, Scope: e.Ref.Scope, Source: e.Ref.Source, ID: e.Ref.ID, D365ID: e.Target.ID, What: what}
	if d.ID == "" {
		d.Ref = e.Name
	}
	v.drifted = append(v.drifted, d)
}
