// Package mapped tries rows on a field map, without a broker and without a configuration: what event it makes of them, and
// whether a worker would take that event.
package mapped

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/worker/envelope"
	"github.com/signalbox/signalbox/worker/rows"
)

// The rules that are the event's, not the map's.
const (
	RuleSchema    = "schema"    // the data does not match the type's schema, or what its scenario asks for besides
	RuleAttribute = "attribute" // an attribute cannot be one of a CloudEvent
	RuleType      = "type"      // no scenario handles the type
)

// Trial is what became of a row.
type Trial struct {
	Event    orchestration.Event
	Failures []fieldmap.Failure // none: it would be published
	Warnings []fieldmap.Warning
}

// Trier tries rows.
type Trier struct {
	checker *orchestration.Checker
	schemas map[string][]byte // by event type
	limits  envelope.Limits
}

// New makes a trier. Rows have at most maxBytes bytes; zero: the default of envelopes.
func New(maxBytes int) (*Trier, error) {
	all := scenarios.All(scenarios.Parts{})
	checker, err := orchestration.NewChecker(all, orchestration.Channels{{Name: "any"}})
	t := &Trier{checker: checker, schemas: map[string][]byte{}, limits: envelope.Limits{MaxBytes: maxBytes}}
	for _, s := range all {
		t.schemas[s.Outline().Handles] = s.Outline().Schema
	}
	return t, err
}

// Schema is the JSON Schema of an event type; nil of one that nobody handles.
func (t *Trier) Schema(typ string) []byte { return t.schemas[typ] }

// Try tries one row, which as says how it came: its attributes if it came in a CloudEvent, and its origin.
func (t *Trier) Try(s rows.Source, row []byte, as orchestration.Event) Trial {
	bare, err := envelope.DecodeRow(envelope.Parts{Body: row}, envelope.Arrival{Origin: as.Origin}, t.limits)
	if err != nil {
		return Trial{Failures: []fieldmap.Failure{of(err, "", "row")}}
	}
	as.Data = bare.Data
	var trial Trial
	if trial.Event, trial.Warnings, err = s.Event(as); err != nil {
		var f *fieldmap.Failed
		if errors.As(err, &f) {
			trial.Failures = f.Failures
		} else {
			trial.Failures = []fieldmap.Failure{of(err, "", RuleAttribute)}
		}
		return trial
	}
	checked := trial.Event
	checked.Channel, checked.Origin = "", orchestration.Origin{} // neither the channel nor the clock is a map's matter
	if err := t.checker.Check(checked); err != nil {
		rule := RuleSchema
		if fault.As(err).Reason == fault.UnknownType {
			rule = RuleType
		}
		trial.Failures = []fieldmap.Failure{of(err, "/data", rule)}
	}
	return trial
}

// of reads a fault as the failure of a field.
func of(err error, base, rule string) fieldmap.Failure {
	f := fault.As(err)
	return fieldmap.Failure{Field: base + f.Pointer, Rule: rule, Shape: strings.TrimSuffix(f.Detail, ".")}
}

// Sentence says a failure.
func Sentence(f fieldmap.Failure) string {
	switch f.Rule {
	case RuleSchema, RuleAttribute, RuleType, "row":
		return f.Shape
	}
	return strings.TrimPrefix(strings.TrimPrefix(f.String(), f.Field), " ")
}

// Decode reads JSON as a map does: numbers stay as they are written.
func Decode(text []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
