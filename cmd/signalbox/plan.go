package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/input"
	"github.com/signalbox/signalbox/internal/cli/plan"
	"github.com/signalbox/signalbox/internal/cli/rowsource"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/worker/envelope"
)

type planFlags struct {
	rate pace
	rows rowFlags
}

func (p *program) planCommand() *cobra.Command {
	var f planFlags
	c := p.command("plan FILE|-", "say what events would do, and do nothing",
		"Reads JSON lines, each a CloudEvent in its JSON format, and says of each what would become of it now: whether it would be done, wait, be "+
			"superseded or dead-lettered and why; what each step would do, with the CSU's operations and the names of what they would set; and "+
			"which events others would be told. It looks as a worker would, in the store and in the CSU, and writes nothing anywhere.\n\n"+
			"With --source or --map the lines are rows in a source's own shape, or the records of a CSV file, as for signalbox publish.",
		"echo '"+exampleEvent+"' | signalbox plan --local -\n"+
			"echo '"+exampleEvent+"' | signalbox plan --local --output json --rate 10/s -\n"+
			"signalbox plan --local --map chinook-customers.yaml --source https://chinook.example.com customers.csv",
		cobra.ExactArgs(1), func(ctx context.Context, args []string) error { return p.plan(ctx, args[0], f) })
	c.Flags().Var(&f.rate, "rate", "plan at most so many events, such as 50/s or 600/m; default: as fast as it goes")
	f.rows.add(c)
	c.PreRunE = f.rows.check
	return c
}

// plans is what plan prints as JSON.
type plans struct {
	Events  []plan.Event `json:"events"`
	Summary plan.Summary `json:"summary"`
}

func (p *program) plan(ctx context.Context, name string, f planFlags) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	o, err := p.planOptions(cfg, f)
	if err != nil {
		return err
	}
	fleet, err := app.New(cfg, app.Parts{Log: io.Discard, LookOnly: true})
	if err != nil {
		return err
	}
	defer func() {
		closing, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		_ = fleet.Close(closing) // what was asked for is done
	}()
	if err := fleet.Probe(ctx); err != nil {
		return err
	}
	in, err := p.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	all := plans{Events: []plan.Event{}}
	o.In, o.Planner, o.Rate, o.CSV = in, fleet.Engine(), rate.Limit(f.rate), f.rows.isTable(name)
	o.Planned = func(ev plan.Event) error {
		if p.json() {
			all.Events = append(all.Events, ev)
			return nil
		}
		return ev.Print(p.out)
	}
	all.Summary, err = plan.Run(ctx, o)
	if all.Summary.Read == 0 {
		return all.Summary.Verdict(err)
	}
	return errors.Join(p.print(all, all.Summary.Print), all.Summary.Verdict(err))
}

// planOptions prepares what a plan needs beside the engine and the input.
func (p *program) planOptions(cfg *config.Config, f planFlags) (plan.Options, error) {
	o := plan.Options{MaxBytes: cfg.Worker.MaxBody}
	checker, err := orchestration.NewChecker(scenarios.All(scenarios.Parts{}), cfg.Channels)
	if err != nil {
		return o, err
	}
	o.Identify = checker
	source, err := f.rows.find(cfg)
	if err != nil {
		return o, err
	}
	reader, err := app.Rows(cfg, nil)
	if err != nil {
		return o, err
	}
	limits := envelope.Limits{MaxBytes: cfg.Worker.MaxBody}
	o.Decode = func(l input.Line) (orchestration.Event, error) {
		// As if the broker had taken it just now.
		arrival := envelope.Arrival{Origin: orchestration.Origin{Queue: cfg.ServiceBus.Queues[0], Enqueued: time.Now()}}
		if source == nil {
			return reader.Decode(envelope.Parts{ContentType: envelope.ContentTypeStructured, Body: l.Text}, arrival, limits)
		}
		ev, warnings, err := source.Row(l.Text, arrival, limits)
		for _, w := range warnings {
			fmt.Fprintln(p.errs, rowsource.Warning{Line: l.Number, Warning: w})
		}
		return ev, err
	}
	return o, nil
}
