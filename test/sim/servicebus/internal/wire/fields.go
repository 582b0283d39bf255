package wire

import "fmt"

// fields reads the list of a composite by position and remembers the first error. A field that is missing
// or null is absent.
type fields struct {
	of    string
	items []any
	err   error
}

// listOf opens the list of a composite that may have at most limit fields.
func listOf(of string, v any, limit int) *fields {
	f := &fields{of: of}
	items, ok := v.([]any)
	if !ok {
		f.fail("is %T, not a list", v)
	} else if len(items) > limit {
		f.fail("has %d fields, at most %d are defined", len(items), limit)
	}
	f.items = items
	return f
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = &Error{Condition: CondDecodeError, Description: f.of + " " + fmt.Sprintf(format, args...)}
	}
}

// raw is field i as decoded, nil when absent.
func (f *fields) raw(i int) any {
	if i < len(f.items) {
		return f.items[i]
	}
	return nil
}

// optional is field i, nil when absent.
func optional[T any](f *fields, i int) *T {
	v := f.raw(i)
	if v == nil {
		return nil
	}
	t, ok := v.(T)
	if !ok {
		f.fail("field %d is %T", i, v)
		return nil
	}
	return &t
}

// must is field i, which the specification calls mandatory.
func must[T any](f *fields, i int) T {
	if p := optional[T](f, i); p != nil {
		return *p
	}
	f.fail("lacks field %d", i)
	var zero T
	return zero
}

// either is field i, or what stands for its absence.
func either[T any](f *fields, i int, absent T) T {
	if p := optional[T](f, i); p != nil {
		return *p
	}
	return absent
}

// symbols is a field of type symbol that may be multiple: null, one, or an array.
func (f *fields) symbols(i int) []Symbol {
	switch v := f.raw(i).(type) {
	case nil:
		return nil
	case Symbol:
		return []Symbol{v}
	case Array[Symbol]:
		return v
	default:
		f.fail("field %d is %T, not symbols", i, v)
		return nil
	}
}

// properties is a map whose keys are symbols; strings are let through, as some clients send them.
func (f *fields) properties(i int) map[Symbol]any {
	m, err := symbolMap(f.raw(i))
	if err != nil {
		f.fail("field %d: %v", i, err)
	}
	return m
}

// described is field i as one of the composites read by parse, nil when absent.
func described[T any](f *fields, i int, parse func(Described) (T, error)) T {
	var zero T
	v := f.raw(i)
	if v == nil {
		return zero
	}
	d, ok := v.(Described)
	if !ok {
		f.fail("field %d is %T", i, v)
		return zero
	}
	t, err := parse(d)
	if err != nil {
		f.fail("field %d: %v", i, err)
		return zero
	}
	return t
}

func symbolMap(v any) (map[Symbol]any, error) {
	if v == nil {
		return nil, nil
	}
	m, ok := v.(map[any]any)
	if !ok {
		return nil, fmt.Errorf("%T is not a map", v)
	}
	out := make(map[Symbol]any, len(m))
	for k, v := range m {
		switch k := k.(type) {
		case Symbol:
			out[k] = v
		case string:
			out[Symbol(k)] = v
		default:
			return nil, fmt.Errorf("%T as a key", k)
		}
	}
	return out, nil
}

// The helpers below turn Go's zero values into fields that are left out.

func opt[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func nonZero[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func mapOrNil(m map[Symbol]any) any {
	if m == nil {
		return nil
	}
	return m
}

func symbolsOrNil(s []Symbol) any {
	if len(s) == 0 {
		return nil
	}
	return Array[Symbol](s)
}

func errorOrNil(e *Error) any {
	if e == nil {
		return nil
	}
	return e
}
