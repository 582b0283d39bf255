package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// table is what a run of all rows found.
type table struct {
	Seed    uint64   `json:"seed"`
	Workers int      `json:"workers"`
	Rows    []result `json:"rows"`
	Gate    []phase  `json:"gate,omitempty"`
	Lanes   lanes    `json:"lanes,omitzero"`
	Crowd   crowd    `json:"crowd,omitzero"`
}

// String is the line in Markdown.
func (r result) String() string {
	name := r.Fault
	if r.Killed > 0 {
		name += fmt.Sprintf(" (%d killed)", r.Killed)
	}
	if r.Overtaken > 0 {
		name += fmt.Sprintf(" (%d overtaken)", r.Overtaken)
	}
	explained := fmt.Sprintf("%d of %d", r.Explained, r.Poison)
	if r.Unexplained > 0 {
		explained += fmt.Sprintf(", %d not", r.Unexplained)
	}
	return fmt.Sprintf("| %s | %d | %d | %d | %s | %.1f s |", name, r.Events, r.Lost, r.Doubled, explained, r.Recovery)
}

// String is the table in Markdown.
func (tb table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d workers\n\n| fault | events | lost | doubled | explained | recovery |\n|---|---|---|---|---|---|\n", tb.Seed, tb.Workers)
	for _, r := range tb.Rows {
		fmt.Fprintln(&b, r)
	}
	if len(tb.Gate) > 0 {
		fmt.Fprintf(&b, "\nfrom %v after each change of the CSU's hidden capacity:\n\n| workers | calls a second | used | refused |\n|---|---|---|---|\n", settle)
		for _, p := range tb.Gate {
			fmt.Fprintf(&b, "| %d | %d | %.1f %% | %.2f %% |\n", p.Workers, p.Capacity, 100*p.Used, 100*p.Refused)
		}
	}
	if l := tb.Lanes; l.Drained > 0 {
		fmt.Fprintf(&b, "\nlive events, %d a second: p95 %.3f s until done; %.3f s (%+.0f %%) while %d of %d replays drain\n", livePace, l.Before, l.During,
			100*(l.During/l.Before-1), l.Drained, replays)
	}
	if c := tb.Crowd; c.Events > 0 {
		fmt.Fprintf(&b, "\n%d events of one customer at once: %d copies in all, at most %d of one event\n", c.Events, c.Copies, c.Most)
	}
	return b.String()
}

// save writes the table to the file that CHAOS_REPORT names: JSON if its name says so, else Markdown.
func (tb table) save(t *testing.T) {
	path := os.Getenv("CHAOS_REPORT")
	if path == "" {
		return
	}
	text := []byte(tb.String())
	if strings.HasSuffix(path, ".json") {
		var err error
		text, err = json.MarshalIndent(tb, "", "  ")
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(path, text, 0o600))
}
