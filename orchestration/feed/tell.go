package feed

import (
	"slices"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

// Teller is a run that tells sinks of something: an orchestration.Run.
type Teller interface {
	TellOf(entity mapping.Ref, to orchestration.Channel, typ string, data any, about ...string)
}

// As says how the records of a feed are told.
type As struct {
	Type  string   // of the events
	Kind  string   // of what they are about
	Apart string   // what tells them from those of other feeds of the type (Source); it is at the end of their ids, too
	Again []string // sinks that are told of what is as it was; none: all
	// Replay is the event's: a run that is replayed tells anew what it told before it failed, since other runs may have told otherwise meanwhile.
	Replay string
}

// Tell stages the records of the page in hand, and notes what is to be kept once they are in the broker. A change is told to every sink, whoever
// asked for it, since one digest is remembered for all of them. What is as it was needs no keeping.
func (w *Walked) Tell(r Teller, ch orchestration.Channel, as As) {
	p := w.Page
	w.Page, w.Pending = Page{}, p.Pending()
	tell := func(to orchestration.Channel, records []Record) {
		for _, t := range records {
			about := mapping.Ref{Kind: as.Kind, Scope: ch.Scope(), Source: Source(ch, as.Apart), ID: t.ID}
			r.TellOf(about, to, as.Type, t.Data, Digest(t.Data), as.Replay)
		}
		w.Pending.Add(records...)
		w.Told += len(records)
	}
	tell(ch, p.Changed)
	tell(Only(ch, as.Again), p.Again)
	w.Resent += len(p.Again)
	w.Pending.Add(p.Seen...)
	w.Pending.Drop(p.Gone...)
	w.Unchanged += len(p.Same)
}

// TellSummary tells sinks how much a run has told, if that is anything, or if it was asked for everything. whole says whether it read all.
func (w *Walked) TellSummary(r Teller, ch orchestration.Channel, f Feed, whole, asked bool, again []string) {
	Summary{Feed: f.Name, Whole: whole, Told: w.Told, Gone: w.Gone, Unchanged: w.Unchanged}.Tell(r, ch, f, asked, again, w.Resent)
}

// Tell tells sinks of it. So many of what was told are as they were, and went to some of the sinks alone, if any were named: the others have not
// got those.
func (s Summary) Tell(r Teller, ch orchestration.Channel, f Feed, asked bool, again []string, resent int) {
	if s.Told > 0 || asked {
		r.TellOf(f.Ref(ch), Only(ch, again), ToldType, s)
	}
	if s.Told, s.Unchanged = s.Told-resent, s.Unchanged+resent; len(again) > 0 && s.Told > 0 {
		ch.Sinks = slices.DeleteFunc(slices.Clone(ch.Sinks), func(name string) bool { return slices.Contains(again, name) })
		r.TellOf(f.Ref(ch), ch, ToldType, s)
	}
}
