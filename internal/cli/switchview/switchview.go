// Package switchview shows which scenarios are on, which are off, and how much waits for them.
package switchview

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/orchestration/redisswitch"
)

// View is what the commands print as JSON.
type View struct {
	Scenarios []Scenario `json:"scenarios"`
}

// Scenario is one that can be switched.
type Scenario struct {
	Name    string     `json:"name"`
	State   State      `json:"state"`
	Waiting int        `json:"waiting"` // events that wait for it to be on
	By      string     `json:"by,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	Until   *time.Time `json:"until,omitempty"` // off: when it is on again by itself
	Audit   string     `json:"audit,omitempty"` // number of the entry
}

// State is how a scenario stands.
type State string

// The states.
const (
	On         State = "on"
	Off        State = "off"
	Configured State = "off by configuration" // as the asker has it; nothing but another configuration changes that
)

// Of makes the view as it stands now. always are those that the configuration has off.
func Of(names, always []string, said map[string]redisswitch.Said, waiting map[string]int, now time.Time) View {
	v := View{Scenarios: []Scenario{}}
	for _, name := range names {
		s := Scenario{Name: name, State: On, Waiting: waiting[name]}
		if word, is := said[name]; is {
			s.By, s.Reason, s.Since, s.Audit = word.By, word.Reason, at(now.Add(-word.Since)), word.Audit
			if word.Off {
				s.State, s.Until = Off, at(now.Add(word.Left))
			}
		}
		if slices.Contains(always, name) {
			s.State = Configured
		}
		v.Scenarios = append(v.Scenarios, s)
	}
	return v
}

func at(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Second)
	return &t
}

// Counter counts the events that wait for each scenario.
type Counter interface {
	Off(ctx context.Context, scenarios []string) (map[string]int, error)
}

// Show looks.
func Show(ctx context.Context, s *redisswitch.Switches, c Counter, names, always []string) (View, error) {
	said, err := s.Look(ctx)
	if err != nil {
		return View{}, err
	}
	waiting, err := c.Off(ctx, names)
	return Of(names, always, said, waiting, time.Now()), err
}

// Print writes a line for each.
func (v View) Print(w io.Writer) error {
	rows := [][]string{{"SCENARIO", "STATE", "EVENTS WAIT", "SINCE", "UNTIL", "BY", "REASON"}}
	for _, s := range v.Scenarios {
		rows = append(rows, []string{s.Name, string(s.State), fmt.Sprint(s.Waiting), moment(s.Since), moment(s.Until), render.Or(s.By), render.Or(s.Reason)})
	}
	return render.Rows(w, rows)
}

func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.RFC3339)
}
