package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/cli/bindings"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/mapping"
)

func (p *program) mappingCommand() *cobra.Command {
	g := p.group("mapping", "show, move, verify and rebuild whose id is whose",
		"Bindings say which record of D365 stands for which record of a source. Runs make them; these commands show them, save them and bring them back.",
		p.mappingGet(), p.mappingFind(), p.mappingExport(), p.mappingImport(), p.mappingVerify(), p.mappingRebuild())
	g.Example = "  signalbox mapping export --local --format csv"
	return g
}

var kindHelp = "`kind` of the business object: " + strings.Join(mapping.KindNames(), ", ")

func checkKind(kind string) error {
	if !slices.Contains(mapping.KindNames(), kind) {
		return errors.New("--kind must be one of " + strings.Join(mapping.KindNames(), ", "))
	}
	return nil
}

// exampleBinding is a binding that the examples make and show.
const exampleBinding = `{"source":"https://crm.example.com","id":"A-1000","d365_id":"000001"}`

// found is what get and find print as JSON.
type found struct {
	Bindings []bindings.Binding `json:"bindings"`
}

func (p *program) mappingGet() *cobra.Command {
	var kind, source, id string
	c := p.command("get", "show what a source's id is bound to",
		"Shows the D365 id that a source's id is bound to, in every legal entity that the channels name; whether it is provisional; and the time of "+
			"the newest state that was applied. With --id - the id is read from standard input.",
		"echo '"+exampleBinding+"' | signalbox mapping import --local --yes -\nsignalbox mapping get --local --source https://crm.example.com --id A-1000", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			return p.bindings(func(cfg *config.Config, s *connect.Store) ([]bindings.Binding, error) {
				asked, err := p.private(id, "id", "--id")
				if err != nil {
					return nil, err
				}
				return bindings.Get(ctx, s.Table, cfg.Channels.Scopes(), kind, source, asked)
			})
		})
	f := c.Flags()
	f.StringVar(&kind, "kind", mapping.KindCustomer, kindHelp)
	f.StringVar(&source, "source", "", "the CloudEvents `source` that the id belongs to")
	f.StringVar(&id, "id", "", "the source's `id`; - reads it from standard input")
	c.MarkFlagsRequiredTogether("source", "id")
	c.PreRunE = func(*cobra.Command, []string) error {
		if source == "" || id == "" {
			return errors.New("give --source and --id")
		}
		return checkKind(kind)
	}
	return c
}

func (p *program) mappingFind() *cobra.Command {
	var kind string
	c := p.command("find D365-ID", "show which ids of which sources are bound to a D365 id",
		"Shows the ids of all sources that are bound to a D365 id, in every legal entity that the channels name. A provisional id that was promoted "+
			"lately leads to the permanent one. An id that looks personal is not stored and is shown as a dash.",
		"signalbox mapping find --local 000001", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
			return p.bindings(func(cfg *config.Config, s *connect.Store) ([]bindings.Binding, error) {
				return bindings.Find(ctx, s.Table, cfg.Channels.Scopes(), kind, args[0])
			})
		})
	c.Flags().StringVar(&kind, "kind", mapping.KindCustomer, kindHelp)
	c.PreRunE = func(*cobra.Command, []string) error { return checkKind(kind) }
	return c
}

// bindings prints the bindings that look finds.
func (p *program) bindings(look func(*config.Config, *connect.Store) ([]bindings.Binding, error)) error {
	cfg, store, done, err := p.store()
	if err != nil {
		return err
	}
	defer done()
	list, err := look(cfg, store)
	if err != nil {
		return err
	}
	if len(list) == 0 && !p.json() {
		return exit.New(exit.Nothing, "nothing is bound so", "check source, id and kind; another hash.key finds nothing of what is stored")
	}
	if err := p.print(found{list}, func(w io.Writer) error { return bindings.Print(w, list) }); err != nil || len(list) > 0 {
		return err
	}
	return exit.Quiet(exit.Nothing)
}

func (p *program) store() (*config.Config, *connect.Store, func(), error) {
	cfg, err := p.load()
	if err != nil {
		return nil, nil, nil, err
	}
	s, done, err := connect.Redis(cfg)
	return cfg, s, done, err
}

func (p *program) mappingExport() *cobra.Command {
	format := bindings.Formats()[0]
	c := p.command("export [FILE]", "write every binding to a file",
		"Writes every binding of the CSU, one a line, as JSON or CSV: kind, scope, source, the source's id, the D365 id, and the version of the state "+
			"that was applied last. An id that looks personal is not stored, so its keyed hash is written in its place (ref). It may run beside a "+
			"fleet. Without a file it writes to standard output. The file must not be there yet and is readable by its owner alone.",
		"signalbox mapping export --local bindings.jsonl\nsignalbox mapping export --local --format csv", cobra.MaximumNArgs(1),
		func(ctx context.Context, args []string) error { return p.exportBindings(ctx, format, args) })
	c.Flags().StringVar(&format, "format", format, "`format` of the file: "+strings.Join(bindings.Formats(), " or "))
	c.PreRunE = func(*cobra.Command, []string) error {
		if !slices.Contains(bindings.Formats(), format) {
			return fmt.Errorf("--format must be %s", strings.Join(bindings.Formats(), " or "))
		}
		return nil
	}
	return c
}

