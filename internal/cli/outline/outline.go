// Package outline says what the scenarios do, without running them: which events they take, in which order, with which steps,
// and for which channels.
package outline

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/orchestration"
)

// List is every scenario, by name, and every channel that they work for.
type List struct {
	Scenarios []Scenario `json:"scenarios"`
	Channels  []Channel  `json:"channels"` // empty without a configuration
}

// Scenario is what is done about the event types of one name.
type Scenario struct {
	Name   string  `json:"name"`
	Events []Event `json:"events"`
}

// Event is one event type and what is done about it.
type Event struct {
	Type    string `json:"type"`
	Version int    `json:"version"` // of what its steps learn
	Order   string `json:"order"`   // state: the newest wins; fact: each one counts
	Refused string `json:"tells_of_rejection,omitempty"`
	Steps   []Step `json:"steps"`
}

// Step is one step.
type Step struct {
	Name      string `json:"name"`
	Acts      bool   `json:"acts"`                // false: it only looks and learns
	Certainty string `json:"certainty,omitempty"` // of a step that acts: what its looks are worth
	Plannable bool   `json:"plannable"`           // a plan can tell what it would do
	Added     string `json:"added,omitempty"`     // by the configuration: what it does, such as guard
	Off       bool   `json:"off,omitempty"`       // by the configuration
}

// Channel is one row of the channel table.
type Channel struct {
	Name        string   `json:"name"`
	CSU         string   `json:"csu"`
	OUN         string   `json:"oun"`
	LegalEntity string   `json:"legal_entity"`
	Sources     []string `json:"sources"`
	Sinks       []string `json:"sinks"` // that are told how events ended
}

// Of lists scenarios and channels.
func Of(scenarios []orchestration.Scenario, channels orchestration.Channels) List {
	l := List{Scenarios: []Scenario{}, Channels: []Channel{}}
	for _, s := range scenarios {
		l.add(s.Outline())
	}
	slices.SortFunc(l.Scenarios, func(a, b Scenario) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range channels {
		l.Channels = append(l.Channels, Channel{c.Name, c.CSU, c.OUN, c.LegalEntity, orNone(c.Sources), orNone(c.Sinks)})
	}
	return l
}

// add puts an event type under its scenario's name: several may share one.
func (l *List) add(o orchestration.Outline) {
	ev := Event{Type: o.Handles, Version: o.Version, Order: o.Order.String(), Refused: o.Refused, Steps: []Step{}}
	for _, s := range o.Steps {
		step := Step{Name: s.Name, Acts: s.Acts, Plannable: s.Plannable, Added: s.Added, Off: s.Off}
		if s.Acts {
			step.Certainty = s.Sure.String()
		}
		ev.Steps = append(ev.Steps, step)
	}
	i := slices.IndexFunc(l.Scenarios, func(s Scenario) bool { return s.Name == o.Name })
	if i < 0 {
		i = len(l.Scenarios)
		l.Scenarios = append(l.Scenarios, Scenario{Name: o.Name})
	}
	l.Scenarios[i].Events = append(l.Scenarios[i].Events, ev)
}

func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// Print writes two tables.
func (l List) Print(w io.Writer) error {
	rows := [][]string{{"SCENARIO", "EVENT TYPE", "ORDER", "VERSION", "STEP", "DOES", "A LOOK IS", "TELLS OF A REJECTION"}}
	for _, s := range l.Scenarios {
		for _, ev := range s.Events {
			head := []string{s.Name, ev.Type, ev.Order, strconv.Itoa(ev.Version)}
			for i, step := range ev.Steps {
				refused := ""
				if i == 0 {
					refused = render.Or(ev.Refused)
				}
				rows = append(rows, append(slices.Clone(head), step.Name, step.does(), render.Or(step.Certainty), refused))
				head = []string{"", "", "", ""}
			}
		}
	}
	if err := render.Rows(w, rows); err != nil || len(l.Channels) == 0 {
		return err
	}
	fmt.Fprintln(w)
	rows = [][]string{{"CHANNEL", "CSU", "OPERATING UNIT", "LEGAL ENTITY", "SOURCES", "SINKS"}}
	for _, c := range l.Channels {
		rows = append(rows, []string{c.Name, c.CSU, c.OUN, c.LegalEntity, render.Or(strings.Join(c.Sources, ", ")), render.Or(strings.Join(c.Sinks, ", "))})
	}
	return render.Rows(w, rows)
}

func (s Step) does() string {
	switch {
	case s.Off:
		return "off"
	case s.Added != "":
		return s.Added
	case s.Acts:
		return "looks, acts"
	}
	return "looks"
}
