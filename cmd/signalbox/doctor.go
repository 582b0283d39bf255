package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/doctor"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/mapping"
)

func (p *program) doctorCommand() *cobra.Command {
	var perDay float64
	c := p.command("doctor", "look whether everything a fleet needs is there and set as it must be",
		"Looks at the configuration, the queues, Redis, the CSU, Inventory Visibility where it is used, the sinks, what configured steps call and what waits, and explains each clash: what is wrong, why it matters, "+
			"what to do. It sends nothing and writes nothing. What it has no right to see is unknown, and it says which right that takes. "+
			"docs/reference/doctor.md lists the checks.\n\n"+
			"It ends with 0 when nothing failed, 1 when something did, 5 when the configuration is not valid, 7 when something cannot be reached.",
		"signalbox doctor --local\nsignalbox doctor --local --events-per-day 250000 --output json", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return p.doctor(ctx, perDay) })
	c.Flags().Float64Var(&perDay, "events-per-day", 0, "estimate the memory of Redis for so many `events`; default: as measured from the runs it has")
	c.PreRunE = func(*cobra.Command, []string) error {
		if perDay < 0 {
			return errors.New("--events-per-day must not be negative")
		}
		return nil
	}
	return c
}

func (p *program) doctor(ctx context.Context, perDay float64) error {
	cfg, err := p.load()
	if problems := config.Problems(err); len(problems) > 0 {
		report := doctor.OfConfig(problems)
		if err := p.print(report, report.Print); err != nil {
			return err
		}
		return exit.Quiet(exit.Configuration)
	}
	if err != nil {
		return err
	}
	parts, done, err := examined(cfg, perDay)
	if err != nil {
		return err
	}
	defer done()
	report := doctor.Examine(ctx, parts...)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(p.print(report, report.Print), report.Verdict())
}

// examined opens everything that is looked at. Nothing is dialled yet.
func examined(cfg *config.Config, perDay float64) (parts []doctor.Part, done func(), err error) {
	var opened []func()
	done = func() {
		for i := len(opened) - 1; i >= 0; i-- {
			opened[i]()
		}
	}
	bus, closeBus, err := connect.Bus(cfg)
	if err != nil {
		return nil, nil, err
	}
	opened = append(opened, closeBus)
	store, closeStore, err := connect.Redis(cfg)
	if err != nil {
		done()
		return nil, nil, err
	}
	opened = append(opened, closeStore)
	admin, err := connect.Admin(cfg)
	if err != nil {
		done()
		return nil, nil, err
	}
	opened = append(opened, admin.Close)
	date := &doctor.DateWatch{}
	if at, err := url.Parse(cfg.CSU.URL); err == nil { // other services answer, too, and have clocks of their own
		date.Host = at.Host
	}
	fleet, err := app.New(cfg, app.Parts{Log: io.Discard, LookOnly: true, WrapCSU: func(next http.RoundTripper) http.RoundTripper { return date.Wrap(next) }})
	if err != nil {
		done()
		return nil, nil, err
	}
	opened = append(opened, func() {
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = fleet.Close(closing) // what was asked for is done
	})
	return []doctor.Part{doctor.Configured(cfg), doctor.Broker(cfg, doctor.OverBus(bus), admin),
		doctor.Redis(doctor.RedisOptions{Config: cfg, Client: store.Client, Keys: store.Keys, Kinds: mapping.KindNames(), EventsPerDay: perDay, Near: connect.Near(cfg)}),
		doctor.CSU(cfg, fleet.CSU(), date.Ahead), doctor.Visibility(cfg, fleet.Visibility()), doctor.Sinks(cfg), doctor.Steps(cfg), doctor.Fleet(cfg, store.Client, store.Keys)}, done, nil
}
