package certify

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

const shop = "https://shop.example.com"

// story is one story of a scenario, ready to be played.
type story struct {
	orchestration.Story
	scenario   string
	own        bool // its events are the scenario's own, so it exercises that for sure
	invariants []orchestration.Invariant
	repeats    []string
	events     []orchestration.Event
}

// stories are those of every scenario. One that only Signalbox itself may give events to has none, unless it declares some:
// it is exercised by others' stories.
func stories(list []orchestration.Scenario) ([]story, error) {
	var out []story
	var problems []error
	for _, s := range list {
		o := s.Outline()
		declared := o.Certify.Stories
		if len(declared) == 0 && !o.Internal {
			var err error
			if declared, err = examples(o); err != nil {
				problems = append(problems, err)
			}
		}
		for _, d := range declared {
			out = append(out, newStory(o, d))
		}
	}
	return out, errors.Join(problems...)
}

// examples makes a story of each example of the scenario's schema.
func examples(o orchestration.Outline) ([]orchestration.Story, error) {
	var schema struct {
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(o.Schema, &schema); err != nil {
		return nil, fmt.Errorf("scenario %q: read its schema: %w", o.Name, err)
	}
	if len(schema.Examples) == 0 {
		return nil, fmt.Errorf("scenario %q has nothing to be certified with: give its schema.json examples, or declare Certify.Stories", o.Name)
	}
	out := make([]orchestration.Story, 0, len(schema.Examples))
	for i, data := range schema.Examples {
		out = append(out, orchestration.Story{Name: fmt.Sprintf("example %d", i+1), Events: []orchestration.Sample{{Data: data}}})
	}
	return out, nil
}

func newStory(o orchestration.Outline, d orchestration.Story) story {
	s := story{Story: d, scenario: o.Name, invariants: o.Certify.Invariants, repeats: o.Certify.Repeats}
	began := time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	for i, sample := range d.Events {
		ev := orchestration.Event{Source: sample.Source, ID: fmt.Sprintf("certify-%d", i+1), Type: sample.Type, Data: sample.Data,
			Time: began.Add(time.Duration(i) * time.Second)}
		if ev.Source == "" {
			ev.Source = shop
		}
		if ev.Type == "" {
			ev.Type = o.Handles
		}
		s.own = s.own || ev.Type == o.Handles
		ev.CorrelationID = orchestration.DeriveCorrelationID(ev.Source, ev.ID)
		s.events = append(s.events, ev)
	}
	return s
}
