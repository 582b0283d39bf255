package bindings

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/mapping"
)

const (
	batch = 100 // most bindings of one round trip
	// patience is how long what a run has in hand is asked for again at the end, and pause how often.
	patience = 30 * time.Second
	pause    = 2 * time.Second
)

// Import says what to import and how.
type Import struct {
	In      io.Reader
	To      mapping.Storage
	Places  []mapping.Place // that a fleet of this configuration looks at
	Missing Record          // kind, scope and source of records that have none
	KeyID   string          // of the hash key in use
	DryRun  bool
	Rate    rate.Limit     // bindings a second; zero: as fast as it goes
	Problem func(Problem)  // told of each record that is not bound, in order, but for those that were busy
	Told    func(Imported) // told after each batch; may be nil
}

// Problem is a record that is not bound, and why. It quotes no id that looks personal.
type Problem struct {
	Line   int    `json:"line"`
	Source string `json:"source,omitempty"`
	ID     string `json:"id,omitempty"`
	D365ID string `json:"d365_id,omitempty"`
	What   string `json:"what"`
}

// String is the problem as one line of text.
func (p Problem) String() string {
	text := fmt.Sprintf("line %d: ", p.Line)
	if p.D365ID != "" {
		text += fmt.Sprintf("%s %s → %s: ", p.Source, p.ID, p.D365ID)
	}
	return text + p.What
}

// Imported counts records.
type Imported struct {
	DryRun    bool `json:"dry_run"`
	Read      int  `json:"read"`
	Bound     int  `json:"bound"`
	Unchanged int  `json:"unchanged"` // bound so before
	Completed int  `json:"completed"` // one direction was missing
	Conflicts int  `json:"conflicts"` // contradict what is bound
	Invalid   int  `json:"invalid"`
	Busy      int  `json:"busy"`   // in the hand of a run, to the end
	Hashed    int  `json:"hashed"` // whose id looks personal: only its keyed hash is stored
}

type importing struct {
	Import
	limiter *rate.Limiter
	most    int // bindings of a batch
	sum     Imported
	waiting []lined // the batch
	busy    []lined
	planned planned
}

// lined is an entry and its line.
type lined struct {
	mapping.Entry
	line int
}

// Run imports. An error ends it; what was bound by then stays, and the same file may be imported again.
func (o Import) Run(ctx context.Context) (Imported, error) {
	i := &importing{Import: o, most: batch, sum: Imported{DryRun: o.DryRun}, planned: planned{}}
	if o.Rate > 0 {
		i.most = max(1, min(batch, int(o.Rate/10)))
		i.limiter = rate.NewLimiter(o.Rate, i.most)
	}
	err := read(o.In, columns, (*Record).fields, func(line int, r Record, wrong string) error { return i.take(ctx, line, r, wrong) })
	if err == nil {
		err = i.flush(ctx)
	}
	if err == nil {
		err = i.again(ctx)
	}
	for _, l := range i.busy {
		i.refuse(&i.sum.Busy, l, "a run has it in hand, or a write of one may still land; import it again later")
	}
	return i.sum, err
}

func (i *importing) take(ctx context.Context, line int, r Record, wrong string) error {
	i.sum.Read++
	e, err := i.entry(r)
	if wrong != "" {
		err = badRecord{wrong}
	}
	if err != nil {
		i.sum.Invalid++
		i.Problem(Problem{Line: line, What: err.Error()})
		return nil
	}
	i.waiting = append(i.waiting, lined{e, line})
	if len(i.waiting) < i.most {
		return nil
	}
	return i.flush(ctx)
}

var hashed = regexp.MustCompile(`^([a-z0-9]{1,16})\.[0-9a-f]{32}$`)

