package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/waitview"
	"github.com/signalbox/signalbox/orchestration"
)

func (p *program) waitingCommand() *cobra.Command {
	var q waitview.Query
	c := p.command("waiting", "list the runs that wait, the oldest first",
		"Lists the runs that were postponed and have not gone on: for what each waits, since when, and until when it is left alone. Orders that the CSU has "+
			"accepted and headquarters has not landed are those of the scenario orders-confirm. What has not been received yet waits in its queue and is not listed.",
		"signalbox waiting --local\nsignalbox waiting --local --scenario orders-confirm --limit 20\nsignalbox waiting --local --cause dependency --output json",
		cobra.NoArgs, func(ctx context.Context, _ []string) error {
			if q.Limit < 1 {
				return exit.New(exit.Usage, fmt.Sprintf("--limit is %d", q.Limit), "give a number from 1 on")
			}
			if q.Cause != "" && !slices.Contains(orchestration.Causes(), orchestration.Cause(q.Cause)) {
				return exit.New(exit.Usage, fmt.Sprintf("--cause is %q", q.Cause), "give one of "+causes())
			}
			_, store, done, err := p.store()
			if err != nil {
				return err
			}
			defer done()
			v, err := waitview.Show(ctx, store.Runs, q)
			if err != nil {
				return err
			}
			return p.print(v, v.Print)
		})
	c.Flags().StringVar(&q.Scenario, "scenario", "", "only those of this `scenario`")
	c.Flags().StringVar(&q.Cause, "cause", "", "only those that wait for this `cause`: "+causes())
	c.Flags().IntVar(&q.Limit, "limit", 50, "list so many")
	return c
}

func causes() string {
	var all []string
	for _, c := range orchestration.Causes() {
		all = append(all, string(c))
	}
	return strings.Join(all, ", ")
}
