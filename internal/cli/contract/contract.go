// Package contract says what events there are: those that sources may send, and those that sinks are told, each with the JSON Schema of
// its data; for people, and as an AsyncAPI document for tools.
package contract

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
)

// Contract is every event type that crosses the border.
type Contract struct {
	Types []Type `json:"types"`
}

// Type is one type of event.
type Type struct {
	Name        string          `json:"type"`
	Direction   string          `json:"direction"` // Accepted or Told
	Order       string          `json:"order"`     // state: the newest wins; fact: each one counts
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"` // JSON Schema (2020-12) of the data; none of a type that a configuration has made up
}

// The directions.
const (
	Accepted = "accepted" // from sources
	Told     = "told"     // to sinks
)

// Of gathers what scenarios take from sources and what they tell to sinks. What Signalbox says to itself is left out.
func Of(all []orchestration.Scenario, told []sinks.Type) (Contract, error) {
	c := Contract{Types: []Type{}}
	add := func(name, direction string, order orchestration.Order, schema []byte) error {
		t := Type{Name: name, Direction: direction, Order: order.String()}
		if len(schema) > 0 {
			var words struct{ Description string }
			if err := json.Unmarshal(schema, &words); err != nil {
				return fmt.Errorf("the schema of %s: %w", name, err)
			}
			t.Schema, t.Description = schema, words.Description
		}
		c.Types = append(c.Types, t)
		return nil
	}
	for _, s := range all {
		if o := s.Outline(); !o.Internal && o.Name != heartbeat.Name {
			if err := add(o.Handles, Accepted, o.Order, o.Schema); err != nil {
				return Contract{}, err
			}
		}
	}
	for _, t := range told {
		if err := add(t.Name, Told, t.Order, t.Schema); err != nil {
			return Contract{}, err
		}
	}
	slices.SortFunc(c.Types, func(a, b Type) int {
		return strings.Compare(a.Direction+a.Name, b.Direction+b.Name)
	})
	return c, nil
}

// Find gives a type by its name.
func (c Contract) Find(name string) (Type, bool) {
	i := slices.IndexFunc(c.Types, func(t Type) bool { return t.Name == name })
	if i < 0 {
		return Type{}, false
	}
	return c.Types[i], true
}

// Names lists the types.
func (c Contract) Names() []string {
	names := make([]string, len(c.Types))
	for i, t := range c.Types {
		names[i] = t.Name
	}
	return names
}

// Print writes a line for each type.
func (c Contract) Print(w io.Writer) error {
	rows := [][]string{{"TYPE", "DIRECTION", "ORDER", "WHAT IT IS"}}
	for _, ty := range c.Types {
		rows = append(rows, []string{ty.Name, ty.Direction, ty.Order, render.Or(ty.Description)})
	}
	return render.Rows(w, rows)
}
