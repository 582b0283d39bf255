package maptest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/mapped"
	"github.com/signalbox/signalbox/internal/cli/rowsource"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker/rows"
)

// Report is what came of all files.
type Report struct {
	Files  []File `json:"files"`
	Passed int    `json:"passed"`
	Failed int    `json:"failed"`
}

// File is one test file.
type File struct {
	Path  string   `json:"file"`
	Map   string   `json:"map"`
	Tests []Result `json:"tests"`
}

// Result is one test. It holds values only if it was asked for.
type Result struct {
	Name        string       `json:"name"`
	Passed      bool         `json:"passed"`
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is one way in which an event is not what was wanted.
type Difference struct {
	Field string `json:"field"`
	Want  string `json:"want"`
	Got   string `json:"got"`
}

// Options of Run.
type Options struct {
	Files      []string // test files, maps with a test file beside them, folders
	ShowValues bool     // in differences; else only their shapes
}

// Run runs every test of the files. Errors have their exit code.
func Run(o Options) (Report, error) {
	r := Report{Files: []File{}}
	trier, err := mapped.New(0)
	if err != nil {
		return r, err
	}
	paths, err := find(o.Files)
	if err != nil {
		return r, err
	}
	for _, path := range paths {
		s, file, err := read(path)
		if err != nil {
			return r, &exit.Error{Code: exit.Failed, Err: err, Next: "correct the test file"}
		}
		values, err := s.values(path)
		if err != nil {
			return r, &exit.Error{Code: exit.Failed, Err: err, Next: "correct the value map, or its path in the test file"}
		}
		m, err := rowsource.Load(file, fieldmap.Limits{}, func(string) fieldmap.Values { return values })
		if err != nil {
			return r, err
		}
		ran := File{Path: path, Map: file, Tests: []Result{}}
		for i, t := range s.Tests {
			if t.Name == "" {
				t.Name = fmt.Sprintf("test %d", i+1)
			}
			result := Result{Name: t.Name, Differences: t.run(trier, m, o.ShowValues)}
			if result.Passed = len(result.Differences) == 0; result.Passed {
				r.Passed++
			} else {
				r.Failed++
			}
			ran.Tests = append(ran.Tests, result)
		}
		r.Files = append(r.Files, ran)
	}
	return r, nil
}

// find lists the test files that are meant, each once.
func find(files []string) ([]string, error) {
	var paths []string
	add := func(path string) {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	for _, f := range files {
		info, err := os.Stat(f)
		switch {
		case err != nil:
			return nil, unread(err)
		case isTest(f):
			add(f)
		case !info.IsDir():
			if _, err := os.Stat(Beside(f)); errors.Is(err, fs.ErrNotExist) {
				return nil, exit.New(exit.Nothing, fmt.Sprintf("%s has no tests: there is no %s", f, filepath.Base(Beside(f))), "write some into it")
			}
			add(Beside(f))
		default:
			err := filepath.WalkDir(f, func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() && isTest(path) {
					add(path)
				}
				return err
			})
			if err != nil {
				return nil, unread(err)
			}
		}
	}
	return paths, nil
}

func unread(err error) error {
	return &exit.Error{Code: exit.Failed, Err: err, Next: "name test files, maps that have one beside them, or folders"}
}

// source stands for the CloudEvents source of maps that name none.
const source = "https://source.example"

func (t test) run(trier *mapped.Trier, m *fieldmap.Map, showValues bool) []Difference {
	c := &comparison{show: showValues}
	trial := trier.Try(rows.Source{Name: "test", Source: first(m.Source, source), Map: m}, t.Row.json, t.came())
	if t.Error != nil {
		c.failed(*t.Error, trial.Failures)
		return c.found
	}
	for _, f := range trial.Failures {
		c.add(f.Field, "an event", mapped.Sentence(f))
	}
	if len(trial.Failures) > 0 {
		return c.found
	}
	c.event(*t.Event, trial.Event)
	c.warned(t.Warnings, trial.Warnings)
	return c.found
}

// came is how the row comes.
func (t test) came() orchestration.Event {
	enqueued, _ := time.Parse(time.RFC3339Nano, first(t.Enqueued, "2026-01-01T00:00:00Z")) // judged by read
	ev := orchestration.Event{Origin: orchestration.Origin{Queue: "test", Enqueued: enqueued}}
	if t.CloudEvent == nil {
		return ev
	}
	a := t.CloudEvent
	ev.ID, ev.Source, ev.Type, ev.Subject, ev.Sequence, ev.Channel = first(a["id"], "event-1"), a["source"], first(a["type"], "test"), a["subject"], a["sequence"], a["channel"]
	ev.Time, _ = time.Parse(time.RFC3339Nano, first(a["time"], "2026-01-01T00:00:00Z"))
	ev.CorrelationID = a["correlationid"]
	return ev
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
