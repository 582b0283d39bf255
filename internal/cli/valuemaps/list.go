// Package valuemaps shows, checks and fills the value maps of a configuration, for the command line.
package valuemaps

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/mapping/valuemap"
)

// Listing is the value maps there are.
type Listing struct {
	Maps []Listed `json:"value_maps"`
}

// Listed is one of them.
type Listed struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Source  string `json:"source,omitempty"` // empty: all that have none of this name of their own
	Rows    int    `json:"rows"`
	Unknown string `json:"unknown"`
	OneWay  bool   `json:"one_way"`
	File    string `json:"file"`
}

// List lists value maps.
func List(set valuemap.Set) Listing {
	l := Listing{Maps: []Listed{}}
	for _, m := range set {
		l.Maps = append(l.Maps, Listed{m.Name, m.Kind, m.Source, len(m.Rows), m.Unknown, m.OneWay, m.File})
	}
	return l
}

// Print writes them as a table.
func (l Listing) Print(w io.Writer) error {
	rows := [][]string{{"NAME", "KIND", "SOURCE", "ROWS", "UNKNOWN", "WAYS", "FILE"}}
	for _, m := range l.Maps {
		ways := "both"
		if m.OneWay {
			ways = "one"
		}
		source := m.Source
		if source == "" {
			source = "all"
		}
		rows = append(rows, []string{m.Name, m.Kind, source, fmt.Sprint(m.Rows), m.Unknown, ways, filepath.Base(m.File)})
	}
	return render.Rows(w, rows)
}
