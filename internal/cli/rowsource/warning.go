package rowsource

import (
	"fmt"

	"github.com/signalbox/signalbox/mapping/fieldmap"
)

// Warning is a field of a row that went through, but not as its map would have it.
type Warning struct {
	Line int `json:"line"`
	fieldmap.Warning
}

// String is the warning as one line of text.
func (w Warning) String() string {
	return fmt.Sprintf("line %d: warning at %s: %s", w.Line, w.Field, w.Rule)
}
