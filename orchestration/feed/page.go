package feed

import (
	"context"
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
}

// Page is some of a feed's records, as they are told next.
type Page struct {
	Changed []Record
	Same    []Record // as they were told before
	Again   []Record // the same, which somebody asked to be told again
	Seen    []Record // to be remembered, and told to nobody
	Gone    []string // not there any more, and to be forgotten

	was map[string]Entry // of what was compared
}

// Resend has all of it told, what is as it was told before, too.
func (p *Page) Resend() { p.Again, p.Same = p.Same, nil }

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
		if told && !was.doubtful() && (was.Digest == Digest(r.Data) || minor != nil && minor(was, r)) {
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
	doubtful := make(map[string]Entry, len(p.Changed))
	for _, r := range p.Changed {
		doubtful[r.ID] = Entry{Mark: p.was[r.ID].Mark, Note: r.Note}
	}
	gone, err := m.Recall(ctx, f, p.Gone)
	if err != nil {
		return Failed(err)
	}
	for id, e := range gone {
		if e.Digest != nothing {
			doubtful[id] = Entry{Mark: e.Mark, Note: e.Note}
		}
	}
	return Failed(m.Keep(ctx, f, doubtful))
}

// Pending is what was told and is to be kept once it is in the broker: a run's state carries it from one page to the next. A record that
// is gone has an empty entry.
type Pending map[string]Told

// Told is of one record.
type Told struct {
	Digest string `json:"d,omitempty"`
	Note   string `json:"n,omitempty"`
}

// Add notes what was told, or seen as it was told before.
func (p Pending) Add(records ...Record) {
	for _, r := range records {
		p[r.ID] = Told{Digest(r.Data), r.Note}
	}
}

// Drop notes what is gone.
func (p Pending) Drop(ids ...string) {
	for _, id := range ids {
		p[id] = Told{}
	}
}

// Keep remembers it, under the mark of the run.
func (p Pending) Keep(ctx context.Context, m Memory, f Feed, mark string) error {
	if orchestration.Planning(ctx) {
		return nil // what a plan would tell is told to nobody
	}
	kept, gone := map[string]Entry{}, []string(nil)
	for id, t := range p {
		if t == (Told{}) {
			gone = append(gone, id)
			continue
		}
		kept[id] = Entry{Digest: t.Digest, Mark: mark, Note: t.Note}
	}
	if err := m.Keep(ctx, f, kept); err != nil {
		return Failed(err)
	}
	return Failed(m.Forget(ctx, f, gone))
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
