package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/cli/fleetview"
)

func (p *program) fleetCommand() *cobra.Command {
	return p.command("fleet", "show the processes of the fleet and what each has in hand",
		"Shows every process that works for this CSU: whether it lives, how many messages it has in hand, whether its intake stands still. One that "+
			"died without leaving is shown for a day.",
		"signalbox fleet --local\nsignalbox fleet --local --output json", cobra.NoArgs, func(ctx context.Context, _ []string) error {
			_, store, done, err := p.store()
			if err != nil {
				return err
			}
			defer done()
			v, err := fleetview.Show(ctx, store.Members)
			if err != nil {
				return err
			}
			return p.print(v, v.Print)
		})
}
