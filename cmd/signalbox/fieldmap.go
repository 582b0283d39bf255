package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/maptest"
	"github.com/signalbox/signalbox/internal/cli/preview"
	"github.com/signalbox/signalbox/internal/cli/rowsource"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/worker/envelope"
	"github.com/signalbox/signalbox/worker/rows"
)

func (p *program) fieldmapCommand() *cobra.Command {
	g := p.group("fieldmap", "test and preview field maps", "A field map makes events of rows in a source's own shape.", p.fieldmapTest(), p.fieldmapPreview())
	g.Example = "  signalbox fieldmap test maps/"
	return g
}

func (p *program) fieldmapTest() *cobra.Command {
	var o maptest.Options
	c := p.command("test [FILE...]", "run the tests of field maps",
		"Runs test files, or those beside the maps that are named (crm.test.yaml beside crm.yaml), or all that are in a folder; without a name those of the "+
			"source table. Each test has a row, and the event, the warnings or the error that it is to become. A difference is shown by field and shape, "+
			"without the values.",
		"signalbox fieldmap test maps/crm.yaml\nsignalbox fieldmap test --output json maps/\nsignalbox fieldmap test --config signalbox.yaml", cobra.ArbitraryArgs,
		func(_ context.Context, args []string) error { return p.testMaps(args, o) })
	c.Flags().BoolVar(&o.ShowValues, "show-values", false, "show the values that differ; only for rows that are made up")
	return c
}

func (p *program) testMaps(args []string, o maptest.Options) error {
	o.Files = args
	if len(args) == 0 {
		files, err := p.testsOfConfiguration()
		if err != nil {
			return err
		}
		o.Files = files
	}
	report, err := maptest.Run(o)
	if err != nil {
		return err
	}
	if report.Passed+report.Failed == 0 {
		return exit.New(exit.Nothing, "there are no tests", "write some beside the map: crm.test.yaml beside crm.yaml")
	}
	if err := p.print(report, report.Print); err != nil || report.Failed == 0 {
		return err
	}
	return exit.Quiet(exit.Failed)
}

// testsOfConfiguration lists the tests beside the maps of the source table, and says which map has none.
func (p *program) testsOfConfiguration() ([]string, error) {
	cfg, err := p.load()
	if err != nil {
		return nil, err
	}
	var files []string
	for _, s := range cfg.Sources {
		if s.FieldMap == "" { // what it sends needs none
			continue
		}
		beside := maptest.Beside(s.FieldMap)
		if _, err := os.Stat(beside); errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(p.errs, "%s has no tests: there is no %s\n", s.FieldMap, beside)
			continue
		}
		files = append(files, beside)
	}
	return files, nil
}

type previewFlags struct {
	rows   rowFlags
	values bool
	events int
}

func (p *program) fieldmapPreview() *cobra.Command {
	var f previewFlags
	c := p.command("preview FILE|-", "show what a field map makes of rows, without showing the rows",
		"Reads rows, JSON lines or CSV, and shows what their field map makes of them: how often each field is there, how long its texts are, which values a "+
			"field has that is not personal; and which rows are refused or warned of, and why. Nothing is sent.\n\n"+
			"With --source and --map it also shows in how many rows each field would change, compared with the source table's map.",
		"signalbox fieldmap preview --config signalbox.yaml --source crm rows.jsonl\n"+
			"signalbox fieldmap preview --config signalbox.yaml --source crm --map new.yaml rows.jsonl\n"+
			"signalbox fieldmap preview --local --map chinook-customers.yaml --source https://chinook.example.com --events 1 customers.csv",
		cobra.ExactArgs(1), func(_ context.Context, args []string) error { return p.previewMap(args[0], f) })
	f.rows.add(c)
	c.Flags().IntVar(&f.events, "events", 0, "also show the first so many events, with what is personal masked")
	c.Flags().BoolVar(&f.values, "show-values", false, "mask nothing; only for rows that are made up")
	c.PreRunE = func(*cobra.Command, []string) error {
		switch {
		case !f.rows.any():
			return errors.New("say which rows they are with --source or --map")
		case f.events < 0:
			return errors.New("--events must not be negative")
		}
		return nil
	}
	return c
}

func (p *program) previewMap(name string, f previewFlags) error {
	cfg, err := p.load()
	if err != nil && (f.rows.file == "" || p.file != "" || p.local) {
		return err
	}
	if err != nil { // a map can be looked at before anything is configured
		cfg = &config.Config{Worker: config.Worker{MaxBody: envelope.DefaultMaxBytes}}
	}
	source, err := f.rows.find(cfg)
	if err != nil {
		return err
	}
	if source.Map == nil {
		return exit.New(exit.Usage, "the source "+source.Name+" sends business events, which take no field map", "try: signalbox publish --dry-run --source "+source.Name)
	}
	in, err := p.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	o := preview.Options{In: in, CSV: f.rows.isTable(name), MaxBytes: cfg.Worker.MaxBody, Source: *source, Events: f.events, Values: f.values, Now: time.Now(),
		Refused: func(r preview.Refusal) { fmt.Fprintln(p.errs, r) }, Warned: func(w rowsource.Warning) { fmt.Fprintln(p.errs, w) }}
	if f.rows.file != "" {
		o.Before = mapOf(app.RowSources(cfg), *source)
	}
	sum, err := preview.Run(o)
	if err != nil {
		return err
	}
	if sum.Rows == 0 {
		return exit.New(exit.Nothing, "the input holds no rows", "give JSON lines, each a row, or a CSV file")
	}
	return errors.Join(p.print(sum, sum.Print), judged(sum))
}

// mapOf finds the map that a source has in the source table; nil if it has none there.
func mapOf(table []rows.Source, s rows.Source) *fieldmap.Map {
	for _, known := range table {
		if known.Name == s.Name && known.Source == s.Source {
			return known.Map
		}
	}
	return nil
}

func judged(sum preview.Summary) error {
	switch {
	case sum.Refused == 0:
		return nil
	case sum.Events == 0:
		return exit.New(exit.Failed, "no row becomes an event", "correct the field map, or the rows above")
	}
	return exit.New(exit.Partly, fmt.Sprintf("%d of %d rows become no event", sum.Refused, sum.Rows), "correct the field map, or the rows above")
}
