package bindings

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/cli/scaleunit"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

// Sought is a row of a rebuild: what a source calls something, and what it is to be looked up by in the CSU. It may be personal.
type Sought struct {
	Kind   string `json:"kind"`
	Scope  string `json:"scope"`
	Source string `json:"source"`
	ID     string `json:"id"` // the source's own

	Email         string `json:"email"`          // of a customer
	Account       string `json:"account"`        // of a customer: number
	Reference     string `json:"reference"`      // of an order: channel reference id; when absent that under which Signalbox places the order
	RecordID      string `json:"record_id"`      // of a product
	ProductNumber string `json:"product_number"` // of a product, when there is no record id
}

func (s *Sought) fields() []*string {
	return []*string{&s.Kind, &s.Scope, &s.Source, &s.ID, &s.Email, &s.Account, &s.Reference, &s.RecordID, &s.ProductNumber}
}

// soughtColumns are the names of a row's fields.
var soughtColumns = []string{"kind", "scope", "source", "id", "email", "account", "reference", "record_id", "product_number"}

// The answers to a row that are none of an import.
const (
	Already    mapping.Result = "already"   // it was bound before, so nobody was asked
	Conflict   mapping.Result = "conflict"  // what was found contradicts a binding
	NotFound   mapping.Result = "not_found" // the CSU does not have it
	Ambiguous  mapping.Result = "ambiguous" // the CSU has several
	CannotLook mapping.Result = "cannot"    // be looked up, and why
	Invalid    mapping.Result = "invalid"
	NotAsked   mapping.Result = "not_asked" // the calls that were allowed are spent
)

// Answered is what became of a row. It quotes nothing personal.
type Answered struct {
	Line   int            `json:"line"`
	Kind   string         `json:"kind,omitempty"`
	Source string         `json:"source,omitempty"`
	ID     string         `json:"id,omitempty"`
	Result mapping.Result `json:"result"`
	D365ID string         `json:"d365_id,omitempty"`
	What   string         `json:"what,omitempty"`
}

// String is the answer as one line of text.
func (a Answered) String() string {
	text := fmt.Sprintf("line %d: ", a.Line)
	if a.ID != "" {
		text += fmt.Sprintf("%s %s of %s: ", a.Kind, a.ID, a.Source)
	}
	text += strings.ReplaceAll(string(a.Result), "_", " ")
	if a.D365ID != "" {
		text += " " + a.D365ID
	}
	if a.What != "" {
		text += ": " + a.What
	}
	return text
}

// Unit is the CSU, with a number of calls.
type Unit interface {
	Ask(ctx context.Context, ch orchestration.Channel, needs int, ask func(context.Context, *csuclient.Channel) error) error
}

// Rebuild says what to look up and bind.
type Rebuild struct {
	In       io.Reader
	To       mapping.Storage
	CSU      Unit
	Places   []mapping.Place
	Channels orchestration.Channels
	Missing  Sought // kind, scope and source of rows that have none
	DryRun   bool
	Answer   func(Answered) // told of each row, in order, but for those that were busy
}

// Run rebuilds. An error ends it; what was bound by then stays, and the same file may be given again: what is bound already costs no
// call.
func (o Rebuild) Run(ctx context.Context) (Rebuilt, error) {
	r := &rebuilding{Rebuild: o, planned: planned{}, sum: Rebuilt{DryRun: o.DryRun}}
	err := read(o.In, soughtColumns, (*Sought).fields, func(line int, s Sought, wrong string) error { return r.take(ctx, line, s, wrong) })
	if err == nil {
		err = r.flush(ctx)
	}
	return r.sum, err
}

// soughtAtOnce is how many rows are looked up together: as many as one call asks for.
const soughtAtOnce = 50

type rebuilding struct {
	Rebuild
	sum     Rebuilt
	planned planned
	waiting []*row
	numbers map[string]*numbers // by channel
}

// row is a row under way.
type row struct {
	Sought
	line    int
	channel orchestration.Channel
	answer  Answered
	found   string // D365 id; empty: none, and the answer says why
	note    string // on what was found
}

func (r *row) ref() mapping.Ref {
	return mapping.Ref{Kind: r.Kind, Scope: r.Scope, Source: r.Source, ID: r.ID}
}

func (r *row) end(result mapping.Result, id, what string) {
	r.answer = Answered{Line: r.line, Result: result, D365ID: id, What: what}
	if r.ID != "" && r.Source != "" && slices.Contains(mapping.KindNames(), r.Kind) { // else it is not said whose it is
		r.answer.Kind, r.answer.Source, r.answer.ID = r.Kind, shown(r.Source), shown(r.ID)
	}
}

