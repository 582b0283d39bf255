// Package preview shows what a field map makes of rows, field by field, without showing the rows: how many have each field,
// of which shape, and what is to be watched. Of fields that are not personal (enumerations, flags, countries, currencies,
// languages) it shows the values.
package preview

import (
	"fmt"
	"io"
	"time"

	"github.com/signalbox/signalbox/internal/cli/input"
	"github.com/signalbox/signalbox/internal/cli/mapped"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/rows"
)

// Options of Run.
type Options struct {
	In       io.Reader
	CSV      bool
	MaxBytes int
	Source   rows.Source
	Before   *fieldmap.Map // the map that stands so far, to compare with; nil: none
	Events   int           // show so many events, the first ones
	Values   bool          // show values, personal ones too
	Now      time.Time     // $enqueued
	Refused  func(Refusal) // told of each row that makes no event, in order
	Warned   func(Warning)
}

// Refusal is a row that makes no event. It quotes nothing of it.
type Refusal struct {
	Line     int                `json:"line"`
	Failures []fieldmap.Failure `json:"failures"`
}

// Warning is a field that is not as the map would have it.
type Warning struct {
	Line int `json:"line"`
	fieldmap.Warning
}

// Summary is what the map makes of all rows.
type Summary struct {
	Source   string           `json:"source"`
	Type     string           `json:"type"`
	Rows     int              `json:"rows"`
	Events   int              `json:"events"`
	Refused  int              `json:"refused"`
	Warnings int              `json:"warnings"`
	Compared bool             `json:"compared"`          // with the map that stands so far
	Renamed  int              `json:"renamed,omitempty"` // rows whose id is another one with it: those would be other events
	Fields   []*Field         `json:"fields"`
	First    []map[string]any `json:"first,omitempty"` // the first events, masked
}

type previewer struct {
	o     Options
	trier *mapped.Trier
	show  visible
	sum   Summary
	by    map[string]*Field
}

// Run reads rows to the end of the input.
func Run(o Options) (Summary, error) {
	trier, err := mapped.New(o.MaxBytes)
	if err != nil {
		return Summary{}, err
	}
	p := &previewer{o: o, trier: trier, show: visible{schema: read(trier.Schema(o.Source.Map.Type)), all: o.Values}, by: map[string]*Field{},
		sum: Summary{Source: o.Source.Source, Type: o.Source.Map.Type, Compared: o.Before != nil, Fields: []*Field{}}}
	return p.sum, input.Each(input.New(o.In, o.MaxBytes, o.CSV), p.add)
}

func (p *previewer) add(l input.Line) error {
	p.sum.Rows++
	if l.TooLong || l.Bad != "" {
		p.refuse(l.Number, []fieldmap.Failure{{Rule: "row", Shape: or(l.Bad, "the row is too long")}})
		return nil
	}
	came := orchestration.Event{Origin: orchestration.Origin{Queue: "preview", Enqueued: p.o.Now}}
	trial := p.trier.Try(p.o.Source, l.Text, came)
	var before mapped.Trial
	if p.o.Before != nil {
		s := p.o.Source
		s.Map = p.o.Before
		before = p.trier.Try(s, l.Text, came)
	}
	if len(trial.Failures) > 0 {
		p.refuse(l.Number, trial.Failures)
		return nil
	}
	p.sum.Events++
	for _, w := range trial.Warnings {
		p.sum.Warnings++
		p.field(general(w.Field)).warned(w.Rule)
		if p.o.Warned != nil {
			p.o.Warned(Warning{l.Number, w})
		}
	}
	made, err := whole(trial.Event)
	if err != nil {
		return err
	}
	p.count(made)
	if p.o.Before != nil && len(before.Failures) == 0 {
		if err := p.compare(before.Event, trial.Event, made); err != nil {
			return err
		}
	}
	if len(p.sum.First) < p.o.Events {
		p.sum.First = append(p.sum.First, p.masked(made, "").(map[string]any))
	}
	return nil
}

func (p *previewer) refuse(number int, failures []fieldmap.Failure) {
	p.sum.Refused++
	if p.o.Refused != nil {
		p.o.Refused(Refusal{number, failures})
	}
}

// compare counts the rows in which a field is another one than with the map that stands so far.
func (p *previewer) compare(before, after orchestration.Event, made map[string]any) error {
	if before.ID != after.ID {
		p.sum.Renamed++
	}
	was, err := whole(before)
	if err != nil {
		return err
	}
	changed := map[string]bool{}
	for _, d := range mapped.Differ(was, made, "") {
		changed[general(d.Field)] = true
	}
	for at := range changed {
		p.field(at).Changed++
	}
	return nil
}

// whole is an event as one object, the attributes beside the data.
func whole(ev orchestration.Event) (map[string]any, error) {
	data, err := mapped.Decode(ev.Data)
	if err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	all := map[string]any{"id": ev.ID, "time": ev.Time.Format("2006-01-02T15:04:05.000Z"), "data": data}
	for name, text := range map[string]string{"subject": ev.Subject, "sequence": ev.Sequence, "channel": ev.Channel} {
		if text != "" {
			all[name] = text
		}
	}
	return all, nil
}

// Verdict is the reason that its dead letter would have had.
func (r Refusal) Verdict() fault.Reason {
	switch r.Failures[0].Rule {
	case "row", mapped.RuleAttribute:
		return fault.Malformed
	case mapped.RuleType:
		return fault.UnknownType
	}
	return fault.SchemaInvalid
}

func or(text, other string) string {
	if text != "" {
		return text
	}
	return other
}
