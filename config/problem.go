package config

import "errors"

// Problem is one thing that must be put right before the process starts. It holds no secret.
type Problem struct {
	Key    string // run.lease, or the variable's name when no key fits
	Origin string // default, the file's path, or the variable's name
	What   string // what is wrong
	Do     string // what to do
}

// Error says it in one line.
func (p Problem) Error() string {
	s := p.Key
	if p.Origin != "" && p.Origin != p.Key {
		s += " (" + p.Origin + ")"
	}
	return s + ": " + p.What + "; " + p.Do
}

// Problems takes an error of Load or Check apart again, for a table or for JSON.
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

func join(problems []Problem) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
