package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/contract"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
)

func (p *program) schemaCommand() *cobra.Command {
	var asyncapi bool
	c := p.command("schema [TYPE]", "print which events there are, and the schema of their data",
		"Lists the types of events that sources may send and that sinks are told; with a type, prints the JSON Schema (2020-12) of its data; with --asyncapi, prints "+
			"all of it as an AsyncAPI 3.0 document, whose messages are whole CloudEvents. With --config or --local the types that the configuration's steps tell are there, too, and the queues that take events, which those of a source's own rows do not, have their names.",
		"signalbox schema\nsignalbox schema signalbox.order.placed.v1\nsignalbox schema --asyncapi", cobra.MaximumNArgs(1),
		func(_ context.Context, args []string) error { return p.schema(args, asyncapi) })
	c.Flags().BoolVar(&asyncapi, "asyncapi", false, "print an AsyncAPI 3.0 document, in JSON")
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		if asyncapi && len(args) > 0 {
			return exit.New(exit.Usage, "--asyncapi is of all types", "leave out "+args[0])
		}
		return nil
	}
	return c
}

func (p *program) schema(args []string, asyncapi bool) error {
	told, queues := scenarios.Told(), []string(nil)
	if p.file != "" || p.local { // of the environment alone there may be anything
		cfg, err := p.load()
		if err != nil {
			return err
		}
		for _, name := range cfg.Emitted() {
			told = append(told, sinks.Type{Name: name})
		}
		queues = eventQueues(cfg)
	}
	all, err := contract.Of(scenarios.All(scenarios.Parts{}), told)
	switch {
	case err != nil:
		return err
	case asyncapi:
		version, _ := app.Build()
		return render.Value(p.out, all.AsyncAPI(version, queues))
	case len(args) == 0:
		return p.print(all, all.Print)
	}
	t, known := all.Find(args[0])
	if !known {
		return exit.New(exit.Nothing, args[0]+" is no type of events that sources send or sinks are told", "choose from "+strings.Join(all.Names(), ", "))
	}
	if t.Schema == nil {
		return exit.New(exit.Nothing, t.Name+" has no schema: a step of the configuration makes its data", "see its row of scenarios.steps")
	}
	_, err = fmt.Fprintf(p.out, "%s\n", strings.TrimSpace(string(t.Schema)))
	return err
}

// eventQueues lists where sources send events to, by the configuration: all but what is a source's own.
func eventQueues(cfg *config.Config) (queues []string) {
	for _, q := range cfg.ServiceBus.Queues {
		rows := slices.ContainsFunc(cfg.Sources, func(s config.SourceRow) bool { return strings.EqualFold(s.Queue, q) }) // as Service Bus does
		if to := subscription.SendTo(q); !rows && !slices.Contains(queues, to) {
			queues = append(queues, to)
		}
	}
	return queues
}
