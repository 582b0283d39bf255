package sink

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Event is an event that was accepted, once for its id however often it came.
type Event struct {
	Number        int64           `json:"number"` // in order of acceptance, from 1
	ID            string          `json:"id"`
	Source        string          `json:"source"`
	Type          string          `json:"type"`
	Subject       string          `json:"subject,omitempty"`
	Time          string          `json:"time,omitempty"`
	Sequence      string          `json:"sequence,omitempty"`
	CorrelationID string          `json:"correlationId,omitempty"`
	Data          json.RawMessage `json:"data"`
	Deliveries    []time.Time     `json:"deliveries"` // when it was accepted, and each repeat
	Answers       []int           `json:"answers"`    // the status of each delivery; 0: none, or not yet
	Changed       bool            `json:"changed"`    // a repeat said something else
	Overtaken     bool            `json:"overtaken"`  // one of its type and subject with a greater sequence was accepted before it
}

// entry is an Event in the ledger.
type entry struct{ Event }

type ledger struct {
	byID  map[string]*entry // source and id
	order []*entry
	last  map[string]string // the greatest sequence, by source, type and subject

	kept map[string]holdings // what is kept of each subject, by source and type
}

func newLedger() ledger {
	return ledger{byID: map[string]*entry{}, last: map[string]string{}, kept: map[string]holdings{}}
}

// accept notes a delivery; at says which of its event it is, from 0.
func (l *ledger) accept(ev event, now time.Time) (e *entry, at int) {
	key := ev.Source + "\x00" + ev.ID
	e, known := l.byID[key]
	if !known {
		e = &entry{Event{Number: int64(len(l.order)) + 1, ID: ev.ID, Source: ev.Source, Type: ev.Type, Subject: ev.Subject, Time: ev.Time,
			Sequence: ev.Sequence, CorrelationID: ev.CorrelationID, Data: slices.Clone(ev.Data)}}
		about := ev.Source + "\x00" + ev.Type + "\x00" + ev.Subject
		e.Overtaken = ev.Subject != "" && ev.Sequence < l.last[about]
		l.last[about] = max(l.last[about], ev.Sequence)
		l.byID[key] = e
		l.keep(ev)
		l.order = append(l.order, e)
	}
	e.Changed = e.Changed || !bytes.Equal(e.Data, ev.Data)
	e.Deliveries, e.Answers = append(e.Deliveries, now.UTC()), append(e.Answers, 0)
	return e, len(e.Deliveries) - 1
}

// Events lists every event that was accepted, in order.
func (s *Simulator) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Event, 0, len(s.ledger.order))
	for _, e := range s.ledger.order {
		copied := e.Event
		copied.Deliveries, copied.Answers = slices.Clone(e.Deliveries), slices.Clone(e.Answers)
		out = append(out, copied)
	}
	return out
}

// About lists the events about one subject, in order.
func (s *Simulator) About(subject string) []Event {
	return slices.DeleteFunc(s.Events(), func(e Event) bool { return e.Subject != subject })
}

// Stats counts deliveries since New or Reset, when they are answered.
type Stats struct {
	Requests   int64         `json:"requests"`
	Accepted   int64         `json:"accepted"`   // deliveries
	Events     int64         `json:"events"`     // that were accepted, each once
	Duplicates int64         `json:"duplicates"` // deliveries of an event that was accepted before
	Questions  int64         `json:"questions"`  // of what is kept
	Held       int           `json:"held"`       // waiting in a Hold now
	ByStatus   map[int]int64 `json:"byStatus"`   // status 0: connection dropped
}

func newStats() Stats { return Stats{ByStatus: map[int]int64{}} }

// Stats returns a copy of the counts.
func (s *Simulator) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Held, out.ByStatus = s.faults.Held(), maps.Clone(s.stats.ByStatus)
	return out
}
