package valuemaps

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/mapping/valuemap"
)

// Merged counts the rows of an import.
type Merged struct {
	DryRun    bool     `json:"dry_run"`
	Name      string   `json:"name"`
	File      string   `json:"file"`
	Read      int      `json:"read"`
	Added     int      `json:"added"`
	Unchanged int      `json:"unchanged"`
	Problems  []string `json:"problems"` // why nothing was added: rows that cannot be, or that contradict the map
}

// Merge adds rows to a value map's file, all or none. What is in the file stays as it is written, comments too, and nothing is
// overwritten: a row that says something else of a value is a problem that names both.
func Merge(m *valuemap.Map, rows []valuemap.Row, dry bool) (Merged, error) {
	sum := Merged{DryRun: dry, Name: m.Name, File: m.File, Read: len(rows), Problems: []string{}}
	known := map[string]string{}
	for _, r := range m.Rows {
		known[r.From] = r.To
	}
	back := map[string]string{}
	for _, r := range m.Rows {
		back[r.To] = r.From
	}
	var fresh []valuemap.Row
	for _, r := range rows {
		to, there := known[r.From]
		other, taken := back[r.To]
		switch {
		case there && to == r.To:
			sum.Unchanged++
		case there:
			sum.refuse(r, fmt.Sprintf("%q is %q in the map, and %q here", r.From, to, r.To))
		case taken && !m.OneWay:
			sum.refuse(r, fmt.Sprintf("%q is %q in the map, and so would be %q: nobody could tell it back", other, r.To, r.From))
		default:
			fresh = append(fresh, r)
		}
	}
	if len(fresh) > 0 {
		for _, p := range valuemap.Problems(valuemap.Check(m.Kind, m.OneWay, fresh)) {
			sum.Problems = append(sum.Problems, p.Error())
		}
	}
	if sum.Added = len(fresh); len(sum.Problems) > 0 {
		sum.Added = 0
	}
	if dry || sum.Added == 0 {
		return sum, nil
	}
	return sum, add(m, fresh)
}

func (s *Merged) refuse(r valuemap.Row, what string) {
	s.Problems = append(s.Problems, fmt.Sprintf("line %d: %s", r.Line, what))
}

// add writes the file anew beside itself, sees that it reads as it should, and puts it in its place.
func add(m *valuemap.Map, fresh []valuemap.Row) error {
	text, err := os.ReadFile(m.File)
	if err != nil {
		return fmt.Errorf("read the value map: %w", err)
	}
	all, err := valuemap.Append(text, valuemap.FormatOf(m.File), fresh)
	if err != nil {
		return &exit.Error{Code: exit.Failed, Err: err, Next: "put the rows in by hand: " + m.File}
	}
	return replace(m.File, all)
}

// replace puts a file in the place of another, whole or not at all.
func replace(path string, text []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("write the value map: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".valuemap-*")
	if err != nil {
		return fmt.Errorf("write the value map: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is nobody's
		return fmt.Errorf("write the value map: %w", err)
	}
	return nil
}

// Print writes the counts for a person.
func (s Merged) Print(w io.Writer) error {
	added := "added"
	if s.DryRun {
		added = "would add"
	}
	_, err := fmt.Fprintf(w, "read %d, %s %d, unchanged %d, problems %d\n", s.Read, added, s.Added, s.Unchanged, len(s.Problems))
	if err == nil && s.DryRun && s.Added > 0 {
		_, err = fmt.Fprintln(w, "Nothing was written. With --yes it is.")
	}
	return err
}

// Verdict gives an import its exit code.
func (s Merged) Verdict() error {
	switch {
	case s.Read == 0:
		return exit.New(exit.Nothing, "the file holds no rows", "give CSV with the columns from and to, or YAML")
	case len(s.Problems) > 0:
		return exit.New(exit.Failed, fmt.Sprintf("%d rows cannot be added, so none was", len(s.Problems)), "correct the rows, or the map; the problems stand above")
	}
	return nil
}
