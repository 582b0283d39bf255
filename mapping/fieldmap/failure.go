package fieldmap

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// Failure is one field that could not be made. It holds nothing of the row but the shape of what did not fit.
type Failure struct {
	Field string `json:"field"` // JSON pointer into the event: /id, /data/email
	Rule  string `json:"rule"`  // what was not kept: a normaliser's name, or one of those below
	Shape string `json:"shape"` // of what did not keep it: text of 12 characters, an object of 3 members
}

// Warning is one field that was made, but not as the map would have it. Rules: see Rules.
type Warning struct {
	Field string `json:"field" yaml:"field"`
	Rule  string `json:"rule" yaml:"rule"`
}

// The rules that warn.
const (
	WarnPhone       = "phone"        // could not be read, kept as it was given
	WarnPhoneLength = "phone_length" // could not be read and is longer than any field for it, left out
	WarnCut         = "cut"          // longer than cut allows, shortened
	WarnTimeTwice   = "time_twice"   // a local time that came twice, the clock having been put back: the earlier is taken
	WarnTimeSkipped = "time_skipped" // a local time that never came, the clock having been put forward
)

// WarningRules lists the rules that warn.
func WarningRules() []string {
	return []string{WarnPhone, WarnPhoneLength, WarnCut, WarnTimeTwice, WarnTimeSkipped}
}

// The rules that are no function's name.
const (
	ruleJQ      = "jq"      // the expression itself fails: a field of a number, text divided by a list
	ruleOne     = "one"     // an expression gives one value, or none
	ruleText    = "text"    // an attribute is text
	ruleMissing = "missing" // an event has an id and a time
	ruleNothing = "null"    // a text is made of what is there
	ruleNumber  = "number"  // JSON has no infinity
	ruleSize    = "size"    // too much of it
	ruleSteps   = "steps"   // too much work
	ruleRow     = "row"     // the row is JSON
	rulePanic   = "panic"   // a defect of the jq library
	ruleTime    = "rfc3339" // the event's time is an RFC 3339 timestamp
)

// String is the failure as one sentence.
func (f Failure) String() string {
	switch f.Rule {
	case ruleMissing:
		return f.Field + " is missing: the field map gives none for this row"
	case ruleSteps:
		return f.Field + " takes more work than a row may; the field map may have a loop that does not end"
	case ruleSize:
		return f.Field + " becomes larger than it may: " + f.Shape
	case ruleOne:
		return f.Field + " gets more than one value; an expression gives one"
	case rulePanic:
		return f.Field + " cannot be made: the jq library has a defect there"
	}
	return fmt.Sprintf("%s does not keep the field map's rule %q: %s", f.Field, f.Rule, f.Shape)
}

// Failed is the error of a row that makes no event. It wraps the Poison fault that its dead letter is of.
type Failed struct {
	Failures []Failure
	fault    *fault.Error
}

func failed(failures []Failure) *Failed {
	f := &fault.Error{Kind: fault.Poison, Reason: fault.SchemaInvalid, Operation: "map row", Pointer: failures[0].Field,
		Detail: strings.TrimPrefix(failures[0].String(), failures[0].Field+" "), Class: "invalid"}
	if more := len(failures) - 1; more > 0 {
		f.Detail += fmt.Sprintf("; %d more fields fail", more)
	}
	return &Failed{failures, f}
}

// Error is the fault's text.
func (f *Failed) Error() string { return f.fault.Error() }

// Unwrap gives the fault.
func (f *Failed) Unwrap() error { return f.fault }

// broken is what a function of ours gives instead of a value. An expression may catch it with ? or try.
type broken struct{ rule, shape string }

func (b *broken) Error() string { return b.rule + ": " + b.shape }

// Shape says what kind of value it is and how large, which is all that may be said of it.
func Shape(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return "a flag"
	case string:
		return fmt.Sprintf("text of %d characters", utf8.RuneCountInString(v))
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case map[string]any:
		return fmt.Sprintf("an object of %d members", len(v))
	case int, float64, json.Number, *big.Int:
		return "a number"
	}
	return "a value"
}

// The library's errors quote values. Of its texts only these fixed words get through, and the name of a type.
var (
	gotType   = regexp.MustCompile(`^(?:expected an? (?:object|array|string|number)[a-z ]* but got|cannot iterate over|cannot (?:add|subtract|multiply|divide|modulo|negate)|invalid path[a-z ]* against): (null|boolean|number|string|array|object)\b`)
	appliedTo = regexp.MustCompile(`^([a-z_0-9]+)(?:\(.*\))? cannot be applied to(?:: (null|boolean|number|string|array|object)\b)?`)
	typeWords = map[string]string{"": "the value", "null": "nothing", "boolean": "a flag", "number": "a number", "string": "text", "array": "a list", "object": "an object"}
)

// failureOf reads the error of an expression. What the map's author wrote into error("…") is shown, if it stands in the
// map like that: then it is not of the row.
func failureOf(err error, literals map[string]bool) (rule, what string) {
	switch b := err.(type) { //nolint:errorlint // the library hands on what the function gave
	case *broken:
		return b.rule, b.shape
	case *spent:
		return ruleSteps, ""
	case gojq.ValueError:
		if text, ok := b.Value().(string); ok && literals[text] {
			return ruleJQ, text
		}
		return ruleJQ, "the expression gives an error of its own"
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	if m := gotType.FindStringSubmatch(text); m != nil {
		return ruleJQ, "it does not work on " + typeWords[m[1]]
	}
	if m := appliedTo.FindStringSubmatch(text); m != nil {
		return ruleJQ, m[1] + " does not work on " + typeWords[m[2]]
	}
	return ruleJQ, "the expression fails"
}
