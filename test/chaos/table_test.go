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
}

// String is the table in Markdown.
func (tb table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d workers\n\n| fault | events | lost | doubled | explained | recovery |\n|---|---|---|---|---|---|\n", tb.Seed, tb.Workers)
	for _, r := range tb.Rows {
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
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %s | %.1f s |\n", name, r.Events, r.Lost, r.Doubled, explained, r.Recovery)
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
