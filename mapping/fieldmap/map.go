package fieldmap

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/signalbox/signalbox/internal/joined"
	"github.com/signalbox/signalbox/internal/smallfile"
)

// Map is a field map that has been read and checked.
type Map struct {
	Name   string // the file
	Source string // the CloudEvents source that it is written for; empty: any
	Type   string // the event type that it makes

	sheet *sheet
	ready sync.Pool // of *evaluator: programs are bound to the one who runs them
}

// Attributes of an event that a map can make besides its data.
const (
	ID            = "id"
	Time          = "time"
	Subject       = "subject"
	CorrelationID = "correlationid"
	Sequence      = "sequence"
	Channel       = "channel" // signalboxchannel
)

// attributes in the order in which they are made.
var attributes = []string{ID, Time, Subject, CorrelationID, Sequence, Channel}

// Limits of one row. A zero field takes its default.
type Limits struct {
	Steps    int           // of the jq machine; default two million, of which a row of fifty fields takes a few thousand
	Deadline time.Duration // default 5 s: a thousand times what a row takes, so that a busy machine refuses none
	MaxBytes int           // of the data that is made; default 1 MiB
	MaxDepth int           // of the data that is made; default 64
}

func (l Limits) withDefaults() Limits {
	if l.Steps == 0 {
		l.Steps = 2_000_000
	}
	if l.Deadline == 0 {
		l.Deadline = 5 * time.Second
	}
	if l.MaxBytes == 0 {
		l.MaxBytes = 1 << 20
	}
	if l.MaxDepth == 0 {
		l.MaxDepth = 64
	}
	return l
}

// Values are the value maps that a map may ask: what D365 calls what the source says.
type Values interface {
	// Value translates a value by the map of a name; false: the map refuses it.
	Value(name, from string) (to string, ok bool)
	// Names lists the maps.
	Names() []string
}

// maxFile bounds a map's file, so that a path to something else is not read into memory.
const maxFile = 1 << 20

// ValuesOf gives the value maps of the source that a map is written for; of an empty one when the map names none.
type ValuesOf func(source string) Values

// Load reads a map from its file. values gives the value maps that it may ask; nil: none.
func Load(path string, limits Limits, values ValuesOf) (*Map, error) {
	text, err := smallfile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	return Parse(path, text, limits, values)
}

// Parse reads a map. The error joins every Problem there is.
func Parse(name string, text []byte, limits Limits, values ValuesOf) (*Map, error) {
	s := readSheet(text)
	s.limits = limits.withDefaults()
	if values != nil {
		s.values = values(s.source)
	}
	m := &Map{Name: name, Source: s.source, Type: s.typ, sheet: s}
	if len(s.problems) == 0 {
		first, problems := newEvaluator(s)
		s.problems = problems
		m.ready.Put(first)
	}
	if len(s.problems) > 0 {
		return nil, joined.Error(s.problems)
	}
	return m, nil
}

// Makes says whether the map makes an attribute.
func (m *Map) Makes(attribute string) bool { return m.sheet.attributes[attribute] != nil }

// Replaces says whether an attribute of the map stands also for a row that came in a CloudEvent, which has one of its own.
func (m *Map) Replaces(attribute string) bool { return m.sheet.replace[attribute] }

// Row is one row of a source, with what is known of how it came. The JSON is known to be valid.
type Row struct {
	JSON     json.RawMessage
	Enqueued time.Time         // when the broker took it; $enqueued
	Event    map[string]string // attributes of the CloudEvent whose data it is; nil: it came without; $event
}

// Event is what a map makes of a row. What the map does not make is empty.
type Event struct {
	ID, Subject, CorrelationID, Sequence, Channel string

	Time     time.Time
	Data     json.RawMessage
	Warnings []Warning
}

// Make makes the event of a row. On an error, which is a *Failed, the event still holds the attributes that could be made.
func (m *Map) Make(row Row) (Event, error) {
	e, _ := m.ready.Get().(*evaluator)
	if e == nil {
		e, _ = newEvaluator(m.sheet) // without problems: the first one had none
	}
	defer m.ready.Put(e)
	return e.inTime(row, func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), m.sheet.limits.Deadline)
	})
}
