// Package rows reads messages whose data is a row in its source's own shape: it puts field maps, or another translation, between
// the envelope and the engine.
//
// A CloudEvent is a row when its source has a field map for its type. A message that is no CloudEvent is a row when the
// queue that it first came to is one source's; a copy of it on another queue carries where that was. An event of one of
// Signalbox's own types is never a row, nor is one for a sink.
//
// The event keeps the row as AsReceived, so that a second delivery is compared by what came, not by what the map made of
// it, which a new version of the map may make otherwise.
package rows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Source is where rows come from, and the map or the translation that makes events of them.
type Source struct {
	Name   string   // what operators call it
	Source string   // the CloudEvents source of its events
	Queue  string   // messages of this queue that are no CloudEvents are its rows; empty: none
	Types  []string // CloudEvents types whose data is its row; none: every type
	Map    *fieldmap.Map

	// Translate makes the events in place of Map: ev holds the row as its Data. It sees to AsReceived itself. Rows of its queue may
	// have any content type.
	Translate func(ev orchestration.Event) (orchestration.Event, error)
}

// Options of a Reader.
type Options struct {
	Sources []Source
	Ours    []string // the event types that scenarios handle
	// Warned is told of the rows that went through with warnings, on every delivery; nil: nobody.
	Warned func(source string, warnings []fieldmap.Warning)
}

// Reader reads messages. Safe for concurrent use.
type Reader struct {
	o       Options
	byQueue map[string]Source
}

// New makes a reader. Each queue must be one source's only.
func New(o Options) (*Reader, error) {
	r := &Reader{o: o, byQueue: map[string]Source{}}
	var problems []error
	for _, s := range o.Sources {
		if s.Map == nil && s.Translate == nil || s.Source == "" {
			problems = append(problems, fmt.Errorf("rows: source %q has no map or no CloudEvents source", s.Name))
		}
		if s.Queue == "" {
			continue
		}
		queue := strings.ToLower(s.Queue) // Service Bus ignores case
		if other, taken := r.byQueue[queue]; taken {
			problems = append(problems, fmt.Errorf("rows: queue %q is that of source %q and of %q", s.Queue, other.Name, s.Name))
		}
		r.byQueue[queue] = s
	}
	return r, errors.Join(problems...)
}

// Decode is a worker.Decoder.
func (r *Reader) Decode(p envelope.Parts, a envelope.Arrival, limits envelope.Limits) (orchestration.Event, error) {
	if envelope.IsEvent(p) {
		ev, err := envelope.Decode(p, a, limits)
		if err != nil {
			return ev, err
		}
		if s, ok := r.of(ev); ok {
			return r.made(s, ev)
		}
		return ev, nil
	}
	ev, err := envelope.DecodeRow(p, a, limits)
	s, ok := r.byQueue[strings.ToLower(ev.Origin.Queue)]
	if !ok {
		return envelope.Decode(p, a, limits) // which says that it is no CloudEvent
	}
	if s.Translate != nil && err != nil {
		p.ContentType = ""
		ev, err = envelope.DecodeRow(p, a, limits)
	}
	if err != nil {
		if ev.Source = s.Source; s.Map != nil {
			ev.Type = s.Map.Type
		}
		return ev, err
	}
	return r.made(s, ev)
}

// of finds the source that a CloudEvent is a row of.
func (r *Reader) of(ev orchestration.Event) (Source, bool) {
	if ev.Sink != "" || slices.Contains(r.o.Ours, ev.Type) || strings.HasPrefix(ev.Type, "signalbox.") {
		return Source{}, false
	}
	i := slices.IndexFunc(r.o.Sources, func(s Source) bool {
		return s.Source == ev.Source && (len(s.Types) == 0 || slices.Contains(s.Types, ev.Type))
	})
	if i < 0 {
		return Source{}, false
	}
	return r.o.Sources[i], true
}

func (r *Reader) made(s Source, ev orchestration.Event) (orchestration.Event, error) {
	ev, warnings, err := s.Event(ev)
	if err == nil && len(warnings) > 0 && r.o.Warned != nil {
		r.o.Warned(s.Name, warnings)
	}
	return ev, err
}

// Row makes the event of a row that is to be published: as it would come from somebody who makes events themselves, so that
// a worker needs no map. What is compared of a second one is the event, not the row.
func (s Source) Row(text []byte, a envelope.Arrival, limits envelope.Limits) (orchestration.Event, []fieldmap.Warning, error) {
	ev, err := envelope.DecodeRow(envelope.Parts{Body: text}, a, limits)
	if err != nil {
		return ev, nil, err
	}
	ev, warnings, err := s.Event(ev)
	ev.AsReceived = nil
	return ev, warnings, err
}

// Event makes the event of a row: ev holds the row as its Data and, if it came in a CloudEvent, that one's attributes. On
// an error, a Poison fault, the event holds the attributes that are known.
func (s Source) Event(ev orchestration.Event) (orchestration.Event, []fieldmap.Warning, error) {
	if s.Translate != nil {
		ev, err := s.Translate(ev)
		return ev, nil, err
	}
	row := fieldmap.Row{JSON: ev.Data, Enqueued: ev.Origin.Enqueued, Event: given(ev)}
	made, err := s.Map.Make(row)
	ev.Data, ev.AsReceived, ev.Source, ev.Type = made.Data, row.JSON, s.Source, s.Map.Type
	named := map[string]string{"specversion": "1.0", "source": ev.Source, "type": ev.Type, "id": or(made.ID, ev.ID), "subject": or(made.Subject, ev.Subject),
		"sequence": or(made.Sequence, ev.Sequence), "signalboxchannel": or(made.Channel, ev.Channel), "correlationid": or(made.CorrelationID, row.Event[fieldmap.CorrelationID])}
	if made.Time.IsZero() {
		made.Time = ev.Time
	}
	if err != nil {
		ev.ID, ev.Time, ev.Subject = named["id"], made.Time, named["subject"]
		return ev, nil, err
	}
	named["time"] = made.Time.UTC().Format(time.RFC3339Nano)
	return ev, made.Warnings, envelope.Assemble(&ev, named)
}

// given are the attributes of the CloudEvent that a row came in; nil if it came without. A correlation ID that was derived
// is none that was given: the map may make one, and a new id has another.
func given(ev orchestration.Event) map[string]string {
	if ev.ID == "" {
		return nil
	}
	correlation := ev.CorrelationID
	if correlation == orchestration.DeriveCorrelationID(ev.Source, ev.ID) {
		correlation = ""
	}
	return map[string]string{fieldmap.ID: ev.ID, "source": ev.Source, "type": ev.Type, fieldmap.Time: ev.Time.Format(time.RFC3339Nano), fieldmap.Subject: ev.Subject,
		fieldmap.CorrelationID: correlation, fieldmap.Sequence: ev.Sequence, fieldmap.Channel: ev.Channel}
}

func or(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
