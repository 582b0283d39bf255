package certify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/app"
)

// Outcome is how a case went.
type Outcome string

// The outcomes.
const (
	Held      Outcome = "held"      // every invariant
	BrokenOne Outcome = "broken"    // at least one invariant does not hold
	Unreached Outcome = "unreached" // the run never came to the boundary, so nothing was shown
)

// few says how many boundaries may be unreached: one in so many, and one where there are fewer. What a busy machine made the
// undisturbed run try again, other runs do not come to; nor do they to its third receive, where they get in two what it got in three.
const few = 10

// Report is what a CI gates on.
type Report struct {
	Passed      bool       `json:"passed"` // nothing broke, every scenario was exercised, and at most one run in ten did not come to its boundary
	Version     string     `json:"version"`
	Redis       string     `json:"redis"`
	Seed        uint64     `json:"seed"`
	TookSeconds float64    `json:"took_seconds"`
	Scenarios   []Scenario `json:"scenarios"` // that were asked for
	Stories     []Story    `json:"stories"`
}

// Scenario says how often a scenario was disturbed and what came of it, over all of the stories that exercise it.
type Scenario struct {
	Name      string `json:"name"`
	Passed    bool   `json:"passed"`
	Stories   int    `json:"stories"`
	Cases     int    `json:"cases"`
	Held      int    `json:"held"`
	Broken    int    `json:"broken"`
	Unreached int    `json:"unreached"`
}

// holds says whether what was shown is enough.
func (s Scenario) holds() bool {
	return s.Held > 0 && s.Broken == 0 && s.Unreached <= max(1, s.Cases/few)
}

// Story is one story and its cases.
type Story struct {
	Scenario  string   `json:"scenario"` // that tells it
	Name      string   `json:"name"`
	Events    int      `json:"events"`
	Exercises []string `json:"exercises"` // scenarios
	Cases     []*Case  `json:"cases"`
}

// Case is one run with something happening at a boundary.
type Case struct {
	At        string   `json:"at,omitempty"`   // the boundary
	Then      string   `json:"then,omitempty"` // the boundary at which the process that recovers was stopped, too
	Mode      Mode     `json:"mode"`
	Outcome   Outcome  `json:"outcome"`
	Broken    []Broken `json:"broken,omitempty"`
	Reproduce string   `json:"reproduce,omitempty"` // the command that plays it again

	recovered []string // boundaries that the recovering process passed
}

func (k *Case) settle(reached bool) {
	switch {
	case len(k.Broken) > 0:
		k.Outcome = BrokenOne
	case !reached:
		k.Outcome = Unreached
	default:
		k.Outcome = Held
	}
}

// report sums up.
func (c *certifier) report(acts []*act) Report {
	version, _ := app.Build()
	r := Report{Passed: true, Version: version, Redis: c.ground.what, Seed: c.o.Seed, Scenarios: []Scenario{}, Stories: []Story{}}
	for _, a := range acts {
		r.Stories = append(r.Stories, Story{Scenario: a.scenario, Name: a.Name, Events: len(a.events), Exercises: a.covers(), Cases: a.cases})
	}
	for _, name := range c.names(r.Stories) {
		s := Scenario{Name: name}
		for _, story := range r.Stories {
			s.add(story)
		}
		s.Passed = s.holds()
		r.Passed = r.Passed && s.Passed
		r.Scenarios = append(r.Scenarios, s)
	}
	return r
}

// names are those of the scenarios that were asked for. With a story or a boundary chosen, only those matter that it exercises.
func (c *certifier) names(told []Story) []string {
	if len(c.o.Names) > 0 {
		return c.o.Names
	}
	var names []string
	for _, s := range c.list {
		if o := s.Outline(); o.Certify.Elsewhere == "" {
			names = append(names, o.Name)
		}
	}
	if c.o.Story != "" || c.o.At != "" {
		names = nil
		for _, s := range told {
			names = append(names, s.Exercises...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Scenario) add(story Story) {
	if !slices.Contains(story.Exercises, s.Name) {
		return
	}
	s.Stories++
	for _, k := range story.Cases {
		s.Cases++
		switch k.Outcome {
		case Held:
			s.Held++
		case BrokenOne:
			s.Broken++
		default:
			s.Unreached++
		}
	}
}

// ErrBroken says that something did not hold, or was not shown.
var ErrBroken = errors.New("not certified")

// Verdict is nil when everything held.
func (r Report) Verdict() error {
	if r.Passed {
		return nil
	}
	var names []string
	for _, s := range r.Scenarios {
		switch {
		case s.Stories == 0:
			names = append(names, s.Name+" (no story exercises it)")
		case !s.Passed:
			names = append(names, fmt.Sprintf("%s (%d broken, %d unreached of %d)", s.Name, s.Broken, s.Unreached, s.Cases))
		}
	}
	return fmt.Errorf("%w: %s", ErrBroken, strings.Join(names, ", "))
}