func (p *program) exportBindings(ctx context.Context, format string, args []string) error {
	cfg, store, done, err := p.store()
	if err != nil {
		return err
	}
	defer done()
	places := bindings.Places(mapping.KindNames(), cfg.Channels)
	if len(args) == 0 {
		sum, err := bindings.Export(ctx, store.Table, places, format, p.out)
		return errors.Join(sum.Print(p.errs), sum.Verdict(err))
	}
	file, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &exit.Error{Code: exit.Failed, Err: fmt.Errorf("make the file: %w", err), Next: "name a file that is not there yet"}
	}
	sum, err := bindings.Export(ctx, store.Table, places, format, file)
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(args[0]) // half an export is worse than none
		return err
	}
	return errors.Join(p.print(sum, sum.Print), sum.Verdict(nil))
}

type importFlags struct {
	because
	missing bindings.Record
	yes     bool
	rate    pace
}

func (p *program) mappingImport() *cobra.Command {
	f := importFlags{rate: 2000}
	c := p.command("import FILE|-", "bind what a file says",
		"Reads bindings as export writes them, or any lines of JSON or CSV with at least id and d365_id; columns that are missing come from flags. "+
			"Without --yes it is a dry run: it says what would be bound. Nothing that is bound is ever overwritten: what contradicts it is listed. "+
			"Each binding is written both ways or not at all, and not while a run has it in hand. The same file may be imported again, also after an "+
			"interruption: what is bound already is recognised. An id that looks personal is stored as its keyed hash only.",
		"signalbox mapping export --local --format csv > bindings.csv\nsignalbox mapping import --local bindings.csv\nsignalbox mapping import --local --yes --rate 500/s bindings.csv",
		cobra.ExactArgs(1), func(ctx context.Context, args []string) error { return p.importBindings(ctx, args[0], f) })
	flags := c.Flags()
	flags.StringVar(&f.missing.Kind, "kind", mapping.KindCustomer, "`kind` of what says none: "+strings.Join(mapping.KindNames(), ", "))
	flags.StringVar(&f.missing.Scope, "scope", "", "`scope` of what says none, as export writes it: CSU/legal entity; default: the only one there is")
	flags.StringVar(&f.missing.Source, "source", "", "CloudEvents `source` of what says none")
	f.add(c)
	c.PreRunE = func(*cobra.Command, []string) error { return errors.Join(checkKind(f.missing.Kind), f.check()) }
	flags.BoolVar(&f.yes, "yes", false, "do it; without, nothing is done")
	flags.Var(&f.rate, "rate", "write at most so many, such as 50/s or 600/m")
	return c
}

// imported is what import prints as JSON.
type imported struct {
	bindings.Imported
	Problems []bindings.Problem `json:"problems"`
}

func (p *program) importBindings(ctx context.Context, name string, f importFlags) error {
	cfg, store, done, err := p.store()
	if err != nil {
		return err
	}
	defer done()
	in, err := p.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if scopes := cfg.Channels.Scopes(); f.missing.Scope == "" && len(scopes) == 1 {
		f.missing.Scope = scopes[0]
	}
	all := imported{Problems: []bindings.Problem{}}
	o := bindings.Import{In: in, To: store.Table, Places: bindings.Places(mapping.KindNames(), cfg.Channels), Missing: f.missing, KeyID: cfg.Hash.KeyID,
		DryRun: !f.yes, Rate: rate.Limit(f.rate)}
	o.Problem = func(bad bindings.Problem) {
		if p.json() {
			all.Problems = append(all.Problems, bad)
			return
		}
		fmt.Fprintln(p.errs, render.Plain(bad.String()))
	}
	if f.yes {
		e := audit.Entry{Action: "mapping import", Target: "bindings", Reason: f.reason, Detail: contents(name)}
		if _, err := p.audited(ctx, store, e); err != nil {
			return err
		}
	}
	if count := p.counting("read"); count != nil {
		o.Told = func(s bindings.Imported) { count(s.Read) }
	}
	all.Imported, err = o.Run(ctx)
	return errors.Join(p.print(all, all.Print), all.Verdict(err))
}

// contents names a file by what is in it.
func contents(name string) string {
	if name == "-" {
		return "from standard input"
	}
	in, err := os.Open(name)
	if err != nil {
		return "a file"
	}
	defer in.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, in); err != nil {
		return "a file"
	}
	return fmt.Sprintf("file with SHA-256 %x", sum.Sum(nil))
}