func (r *row) open() bool { return r.answer.Result == "" && r.found == "" }

func (b *rebuilding) take(ctx context.Context, line int, s Sought, wrong string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.sum.Read++
	r := &row{line: line, Sought: s}
	if wrong == "" {
		wrong = b.fill(r)
	}
	if wrong != "" {
		r.end(Invalid, "", wrong)
	}
	b.waiting = append(b.waiting, r)
	if len(b.waiting) < soughtAtOnce {
		return nil
	}
	return b.flush(ctx)
}

// fill fills in what a row leaves out; it gives what is wrong with the row otherwise.
func (b *rebuilding) fill(r *row) (wrong string) {
	for _, f := range []struct{ to, from *string }{{&r.Kind, &b.Missing.Kind}, {&r.Scope, &b.Missing.Scope}, {&r.Source, &b.Missing.Source}} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	r.ProductNumber = strings.TrimSpace(r.ProductNumber)
	var known bool
	r.channel, known = scaleunit.ChannelOf(b.Channels, r.Scope, r.Source)
	switch {
	case r.Source == "":
		return "has no source; give it one, or all of them with --source"
	case r.Scope == "":
		return "has no scope, and the channels name several; give it one, or all of them with --scope"
	case !slices.Contains(mapping.KindNames(), r.Kind):
		return "its kind is none of " + strings.Join(mapping.KindNames(), ", ")
	case !known || !slices.Contains(b.Places, mapping.Place{Kind: r.Kind, Scope: r.Scope}):
		return "its scope is none that a channel of this configuration looks at"
	case r.ID == "":
		return "has no id"
	}
	return ""
}

// flush finds out what becomes of the rows that wait, and tells it in their order. An interrupt leaves no row half done.
func (b *rebuilding) flush(ctx context.Context) error {
	some := b.waiting
	b.waiting = nil
	err := b.skipBound(ctx, some)
	if err == nil {
		err = b.look(ctx, some)
	}
	if bound := b.bind(context.WithoutCancel(ctx), some); err == nil {
		err = bound
	}
	for _, r := range some {
		if r.answer.Result == "" {
			continue // not reached
		}
		b.sum.count(r.answer)
		b.Answer(r.answer)
	}
	return err
}

// skipBound answers rows whose reference is bound already, so that they cost no call.
func (b *rebuilding) skipBound(ctx context.Context, some []*row) error {
	for _, r := range some {
		if !r.open() {
			continue
		}
		is, err := b.To.Find(ctx, r.ref())
		switch {
		case errors.Is(err, mapping.ErrNotBound):
		case err != nil:
			return err
		case r.Account != "" && r.Kind == mapping.KindCustomer && r.Account != is.ID:
			r.end(Conflict, is.ID, "it is bound to that, and the row says "+shown(r.Account))
		default:
			r.end(Already, is.ID, "")
		}
	}
	return nil
}

// bind binds what was found.
func (b *rebuilding) bind(ctx context.Context, some []*row) error {
	var found []*row
	var entries []mapping.Entry
	for _, r := range some {
		if r.answer.Result != "" || r.found == "" {
			continue
		}
		if !mapping.Storable(r.found) {
			r.end(CannotLook, "", "what the CSU calls it looks like no number or code, so it is not stored")
			continue
		}
		found = append(found, r)
		entries = append(entries, mapping.Entry{Ref: r.ref(), Target: mapping.Target{Kind: r.Kind, Scope: r.Scope, ID: r.found}})
	}
	answers, err := b.To.Bind(ctx, entries, b.DryRun)
	if err != nil {
		return err
	}
	for i, r := range found {
		a := answers[i]
		if b.DryRun {
			a = b.planned.answer(entries[i], a)
		}
		switch a.Result {
		case mapping.OtherTarget:
			r.end(Conflict, r.found, "it is bound to "+a.Is)
		case mapping.OtherReference:
			r.end(Conflict, r.found, "that record is bound to another id of the source"+ofID(a.Is))
		case mapping.Unchanged, mapping.Completed:
			r.end(Already, r.found, r.note)
		case mapping.Busy:
			r.end(mapping.Busy, r.found, "a run has it in hand, or a write of one may still land; run it again later")
		default:
			r.end(mapping.Bound, r.found, r.note)
		}
	}
	return nil
}