// entry checks a record and fills in what it leaves out.
func (i *importing) entry(r Record) (mapping.Entry, error) {
	for _, f := range []struct{ to, from *string }{{&r.Kind, &i.Missing.Kind}, {&r.Scope, &i.Missing.Scope}, {&r.Source, &i.Missing.Source}} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	e := mapping.Entry{Ref: mapping.Ref{Kind: r.Kind, Scope: r.Scope, Source: r.Source, ID: r.ID}, Name: r.Ref,
		Target: mapping.Target{Kind: r.Kind, Scope: r.Scope, ID: r.D365ID}, Version: r.Version}
	key := hashed.FindStringSubmatch(r.Ref)
	switch {
	case r.Source == "":
		return e, badRecord{"has no source; give it one, or all of them with --source"}
	case r.Scope == "":
		return e, badRecord{"has no scope, and the channels name several; give it one, or all of them with --scope"}
	case !slices.Contains(mapping.KindNames(), r.Kind):
		return e, badRecord{"its kind is none of " + strings.Join(mapping.KindNames(), ", ")}
	case !slices.Contains(i.Places, mapping.Place{Kind: r.Kind, Scope: r.Scope}):
		return e, badRecord{"its scope is none that a channel of this configuration looks at"}
	case r.D365ID == "":
		return e, badRecord{"has no d365_id"}
	case !mapping.Storable(r.D365ID):
		return e, badRecord{"its d365_id looks like no number or code, so it is not stored"}
	case r.ID != "":
		return e, nil
	case r.Ref == "":
		return e, badRecord{"has no id"}
	case key == nil:
		return e, badRecord{"its ref is no keyed hash"}
	case key[1] != i.KeyID:
		return e, badRecord{"its ref was hashed under the key " + key[1] + ", not " + i.KeyID + ": only the id itself helps"}
	}
	return e, nil
}

// flush binds the batch. An interrupt does not leave open what became of it.
func (i *importing) flush(ctx context.Context) error {
	if len(i.waiting) == 0 {
		return nil
	}
	if i.limiter != nil {
		if err := i.limiter.WaitN(ctx, len(i.waiting)); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	some := i.waiting
	i.waiting = nil
	answers, err := i.bind(context.WithoutCancel(ctx), some)
	if err != nil {
		return err
	}
	for n, l := range some {
		i.note(l, answers[n])
	}
	if i.Told != nil {
		i.Told(i.sum)
	}
	return nil
}

func (i *importing) bind(ctx context.Context, some []lined) ([]mapping.Answer, error) {
	entries := make([]mapping.Entry, len(some))
	for n, l := range some {
		entries[n] = l.Entry
	}
	return i.To.Bind(ctx, entries, i.DryRun)
}

func (i *importing) note(l lined, a mapping.Answer) {
	if i.DryRun {
		a = i.planned.answer(l.Entry, a)
	}
	switch a.Result {
	case mapping.Unchanged:
		i.sum.Unchanged++
	case mapping.Completed:
		i.sum.Completed++
	case mapping.Busy:
		i.busy = append(i.busy, l)
	case mapping.OtherTarget:
		i.refuse(&i.sum.Conflicts, l, "it is bound to "+a.Is)
	case mapping.OtherReference:
		i.refuse(&i.sum.Conflicts, l, "that record is bound to another id of the source"+ofID(a.Is))
	default:
		i.sum.Bound++
		if l.Ref.ID == "" || !mapping.Storable(l.Ref.ID) {
			i.sum.Hashed++
		}
	}
}

func ofID(id string) string {
	if id == "" {
		return ""
	}
	return ", " + id
}

func (i *importing) refuse(count *int, l lined, what string) {
	*count++
	i.Problem(Problem{Line: l.line, Source: l.Ref.Source, ID: shown(l.Ref.ID), D365ID: l.Target.ID, What: what})
}

// shown is an id, if it does not look personal.
func shown(id string) string {
	if mapping.Storable(id) {
		return id
	}
	return "[masked]"
}

// again asks for what was busy until nothing is, or patience is over.
func (i *importing) again(ctx context.Context) error {
	for began := time.Now(); len(i.busy) > 0 && !i.DryRun && time.Since(began) < patience; {
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return context.Cause(ctx)
		case <-wait.C:
		}
		busy := i.busy
		i.busy = nil
		for some := range slices.Chunk(busy, i.most) {
			i.waiting = some
			if err := i.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
