package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/letters"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/servicebus"
)

func (p *program) deadletterCommand() *cobra.Command {
	g := p.group("deadletter", "find, understand, replay and discard dead letters",
		"Works on the dead-letter queues of the source queues and of our own. list, show and groups change nothing; replay and discard "+
			"say what they would do, and do it with --yes.",
		p.listCommand(), p.showCommand(), p.groupsCommand(), p.replayCommand(), p.discardCommand(), p.sweepCommand(), p.jobsCommand())
	g.Example = "  signalbox deadletter list --local"
	return g
}

func (p *program) listCommand() *cobra.Command {
	var q query
	c := p.command("list", "list dead letters, oldest first",
		"Lists dead letters: which event, why, where it stopped, since when, and what was done about it. A letter is waiting for a person, "+
			"replayed or discarded (it leaves its queue soon), or applied: its event was done by another message.",
		"signalbox deadletter list --local\nsignalbox deadletter list --local --reason SchemaInvalid --output json", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return p.list(ctx, q) })
	q.flags(c, 100)
	return c
}

func (p *program) list(ctx context.Context, q query) error {
	d, done, err := p.desk(q.queue)
	if err != nil {
		return err
	}
	defer done()
	list, err := letters.Find(ctx, d.shelves, q.selection, d.store.Standing())
	if err != nil {
		return err
	}
	if len(list.Letters) == 0 && !p.json() {
		return errNoneMatches
	}
	if err := p.print(list, list.Print); err != nil || len(list.Letters) > 0 {
		return err
	}
	return exit.Quiet(exit.Nothing)
}

var errNoneMatches = exit.New(exit.Nothing, "no dead letter matches", "")

func (p *program) showCommand() *cobra.Command {
	var queue string
	var sequence int64
	c := p.command("show SEQUENCE", "show one dead letter", "Shows everything that is known of a dead letter but its body.",
		"signalbox deadletter show --local --queue signalbox-in 16", cobra.ExactArgs(1),
		func(ctx context.Context, _ []string) error { return p.show(ctx, queue, sequence) })
	c.Flags().StringVar(&queue, "queue", "", "of this `queue`; default: of whichever has that number")
	c.PreRunE = func(_ *cobra.Command, args []string) (err error) {
		sequence, err = sequenceOf(args[0])
		return err
	}
	return c
}

func sequenceOf(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no sequence number", text)
	}
	return n, nil
}

func (p *program) show(ctx context.Context, queue string, sequence int64) error {
	d, done, err := p.desk(queue)
	if err != nil {
		return err
	}
	defer done()
	l, err := letters.Show(ctx, d.shelves, sequence, d.store.Standing())
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

func (p *program) groupsCommand() *cobra.Command {
	var q query
	c := p.command("groups", "put dead letters together by how they fail",
		"Shows dead letters by cause: those of one type that fail for one reason at one step with one description, but for its numbers. "+
			"The name of a group is the same in every queue and after every release, and selects its letters: --group NAME.",
		"signalbox deadletter groups --local", cobra.NoArgs, func(ctx context.Context, _ []string) error { return p.groups(ctx, q) })
	q.flags(c, 0)
	return c
}

func (p *program) groups(ctx context.Context, q query) error {
	d, done, err := p.desk(q.queue)
	if err != nil {
		return err
	}
	defer done()
	groups, err := deadletter.Groups(ctx, d.shelves, q.selection)
	if err != nil {
		return err
	}
	if len(groups) == 0 && !p.json() {
		return errNoneMatches
	}
	if err := p.print(groups, func(w io.Writer) error { return letters.PrintGroups(w, groups) }); err != nil || len(groups) > 0 {
		return err
	}
	return exit.Quiet(exit.Nothing)
}

// desk is what the commands on dead letters work on.
type desk struct {
	cfg     *config.Config
	bus     *servicebus.Namespace
	store   *connect.Store
	queues  []string
	decode  worker.Decoder
	shelves []deadletter.Shelf
}

func (d *desk) open(queues []string) (shelves []deadletter.Shelf) {
	for _, name := range queues {
		shelves = append(shelves, deadletter.Shelf{Queue: name, Own: slices.Contains(d.cfg.ServiceBus.OwnQueue.All(), name), Peek: d.bus.Queue(name).DeadLetters(), Decode: d.decode})
	}
	return shelves
}

func (p *program) desk(queue string) (*desk, func(), error) {
	cfg, err := p.load()
	if err != nil {
		return nil, nil, err
	}
	bus, closeBus, err := connect.Bus(cfg)
	if err != nil {
		return nil, nil, err
	}
	store, closeStore, err := connect.Redis(cfg)
	if err != nil {
		closeBus()
		return nil, nil, err
	}
	d := &desk{cfg: cfg, bus: bus, store: store, queues: connect.Queues(cfg, queue)}
	reader, err := app.Rows(cfg, nil)
	if err != nil {
		closeStore()
		closeBus()
		return nil, nil, err
	}
	d.decode = reader.Decode
	d.shelves = d.open(d.queues)
	return d, func() {
		closeStore()
		closeBus()
	}, nil
}
