package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/outline"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
)

func (p *program) scenariosCommand() *cobra.Command {
	c := p.command("scenarios", "list what is done about which events, and switch scenarios off and on",
		"Lists the scenarios with their event types, their order (of a state the newest wins; each fact counts) and their steps: whether they act, "+
			"and what a look that finds nothing is worth. scenarios list says which are on. With a configuration it lists the steps that are put in or left out there, too, the channels, and the sinks that are told how events ended.",
		"signalbox scenarios --local\nsignalbox scenarios --local --output json", cobra.NoArgs,
		func(context.Context, []string) error { return p.scenarios() })
	c.AddCommand(p.switchesList(), p.switchOff(), p.switchOn())
	return c
}

func (p *program) scenarios() error {
	var channels orchestration.Channels
	all := scenarios.All(scenarios.Parts{})
	if p.configured() {
		cfg, err := p.load()
		if err != nil {
			return err
		}
		if all, err = app.Scenarios(cfg); err != nil {
			return err
		}
		channels = cfg.Channels
	}
	list := outline.Of(all, channels)
	return p.print(list, list.Print)
}

// configured says whether there is any configuration at all.
func (p *program) configured() bool {
	return p.file != "" || p.local || slices.ContainsFunc(p.env, func(nv string) bool { return strings.HasPrefix(nv, "SIGNALBOX_") })
}
