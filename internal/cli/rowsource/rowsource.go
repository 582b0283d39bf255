// Package rowsource finds the source and the field map that a command is told of: a row of the source table by its name, or
// a map's file, for a source that no configuration knows yet.
package rowsource

import (
	"errors"
	"fmt"
	"strings"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/worker/rows"
)

// Find finds the source. A file takes the place of the table's map; then the name may also be a CloudEvents source itself, or
// be left out for that of the map. Errors have their exit code.
func Find(cfg *config.Config, name, file string) (rows.Source, error) {
	known := app.RowSources(cfg)
	s, found := byName(known, name)
	switch {
	case file == "" && found:
		return s, nil
	case file == "":
		return s, unknown(known, name)
	}
	if !found {
		s = rows.Source{Name: name, Source: name}
	}
	m, err := Load(file, fieldmap.Limits{MaxBytes: cfg.Worker.MaxBody}, cfg.ValuesOf(s.Source))
	if err != nil {
		return s, err
	}
	if s.Source == "" {
		s.Name, s.Source = m.Source, m.Source
	}
	s.Translate = nil
	switch s.Map = m; {
	case s.Source == "":
		return s, exit.New(exit.Usage, "the field map names no source", "say which with --source, such as --source https://shop.example.com")
	case m.Source != "" && m.Source != s.Source:
		return s, exit.New(exit.Configuration, fmt.Sprintf("%s is written for the source %s", file, m.Source), "name that source, or take source out of the map")
	}
	return s, nil
}

// byName finds a row by what it is called, else the only one of a CloudEvents source.
func byName(known []rows.Source, name string) (rows.Source, bool) {
	var of []rows.Source
	for _, s := range known {
		if s.Name == name {
			return s, true
		}
		if s.Source == name {
			of = append(of, s)
		}
	}
	if len(of) == 1 {
		return of[0], true
	}
	return rows.Source{}, false
}

func unknown(known []rows.Source, name string) error {
	if len(known) == 0 {
		return exit.New(exit.Usage, "the configuration has no sources", "add the source to the table sources, or name a field map with --map")
	}
	names := make([]string, len(known))
	for i, s := range known {
		names[i] = s.Name
	}
	return exit.New(exit.Usage, fmt.Sprintf("no source is called %q", name), "those that are: "+strings.Join(names, ", ")+"; or name a field map with --map")
}

// Load reads a map. A problem in it has the exit code of a configuration.
func Load(file string, limits fieldmap.Limits, values fieldmap.ValuesOf) (*fieldmap.Map, error) {
	m, err := fieldmap.Load(file, limits, values)
	problems := fieldmap.Problems(err)
	if err == nil {
		return m, nil
	}
	if len(problems) == 0 {
		return nil, &exit.Error{Code: exit.Failed, Err: err, Next: "name a field map, a YAML file"}
	}
	all := make([]error, len(problems))
	for i, p := range problems {
		all[i] = fmt.Errorf("%s: %w", file, p)
	}
	return nil, &exit.Error{Code: exit.Configuration, Err: errors.Join(all...), Next: "correct the field map"}
}
