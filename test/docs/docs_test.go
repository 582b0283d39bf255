// Package docs holds what the documentation says against what the program does.
package docs

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/certify"
	"github.com/signalbox/signalbox/internal/cli/doctor"
	"github.com/signalbox/signalbox/internal/cli/why"
	"github.com/signalbox/signalbox/internal/local"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	require.NoError(t, err)
	return string(b)
}

func TestEveryReasonIsDocumentedAsTheCodeExplainsItAndNoOther(t *testing.T) {
	t.Parallel()
	type row struct {
		Blame     fault.Blame
		Means, Do string
	}
	documented, known := map[fault.Reason]row{}, map[fault.Reason]row{}
	for _, r := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| (.*) \\| (.*) \\|$").FindAllStringSubmatch(read(t, "docs", "reference", "dead-letters.md"), -1) {
		documented[fault.Reason(r[1])] = row{fault.Blame(r[2]), r[3], r[4]}
	}
	for _, r := range fault.Reasons() {
		known[r] = row{r.Blame(), r.Advice().Means, r.Advice().Do}
	}
	require.Equal(t, known, documented)
}

func TestThePartsOfAnAnswerAreDocumented(t *testing.T) {
	t.Parallel()
	text := read(t, "docs", "reference", "cli.md")
	var statuses, causes []string
	for _, s := range why.Statuses() {
		statuses = append(statuses, string(s))
	}
	for _, c := range orchestration.Causes() {
		causes = append(causes, string(c))
	}
	require.Contains(t, text, "| `status` | `"+strings.Join(statuses, " ")+"` |")
	require.Contains(t, text, "| `cause` | of a wait: `"+strings.Join(causes, " ")+"` |")
}

func TestEveryCheckOfTheDoctorIsDocumentedAsItExplainsItself(t *testing.T) {
	t.Parallel()
	text := read(t, "docs", "reference", "doctor.md")
	_, table, _ := strings.Cut(text, "## Checks")
	table, _, _ = strings.Cut(table, "What queues are held to")
	var documented []doctor.Check
	for _, r := range regexp.MustCompile("(?m)^\\| `([a-z.]+)` \\| (.*) \\| (.*) \\|$").FindAllStringSubmatch(table, -1) {
		documented = append(documented, doctor.Check{Name: r[1], Looks: r[2], Why: r[3]})
	}
	require.Equal(t, doctor.Checks(), documented)
	require.Contains(t, text, "\n"+doctor.AccessList()+"\n", "the user that is documented is the one that is checked")
}

func TestEveryUsualInvariantIsDocumentedAsItExplainsItself(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(read(t, "docs", "how-to", "certify-a-scenario.md"), "## What is checked")
	var documented []certify.Invariant
	for _, r := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (.*) \\|$").FindAllStringSubmatch(table, -1) {
		documented = append(documented, certify.Invariant{Name: r[1], Promise: r[2]})
	}
	require.Equal(t, certify.Invariants(), documented)
}

func TestEveryKindOfWhatIsMappedIsDocumented(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(read(t, "docs", "reference", "cli.md"), "### Kinds of what is mapped")
	table, _, _ = strings.Cut(table, "\n## ")
	var documented []mapping.Kind
	for _, r := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (.*) \\|$").FindAllStringSubmatch(table, -1) {
		documented = append(documented, mapping.Kind{Name: r[1], What: r[2]})
	}
	require.Equal(t, mapping.Kinds(), documented)
}

// TestTheReadmeShowsWhatTheFirstCommandPrints compares the words, not the numbers.
func TestTheReadmeShowsWhatTheFirstCommandPrints(t *testing.T) {
	t.Parallel()
	var out, notes, log bytes.Buffer
	require.NoError(t, local.Run(t.Context(), local.Options{Out: &out, Err: &notes, Log: &log, ExitWhenIdle: true}))
	readme := words(read(t, "README.md"))
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		require.Contains(t, readme, words(line))
	}
}

var (
	numbers = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
	spaces  = regexp.MustCompile(`[ \t]+`)
)

func words(s string) string { return spaces.ReplaceAllString(numbers.ReplaceAllString(s, "N"), " ") }

func TestEveryLinkOfTheDocumentationLeadsSomewhere(t *testing.T) {
	t.Parallel()
	links := regexp.MustCompile(`\]\(([^)#]+)`)
	pages, err := filepath.Glob("../../docs/*/*.md")
	require.NoError(t, err)
	for _, page := range append(pages, "../../README.md") {
		b, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range links.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			_, err := os.Stat(filepath.Join(filepath.Dir(page), m[1]))
			require.NoError(t, err, "%s links to %s", page, m[1])
		}
	}
}
