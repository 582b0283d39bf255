package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/scaleunit"
	"github.com/signalbox/signalbox/internal/cli/valuemaps"
	"github.com/signalbox/signalbox/mapping/valuemap"
)

func (p *program) valuemapCommand() *cobra.Command {
	g := p.group("valuemap", "list, check, export and fill value maps",
		"A value map says what D365 calls what a source says of reference data, such as delivery modes. It is a file that the table value_maps of the "+
			"configuration names.", p.valuemapList(), p.valuemapCheck(), p.valuemapExport(), p.valuemapImport())
	g.Example = "  signalbox valuemap list --config signalbox.yaml"
	return g
}

func (p *program) valuemapList() *cobra.Command {
	return p.command("list", "list the value maps of the configuration",
		"Lists every value map: what its values are, whose, how many, and what becomes of a value that it has no row for.\n\n"+
			"It ends with 4 when there are none.",
		"signalbox valuemap list --config signalbox.yaml\nsignalbox valuemap list --config signalbox.yaml --output json", cobra.NoArgs, func(context.Context, []string) error {
			cfg, err := p.load()
			if err != nil {
				return err
			}
			if len(cfg.Values()) == 0 && !p.json() {
				return errNoValueMaps
			}
			l := valuemaps.List(cfg.Values())
			if err := p.print(l, l.Print); err != nil || len(l.Maps) > 0 {
				return err
			}
			return exit.Quiet(exit.Nothing)
		})
}

var errNoValueMaps = exit.New(exit.Nothing, "the configuration has no value maps", "add them to the table value_maps")

// valueMapFlags say which value map is meant.
type valueMapFlags struct{ source string }

func (f *valueMapFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.source, "source", "", "that of this CloudEvents `source`, where several have the name")
}

// one finds the value map of a name.
func (f *valueMapFlags) one(cfg *config.Config, name string) (*valuemap.Map, error) {
	found := cfg.Values().Find(name, f.source)
	if f.source == "" && len(found) > 1 { // that of all sources, if there is one
		found = slices.DeleteFunc(slices.Clone(found), func(m *valuemap.Map) bool { return m.Source != "" })
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(cfg.Values()) == 0:
		return nil, errNoValueMaps
	case len(cfg.Values().Find(name, "")) == 0:
		return nil, noneCalled(exit.Usage, cfg, name)
	}
	return nil, exit.New(exit.Usage, fmt.Sprintf("the value map %q is another one for each source", name), "say whose with --source; see signalbox valuemap list")
}

func noneCalled(code int, cfg *config.Config, name string) error {
	return exit.New(code, fmt.Sprintf("no value map is called %q", name), "those that are: "+strings.Join(cfg.Values().Names(), ", "))
}

type valuemapCheckFlags struct {
	against bool
	calls   int
}

func (p *program) valuemapCheck() *cobra.Command {
	var f valuemapCheckFlags
	c := p.command("check [NAME...]", "check value maps, by themselves and against the CSU",
		"Reads the value maps of the configuration, or only those of some names, and reports every problem at once, as a start would. With --against-csu it "+
			"also asks the CSU whether each value of D365 is there, where the CSU can say: stores, warehouses, delivery modes, payment methods and "+
			"countries. The values of a source's map are looked for in its channel, those of a map for all sources in every channel.\n\n"+
			"It ends with 0 when all is well, 3 when the CSU does not have a value, 4 when there are no value maps or none of a name, 5 when a file is wrong.",
		"signalbox valuemap check --config signalbox.yaml\nsignalbox valuemap check --config signalbox.yaml delivery-mode", cobra.ArbitraryArgs,
		func(ctx context.Context, names []string) error { return p.checkValueMaps(ctx, names, f) })
	c.Flags().BoolVar(&f.against, "against-csu", false, "ask the CSU whether the values of D365 are there")
	c.Flags().IntVar(&f.calls, "calls", 100, "ask the CSU at most so `many` times")
	c.PreRunE = func(*cobra.Command, []string) error { return checkCalls(f.calls) }
	return c
}

func checkCalls(calls int) error {
	if calls < 1 {
		return errors.New("--calls must be at least 1")
	}
	return nil
}

