package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func (p *program) traceCommand() *cobra.Command {
	var f subjectFlags
	c := p.command("trace [CORRELATION-ID]", "show everything that is known of an event, a correlation or a business object",
		"Shows the runs (state, scenario, attempts, generation, finished steps, what they wait for and until when, history), what they are "+
			"about and bound to, the runs of follow-ups and of events that told others (they share the correlation), and where the messages "+
			"are now: in a queue, or among its dead letters. Runs of one scenario that went well are counted where there are many: --output json lists each. "+
			"Looking changes nothing.\n\n"+subjectHelp,
		subjectExamples("trace"), cobra.MaximumNArgs(1),
		func(ctx context.Context, _ []string) error { return p.trace(ctx, f) })
	f.register(c)
	return c
}

func (p *program) trace(ctx context.Context, f subjectFlags) error {
	found, err := p.look(ctx, f, nil)
	if found.Nothing() && err != nil {
		return err
	}
	return errors.Join(p.print(found, found.Print), foundVerdict(found, err))
}
