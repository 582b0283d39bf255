package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/steps"
)

// StepRow is a row of the step table: a step that is put into a scenario. It has the fields of steps.Options.
type StepRow struct {
	Scenario string `key:"scenario" required:"true" help:"the scenario that the step is put into, such as orders"`
	Name     string `key:"name" required:"true" help:"what the step is called: a verb and a noun, such as check-country; in checkpoints, metrics and dead letters, so do not change it while events are under way"`
	Type     string `key:"type" decides:"true" required:"true" help:"guard, fieldmap, http-call or emit"`
	Before   string `key:"before" help:"the step of the scenario's own that it comes before; this or after"`
	After    string `key:"after" decides:"true" help:"the step of the scenario's own that it comes after"`
	When     string `key:"when" help:"jq: guard: which events are refused; of the others: which events the step has to do with, when absent all"`

	Refuse  string `key:"refuse" help:"guard, http-call: the sentence of the dead letter, with nothing personal"`
	Pointer string `key:"pointer" help:"guard, http-call: JSON pointer of the member that the sentence is about"`
	Map     string `key:"map" help:"fieldmap: jq: what the data become for the steps behind it"`

	URL            string        `key:"url" help:"http-call: where to"`
	Method         string        `key:"method" decides:"true" help:"http-call: POST, PUT, PATCH or GET; when absent POST"`
	Query          string        `key:"query" help:"http-call: jq: an object whose members are the query"`
	Body           string        `key:"body" help:"http-call: jq: the JSON that is sent"`
	Repeat         string        `key:"repeat" help:"http-call: by_key if the system takes a second request with the same key as the first, never if not; required but for GET"`
	KeyHeader      string        `key:"key_header" help:"http-call: the header with the key, which is the same on every attempt at an event; when absent Idempotency-Key"`
	SecretHeader   string        `key:"secret_header" decides:"true" help:"http-call: the header that secret is sent in; when absent Authorization"`
	Secret         secret.String `key:"secret" help:"http-call: the whole value of that header, such as Bearer and a token"`
	RefuseIf       string        `key:"refuse_if" decides:"true" help:"http-call: jq over the answer: when the event is refused"`
	Keep           string        `key:"keep" help:"http-call: jq over the answer: an id that is kept with the progress, and is $kept of that name for steps behind it"`
	Timeout        time.Duration `key:"timeout" default:"5s" min:"100ms" max:"1m" help:"http-call: limit of one request"`
	Concurrency    int           `key:"concurrency" default:"4" min:"1" max:"100" help:"http-call: requests at once from one process"`
	AllowPlaintext bool          `key:"allow_plaintext" decides:"true" default:"false" help:"http-call: permit http:// to a host other than this one"`

	Event string `key:"event" help:"emit: the type of the event that the channel's sinks are told"`
	Data  string `key:"data" help:"emit: jq: its data"`
}

var stepTable = table{
	row: reflect.TypeFor[StepRow](), one: "step",
	example: `{"scenario":"orders","name":"check-country","type":"guard","before":"place-order","when":".delivery.address.country != \"USA\"","refuse":"We do not ship there."}`,
	check:   checkSteps,
}

// Each step has series of its own, and each type, too.
const (
	maxSteps = 20
	maxTypes = 4
)

// Emitted lists the types of events that configured steps tell, each once.
func (c *Config) Emitted() (types []string) {
	for _, s := range c.Scenarios.Steps {
		if s.Type == steps.Emit && !slices.Contains(types, s.Event) {
			types = append(types, s.Event)
		}
	}
	return types
}

// extensible are the scenarios that steps may be put into: not those that bring what steps tell, nor the heartbeat, which is no business.
func extensible() map[string]orchestration.Outline {
	all := map[string]orchestration.Outline{}
	for _, s := range scenarios.All(scenarios.Parts{}) {
		if o := s.Outline(); o.Name != "sinks" && o.Name != "heartbeat" {
			all[o.Name] = o
		}
	}
	return all
}

