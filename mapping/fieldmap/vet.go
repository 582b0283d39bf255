package fieldmap

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

const (
	clock     = "depends on when it is asked; a row must give the same event every time"
	place     = "depends on the machine; a row must give the same event everywhere"
	outside   = "reads what is not in the row"
	float     = "may differ in its last digit between processors; a row must give the same event everywhere"
	unbounded = "lets a row choose how much memory is taken"
	noSense   = "has no meaning here"
)

// refused are the functions of jq that a field map may not call, and why. A test holds every function that the library
// has against this list and the list of those that are allowed, so that a new one is judged before it can be used.
var refused = map[string]string{
	"now": clock, "localtime": place, "strflocaltime": place,
	"env": outside, "$ENV": outside, "input": outside, "inputs": outside, "input_filename": outside, "input_line_number": outside,
	"get_search_list": outside, "modulemeta": outside, "import": outside,
	"setpath": unbounded + "; write .name = value", "fromstream": unbounded, "transpose": unbounded,
	"debug": noSense, "stderr": noSense, "halt": noSense, "halt_error": noSense, "builtins": noSense, "$__prog_args": noSense,
	"sin": float, "cos": float, "tan": float, "asin": float, "acos": float, "atan": float, "atan2": float, "sinh": float, "cosh": float,
	"tanh": float, "asinh": float, "acosh": float, "atanh": float, "exp": float, "exp2": float, "exp10": float, "expm1": float,
	"log": float, "log2": float, "log10": float, "log1p": float, "pow": float, "cbrt": float, "hypot": float, "gamma": float, "tgamma": float, "lgamma": float,
	"lgamma_r": float, "erf": float, "erfc": float, "j0": float, "j1": float, "jn": float, "y0": float, "y1": float, "yn": float, "fma": float,
}

// inPaths are the functions that may stand on the left of an assignment: what they lead to is in the row already.
var inPaths = map[string]bool{"select": true, "empty": true, "recurse": true, "first": true, "last": true, "arrays": true, "objects": true,
	"iterables": true, "strings": true, "numbers": true, "booleans": true, "nulls": true, "values": true, "scalars": true}

// vet says what is wrong with a program, in the words of a Problem; empty: nothing. It collects the texts that the
// program itself gives to error.
func vet(q *gojq.Query, literals map[string]bool) (what, do string) {
	if len(q.Imports) > 0 || q.Meta != nil {
		return "loads a module", "write the functions under define"
	}
	walk(reflect.ValueOf(q), func(n any) {
		switch n := n.(type) {
		case *gojq.Func:
			if why, bad := refused[n.Name]; bad && what == "" {
				what, do = "calls "+n.Name+", which "+why, "take it out"
			}
			if (strings.HasPrefix(n.Name, "_") || internalVariable(n.Name)) && what == "" {
				what, do = "calls "+n.Name+", which is internal", "use names that do not begin with _"
			}
			if text, ok := literal(n, "error", 0); ok {
				literals[text] = true
			}
			if n.Name == "pick" && len(n.Args) == 1 && what == "" {
				what, do = vetPath(n.Args[0])
			}
			if what == "" {
				what, do = vetArguments(n)
			}
		case *gojq.FuncDef:
			if strings.HasPrefix(n.Name, "_") && what == "" {
				what, do = "defines "+n.Name+", and such names are internal", "give it a name that does not begin with _"
			}
		case *gojq.Pattern:
			if internalVariable(n.Name) && what == "" {
				what, do = "sets "+n.Name+", which is internal", "give it a name that does not begin with $__"
			}
		case *gojq.Query:
			if n.Op >= gojq.OpAssign && n.Op <= gojq.OpUpdateAlt && what == "" {
				what, do = vetPath(n.Left)
			}
		}
	})
	return what, do
}

// internalVariable says whether a variable has a name of those that guard uses.
func internalVariable(name string) bool { return strings.HasPrefix(name, "$__") && name != "$__loc__" }

// vetPath refuses to assign to a place that the row chooses: to the billionth element of a list, say.
func vetPath(q *gojq.Query) (what, do string) {
	walkUntil(reflect.ValueOf(q), func(n any) (stop bool) {
		switch n := n.(type) {
		case *gojq.Func:
			if !inPaths[n.Name] && what == "" {
				what, do = "assigns to where "+n.Name+" leads", "assign to .name, .[0] or .[], or build a new object: . + {name: value}"
			}
			return n.Name == "select"
		case *gojq.Index:
			for _, q := range []*gojq.Query{n.Start, n.End} {
				if q != nil && !smallLiteral(q) && what == "" {
					what, do = "assigns to an index that is computed", "build a new object instead: . + {(name): value}"
				}
			}
			return true
		}
		return false
	})
	return what, do
}

func smallLiteral(q *gojq.Query) bool {
	if q.Term == nil || len(q.Term.SuffixList) > 0 {
		return false
	}
	n, err := strconv.Atoi(q.Term.Number)
	return q.Term.Type == gojq.TermTypeString && q.Term.Str.Queries == nil ||
		q.Term.Type == gojq.TermTypeNumber && err == nil && n < 10_000
}

// literal is the text that a call of name has as its argument, if it stands there as such.
func literal(f *gojq.Func, name string, argument int) (string, bool) {
	if f.Name != name || len(f.Args) <= argument {
		return "", false
	}
	t := f.Args[argument].Term
	if t == nil || t.Type != gojq.TermTypeString || t.Str.Queries != nil || len(t.SuffixList) > 0 {
		return "", false
	}
	return t.Str.Str, true
}

// walk visits every node of a program.
func walk(v reflect.Value, visit func(node any)) {
	walkUntil(v, func(node any) bool {
		visit(node)
		return false
	})
}

// walkUntil visits nodes, and not those below one where visit says stop.
func walkUntil(v reflect.Value, visit func(node any) (stop bool)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && !visit(v.Interface()) {
			walkUntil(v.Elem(), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkUntil(v.Index(i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			walkUntil(v.Field(i), visit)
		}
	default: // numbers and text
	}
}

// parse reads a program and says in the words of a Problem why it cannot.
func parse(text string) (q *gojq.Query, what, do string) {
	q, err := gojq.Parse(text)
	if err == nil {
		return q, "", ""
	}
	what = "is no jq expression: " + err.Error()
	if p, ok := err.(*gojq.ParseError); ok { //nolint:errorlint // the library gives it as it is
		what += fmt.Sprintf(" at character %d", max(1, p.Offset-len(p.Token)+1))
	}
	return nil, what, "correct it, or put text that is meant as such into quotes of its own: '\"home\"'"
}

// mentions says whether a program uses a variable.
func mentions(q *gojq.Query, variable string) bool {
	found := false
	walk(reflect.ValueOf(q), func(n any) {
		f, ok := n.(*gojq.Func)
		found = found || ok && f.Name == variable
	})
	return found
}
