package fieldmap

import (
	"errors"
	"fmt"
)

// Problem is one thing that must be put right in a field map.
type Problem struct {
	Line int    // in the file, from 1; zero: the whole of it
	At   string // the key, such as data.addresses[0].street
	What string
	Do   string
}

// Error says it in one line.
func (p Problem) Error() string {
	s := p.What + "; " + p.Do
	if p.At != "" {
		s = p.At + ": " + s
	}
	if p.Line > 0 {
		s = fmt.Sprintf("line %d, %s", p.Line, s)
	}
	return s
}

// Problems takes an error of Load or Parse apart again; nil if it is of another kind.
func Problems(err error) []Problem {
	var p Problem
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Problem
		for _, e := range joined.Unwrap() {
			all = append(all, Problems(e)...)
		}
		return all
	}
	if errors.As(err, &p) {
		return []Problem{p}
	}
	return nil
}

func joined(problems []Problem) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
