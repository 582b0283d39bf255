package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/plan"
	"github.com/signalbox/signalbox/internal/cli/rowsource"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/worker/envelope"
)

func (p *program) planCommand() *cobra.Command {
	var pace pace
	var rows rowFlags
	c := p.command("plan FILE|-", "say what events would do, and do nothing",
		"Reads JSON lines, each a CloudEvent in its JSON format, and says of each what would become of it now: whether it would be done, wait, be "+
			"superseded or dead-lettered and why; what each step would do, with the CSU's operations and the names of what they would set; and "+
			"which events others would be told. It looks as a worker would, in the store and in the CSU, and writes nothing anywhere.\n\n"+
			"With --source or --map the lines are rows in a source's own shape, which its field map makes events of.",
		"echo '"+exampleEvent+"' | signalbox plan --local -\n"+
			"echo '"+exampleEvent+"' | signalbox plan --local --output json --rate 10/s -",
		cobra.ExactArgs(1), func(ctx context.Context, args []string) error { return p.plan(ctx, args[0], rate.Limit(pace), rows) })
	c.Flags().Var(&pace, "rate", "plan at most so many events, such as 50/s or 600/m; default: as fast as it goes")
	rows.add(c)
	c.PreRunE = func(*cobra.Command, []string) error { return rows.check() }
	return c
}

// plans is what plan prints as JSON.
type plans struct {
	Events  []plan.Event `json:"events"`
	Summary plan.Summary `json:"summary"`
}

func (p *program) plan(ctx context.Context, name string, pace rate.Limit, rows rowFlags) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	o, err := planOptions(cfg)
	if err == nil && rows.any() {
		o.Decode, err = rowsDecoder(cfg, rows)
		o.CSV = rows.isTable(name)
	}
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
	o.In, o.Planner, o.Rate = in, fleet.Engine(), pace
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
func planOptions(cfg *config.Config) (plan.Options, error) {
	checker, err := orchestration.NewChecker(scenarios.All(scenarios.Parts{}), cfg.Channels)
	if err != nil {
		return plan.Options{}, err
	}
	reader, err := app.Rows(cfg, nil)
	if err != nil {
		return plan.Options{}, err
	}
	decode := func(text []byte) (orchestration.Event, error) {
		return reader.Decode(envelope.Parts{ContentType: envelope.ContentTypeStructured, Body: text}, justNow(cfg), envelope.Limits{MaxBytes: cfg.Worker.MaxBody})
	}
	return plan.Options{Decode: decode, Identify: checker, MaxBytes: cfg.Worker.MaxBody}, nil
}

// justNow is as if the broker had taken a message just now.
func justNow(cfg *config.Config) envelope.Arrival {
	return envelope.Arrival{Origin: orchestration.Origin{Queue: cfg.ServiceBus.Queues[0], Enqueued: time.Now()}}
}

// rowsDecoder reads a line as a row of a source.
func rowsDecoder(cfg *config.Config, f rowFlags) (func(text []byte) (orchestration.Event, error), error) {
	source, err := rowsource.Find(cfg, f.source, f.file)
	if err != nil {
		return nil, err
	}
	return func(text []byte) (orchestration.Event, error) {
		ev, err := envelope.DecodeRow(envelope.Parts{Body: text}, justNow(cfg), envelope.Limits{MaxBytes: cfg.Worker.MaxBody})
		if err != nil {
			return ev, err
		}
		ev, _, err = source.Event(ev)
		return ev, err
	}, nil
}
