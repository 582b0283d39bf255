package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/scheduleview"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisschedule"
	"github.com/signalbox/signalbox/orchestration/schedule"
)

func (p *program) schedulesCommand() *cobra.Command {
	c := p.command("schedules", "list the schedules, and publish the event of one by hand",
		"Lists the schedules: when the next tick is, in UTC and in the schedule's time zone, what became of the last event, which tick was skipped last, how many "+
			"are due and not dealt with yet, and which process leads.",
		"signalbox schedules --local\nsignalbox schedules --config signalbox.yaml --output json", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return p.schedules(ctx) })
	c.AddCommand(p.schedulesRun())
	return c
}

func (p *program) schedules(ctx context.Context) error {
	cfg, store, done, err := p.store()
	if err != nil {
		return err
	}
	defer done()
	v, err := scheduleview.Show(ctx, cfg.Schedules, store.Client, store.Keys, handOf(store))
	if err != nil {
		return err
	}
	return p.print(v, v.Print)
}

// handOf looks only: it cannot publish.
func handOf(s *connect.Store) schedule.Hand {
	return schedule.Hand{Memory: redisschedule.New(s.Client, s.Keys), Runs: app.ScheduleRuns(s.Runs)}
}

// ran is what the command prints as JSON.
type ran struct {
	Schedule string `json:"schedule"`
	Source   string `json:"source"`
	Event    string `json:"event"`
	Queue    string `json:"queue"`
}

func (p *program) schedulesRun() *cobra.Command {
	var why because
	var anyway bool
	c := p.command("run NAME", "publish a schedule's event now",
		"Publishes an event of the schedule now, besides those of its ticks: also of one that is off, and whoever leads. Its ticks go on as ever, and are skipped "+
			"while its run is not over. It refuses while the run of the schedule's last event is not over, for then two would be at work at once.",
		"signalbox schedules run prices --local --reason \"a new price\"\nsignalbox schedules run nightly --config signalbox.yaml --reason \"last night's run failed\"", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return p.runSchedule(ctx, args[0], why.reason, anyway) })
	why.add(c)
	c.Flags().BoolVar(&anyway, "anyway", false, "also while the run of its last event is not over")
	c.PreRunE = func(*cobra.Command, []string) error { return why.check() }
	return c
}

func (p *program) runSchedule(ctx context.Context, name, reason string, anyway bool) error {
	cfg, store, done, err := p.store()
	if err != nil {
		return err
	}
	defer done()
	s, err := scheduleNamed(cfg, name)
	if err != nil {
		return err
	}
	bus, closeBus, err := connect.Bus(cfg)
	if err != nil {
		return err
	}
	defer closeBus()
	queue, hand := cfg.ServiceBus.OwnQueue.Bulk, handOf(store)
	hand.Publish = func(ctx context.Context, ev orchestration.Event) error {
		return bus.Send(ctx, queue, app.Message(ev), time.Time{})
	}
	r, err := hand.Look(ctx, s)
	if err != nil {
		return err
	}
	if r.State == schedule.Open && !anyway {
		return exit.New(exit.Failed, "the run of its last event is not over: "+r.Event+", published at "+r.Sent.Format(time.RFC3339),
			"see what it waits for: signalbox trace --source "+s.Source()+" --event "+r.Event+"; or run it with --anyway")
	}
	ev := s.ByHand(time.Now())
	if _, err := p.audited(ctx, store, audit.Entry{Action: "schedules run", Target: name, Reason: reason, Detail: "event " + ev.ID}); err != nil {
		return err
	}
	if err := hand.Run(ctx, s, ev); err != nil {
		return err
	}
	is := ran{name, ev.Source, ev.ID, queue}
	return p.print(is, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "published %s to %s\n", is.Event, is.Queue)
		return err
	})
}

func scheduleNamed(cfg *config.Config, name string) (schedule.Schedule, error) {
	var names []string
	for _, row := range cfg.Schedules {
		if row.Name == name {
			return row.Schedule()
		}
		names = append(names, row.Name)
	}
	if len(names) == 0 {
		return schedule.Schedule{}, exit.New(exit.Nothing, "no schedule is configured", "add a row to schedules; docs/how-to/run-on-a-timer.md says how")
	}
	slices.Sort(names)
	return schedule.Schedule{}, exit.New(exit.Nothing, fmt.Sprintf("%q is no schedule", name), "choose from "+strings.Join(names, ", "))
}
