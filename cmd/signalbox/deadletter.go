package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/letters"
	"github.com/signalbox/signalbox/worker/deadletter"
)

func (p *program) deadletterCommand() *cobra.Command {
	g := p.group("deadletter", "look at dead letters", "Looks into the dead-letter queues of the source queues and of our own. Looking changes nothing.",
		p.listCommand(), p.showCommand())
	g.Example = "  signalbox deadletter list --local"
	return g
}

func (p *program) listCommand() *cobra.Command {
	var queue string
	var s letters.Selection
	c := p.command("list", "list dead letters, oldest first", "Lists dead letters: which event, why, where it stopped, since when.",
		"signalbox deadletter list --local\nsignalbox deadletter list --local --reason SchemaInvalid --output json", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return p.list(ctx, queue, s) })
	c.Flags().StringVar(&queue, "queue", "", "only of this `queue`")
	c.Flags().StringVar(&s.Reason, "reason", "", "only with this `reason`, such as SchemaInvalid")
	c.Flags().IntVar(&s.Limit, "limit", 100, "show at most so many")
	c.PreRunE = func(*cobra.Command, []string) error {
		if s.Limit < 1 {
			return errors.New("--limit must be at least 1")
		}
		return nil
	}
	return c
}

func (p *program) list(ctx context.Context, queue string, s letters.Selection) error {
	shelves, done, err := p.shelves(queue)
	if err != nil {
		return err
	}
	defer done()
	list, err := letters.Find(ctx, shelves, s)
	if err != nil {
		return err
	}
	if len(list.Letters) == 0 && !p.json() {
		return exit.New(exit.Nothing, "no dead letter matches", "")
	}
	if err := p.print(list, list.Print); err != nil || len(list.Letters) > 0 {
		return err
	}
	return exit.Quiet(exit.Nothing)
}

func (p *program) showCommand() *cobra.Command {
	var queue string
	var sequence int64
	c := p.command("show SEQUENCE", "show one dead letter", "Shows everything that is known of a dead letter but its body.",
		"signalbox deadletter show --local --queue signalbox-in 16", cobra.ExactArgs(1),
		func(ctx context.Context, _ []string) error { return p.show(ctx, queue, sequence) })
	c.Flags().StringVar(&queue, "queue", "", "of this `queue`; default: of whichever has that number")
	c.PreRunE = func(_ *cobra.Command, args []string) (err error) {
		if sequence, err = strconv.ParseInt(args[0], 10, 64); err != nil {
			return fmt.Errorf("%q is no sequence number", args[0])
		}
		return nil
	}
	return c
}

func (p *program) show(ctx context.Context, queue string, sequence int64) error {
	shelves, done, err := p.shelves(queue)
	if err != nil {
		return err
	}
	defer done()
	l, err := letters.Show(ctx, shelves, sequence)
	switch {
	case errors.Is(err, deadletter.ErrNotFound):
		return exit.New(exit.Nothing, "no dead letter has that number", "see: signalbox deadletter list")
	case errors.Is(err, letters.ErrSeveral):
		return &exit.Error{Code: exit.Usage, Err: err, Next: "say which with --queue"}
	case err != nil:
		return err
	}
	return p.print(l, func(w io.Writer) error { return letters.PrintOne(w, l) })
}

func (p *program) shelves(queue string) ([]letters.Shelf, func(), error) {
	cfg, err := p.load()
	if err != nil {
		return nil, nil, err
	}
	bus, done, err := connect.Bus(cfg)
	if err != nil {
		return nil, nil, err
	}
	var shelves []letters.Shelf
	for _, name := range connect.Queues(cfg, queue) {
		shelves = append(shelves, letters.Shelf{Queue: name, Peek: bus.Queue(name).DeadLetters()})
	}
	return shelves, done, nil
}
