package fieldmap

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/itchyny/gojq"
)

// inTime makes the event of a row before its deadline. When that passes before the steps are used up, the clock ran on while the
// process stood still, or the library does not count: the row gets one more try, and only then the blame.
func (e *evaluator) inTime(row Row, deadline func() (context.Context, context.CancelFunc)) (ev Event, err error) {
	for range 2 {
		ctx, cancel := deadline()
		ev, err = e.event(ctx, row)
		late := ctx.Err() != nil
		cancel()
		if !late {
			break
		}
	}
	return ev, err
}

// event makes the event of a row: its attributes first, so that of a row that fails it is known which one it is.
func (e *evaluator) event(ctx context.Context, row Row) (Event, error) {
	over := make(chan struct{})
	close(over)
	e.begin(&budget{ctx, e.s.limits.Steps, over}, nil, nil, nil)
	defer e.end()
	in, err := decode(row.JSON)
	if err != nil {
		e.fail(ruleRow, "it is no JSON")
		return Event{}, failed(e.failures)
	}
	e.given = []any{in, attributesOf(row.Event), row.Enqueued.UTC().Format(time.RFC3339Nano)}
	var ev Event
	e.attributes(&ev, row, in)
	made := e.make(e.s.data, in)
	if e.exhausted() {
		e.at = append(e.at[:0], "data")
		if len(e.failures) == 0 || e.failures[len(e.failures)-1].Rule != ruleSteps {
			e.fail(ruleSteps, "")
		}
	}
	ev.Warnings = e.warnings
	if len(e.failures) > 0 {
		return ev, failed(e.failures)
	}
	ev.Data, err = gojq.Marshal(made)
	if err != nil { // of the types that there are, none can fail
		return ev, fmt.Errorf("encode the event: %w", err)
	}
	return ev, nil
}

// decode keeps numbers as they are written: 10.10 stays that.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

func attributesOf(event map[string]string) any {
	if event == nil {
		return nil
	}
	all := make(map[string]any, len(event))
	for k, v := range event {
		if v != "" {
			all[k] = v
		}
	}
	return all
}

// attributes makes what the row's CloudEvent lacks or the map replaces; of a row that came without, all of them.
func (e *evaluator) attributes(ev *Event, row Row, in any) {
	for _, name := range attributes {
		x := e.s.attributes[name]
		if row.Event[name] != "" && !e.s.replace[name] {
			continue
		}
		e.at = append(e.at[:0], name)
		text := ""
		failures := len(e.failures)
		if x != nil {
			text = e.text(e.one(x, in))
		}
		if text == "" && (name == ID || name == Time) && len(e.failures) == failures && !e.exhausted() {
			e.fail(ruleMissing, "nothing")
		}
		switch name {
		case ID:
			ev.ID = text
		case Time:
			ev.Time = e.moment(text)
		case Subject:
			ev.Subject = text
		case CorrelationID:
			ev.CorrelationID = text
		case Sequence:
			ev.Sequence = text
		case Channel:
			ev.Channel = text
		}
	}
	e.at = e.at[:0]
}

// text reads an attribute: text, or a number as it is written.
func (e *evaluator) text(v any) string {
	if v == nil {
		return ""
	}
	text, ok := asText(v)
	if _, fraction := v.(float64); !ok || fraction {
		e.fail(ruleText, Shape(v))
		return ""
	}
	return text
}

func (e *evaluator) moment(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		e.fail(ruleTime, Shape(text))
	}
	return t.UTC()
}

// make makes a field. A member that gets null, or nothing, is left out.
func (e *evaluator) make(f *field, in any) any {
	if len(e.at) == 0 {
		e.at = append(e.at, "data")
	}
	switch {
	case f.value != nil:
		return e.clean(e.one(f.value, in), e.s.limits.MaxDepth-len(e.at))
	case f.isList:
		return e.list(f, in)
	}
	made := make(map[string]any, len(f.members))
	for i := range f.members {
		m := &f.members[i]
		e.at = append(e.at, m.name)
		e.bytes -= len(m.name) + 4
		if v := e.make(&m.field, in); v != nil {
			made[m.name] = v
		}
		e.at = e.at[:len(e.at)-1]
	}
	return made
}

func (e *evaluator) list(f *field, in any) any {
	made := []any{}
	add := func(el *field, in any) bool {
		e.at = append(e.at, strconv.Itoa(len(made)))
		e.bytes -= 2
		if v := e.make(el, in); v != nil {
			made = append(made, v)
		}
		e.at = e.at[:len(e.at)-1]
		return !e.exhausted() && e.bytes >= 0
	}
	for _, el := range f.elements {
		if el.each == nil {
			add(el, in)
			continue
		}
		e.at = append(e.at, strconv.Itoa(len(made)))
		at := len(e.at) - 1
		e.each(el.each, in, func(v any) bool {
			e.at = e.at[:at]
			more := add(el, v)
			e.at = append(e.at, strconv.Itoa(len(made)))
			return more
		})
		e.at = e.at[:at]
	}
	return made
}

// clean bounds a value and drops the null members of its objects, save an Expression's.
func (e *evaluator) clean(v any, deep int) any {
	failures := len(e.failures)
	v = e.cleaned(v, deep)
	if len(e.failures) > failures {
		return nil
	}
	return v
}

func (e *evaluator) cleaned(v any, deep int) any {
	e.bytes -= 1
	switch x := v.(type) {
	case string:
		e.bytes -= len(x) + 2
	case json.Number:
		e.bytes -= len(x)
	case int:
		e.bytes -= len(strconv.Itoa(x))
	case *big.Int:
		e.bytes -= x.BitLen() / 3
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			e.failOnce(ruleNumber, "no number that JSON can write")
			return nil
		}
		e.bytes -= 8
	}
	if e.bytes < 0 || deep <= 0 {
		e.failOnce(ruleSize, Shape(v))
		return nil
	}
	switch x := v.(type) {
	case []any:
		list := make([]any, 0, len(x))
		for _, el := range x {
			list = append(list, e.cleaned(el, deep-1))
			if e.bytes < 0 {
				return nil
			}
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(x))
		for k, member := range x {
			if e.bytes -= len(k) + 4; e.bytes < 0 {
				e.failOnce(ruleSize, Shape(v))
				return nil
			}
			if member != nil || e.s.keepNull {
				object[k] = e.cleaned(member, deep-1)
			}
		}
		return object
	}
	return v
}

// failOnce reports one failure of a kind for a field.
func (e *evaluator) failOnce(rule, what string) {
	if n := len(e.failures); n > 0 && e.failures[n-1].Rule == rule && e.failures[n-1].Field == e.field() {
		return
	}
	e.fail(rule, what)
}
