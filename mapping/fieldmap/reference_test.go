package fieldmap

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// go test ./mapping/fieldmap -update writes the functions of docs/reference/field-maps.md anew.
var update = flag.Bool("update", false, "write the generated part of the documentation anew")

const page = "../../docs/reference/field-maps.md"

func TestTheReferenceListsEveryFunction(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- functions: written by go test ./mapping/fieldmap -update -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found)
	_, after, found := strings.Cut(rest, end)
	require.True(t, found)
	var b strings.Builder
	b.WriteString("| function | what it gives |\n| --- | --- |\n")
	for _, f := range Functions() {
		b.WriteString("| `" + strings.ReplaceAll(f.Usage, ", ", "`, `") + "` | " + f.What + " |\n")
	}
	want := before + begin + b.String() + end + after
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
	}
	require.Equal(t, want, string(text), "write it anew with -update")
}

func TestTheReferenceListsEveryRule(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, rule := range append(WarningRules(), ruleJQ, ruleOne, ruleText, ruleMissing, ruleNothing, ruleNumber, ruleSize, ruleSteps, ruleRow, rulePanic, ruleTime) {
		require.Regexp(t, "(?m)^\\| [^|]*`"+rule+"`", string(text), "the rule %s", rule)
	}
}
