package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/publish"
	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/internal/cli/rowsource"
	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
)

// The event of the examples.
const (
	exampleSource = "https://shop.example.com"
	exampleID     = "customer-1001-v1"
	exampleEvent  = `{"specversion":"1.0","id":"` + exampleID + `","source":"` + exampleSource + `","type":"signalbox.customer.changed.v1",` +
		`"time":"2026-01-05T09:00:00Z","data":{"id":"1001","email":"ana@example.com","firstName":"Ana","lastName":"Contoso"}}`
)

type publishFlags struct {
	queue  string
	rate   pace
	dryRun bool
	rows   rowFlags
}

func (p *program) publishCommand() *cobra.Command {
	var f publishFlags
	c := p.command("publish FILE|-", "check and send events",
		"Reads JSON lines, each a CloudEvent in its JSON format, checks every one as a worker would, says which are bad and why, and sends the "+
			"good ones. With - it reads standard input as a stream: each event is sent as it comes.\n\n"+
			"With --source or --map the lines are rows in a source's own shape, or the records of a CSV file, and its field map makes events of them. "+
			"What is sent is those events.\n\n"+
			"Sending an event again is safe: source and id say that it is the same one.",
		"echo '"+exampleEvent+"' > events.jsonl\n"+
			"signalbox publish --local --dry-run events.jsonl\n"+
			"signalbox publish --local events.jsonl\n"+
			"cat events.jsonl | signalbox publish --local --rate 50/s -\n"+
			"signalbox publish --config signalbox.yaml --source crm --dry-run rows.jsonl\n"+
			"signalbox publish --local --map chinook-customers.yaml --source https://chinook.example.com customers.csv",
		cobra.ExactArgs(1), func(ctx context.Context, args []string) error { return p.publish(ctx, args[0], f) })
	c.Flags().StringVar(&f.queue, "queue", "", "`name` of the queue to send to; default: that of the rows' source, else the only source queue")
	c.Flags().Var(&f.rate, "rate", "send at most so many events, such as 50/s or 600/m; default: as fast as it goes")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "check only, send nothing")
	f.rows.add(c)
	c.PreRunE = f.rows.check
	return c
}

func (p *program) publish(ctx context.Context, name string, f publishFlags) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	source, err := f.rows.find(cfg)
	if err != nil {
		return err
	}
	if source != nil && f.queue == "" {
		f.queue = source.Queue
	}
	o, done, err := p.publication(cfg, f)
	if err != nil {
		return err
	}
	defer done()
	o.Source, o.CSV = source, f.rows.isTable(name)
	o.Warned = func(w rowsource.Warning) { fmt.Fprintln(p.errs, w) }
	in, err := p.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	o.In = in
	sum, err := publish.Run(ctx, o)
	if render.Terminal(p.errs) {
		fmt.Fprintln(p.errs)
	}
	return errors.Join(p.published(sum, o), publish.Verdict(sum, err))
}

// publication prepares everything but the input.
func (p *program) publication(cfg *config.Config, f publishFlags) (publish.Options, func(), error) {
	checker, err := orchestration.NewChecker(scenarios.All(scenarios.Parts{}), cfg.Channels)
	if err != nil {
		return publish.Options{}, nil, err
	}
	reader, err := app.Rows(cfg, nil)
	if err != nil {
		return publish.Options{}, nil, err
	}
	o := publish.Options{Checker: checker, Decode: reader.Decode, Queue: f.queue, MaxBytes: cfg.Worker.MaxBody, Rate: rate.Limit(f.rate)}
	if o.Queue == "" {
		queues := slices.DeleteFunc(slices.Clone(cfg.ServiceBus.Queues), func(name string) bool { _, _, is := subscription.Split(name); return is })
		if len(queues) > 1 {
			return o, nil, exit.New(exit.Usage, "there are several source queues: "+strings.Join(queues, ", "), "say which with --queue")
		}
		o.Queue = cfg.ServiceBus.Queues[0] // a subscription, if there is nothing else: what is wrong with that is said below
		if len(queues) == 1 {
			o.Queue = queues[0]
		}
	}
	o.Refused = func(r publish.Refusal) { fmt.Fprintln(p.errs, r) }
	if render.Terminal(p.errs) {
		o.Progress = p.progress()
	}
	if f.dryRun {
		return o, func() {}, nil
	}
	if topic, _, is := subscription.Split(o.Queue); is {
		return o, nil, exit.New(exit.Usage, o.Queue+" is a subscription, which takes no messages", "publish to its topic, if every subscription of it may get them: --queue "+topic)
	}
	bus, done, err := connect.Bus(cfg)
	o.Sender = bus
	return o, done, err
}

// progress rewrites one line of the terminal, a few times a second.
func (p *program) progress() func(publish.Summary) {
	var last time.Time
	return func(s publish.Summary) {
		if time.Since(last) > 200*time.Millisecond {
			last = time.Now()
			fmt.Fprintf(p.errs, "\rread %d, sent %d, refused %d ", s.Read, s.Sent, s.Refused)
		}
	}
}

func (p *program) published(sum publish.Summary, o publish.Options) error {
	return p.print(sum, func(w io.Writer) error {
		warnings := ""
		if o.Source != nil {
			warnings = fmt.Sprintf(", warnings %d", sum.Warnings)
		}
		if sum.DryRun {
			_, err := fmt.Fprintf(w, "read %d, valid %d, refused %d%s; a dry run sends nothing\n", sum.Read, sum.Valid, sum.Refused, warnings)
			return err
		}
		_, err := fmt.Fprintf(w, "read %d, sent %d to %s, refused %d, unsent %d%s\n", sum.Read, sum.Sent, o.Queue, sum.Refused, sum.Unsent, warnings)
		return err
	})
}

func (p *program) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(p.in), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, &exit.Error{Code: exit.Failed, Err: fmt.Errorf("read the input: %w", err), Next: "name a file that can be read, or - for standard input"}
	}
	return f, nil
}

// pace is the flag --rate, in events a second.
type pace rate.Limit

// String, Set and Type implement pflag.Value.
func (r *pace) String() string {
	if *r == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*r), 'g', -1, 64) + "/s"
}
func (r *pace) Type() string { return "rate" }
func (r *pace) Set(text string) error {
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.ParseFloat(number, 64)
	per, known := map[string]float64{"s": 1, "": 1, "m": 60, "h": 3600}[unit]
	if err != nil || !known || !(n > 0 && n < 1e9) {
		return errors.New("must be a number for a unit of time, such as 50/s")
	}
	*r = pace(n / per)
	return nil
}
