package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/internal/cli/trace"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
)

// subjectFlags say what a command is asked about, in one of four ways.
type subjectFlags struct {
	correlation string // the argument
	source      string
	event       string
	kind, id    string
	email       string
	depth       int
}

const subjectHelp = "It is asked for by a correlation ID, by an event (--source and --event), by a business object as its source numbers it " +
	"(--source and --id), or by a customer's e-mail address (--email -, which reads it from standard input, where no other user of the " +
	"machine sees it). The address is only hashed: it is not stored, sent or printed."

// subjectExamples name the same customer in each of the ways.
func subjectExamples(command string) string {
	return "signalbox " + command + " --local --source " + exampleSource + " --event " + exampleID + "\n" +
		"signalbox " + command + " --local " + orchestration.DeriveCorrelationID(exampleSource, exampleID) + "\n" +
		"signalbox " + command + " --local --kind customer --source " + exampleSource + " --id 1001\n" +
		"echo ana@example.com | signalbox " + command + " --local --email -"
}

func (f *subjectFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.source, "source", "", "the CloudEvents `source` of the event or of the object")
	flags.StringVar(&f.event, "event", "", "the event's CloudEvents `id`; goes with --source")
	flags.StringVar(&f.id, "id", "", "the `number` of a business object at its source; goes with --source; - reads it from standard input")
	flags.StringVar(&f.kind, "kind", "customer", "the `kind` of the business object: "+strings.Join(subjectKinds(), ", "))
	flags.StringVar(&f.email, "email", "", "an e-mail `address` that an object has; - reads it from standard input")
	flags.IntVar(&f.depth, "depth", 5000, "look at so many messages of each queue")
	c.PreRunE = func(_ *cobra.Command, args []string) error { return f.check(args) }
}

// subjectKinds lists the kinds of what runs are about.
func subjectKinds() []string { return slices.Concat(mapping.KindNames(), scenarios.UnboundKinds()) }

// check says whether exactly one thing is asked for.
func (f *subjectFlags) check(args []string) error {
	ways := 0
	for _, asked := range []bool{len(args) > 0, f.event != "", f.id != "", f.email != ""} {
		if asked {
			ways++
		}
	}
	switch {
	case f.depth < 1:
		return errors.New("--depth must be at least 1")
	case ways != 1:
		return errors.New("give one of: a correlation ID; --source and --event; --source and --id; --email -")
	case (f.source != "") != (f.event != "" || f.id != ""):
		return errors.New("--source goes with --event or with --id")
	case !slices.Contains(subjectKinds(), f.kind):
		return errors.New("--kind must be one of " + strings.Join(subjectKinds(), ", "))
	case len(args) == 0:
		return nil
	}
	id, err := uuid.Parse(args[0])
	if err != nil || len(args[0]) != 36 {
		return errors.New("a correlation ID is a GUID; for an event's id give --source and --event")
	}
	f.correlation = id.String()
	return nil
}

// longestAnswer is more than any address or number has.
const longestAnswer = 1000

// private gives what may be personal: an argument as it is, or for - a line of standard input, where no other user sees it.
func (p *program) private(asked, what, flag string) (string, error) {
	if asked != "-" {
		return asked, nil
	}
	if render.Terminal(p.errs) {
		fmt.Fprint(p.errs, what+": ")
	}
	line, err := bufio.NewReader(io.LimitReader(p.in, longestAnswer)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read %s: %w", flag, err)
	}
	return strings.TrimSpace(line), nil
}

// asked is what the flags ask for.
func (p *program) asked(f subjectFlags) (a trace.Asked, err error) {
	a = trace.Asked{CorrelationID: f.correlation, Source: f.source, Event: f.event, Kind: f.kind}
	if a.ID, err = p.private(f.id, "number", "--id"); err != nil || f.email == "" {
		return a, err
	}
	if f.email != "-" {
		fmt.Fprintln(p.errs, "signalbox: others on this machine can see an address that is an argument, and the shell remembers it; --email - reads it from standard input")
	}
	if a.Email, err = p.private(f.email, "e-mail address", "--email"); err == nil && !strings.Contains(a.Email, "@") {
		err = exit.New(exit.Usage, "that is no e-mail address", "give one line with the address on standard input")
	}
	return a, err
}

// look looks for a subject in the store and, as far as needed says so, in the queues.
func (p *program) look(ctx context.Context, f subjectFlags, needed func(trace.Found, trace.Place) bool) (trace.Found, error) {
	cfg, err := p.load()
	if err != nil {
		return trace.Found{}, err
	}
	asked, err := p.asked(f)
	if err != nil {
		return trace.Found{}, err
	}
	all, err := app.Scenarios(cfg)
	if err != nil {
		return trace.Found{}, err
	}
	checker, err := orchestration.NewChecker(all, cfg.Channels)
	if err != nil {
		return trace.Found{}, err
	}
	reader, err := app.Rows(cfg, nil)
	if err != nil {
		return trace.Found{}, err
	}
	bus, closeBus, err := connect.Bus(cfg)
	if err != nil {
		return trace.Found{}, err
	}
	defer closeBus()
	store, closeStore, err := connect.Redis(cfg)
	if err != nil {
		return trace.Found{}, err
	}
	defer closeStore()
	l := trace.Looker{Store: store.Runs, Identify: checker, Decode: reader.Decode, Depth: f.depth, Needed: needed}
	for _, name := range connect.Queues(cfg, "") {
		l.Places = append(l.Places, trace.Place{Queue: name, Peek: bus.Queue(name).Browse()},
			trace.Place{Queue: name, DeadLetter: true, Peek: bus.Queue(name).DeadLetters()})
	}
	found, err := l.Look(ctx, asked.Subject(cfg.Channels))
	said, asking := store.Switches.Look(ctx)
	found.Off = trace.OffNow(all, said, cfg.Scenarios.Off, time.Now())
	return found, errors.Join(err, asking)
}

// foundVerdict gives a look its exit code.
func foundVerdict(found trace.Found, err error) error {
	switch {
	case err != nil:
		return &exit.Error{Code: exit.Partly, Err: err, Next: exit.From(err).Next}
	case found.Nothing():
		return exit.New(exit.Nothing, "neither the store nor a queue knows it",
			"check what was asked for; a finished event is forgotten after run.keep, and messages deeper than --depth are not looked at")
	}
	return nil
}
