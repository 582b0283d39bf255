package valuemap

import (
	"fmt"

	"github.com/signalbox/signalbox/internal/joined"
)

// Problem is one thing that must be put right in a value map.
type Problem struct {
	Line int // in the file, from 1; zero: the whole of it
	What string
	Do   string
}

// Error says it in one line.
func (p Problem) Error() string {
	s := p.What + "; " + p.Do
	if p.Line > 0 {
		s = fmt.Sprintf("line %d: %s", p.Line, s)
	}
	return s
}

// Problems takes an error of Load or Read apart again; nil if it is of another kind.
func Problems(err error) []Problem { return joined.Parts[Problem](err) }
