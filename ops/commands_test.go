package ops

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var command = regexp.MustCompile("`(signalbox [^`]+)`")

// TestEveryCommandOfARunbookIsOneOfThisProgram asks the program for the help of each, with its flags: nobody wants to find out
// at night that a flag has another name.
func TestEveryCommandOfARunbookIsOneOfThisProgram(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "signalbox")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/signalbox/signalbox/cmd/signalbox").CombinedOutput()
	require.NoError(t, err, "%s", out)
	tried := map[string]bool{}
	for _, path := range glob(t, "runbooks/*.md") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, found := range command.FindAllStringSubmatch(strings.ReplaceAll(string(text), "\n", " "), -1) {
			if tried[found[1]] {
				continue
			}
			tried[found[1]] = true
			words := strings.Fields(found[1])
			out, err := exec.Command(binary, append(words[1:], "--help")...).CombinedOutput()
			require.NoError(t, err, "%s: %s\n%s", path, found[1], out)
			require.Contains(t, string(out), "Usage:\n  "+strings.Join(names(words), " ")+" ", "%s: no such command: %s", path, found[1])
		}
	}
	require.Greater(t, len(tried), 10)
}

// names are the words up to the first flag or argument.
func names(words []string) []string {
	for i, w := range words {
		if strings.HasPrefix(w, "-") || strings.ToUpper(w) == w {
			return words[:i]
		}
	}
	return words
}
