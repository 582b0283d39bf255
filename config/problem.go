package config

import "github.com/signalbox/signalbox/internal/joined"

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
func Problems(err error) []Problem { return joined.Parts[Problem](err) }
