package fieldmap

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/itchyny/gojq"

	"github.com/signalbox/signalbox/internal/joined"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Expression is a single jq program over JSON, under the rules and bounds of field maps: no clock, no environment, no more steps,
// time or memory than allowed. Unlike a map it keeps members that are null.
type Expression struct {
	sheet *sheet
	ready sync.Pool // of *evaluator
}

// Compile reads an expression that may ask for the variables, such as $event. at names it in the error, which joins every Problem.
func Compile(at, text string, limits Limits, variables ...string) (*Expression, error) {
	x := &expression{at: at, text: text}
	s := &sheet{expressions: []*expression{x}, data: &field{value: x}, limits: limits.withDefaults(), variables: variables, keepNull: true}
	first, problems := newEvaluator(s)
	if len(problems) > 0 {
		return nil, joined.Error(problems)
	}
	e := &Expression{sheet: s}
	e.ready.Put(first)
	return e, nil
}

// Value runs the expression over a JSON text; values are those of the variables, in order, each JSON or nil for null. It gives the one value that
// comes out, and null if none does. The error is a *Failed.
func (x *Expression) Value(in json.RawMessage, values ...json.RawMessage) (json.RawMessage, error) {
	e, _ := x.ready.Get().(*evaluator)
	if e == nil {
		e, _ = newEvaluator(x.sheet) // without problems: the first one had none
	}
	defer x.ready.Put(e)
	given := make([]any, len(x.sheet.variables))
	for i := range min(len(values), len(given)) {
		if values[i] == nil {
			continue
		}
		v, err := decode(values[i])
		if err != nil {
			return nil, failed([]Failure{{Field: x.sheet.expressions[0].at, Rule: ruleRow, Shape: x.sheet.variables[i] + " is no JSON"}})
		}
		given[i] = v
	}
	over := make(chan struct{})
	close(over)
	for tries := 0; ; tries++ { // see inTime
		ctx, cancel := context.WithTimeout(context.Background(), x.sheet.limits.Deadline)
		out, err := e.value(&budget{ctx, x.sheet.limits.Steps, over}, in, given)
		late := ctx.Err() != nil
		cancel()
		if !late || tries == 1 {
			return out, err
		}
	}
}

func (e *evaluator) value(b *budget, in json.RawMessage, given []any) (json.RawMessage, error) {
	x := e.s.expressions[0]
	e.begin(b, nil, nil, nil)
	defer e.end()
	e.at = append(e.at[:0], x.at)
	doc, err := decode(in)
	if err != nil {
		e.fail(ruleRow, "what it is asked of is no JSON")
		return nil, failed(e.failures)
	}
	e.given = given
	made := e.clean(e.one(x, doc), e.s.limits.MaxDepth)
	if e.exhausted() && len(e.failures) == 0 {
		e.fail(ruleSteps, "")
	}
	if len(e.failures) > 0 {
		return nil, failed(e.failures)
	}
	return gojq.Marshal(made)
}

// Sentence is what is wrong with an expression's result, without a value of what it was asked of.
func Sentence(err error) string {
	var f *Failed
	if errors.As(err, &f) {
		return f.fault.Detail
	}
	return fault.As(err).Detail
}

// variablesOf are the variables that a sheet's programs may ask for.
func (s *sheet) variablesOf() []string {
	if s.keepNull {
		return slices.Clone(s.variables)
	}
	return variables
}

// ExpressionLimits are those of a step that a configuration adds: it stands in the way of every event.
func ExpressionLimits(maxBytes int) Limits {
	return Limits{Steps: 500_000, Deadline: 2 * time.Second, MaxBytes: maxBytes}
}
