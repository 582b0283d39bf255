package main

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/trace"
	"github.com/signalbox/signalbox/orchestration"
)

func (p *program) traceCommand() *cobra.Command {
	var s trace.Subject
	var depth int
	c := p.command("trace [CORRELATION-ID]", "show everything that is known of an event or a correlation",
		"Shows the runs (state, scenario, attempts, generation, finished steps, what they wait for and until when, history) and where the "+
			"messages are now: in a queue, or among its dead letters. Looking changes nothing.",
		"signalbox trace --local --source "+exampleSource+" --event "+exampleID+"\n"+
			"signalbox trace --local "+orchestration.DeriveCorrelationID(exampleSource, exampleID), cobra.MaximumNArgs(1),
		func(ctx context.Context, _ []string) error { return p.trace(ctx, s, depth) })
	f := c.Flags()
	f.StringVar(&s.Source, "source", "", "the event's CloudEvents `source`; goes with --event")
	f.StringVar(&s.ID, "event", "", "the event's CloudEvents `id`; goes with --source")
	f.IntVar(&depth, "depth", 5000, "look at so many messages of each queue")
	c.MarkFlagsRequiredTogether("source", "event")
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		if depth < 1 {
			return errors.New("--depth must be at least 1")
		}
		return subject(&s, args)
	}
	return c
}

func subject(s *trace.Subject, args []string) error {
	switch {
	case (len(args) == 0) == (s.ID == ""):
		return errors.New("give a correlation ID, or --source and --event")
	case len(args) == 0:
		return nil
	}
	id, err := uuid.Parse(args[0])
	if err != nil || len(args[0]) != 36 {
		return errors.New("a correlation ID is a GUID; for an event's id give --source and --event")
	}
	s.CorrelationID = id.String()
	return nil
}

func (p *program) trace(ctx context.Context, s trace.Subject, depth int) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	bus, closeBus, err := connect.Bus(cfg)
	if err != nil {
		return err
	}
	defer closeBus()
	runs, closeRuns, err := connect.Tracer(cfg)
	if err != nil {
		return err
	}
	defer closeRuns()
	var places []trace.Place
	for _, name := range connect.Queues(cfg, "") {
		places = append(places, trace.Place{Queue: name, Peek: bus.Queue(name).Browse()},
			trace.Place{Queue: name, DeadLetter: true, Peek: bus.Queue(name).DeadLetters()})
	}
	found, err := trace.Look(ctx, s, runs, places, depth)
	if found.Nothing() && err != nil {
		return err
	}
	return errors.Join(p.print(found, found.Print), verdictOf(found, err))
}

func verdictOf(found trace.Found, err error) error {
	switch {
	case err != nil:
		return &exit.Error{Code: exit.Partly, Err: err, Next: exit.From(err).Next}
	case found.Nothing():
		return exit.New(exit.Nothing, "neither the store nor a queue knows it",
			"check the ID; a finished event is forgotten after run.keep, and messages deeper than --depth are not looked at")
	}
	return nil
}
