package fieldmap

import (
	"context"
	"encoding/json"
	"math/big"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// What a value may be on the way to another: far more than any row, far less than a machine's memory.
const (
	maxCost  = 4 << 20   // bytes of text, and eight for every value
	maxShort = 16 << 10  // bytes of a text in which a pattern is looked for: the library makes an object of every match
	maxPairs = 4_000_000 // comparisons of everything with everything
	maxBits  = 1 << 16   // of a whole number
	maxNest  = 512
	perStep  = 64 // what a step of the machine may cost of a value, so that looking at values counts as work too
)

// budget is the context that programs run under. The library asks Done before every step of its machine, so that counting
// the questions counts the steps; should a later version ask less often, the deadline still holds.
type budget struct {
	context.Context // the deadline's
	left            int
	over            chan struct{} // closed
}

// spent is the error of a budget.
type spent struct{}

func (*spent) Error() string { return "more steps than a row may take" }

// Done implements context.Context.
func (b *budget) Done() <-chan struct{} {
	if b.left--; b.left < 0 {
		return b.over
	}
	return b.Context.Done()
}

// Err implements context.Context.
func (b *budget) Err() error {
	if b.left < 0 || b.Context.Err() != nil {
		return &spent{}
	}
	return nil
}

// fit says whether a value is within bounds, and counts the looking at it as work. It stops where the bound is reached, so
// that a value which holds another a million times over costs no more than any other.
func (e *evaluator) fit(v any) error {
	left := cost(v, maxCost, maxNest)
	e.budget.left -= (maxCost - max(left, 0)) / perStep
	if left < 0 {
		return &broken{ruleSize, "a value on the way to it is too large"}
	}
	return nil
}

// cost takes what a value costs from what is left; below zero there was not enough.
func cost(v any, left, nest int) int {
	left -= 8
	if left < 0 || nest == 0 {
		return -1
	}
	switch v := v.(type) {
	case string:
		left -= len(v)
	case json.Number:
		left -= len(v)
	case *big.Int:
		left -= v.BitLen() / 8
	case []any:
		for _, x := range v {
			if left = cost(x, left, nest-1); left < 0 {
				return left
			}
		}
	case map[string]any:
		for k, x := range v {
			if left = cost(x, left-len(k), nest-1); left < 0 {
				return left
			}
		}
	}
	return left
}

// guards are the functions that guard puts into programs.
var guards = []Function{
	{Name: "_fit", do: func(e *evaluator, v any, _ []any) any { return orBroken(e.fit(v), v) }},
	{Name: "_said", do: func(_ *evaluator, v any, _ []any) any {
		if v == nil {
			return &broken{ruleNothing, "null in a text"}
		}
		return v
	}},
	{Name: "_short", do: func(_ *evaluator, v any, _ []any) any {
		if text, ok := v.(string); ok && len(text) > maxShort {
			return &broken{ruleSize, "a pattern is looked for in " + Shape(v)}
		}
		return v
	}},
	{Name: "_grow", min: 2, max: 2, do: func(e *evaluator, _ any, args []any) any {
		if size(args[0])+size(args[1]) > maxCost {
			return &broken{ruleSize, "a sum would be too large"}
		}
		return orBroken(e.fit(args), nil)
	}},
	{Name: "_times", min: 2, max: 2, do: func(_ *evaluator, _ any, args []any) any {
		if tooMuch(args[0], args[1]) || tooMuch(args[1], args[0]) || bits(args[0])+bits(args[1]) > maxBits {
			return &broken{ruleSize, "a product would be too large"}
		}
		return nil
	}},
	{Name: "_pairs", min: 2, max: 2, do: func(e *evaluator, _ any, args []any) any {
		if nodes(args[0])*nodes(args[1]) > maxPairs {
			return &broken{ruleSize, "comparing would take too long"}
		}
		return orBroken(e.fit(args), args[0])
	}},
}

func orBroken(err error, v any) any {
	if err != nil {
		return err
	}
	return v
}

// tooMuch says whether text would be repeated beyond the bound.
func tooMuch(text, times any) bool {
	s, isText := text.(string)
	n, isNumber := gojq.ToFloat64(times)
	return isText && isNumber && n*float64(len(s)) > maxCost
}

func size(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		return 8 * len(v)
	case map[string]any:
		return 8 * len(v)
	}
	return 0
}

// bits is the length of a whole number. One that is written out in a row is not longer than the row.
func bits(v any) int {
	switch v := v.(type) {
	case *big.Int:
		return v.BitLen()
	case json.Number:
		return 4 * len(v)
	}
	return 0
}

// nodes counts values, up to a bound.
func nodes(v any) int {
	n := 0
	var count func(v any)
	count = func(v any) {
		if n++; n > maxPairs {
			return
		}
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				count(x)
			}
		case map[string]any:
			for _, x := range v {
				count(x)
			}
		case string:
			n += utf8.RuneCountInString(v) / 1024
		}
	}
	count(v)
	return n
}
