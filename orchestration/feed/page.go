package feed

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Record is what is told of one thing.
type Record struct {
	ID   string
	Data json.RawMessage // compact, and the same for the same content
	Note string          // see Entry

	Meanwhile string // the note while the page is in doubt; empty: Note
}

// Page is some of a feed's records, as they are told next.
type Page struct {
	Changed []Record
	Same    []Record // as they were told before
	Again   []Record // the same, which somebody asked to be told again
	Seen    []Record // to be remembered, and told to nobody: a list that a receiver knows nothing of. It has no data
	Gone    []string // not there any more, and to be forgotten

	was   map[string]Entry // of what was compared
	doubt string           // the token that it is in doubt by
}

// Resend has all of it told, what is as it was told before, too.
func (p *Page) Resend() { p.Again, p.Same = p.Same, nil }

// Told says that a record was told as it is.
func (e Entry) Told(is Record) bool { return !e.Doubtful() && e.Digest == Digest(is.Data) }

// Compare tells what changed from what was told like that before. minor says of a change that it is not worth telling, as compared with what was
// told last; nil: each is.
func Compare(ctx context.Context, m Memory, f Feed, records []Record, minor func(was Entry, is Record) bool) (Page, error) {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	known, err := m.Recall(ctx, f, ids)
	if err != nil {
		return Page{}, Failed(err)
	}
	p := Page{was: known}
	for _, r := range records {
		was, told := known[r.ID]
		if told && (was.Told(r) || !was.Doubtful() && minor != nil && minor(was, r)) {
			p.Same = append(p.Same, r)
		} else {
			p.Changed = append(p.Changed, r)
		}
	}
	return p, nil
}

// Doubt notes, before a page is told, that nobody knows what was told last of what it changes: a run may die, or end as a dead letter, between
// telling and keeping, and what is by then as it was before that must be told all the same. What is told for the first time is known to have been from here on.
func (p *Page) Doubt(ctx context.Context, m Memory, f Feed) error {
	if orchestration.Planning(ctx) {
		return nil
	}
	p.doubt = rand.Text()[:tokenChars]
	doubtful := make(map[string]Entry, len(p.Changed))
	for _, r := range p.Changed {
		doubtful[r.ID] = Entry{Mark: p.was[r.ID].Mark, Note: r.meanwhile(), Doubt: p.doubt}
	}
	for _, r := range p.Seen {
		doubtful[r.ID] = Entry{Digest: nothing, Note: r.meanwhile(), Doubt: p.doubt}
	}
	gone, err := m.Recall(ctx, f, p.Gone)
	if err != nil {
		return Failed(err)
	}
	for id, e := range gone {
		if e.Doubt = p.doubt; !e.Private() {
			e.Digest = ""
		}
		doubtful[id] = e
	}
	return Failed(m.Keep(ctx, f, doubtful))
}

// tokenChars is how much of a token tells one page's doubt of a record from another's.
const tokenChars = 10

func (r Record) meanwhile() string { return cmp.Or(r.Meanwhile, r.Note) }

// Pending begins what is to be kept of the page.
func (p *Page) Pending() Pending { return Pending{Doubt: p.doubt} }

// Pending is what was told and is to be kept once it is in the broker: a run's state carries it from one page to the next.
type Pending struct {
	Doubt string          `json:"doubt,omitempty"` // the token that the page is in doubt by
	Told  map[string]Told `json:"told,omitempty"`  // by id; empty: gone
}

// Told is of one record.
type Told struct {
	Digest string `json:"d,omitempty"`
	Note   string `json:"n,omitempty"`
}

// Add notes what was told, or seen as it was told before.
func (p *Pending) Add(records ...Record) {
	for _, r := range records {
		p.note(r.ID, Told{Digest(r.Data), r.Note})
	}
}

// Drop notes what is gone.
func (p *Pending) Drop(ids ...string) {
	for _, id := range ids {
		p.note(id, Told{})
	}
}

func (p *Pending) note(id string, t Told) {
	if p.Told == nil {
		p.Told = map[string]Told{}
	}
	p.Told[id] = t
}

// Keep remembers it, under the mark of the run, as far as nobody has told otherwise since.
func (p *Pending) Keep(ctx context.Context, m Memory, f Feed, mark string) error {
	if orchestration.Planning(ctx) {
		return nil // what a plan would tell is told to nobody
	}
	kept, gone := map[string]Entry{}, []string(nil)
	for id, t := range p.Told {
		if t == (Told{}) {
			gone = append(gone, id)
			continue
		}
		kept[id] = Entry{Digest: t.Digest, Mark: mark, Note: t.Note}
	}
	return Failed(m.Settle(ctx, f, p.Doubt, kept, gone))
}

// None tells apart which of the records that say that something is not there any more were told.
func None(ctx context.Context, m Memory, f Feed, records []Record) ([]Record, error) {
	p, err := Compare(ctx, m, f, records, nil)
	return p.Changed, err
}

// Known refuses sinks that the channel does not have: who asks for a sink by a name that is none would have nobody told, and never hear of it.
// The names that it was asked for come from an event, so the error has those of the channel alone.
func Known(ch orchestration.Channel, sinks []string) error {
	for _, name := range sinks {
		if !slices.Contains(ch.Sinks, name) {
			has := "the channel has no sinks"
			if len(ch.Sinks) > 0 {
				has = "the channel's are " + strings.Join(ch.Sinks, ", ")
			}
			return fault.New(fault.Permanent, fault.BusinessRule, "sinks names one that the channel does not have; "+has+": correct it and publish it again under another id")
		}
	}
	return nil
}

// Only is the channel with some of its sinks alone; none named: with all.
func Only(ch orchestration.Channel, sinks []string) orchestration.Channel {
	if len(sinks) > 0 {
		ch.Sinks = slices.DeleteFunc(slices.Clone(ch.Sinks), func(name string) bool { return !slices.Contains(sinks, name) })
	}
	return ch
}

// All gives the ids of a whole feed, in order.
func All(ctx context.Context, m Memory, f Feed) (ids []string, err error) {
	for at := 0; at < Buckets; {
		entries, next, err := m.Walk(ctx, f, at, Buckets)
		if err != nil {
			return nil, Failed(err)
		}
		for id := range entries {
			ids = append(ids, id)
		}
		at = next
	}
	slices.Sort(ids)
	return ids, nil
}

// Failed gives an error of a Memory a kind: it may work later.
func Failed(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Transient, "remember what was told", err)
}