// checkSteps judges the rows one by one, and that they fit the scenarios.
func checkSteps(c *Config, r rows) {
	if len(c.Scenarios.Steps) == 0 {
		return
	}
	all, names := extensible(), map[string]bool{}
	for i, s := range c.Scenarios.Steps {
		_, problems := steps.New(steps.Options(s), steps.Web{})
		for _, p := range problems {
			r.report(i, p.Column, p.What, p.Do)
		}
		o, known := all[s.Scenario]
		if !known {
			if s.Scenario != "" {
				r.report(i, "scenario", show(s.Scenario)+" is no scenario that steps may be put into", "choose from "+strings.Join(sorted(all), ", "))
			}
			continue
		}
		if o.Internal && (s.Type == steps.Guard || s.Type == steps.FieldMap) {
			r.report(i, "type", "is for what sources say, and the events of "+s.Scenario+" are Signalbox's own", "use http-call or emit, or put the step into "+o.Switch())
		}
		own := ownSteps(o)
		for _, at := range [][2]string{{"before", s.Before}, {"after", s.After}} {
			if at[1] != "" && !slices.Contains(own, at[1]) {
				r.report(i, at[0], show(at[1])+" is no step of "+s.Scenario+"'s own", "choose from "+strings.Join(own, ", "))
			}
		}
		if key := s.Scenario + "/" + s.Name; names[key] || slices.Contains(own, s.Name) {
			r.report(i, "name", show(s.Name)+" is another step of "+s.Scenario+", too", "give each step a name of its own")
		}
		names[s.Scenario+"/"+s.Name] = true
	}
	if n := len(c.Scenarios.Steps); n > maxSteps {
		r.report(maxSteps, "name", fmt.Sprintf("is one of %d steps, and each has metrics of its own", n), fmt.Sprintf("use at most %d", maxSteps))
	}
	if n := len(c.Emitted()); n > maxTypes {
		r.report(len(c.Scenarios.Steps)-1, "event", fmt.Sprintf("is one of %d types, and each has metrics of its own", n), fmt.Sprintf("use at most %d, told apart by their data", maxTypes))
	}
}

func ownSteps(o orchestration.Outline) (names []string) {
	for _, s := range o.Steps {
		names = append(names, s.Name)
	}
	return names
}

func sorted(all map[string]orchestration.Outline) (names []string) {
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// stepsOff judges scenarios.steps_off.
func stepsOff(c *Config) (list []wrong) {
	if len(c.Scenarios.StepsOff) == 0 {
		return nil
	}
	all, seen := extensible(), map[string]bool{}
	var may []string
	for _, name := range sorted(all) {
		for _, s := range all[name].Steps {
			if s.Optional {
				may = append(may, name+"/"+s.Name)
			}
		}
	}
	for _, path := range c.Scenarios.StepsOff {
		scenario, step, _ := strings.Cut(path, "/")
		o, known := all[scenario]
		switch {
		case !known || !slices.Contains(ownSteps(o), step):
			list = append(list, wrong{"names " + show(path) + ", which is no step of a scenario's own", "choose from " + strings.Join(may, ", ")})
		case !slices.Contains(may, path):
			list = append(list, wrong{"names " + path + ", which others rely on", "switch the scenario off (scenarios.off), or choose from " + strings.Join(may, ", ")})
		case seen[path]:
			list = append(list, wrong{"names " + path + " twice", "name it once"})
		}
		seen[path] = true
	}
	return list
}

// StepsOf gives the rows of a scenario, in the order of the table, and the steps of its own that are off.
func (c *Config) StepsOf(scenario string) (rows []StepRow, off []string) {
	for _, s := range c.Scenarios.Steps {
		if s.Scenario == scenario {
			rows = append(rows, s)
		}
	}
	for _, path := range c.Scenarios.StepsOff {
		if of, step, _ := strings.Cut(path, "/"); of == scenario {
			off = append(off, step)
		}
	}
	return rows, off
}
