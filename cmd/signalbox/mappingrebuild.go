package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/cli/bindings"
	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/internal/cli/scaleunit"
	"github.com/signalbox/signalbox/mapping"
)

type rebuildFlags struct {
	because
	file    string
	missing bindings.Sought
	calls   int
	yes     bool
}

func (p *program) mappingRebuild() *cobra.Command {
	var f rebuildFlags
	c := p.command("rebuild", "look up in the CSU what a source's ids are, and bind it",
		"Brings bindings back that were lost and that no export holds. Reads rows of JSON or CSV: kind, source, id, and what it is to be looked up by: "+
			"email or account of a customer, reference of an order (when absent, the one that Signalbox places the order under), product_number "+
			"or record_id of a product. What is found, and is the only one, is bound; of every row it is said what became of it: bound, already, conflict, not found, "+
			"ambiguous, or that it cannot be looked up and why.\n\n"+
			"Without --yes it is a dry run. Nothing that is bound is ever overwritten. The same file may be given again, also after an interruption or when "+
			"its calls were spent: what is bound already costs no call. Addresses are sent to the CSU alone, and never shown, stored or logged.",
		"echo '{\"source\":\"https://crm.example.com\",\"id\":\"A-1000\",\"account\":\"000001\"}' > lost.jsonl\nsignalbox mapping rebuild --local --from lost.jsonl\n"+
			"signalbox mapping rebuild --local --from lost.jsonl --calls 500 --yes", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return p.rebuildBindings(ctx, f) })
	flags := c.Flags()
	flags.StringVar(&f.file, "from", "", "the `file` of rows, JSON lines or CSV; - reads standard input")
	flags.StringVar(&f.missing.Kind, "kind", mapping.KindCustomer, "`kind` of what says none: "+strings.Join(mapping.KindNames(), ", "))
	flags.StringVar(&f.missing.Scope, "scope", "", "`scope` of what says none: CSU/legal entity; default: the only one there is")
	flags.StringVar(&f.missing.Source, "source", "", "CloudEvents `source` of what says none")
	flags.IntVar(&f.calls, "calls", 1000, "ask the CSU at most so `many` times")
	flags.BoolVar(&f.yes, "yes", false, "do it; without, nothing is done")
	f.add(c)
	c.PreRunE = func(*cobra.Command, []string) error {
		if f.file == "" {
			return errors.New("say which file with --from")
		}
		return errors.Join(checkKind(f.missing.Kind), checkCalls(f.calls), f.check())
	}
	return c
}

// rebuilt is what rebuild prints as JSON.
type rebuilt struct {
	bindings.Rebuilt
	Rows []bindings.Answered `json:"rows"`
}

func (p *program) rebuildBindings(ctx context.Context, f rebuildFlags) error {
	cfg, store, closeStore, err := p.store()
	if err != nil {
		return err
	}
	defer closeStore()
	in, err := p.open(f.file)
	if err != nil {
		return err
	}
	defer in.Close()
	if scopes := cfg.Channels.Scopes(); f.missing.Scope == "" && len(scopes) == 1 {
		f.missing.Scope = scopes[0]
	}
	unit, done := scaleunit.WhenAsked(cfg, f.calls)
	defer done()
	if f.yes {
		e := audit.Entry{Action: "mapping rebuild", Target: "bindings", Reason: f.reason, Detail: contents(f.file)}
		if _, err := p.audited(ctx, store, e); err != nil {
			return err
		}
	}
	all := rebuilt{Rows: []bindings.Answered{}}
	o := bindings.Rebuild{In: in, To: store.Table, CSU: unit, Places: bindings.Places(mapping.KindNames(), cfg.Channels), Channels: cfg.Channels,
		Missing: f.missing, DryRun: !f.yes}
	o.Answer = func(a bindings.Answered) {
		if p.json() {
			all.Rows = append(all.Rows, a)
			return
		}
		fmt.Fprintln(p.out, render.Plain(a.String()))
	}
	all.Rebuilt, err = o.Run(ctx)
	all.Calls = unit.Spent()
	return errors.Join(p.print(all, all.Print), all.Verdict(err))
}
