package fieldmap

import (
	"fmt"
	"strings"

	"github.com/itchyny/gojq"
)

// evaluator runs the programs of a map for one row at a time. The functions in its programs are bound to it, so that a
// warning lands where it belongs.
type evaluator struct {
	s        *sheet
	codes    []*gojq.Code    // by the expression's index
	literals map[string]bool // texts that the map itself gives to error

	budget   *budget
	given    []any // $row, $event, $enqueued
	at       []string
	failures []Failure
	warnings []Warning
	bytes    int // left for the data
}

// variables of every program. Only the event's time may ask for $enqueued: it is another one each time a row is published.
var variables = []string{"$row", "$event", "$enqueued"}

// newEvaluator compiles every expression.
func newEvaluator(s *sheet) (*evaluator, []Problem) {
	e := &evaluator{s: s, codes: make([]*gojq.Code, len(s.expressions)), literals: map[string]bool{}}
	options := []gojq.CompilerOption{gojq.WithVariables(s.variablesOf())}
	for _, f := range append(Functions(), guards...) {
		options = append(options, gojq.WithFunction(f.Name, f.min, f.max, func(v any, args []any) any { return f.do(e, v, args) }))
	}
	var problems []Problem
	refuse := func(x *expression, what, do string) { problems = append(problems, Problem{x.line, x.at, what, do}) }
	if s.define != nil { // once by itself, so that its problems are not everybody's
		if e.compile(s.define, options, refuse); len(problems) > 0 {
			return nil, problems
		}
	}
	for _, x := range s.expressions {
		if x != s.define {
			e.compile(x, options, refuse)
		}
	}
	return e, problems
}

func (e *evaluator) compile(x *expression, options []gojq.CompilerOption, refuse func(x *expression, what, do string)) {
	text := x.text
	if x == e.s.define {
		text += "\n."
	}
	q, what, do := parse(text)
	if what != "" {
		refuse(x, what, do)
		return
	}
	if what, do = vet(q, e.literals); what != "" {
		refuse(x, what, do)
		return
	}
	if what, do = vetValues(q, e.s.values); what != "" {
		refuse(x, what, do)
		return
	}
	if !x.time && !e.s.keepNull && mentions(q, "$enqueued") {
		refuse(x, "asks for $enqueued, which is another one each time a row is published", "ask for it in time only")
		return
	}
	if e.s.define != nil && x != e.s.define {
		defined, _, _ := parse(e.s.define.text + "\n.") // parsed before; the compiler changes what it is given
		q.FuncDefs = append(defined.FuncDefs, q.FuncDefs...)
	}
	guard(q)
	code, err := gojq.Compile(q, options...)
	if err != nil {
		refuse(x, err.Error(), "correct it, or put text that is meant as such into quotes of its own: '\"home\"'")
		return
	}
	e.codes[x.index] = code
}

// begin gets ready for a row.
func (e *evaluator) begin(b *budget, row, event, enqueued any) {
	e.budget, e.given = b, []any{row, event, enqueued}
	e.at, e.failures, e.warnings, e.bytes = e.at[:0], nil, nil, e.s.limits.MaxBytes
}

// end forgets the row: an evaluator lies in the pool for a while.
func (e *evaluator) end() {
	e.budget, e.given, e.failures, e.warnings = nil, nil, nil, nil
}

func (e *evaluator) field() string {
	var b strings.Builder
	for _, name := range e.at {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return b.String()
}

func (e *evaluator) fail(rule, what string) {
	e.failures = append(e.failures, Failure{e.field(), rule, what})
}

func (e *evaluator) warn(rule string) {
	w := Warning{e.field(), rule}
	for _, other := range e.warnings {
		if other == w { // an expression may call a function twice
			return
		}
	}
	e.warnings = append(e.warnings, w)
}

// exhausted says whether there is no point in going on with this row.
func (e *evaluator) exhausted() bool { return e.budget.Err() != nil }

// one runs an expression that gives one value; null, or none, is no value.
func (e *evaluator) one(x *expression, in any) any {
	var first any
	n := 0
	e.each(x, in, func(v any) bool {
		if n++; n > 1 {
			e.fail(ruleOne, fmt.Sprintf("at least %d values", n))
			return false
		}
		first = v
		return true
	})
	if n > 1 {
		return nil
	}
	return first
}

// each runs an expression and hands over what it gives, until take has enough. A failure ends it.
func (e *evaluator) each(x *expression, in any, take func(v any) bool) {
	if e.exhausted() {
		return
	}
	defer func() {
		if recover() != nil { // with what was thrown, the row could get out
			e.fail(rulePanic, "")
		}
	}()
	results := e.codes[x.index].RunWithContext(e.budget, in, e.given...)
	for {
		v, more := results.Next()
		if !more {
			return
		}
		if err, isError := v.(error); isError {
			e.fail(failureOf(err, e.literals))
			return
		}
		if !take(v) {
			return
		}
	}
}