func (p *program) checkValueMaps(ctx context.Context, names []string, f valuemapCheckFlags) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	set := cfg.Values()
	if len(names) > 0 {
		set = nil
		for _, name := range names {
			found := cfg.Values().Find(name, "")
			switch {
			case len(cfg.Values()) == 0:
				return errNoValueMaps
			case len(found) == 0:
				return noneCalled(exit.Nothing, cfg, name)
			}
			set = append(set, found...)
		}
	}
	var csu valuemaps.Lister
	var unit *scaleunit.Unit
	if f.against && len(set) > 0 {
		u, done, err := scaleunit.Open(ctx, cfg, f.calls)
		if err != nil {
			return err
		}
		defer done()
		unit, csu = u, u
	}
	r, err := valuemaps.Check(ctx, set, cfg.Channels, csu)
	if errors.Is(err, scaleunit.ErrSpent) {
		return &exit.Error{Code: exit.Partly, Err: err, Next: "allow more with --calls"}
	}
	if err != nil {
		return err
	}
	if unit != nil {
		r.Calls = unit.Spent()
	}
	return errors.Join(p.print(r, r.Print), r.Verdict())
}

func (p *program) valuemapExport() *cobra.Command {
	var f valueMapFlags
	format := valuemap.Formats()[0]
	c := p.command("export NAME", "write a value map to standard output",
		"Writes the rows of a value map, as CSV or YAML, whichever its file is.",
		"signalbox valuemap export --config signalbox.yaml delivery-mode > modes.csv\nsignalbox valuemap export --config signalbox.yaml --format yaml delivery-mode", cobra.ExactArgs(1),
		func(_ context.Context, args []string) error {
			cfg, err := p.load()
			if err != nil {
				return err
			}
			m, err := f.one(cfg, args[0])
			if err != nil {
				return err
			}
			return valuemap.Write(p.out, valuemap.Format(format), m.Rows)
		})
	f.add(c)
	c.Flags().StringVar(&format, "format", format, "`format` of the output: "+strings.Join(valuemap.Formats(), " or "))
	c.PreRunE = func(*cobra.Command, []string) error {
		if !slices.Contains(valuemap.Formats(), format) {
			return fmt.Errorf("--format must be %s", strings.Join(valuemap.Formats(), " or "))
		}
		return nil
	}
	return c
}

func (p *program) valuemapImport() *cobra.Command {
	var f valueMapFlags
	yes := false
	c := p.command("import NAME FILE|-", "add rows to a value map's file",
		"Adds the rows of a file, CSV or YAML by its name, or of standard input as CSV, to the file of a value map: all of them, or none when one cannot be or "+
			"contradicts the map. What the file holds stays as it is written, and nothing is overwritten: a row that says something else of a value is a "+
			"problem that names both. Without --yes it is a dry run. A fleet reads its value maps when it starts, so the file is to be deployed as the "+
			"configuration is.",
		"signalbox valuemap import --config signalbox.yaml delivery-mode more.csv\nsignalbox valuemap import --config signalbox.yaml --yes delivery-mode more.csv", cobra.ExactArgs(2),
		func(_ context.Context, args []string) error { return p.importValues(args[0], args[1], f, yes) })
	f.add(c)
	c.Flags().BoolVar(&yes, "yes", false, "do it; without, nothing is done")
	return c
}

func (p *program) importValues(name, file string, f valueMapFlags, yes bool) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	m, err := f.one(cfg, name)
	if err != nil {
		return err
	}
	rows, err := p.valueRows(file)
	if err != nil {
		return &exit.Error{Code: exit.Failed, Err: err, Next: "give CSV with the columns from and to, or YAML with a line for each value"}
	}
	sum, err := valuemaps.Merge(m, rows, !yes)
	if err != nil {
		return err
	}
	if !p.json() {
		for _, what := range sum.Problems {
			fmt.Fprintln(p.errs, what)
		}
	}
	return errors.Join(p.print(sum, sum.Print), sum.Verdict())
}

// valueRows reads the rows of a file, or of standard input.
func (p *program) valueRows(file string) ([]valuemap.Row, error) {
	if file != "-" {
		return valuemap.Load(file)
	}
	text, err := io.ReadAll(p.in)
	if err != nil {
		return nil, err
	}
	return valuemap.Read(text, valuemap.CSV)
}
