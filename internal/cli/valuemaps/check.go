package valuemaps

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/scaleunit"
	"github.com/signalbox/signalbox/mapping/valuemap"
	"github.com/signalbox/signalbox/orchestration"
)

// The ways in which holding a value map against the CSU can end.
const (
	Good     = "ok"        // each value of D365 is there
	Missing  = "missing"   // some are not
	NotAsked = "not_asked" // the CSU has no list of this kind, or shows it to nobody like us; or it was not to be asked
)

// Report says of each value map whether it is good.
type Report struct {
	Maps  []Checked `json:"value_maps"`
	Calls int       `json:"calls"` // of the CSU
}

// Checked is one value map.
type Checked struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Source  string   `json:"source,omitempty"`
	Rows    int      `json:"rows"`
	CSU     string   `json:"csu"`               // one of Good, Missing, NotAsked
	Missing []string `json:"missing,omitempty"` // values of D365 that no channel of the source has
	Asked   []string `json:"asked,omitempty"`   // channels
}

// Lister lists what a channel has of a kind.
type Lister interface {
	Known(ctx context.Context, ch orchestration.Channel, kind string) (map[string]bool, error)
}

// Check holds value maps against the CSU; nil: it is not asked.
func Check(ctx context.Context, set valuemap.Set, channels orchestration.Channels, csu Lister) (Report, error) {
	r := Report{Maps: []Checked{}}
	for _, m := range set {
		c := Checked{Name: m.Name, Kind: m.Kind, Source: m.Source, Rows: len(m.Rows), CSU: NotAsked}
		if csu != nil && scaleunit.Listed(m.Kind) {
			if err := c.against(ctx, m, channels, csu); err != nil {
				return r, fmt.Errorf("the value map %s: %w", m.Name, err)
			}
		}
		r.Maps = append(r.Maps, c)
	}
	return r, nil
}

// against asks the channels that events of the map's source may belong to. A value is good if one of them has it.
func (c *Checked) against(ctx context.Context, m *valuemap.Map, channels orchestration.Channels, csu Lister) error {
	known := map[string]bool{}
	for _, ch := range channels {
		if own, ok := channels.For(orchestration.Event{Source: m.Source}); m.Source != "" && ok && own.Name != ch.Name {
			continue
		}
		ids, err := csu.Known(ctx, ch, m.Kind)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			continue
		}
		c.Asked = append(c.Asked, ch.Name)
		for id := range ids {
			known[id] = true
		}
	}
	if len(c.Asked) == 0 {
		return nil
	}
	c.CSU = Good
	for _, to := range targets(m) {
		if !known[to] {
			c.CSU = Missing
			c.Missing = append(c.Missing, to)
		}
	}
	return nil
}

// targets are the values of D365 that a map gives, each once.
func targets(m *valuemap.Map) []string {
	var all []string
	for _, r := range m.Rows {
		all = append(all, r.To)
	}
	if to, fixed := strings.CutPrefix(m.Unknown, "="); fixed {
		all = append(all, to)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Print writes a line for each map.
func (r Report) Print(w io.Writer) error {
	for _, c := range r.Maps {
		of := c.Source
		if of == "" {
			of = "all sources"
		}
		line := fmt.Sprintf("%s of %s: %d rows", c.Name, of, c.Rows)
		switch c.CSU {
		case Good:
			line += "; " + strings.Join(c.Asked, ", ") + " has each " + c.Kind
		case Missing:
			line += "; " + strings.Join(c.Asked, ", ") + " has no " + c.Kind + " " + strings.Join(c.Missing, ", ")
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// Verdict gives a check its exit code.
func (r Report) Verdict() error {
	bad := 0
	for _, c := range r.Maps {
		if c.CSU == Missing {
			bad++
		}
	}
	switch {
	case len(r.Maps) == 0:
		return exit.New(exit.Nothing, "there are no such value maps", "add them to the table value_maps; signalbox valuemap list says which there are")
	case bad > 0:
		return exit.New(exit.Partly, fmt.Sprintf("%d of %d value maps name what the CSU does not have", bad, len(r.Maps)),
			"correct the rows, or add what is missing in headquarters and let the jobs bring it to the channels")
	}
	return nil
}
