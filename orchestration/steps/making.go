package steps

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// making collects what is wrong on the way to a step.
type making struct {
	o        Options
	made     Step
	problems []Problem
}

func (m *making) wrong(column, what, do string) {
	m.problems = append(m.problems, Problem{column, what, do})
}

const (
	maxText   = 64 << 10 // bytes of what an expression makes for others
	maxData   = 1 << 20  // bytes of data that a map makes
	maxRefuse = 200
)

var (
	verbNoun  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`)
	eventType = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
)

// common judges what every step has.
func (m *making) common() {
	o := m.o
	if o.Name != "" && (!verbNoun.MatchString(o.Name) || len(o.Name) > 40) {
		m.wrong("name", "is no name of a step", "write a verb and a noun in lower case with a dash between, such as check-country, at most 40 characters")
	}
	if (o.Before == "") == (o.After == "") {
		m.wrong("before", "and after are both set or both missing", "say one: before or after which step of the scenario it comes")
	}
	m.made.Name, m.made.Does, m.made.Before, m.made.After = o.Name, o.Type, o.Before, o.After
	if o.When == "" || o.Type == Guard { // a guard's is what it refuses
		return
	}
	if when := m.program("when", o.When, true, maxText); when != nil {
		m.made.When = when.holds
	}
}

// foreign finds what is set and is for steps of another type.
func (m *making) foreign() {
	o := m.o
	for _, c := range []struct {
		column string
		set    bool
		of     []string
	}{
		{"refuse", o.Refuse != "", []string{Guard, HTTPCall}}, {"pointer", o.Pointer != "", []string{Guard, HTTPCall}}, {"map", o.Map != "", []string{FieldMap}},
		{"url", o.URL != "", []string{HTTPCall}}, {"method", o.Method != "", []string{HTTPCall}}, {"query", o.Query != "", []string{HTTPCall}},
		{"body", o.Body != "", []string{HTTPCall}}, {"repeat", o.Repeat != "", []string{HTTPCall}}, {"key_header", o.KeyHeader != "", []string{HTTPCall}},
		{"secret_header", o.SecretHeader != "", []string{HTTPCall}}, {"secret", !o.Secret.IsZero(), []string{HTTPCall}},
		{"refuse_if", o.RefuseIf != "", []string{HTTPCall}}, {"keep", o.Keep != "", []string{HTTPCall}}, {"allow_plaintext", o.AllowPlaintext, []string{HTTPCall}},
		{"event", o.Event != "", []string{Emit}}, {"data", o.Data != "", []string{Emit}},
	} {
		if c.set && !slices.Contains(c.of, o.Type) {
			m.wrong(c.column, "is for a step of type "+strings.Join(c.of, " or "), "take it out, or set type to that")
		}
	}
}

// sentence judges what an event is refused with.
func (m *making) sentence() {
	switch {
	case strings.TrimSpace(m.o.Refuse) == "":
		m.wrong("refuse", "is missing", "write the sentence that the dead letter says, without anything personal")
	case len(m.o.Refuse) > maxRefuse:
		m.wrong("refuse", "is too long", "write one sentence of at most 200 characters")
	}
	if m.o.Pointer != "" && !strings.HasPrefix(m.o.Pointer, "/") {
		m.wrong("pointer", "is no JSON pointer", "write it as /delivery/address/country, or leave it out")
	}
}

func (o Options) refusal() error {
	return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Pointer: o.Pointer, Detail: o.Refuse, Class: "invalid"}
}

// program is a jq expression of a step.
type program struct {
	x       *fieldmap.Expression
	step    string
	column  string
	learned bool // it may ask for $learned
	answer  bool // it is asked of an answer, and may ask for $data
}

// program compiles a column; nil, with the problems reported, if it cannot be.
func (m *making) program(column, text string, learned bool, most int) *program {
	p := &program{step: m.o.Name, column: column, learned: learned && m.o.Type != FieldMap, answer: column == "refuse_if" || column == "keep"}
	variables := []string{"$event", "$kept"}
	if p.learned {
		variables = append(variables, "$learned")
	}
	if p.answer {
		variables = append(variables, "$data")
	}
	var err error
	if p.x, err = fieldmap.Compile(column, text, fieldmap.ExpressionLimits(most), variables...); err != nil {
		for _, w := range fieldmap.Problems(err) {
			m.wrong(column, w.What, w.Do)
		}
		return nil
	}
	return p
}

// of runs the program over the data that the step sees.
func (p *program) of(v orchestration.View) (json.RawMessage, error) { return p.run(v, v.Data()) }

func (p *program) run(v orchestration.View, in json.RawMessage) (json.RawMessage, error) {
	kept, err := json.Marshal(v.Kept())
	if err != nil {
		return nil, err
	}
	values := []json.RawMessage{attributes(v), kept}
	if p.learned {
		learned, err := v.Learned()
		if err != nil {
			return nil, err
		}
		values = append(values, learned)
	}
	if p.answer {
		values = append(values, v.Data())
	}
	out, err := p.x.Value(in, values...)
	if err != nil {
		return nil, p.fails(fieldmap.Sentence(err))
	}
	return out, nil
}

// fails is the fault of an expression that gives nothing that can be used.
func (p *program) fails(how string) error {
	return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Class: "invalid",
		Detail: "the step " + p.step + " of the configuration fails: its " + p.column + " " + how + "; correct it or the event, then replay"}
}

// holds reads the program's result as a condition.
func (p *program) holds(v orchestration.View) (bool, error) { return p.true(p.of(v)) }

func (p *program) true(out json.RawMessage, err error) (bool, error) {
	switch {
	case err != nil:
		return false, err
	case string(out) == "true":
		return true, nil
	case string(out) == "false", string(out) == "null":
		return false, nil
	}
	return false, p.fails("gives neither true nor false")
}

// attributes are the event's own.
func attributes(v orchestration.View) json.RawMessage {
	ev := v.Event()
	b, _ := json.Marshal(map[string]string{"id": ev.ID, "source": ev.Source, "type": ev.Type, "subject": ev.Subject, "time": ev.Time.UTC().Format(time.RFC3339Nano),
		"channel": v.Channel().Name, "correlationid": ev.CorrelationID, "sequence": ev.Sequence}) // texts cannot fail
	return b
}
