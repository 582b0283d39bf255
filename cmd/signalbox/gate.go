package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/cli/connect"
	"github.com/signalbox/signalbox/internal/cli/gateview"
)

func (p *program) gateCommand() *cobra.Command {
	g := p.group("gate", "show and limit how fast the fleet calls the CSU",
		"Every call of the fleet goes through one gate. It is open until the CSU refuses a call; from then on the fleet learns how much the CSU takes. "+
			"An operator may allow less, for a time.",
		p.gateShow(), p.gateLimit(), p.gateUnlimit())
	g.Example = "  signalbox gate show --local"
	return g
}

func (p *program) gateShow() *cobra.Command {
	return p.command("show", "show how the gate stands",
		"Shows whether the gate is open, how many calls a second it lets through, until when it is shut or limited, and which circuits are open.",
		"signalbox gate show --local\nsignalbox gate show --local --output json", cobra.NoArgs, func(ctx context.Context, _ []string) error {
			return p.gate(func(s *connect.Store) (gateview.View, error) { return gateview.Show(ctx, s.Gate, s.Circuits) })
		})
}

func (p *program) gateLimit() *cobra.Command {
	var lasts time.Duration
	var rate pace
	var why because
	c := p.command("limit RATE", "let the fleet make at most so many calls a second, for a time",
		"Lets the whole fleet make at most so many calls, such as 20/s or 300/m. What the CSU itself asks for still counts. The limit ends by itself, "+
			"so that nobody has to remember it; another one takes its place. It costs no message an attempt.",
		"signalbox gate limit --local 20/s --for 30m", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
			return p.gate(func(s *connect.Store) (gateview.View, error) {
				e := audit.Entry{Action: "gate limit", Target: "gate", Reason: why.reason, Detail: args[0] + " for " + lasts.String()}
				if _, err := p.audited(ctx, s, e); err != nil {
					return gateview.View{}, err
				}
				return gateview.Limit(ctx, s.Gate, float64(rate), lasts)
			})
		})
	why.add(c)
	c.Flags().DurationVar(&lasts, "for", time.Hour, "how long it lasts")
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		if err := rate.Set(args[0]); err != nil {
			return errors.New("RATE " + err.Error())
		}
		if lasts < time.Second || lasts > 7*24*time.Hour {
			return errors.New("--for must be between a second and a week")
		}
		return why.check()
	}
	return c
}

func (p *program) gateUnlimit() *cobra.Command {
	var why because
	c := p.command("unlimit", "take an operator's limit back",
		"Takes back what gate limit said. What the CSU asks for still counts.", "signalbox gate unlimit --local", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			return p.gate(func(s *connect.Store) (gateview.View, error) {
				if _, err := p.audited(ctx, s, audit.Entry{Action: "gate unlimit", Target: "gate", Reason: why.reason}); err != nil {
					return gateview.View{}, err
				}
				return gateview.Limit(ctx, s.Gate, 0, 0)
			})
		})
	why.add(c)
	c.PreRunE = func(*cobra.Command, []string) error { return why.check() }
	return c
}

// gate does something with the fleet's gate and shows how it stands then.
func (p *program) gate(do func(*connect.Store) (gateview.View, error)) error {
	_, store, done, err := p.store()
	if err != nil {
		return err
	}
	defer done()
	v, err := do(store)
	if err != nil {
		return err
	}
	return p.print(v, v.Print)
}
