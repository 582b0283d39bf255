//go:build page

package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A block of the page that adds a scenario: a file under a line with its name, what a named file is to have otherwise, commands, or what
// the commands above it print.
var block = regexp.MustCompile("(?m)^(?:`([A-Za-z0-9_./-]+)`:\n\n)?```([a-z]+)\n((?:.*\n)*?)```$")

// TestTheScenarioOfThePageIsBuiltAndRuns follows the page in a copy of the repository, block by block. It has the processors to itself:
// pages that are followed beside it would wait for a compiler. It compiles as make build does, so that what is compiled does not depend on
// where the copy is, and need not be compiled again.
func TestTheScenarioOfThePageIsBuiltAndRuns(t *testing.T) {
	dir, tmp := checkout(t), scratch(t)
	env := append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SIGNALBOX_") }), "TMPDIR="+tmp, "GOPROXY=off", "GOFLAGS=-trimpath -vet=off", "CGO_ENABLED=0")
	t.Cleanup(func() {
		if t.Failed() { // else the page ended it
			endAll(dir)
		}
	})
	page := read(t, "docs", "how-to", "add-a-scenario.md")
	blocks := block.FindAllStringSubmatch(page, -1)
	require.Equal(t, strings.Count(page, "\n```"), 2*len(blocks), "a block that nobody follows")
	for i, b := range blocks {
		name, kind, text := b[1], b[2], b[3]
		switch {
		case kind == "sh" && name == "":
			prints := ""
			if i+1 < len(blocks) && blocks[i+1][2] == "text" {
				prints = blocks[i+1][3]
			}
			began := time.Now()
			followed(t, dir, env, text, prints)
			t.Logf("%.1f s: %s", time.Since(began).Seconds(), text)
		case kind == "text" && name == "":
			require.Equal(t, "sh", blocks[i-1][2], "nothing prints this:\n%s", text)
		case kind == "diff" && name != "":
			change(t, filepath.Join(dir, name), text)
		default:
			require.NotEmpty(t, name, "a file without a name:\n%s", text)
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
			require.NoFileExists(t, filepath.Join(dir, name))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
	}
}

// change makes of the lines that a diff begins with a space or a minus those that it begins with a space or a plus.
func change(t *testing.T, file, diff string) {
	t.Helper()
	var was, is strings.Builder
	for line := range strings.Lines(diff) {
		if line[0] != '+' {
			was.WriteString(line[1:])
		}
		if line[0] != '-' {
			is.WriteString(line[1:])
		}
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), was.String()), "%s has no one place of:\n%s", file, diff)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), was.String(), is.String(), 1)), 0o600))
}

// checkout is a copy of the repository without its history and without what was built.
func checkout(t *testing.T) string {
	t.Helper()
	root, to := filepath.Join("..", ".."), t.TempDir()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, bad := filepath.Rel(root, path)
		switch {
		case err != nil || bad != nil:
			return err
		case name == ".git" || name == "bin":
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o600)
	}))
	return to
}

// scratch is a folder for temporary files. A process that the page has asked to end may still be at it when the test is over.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "page")
	require.NoError(t, err)
	t.Cleanup(func() {
		for end := time.Now().Add(10 * time.Second); os.RemoveAll(dir) != nil && time.Now().Before(end); {
			<-time.After(100 * time.Millisecond)
		}
	})
	return dir
}
