package fieldmap

import (
	"reflect"

	"github.com/itchyny/gojq"
)

// A jq program can be stopped between two of its steps only, and a single step can take all the memory there is:
// "12" * 1000000000 repeats a text, where a source writes its prices as text. So programs are rewritten before they are
// compiled: whatever can grow is asked first, by functions of ours, whether it may.
//
//	a + b        becomes  b as $__r | a as $__l | _grow($__l; $__r) | $__l + $__r
//	[…] {…} "\(…)"  become   … | _fit
//	gsub(…)      becomes  _short | gsub(…)
//
// The order in which operands are evaluated is jq's own: the right one first.
//
// Twice a map means something else than jq on purpose, since jq writes null as the word "null", and customers without a
// number would all be the customer "null": null inside a text, "customer-\(.No)", fails; null | tostring stays null.
const (
	left, right = "$__l", "$__r"
)

// growing are the operators that are asked first.
var growing = map[gojq.Operator]string{gojq.OpAdd: "_grow", gojq.OpMul: "_times", gojq.OpSub: "_pairs"}

// updating are the assignments that use an operator.
var updating = map[gojq.Operator]gojq.Operator{gojq.OpUpdateAdd: gojq.OpAdd, gojq.OpUpdateSub: gojq.OpSub, gojq.OpUpdateMul: gojq.OpMul,
	gojq.OpUpdateDiv: gojq.OpDiv, gojq.OpUpdateMod: gojq.OpMod}

// before are functions with what is asked before they are called: whether their input is short enough for what they make
// of every character, or small enough to be written out.
var before = map[string]string{"test": "_short", "match": "_short", "capture": "_short", "scan": "_short", "splits": "_short", "sub": "_short", "gsub": "_short",
	"tojson": "_fit", "join": "_fit", "add": "_fit", "implode": "_fit", "format": "_fit"}

// comparing are functions that compare everything with everything.
var comparing = map[string]bool{"contains": true, "inside": true, "indices": true, "index": true, "rindex": true}

// guard rewrites a program in place.
func guard(q *gojq.Query) {
	rewrite(reflect.ValueOf(q), func(node any) {
		switch n := node.(type) {
		case *gojq.Query:
			guardQuery(n)
		case *gojq.Term:
			guardTerm(n)
		}
	})
}

func guardQuery(q *gojq.Query) {
	if op, ok := updating[q.Op]; ok { // a += b is b as $x | a |= . + $x
		change := &gojq.Query{Op: op, Left: identity(), Right: call(right)}
		guardQuery(change)
		*q = gojq.Query{FuncDefs: q.FuncDefs, Op: gojq.OpPipe, Left: q.Right, Patterns: []*gojq.Pattern{{Name: right}},
			Right: pipe(&gojq.Query{Op: gojq.OpModify, Left: q.Left, Right: change}, call("_fit"))}
		return
	}
	if ask, ok := growing[q.Op]; ok {
		l, r, op := q.Left, q.Right, q.Op
		*q = gojq.Query{FuncDefs: q.FuncDefs, Op: gojq.OpPipe, Left: r, Patterns: []*gojq.Pattern{{Name: right}},
			Right: &gojq.Query{Op: gojq.OpPipe, Left: l, Patterns: []*gojq.Pattern{{Name: left}},
				Right: pipe(call(ask, call(left), call(right)), &gojq.Query{Op: op, Left: call(left), Right: call(right)})}}
		return
	}
	if q.Op >= gojq.OpAssign && q.Op <= gojq.OpUpdateAlt {
		inner := *q
		inner.FuncDefs = nil
		*q = gojq.Query{FuncDefs: q.FuncDefs, Op: gojq.OpPipe, Left: nested(&inner), Right: call("_fit")}
	}
}

func guardTerm(t *gojq.Term) {
	base := *t
	base.SuffixList = nil
	var guarded *gojq.Query
	switch {
	case t.Type == gojq.TermTypeArray && t.Array.Query != nil,
		t.Type == gojq.TermTypeObject && len(t.Object.KeyVals) > 0,
		(t.Type == gojq.TermTypeString || t.Type == gojq.TermTypeFormat) && t.Str != nil && t.Str.Queries != nil:
		if base.Str != nil {
			base.Str = parts(base.Str)
		}
		guarded = pipe(&gojq.Query{Term: &base}, call("_fit"))
	case t.Type == gojq.TermTypeFormat && t.Str == nil:
		guarded = pipe(call("_fit"), &gojq.Query{Term: &base})
	case t.Type == gojq.TermTypeFunc && t.Func.Name == "split" && len(t.Func.Args) == 2:
		guarded = pipe(call("_short"), &gojq.Query{Term: &base})
	case t.Type == gojq.TermTypeFunc && t.Func.Name == "tostring" && len(t.Func.Args) == 0:
		guarded = &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIf, If: &gojq.If{
			Cond: &gojq.Query{Op: gojq.OpEq, Left: identity(), Right: &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeNull}}},
			Then: identity(), Else: pipe(call("_fit"), &gojq.Query{Term: &base})}}}
	case t.Type == gojq.TermTypeFunc && before[t.Func.Name] != "":
		guarded = pipe(call(before[t.Func.Name]), &gojq.Query{Term: &base})
	case t.Type == gojq.TermTypeFunc && comparing[t.Func.Name] && len(t.Func.Args) == 1:
		with := call(t.Func.Name, call(right))
		guarded = &gojq.Query{Op: gojq.OpPipe, Left: t.Func.Args[0], Patterns: []*gojq.Pattern{{Name: right}},
			Right: pipe(call("_pairs", identity(), call(right)), with)}
		// _pairs gives its input back, so that the function has it
	default:
		return
	}
	*t = gojq.Term{Type: gojq.TermTypeQuery, Query: guarded, SuffixList: t.SuffixList}
}

// parts is a text whose parts are asked whether they are null.
func parts(s *gojq.String) *gojq.String {
	asked := &gojq.String{Str: s.Str}
	for _, q := range s.Queries {
		if q.Term == nil || q.Term.Type != gojq.TermTypeString {
			q = nested(pipe(q, call("_said")))
		}
		asked.Queries = append(asked.Queries, q)
	}
	return asked
}

func identity() *gojq.Query { return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIdentity}} }

func nested(q *gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: q}}
}

func pipe(a, b *gojq.Query) *gojq.Query { return &gojq.Query{Op: gojq.OpPipe, Left: a, Right: b} }

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

// rewrite visits every node after those below it.
func rewrite(v reflect.Value, visit func(node any)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			rewrite(v.Elem(), visit)
			visit(v.Interface())
		}
	case reflect.Slice:
		for i := range v.Len() {
			rewrite(v.Index(i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			rewrite(v.Field(i), visit)
		}
	default: // numbers and text
	}
}
