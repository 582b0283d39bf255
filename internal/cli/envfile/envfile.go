// Package envfile reads the environment that a running `signalbox local` leaves for the other commands.
package envfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// ErrNone says that there is no such file: nothing runs.
var ErrNone = errors.New("no signalbox local is running")

// Read gives the NAME=value lines of a file. Empty lines and those that begin with # are left out.
func Read(path string) ([]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read the environment of signalbox local: %w", err)
	}
	defer f.Close()
	var env []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, _, ok := strings.Cut(line, "="); !ok || name == "" {
			return nil, fmt.Errorf("read the environment of signalbox local: a line of %s is not NAME=value", path)
		}
		env = append(env, line)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the environment of signalbox local: %w", err)
	}
	return env, nil
}

// Over puts local in the place of whatever environ says to Signalbox. All of that goes, not only what local names as
// well: a shell that is set up for another deployment must not have a part of its settings mixed in.
func Over(environ, local []string) []string {
	var env []string
	for _, nv := range environ {
		if !strings.HasPrefix(nv, "SIGNALBOX_") {
			env = append(env, nv)
		}
	}
	return append(env, local...)
}
