package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/internal/local"
)

func (p *program) localCommand() *cobra.Command {
	var o local.Options
	c := p.command("local", "run everything in one process: broker, CSU simulator, Redis and workers",
		"Starts a Service Bus, a Commerce Scale Unit, Redis and workers in this process, publishes events, and says what became of them. "+
			"Other commands reach it from another terminal with --local.\n\n"+
			"Redis is the one that SIGNALBOX_REDIS_URL names, else a redis-server from PATH, else one in memory.",
		"signalbox local --exit-when-idle\nsignalbox local --count 200", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			o.Out, o.Err, o.Terminal, o.JSON = p.out, p.errs, render.Terminal(p.errs), p.json()
			o.Redis = lookup(p.env, "SIGNALBOX_REDIS_URL")
			err := local.Run(ctx, o)
			if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
				return nil // a signal is how it is meant to end
			}
			return err
		})
	f := c.Flags()
	f.BoolVar(&o.ExitWhenIdle, "exit-when-idle", false, "end once every event has ended")
	f.StringVar(&o.EventsFile, "events", "", "publish the events of this `file`, JSON lines of CloudEvents; default: made-up ones")
	f.IntVar(&o.Count, "count", 30, "how many made-up events")
	c.MarkFlagsMutuallyExclusive("events", "count")
	c.PreRunE = func(*cobra.Command, []string) error {
		if o.Count < 1 {
			return errors.New("--count must be at least 1")
		}
		return nil
	}
	return c
}

// lookup finds a variable; of two the later wins.
func lookup(env []string, name string) (value string) {
	for _, nv := range env {
		if v, ok := strings.CutPrefix(nv, name+"="); ok {
			value = v
		}
	}
	return value
}
