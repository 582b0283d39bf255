package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/cli/why"
)

func (p *program) whyCommand() *cobra.Command {
	var f subjectFlags
	c := p.command("why [CORRELATION-ID]", "say in one sentence how it stands with an event",
		"Says what an event waits for, since when, until when and what would unblock it; or that it is done, and as what; or that it is a dead "+
			"letter, why, and what to do. With --output json it gives the parts of the sentence. Looking changes nothing.\n\n"+subjectHelp,
		subjectExamples("why"), cobra.MaximumNArgs(1),
		func(ctx context.Context, _ []string) error { return p.why(ctx, f) })
	f.register(c)
	return c
}

func (p *program) why(ctx context.Context, f subjectFlags) error {
	found, err := p.look(ctx, f, why.Needed)
	if found.Nothing() && err != nil {
		return err
	}
	answers := why.Explain(found)
	return errors.Join(p.print(answers, answers.Print), foundVerdict(found, err))
}
