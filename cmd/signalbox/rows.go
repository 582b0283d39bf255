package main

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/rowsource"
	"github.com/signalbox/signalbox/worker/rows"
)

// rowFlags say what rows the input is of; none: it is events.
type rowFlags struct {
	source, file string
	csv          bool
}

func (f *rowFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.source, "source", "", "the input is rows of this source, by its `name` in the source table; with --map also a CloudEvents source")
	c.Flags().StringVar(&f.file, "map", "", "the field map that makes events of the rows, a YAML `file`; default: the source table's")
	c.Flags().BoolVar(&f.csv, "csv", false, "the rows are CSV with a head; default: by the name, else JSON lines")
}

func (f *rowFlags) any() bool { return f.source != "" || f.file != "" }

// check is for commands that take events, too.
func (f *rowFlags) check(*cobra.Command, []string) error {
	if f.csv && !f.any() {
		return errors.New("--csv goes with --source or --map")
	}
	return nil
}

// isTable says whether an input is CSV.
func (f *rowFlags) isTable(name string) bool {
	return f.any() && (f.csv || strings.EqualFold(filepath.Ext(name), ".csv"))
}

// find finds the source that is meant; nil: the input is events.
func (f *rowFlags) find(cfg *config.Config) (*rows.Source, error) {
	if !f.any() {
		return nil, nil //nolint:nilnil // events have no source of rows
	}
	s, err := rowsource.Find(cfg, f.source, f.file)
	return &s, err
}
