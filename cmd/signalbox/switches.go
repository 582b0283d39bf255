package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/switchview"
	"github.com/signalbox/signalbox/orchestration/redisswitch"
)

func (p *program) switchesList() *cobra.Command {
	return p.command("list", "list which scenarios are on, which are off, and how many events wait",
		"Lists the scenarios that can be switched: whether each is on, since when, until when, by whom and why, and how many events wait for it. "+
			"What follows up on a scenario (promotions, confirmations) is on and off with it.",
		"signalbox scenarios list --local\nsignalbox scenarios list --local --output json", cobra.NoArgs, func(ctx context.Context, _ []string) error {
			return p.switches(ctx, func(*connect.Store) error { return nil })
		})
}

// switches does something about the switches, and shows how they stand then.
func (p *program) switches(ctx context.Context, do func(*connect.Store) error) error {
	cfg, store, done, err := p.store()
	if err != nil {
		return err
	}
	defer done()
	if err := do(store); err != nil {
		return err
	}
	v, err := switchview.Show(ctx, store.Switches, store.Off, config.Switchable(), cfg.Scenarios.Off)
	if err != nil {
		return err
	}
	return p.print(v, v.Print)
}

func (p *program) switchOff() *cobra.Command {
	var why because
	var until span
	c := p.command("disable NAME", "switch a scenario off for the whole fleet, for a time",
		"Switches a scenario off: within two seconds no process of the fleet begins one of its events. Runs under way go on to their end. Its events wait, "+
			"are counted, and cost no attempt and no delivery; they flow when it is on again, which it is by itself in the end, so that nobody has to "+
			"remember it. Saying it again takes the place of what was said. To have one off for good: scenarios.off in the configuration.",
		"signalbox scenarios disable customers --local --reason \"the address format changes tonight\" --until 2h\nsignalbox scenarios enable customers --local",
		cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
			return p.switches(ctx, func(s *connect.Store) error {
				lasts := until.from(time.Now())
				return p.setSwitch(ctx, s, redisswitch.Word{Scenario: args[0], Off: true, Reason: why.reason, For: lasts},
					"until "+time.Now().Add(lasts).UTC().Format(time.RFC3339))
			})
		})
	why.add(c)
	c.Flags().Var(&until, "until", "when it is on again by itself: a `time` such as 2026-01-31T15:04:05Z, or how long, such as 2h; a week at most")
	c.ValidArgs = config.Switchable()
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		if strings.TrimSpace(why.reason) == "" {
			return errors.New("--reason is missing: others will ask why it is off")
		}
		if lasts := until.from(time.Now()); lasts < time.Second || lasts > redisswitch.Longest {
			return errors.New("--until must be between a second and a week ahead")
		}
		return errors.Join(why.check(), switchable(args[0]))
	}
	return c
}

func (p *program) switchOn() *cobra.Command {
	var why because
	c := p.command("enable NAME", "switch a scenario on again",
		"Takes back what scenarios disable said: within two seconds events of the scenario are worked on again, and those that waited are sent on their way. "+
			"One that is on stays on, and one that the configuration has off stays off.",
		"signalbox scenarios enable customers --local", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
			return p.switches(ctx, func(s *connect.Store) error {
				return p.setSwitch(ctx, s, redisswitch.Word{Scenario: args[0], Reason: why.reason}, "")
			})
		})
	why.add(c)
	c.ValidArgs = config.Switchable()
	c.PreRunE = func(_ *cobra.Command, args []string) error { return errors.Join(why.check(), switchable(args[0])) }
	return c
}

// setSwitch writes the entry, then says the word.
func (p *program) setSwitch(ctx context.Context, s *connect.Store, w redisswitch.Word, detail string) error {
	action := "scenarios enable"
	if w.Off {
		action = "scenarios disable"
	}
	e, err := p.audited(ctx, s, audit.Entry{Action: action, Target: w.Scenario, Reason: w.Reason, Detail: detail})
	if err != nil {
		return err
	}
	w.By, w.Audit = e.By, strconv.FormatInt(e.Number, 10)
	_, err = s.Switches.Set(ctx, w)
	return err
}

func switchable(name string) error {
	if slices.Contains(config.Switchable(), name) {
		return nil
	}
	return fmt.Errorf("%q is no scenario that can be switched; choose from %s", name, strings.Join(config.Switchable(), ", "))
}

// span is a moment, said as one or as how long it is until then.
type span struct {
	at   time.Time
	long time.Duration
	text string
}

// from is how long it is until then.
func (s *span) from(now time.Time) time.Duration {
	if s.at.IsZero() {
		return s.long
	}
	return s.at.Sub(now)
}

// String, Set and Type implement pflag.Value.
func (s *span) String() string { return s.text }
func (s *span) Type() string   { return "time" }
func (s *span) Set(text string) (err error) {
	s.text, s.at, s.long = text, time.Time{}, 0
	if s.long, err = time.ParseDuration(text); err == nil {
		return nil
	}
	if s.at, err = time.Parse(time.RFC3339, text); err != nil {
		return errors.New("must be a time such as 2026-01-31T15:04:05Z or a duration such as 2h")
	}
	return nil
}
