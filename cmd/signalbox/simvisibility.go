package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/cli/simulate"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/inventoryvisibility"
)

type visibilityFlags struct {
	service  simulate.Visibility
	rate     pace
	burst    int
	drop     float64
	latency  time.Duration
	quantity string
}

func (p *program) simVisibility() *cobra.Command {
	f := visibilityFlags{service: simulate.Visibility{Warehouses: simulate.DefaultWarehouses()}}
	c := p.command("inventory-visibility", "run an Inventory Visibility", "Runs the service beside Supply Chain Management that counts stock and reserves it softly, with Entra and the security service before it, "+
		"and an admin port that shows its reservations, changes its stock, and on which it is told to misbehave. It has the items of sim csu.\n\n"+
		"What it prints makes exports of stock ask it. To have orders reserved there, set SIGNALBOX_ORDERS_RESERVE=visibility and SIGNALBOX_ORDERS_RESERVE_AT=HOUSTON, too.",
		"signalbox sim inventory-visibility\nsignalbox sim inventory-visibility --listen 127.0.0.1:8107 --admin 127.0.0.1:8108 --warehouse usrt/1/HOUSTON --quantity 10 --rate 20/s --commit-then-drop 0.02",
		cobra.NoArgs, func(ctx context.Context, _ []string) error {
			return f.service.Serve(ctx, p.ready("the rest of its configuration, with a CSU that knows the items: signalbox sim csu"))
		})
	flags, o := c.Flags(), &f.service.Options
	flags.StringVar(&f.service.Listen, "listen", "127.0.0.1:8105", "`address` of the service and of what gives its tokens")
	flags.StringVar(&f.service.Admin, "admin", "127.0.0.1:8106", "`address` of the admin port, which asks for no credentials")
	flags.StringSliceVar(&f.service.Warehouses, "warehouse", f.service.Warehouses, "`LEGALENTITY/SITE/WAREHOUSE` that has stock; may be repeated")
	flags.IntVar(&f.service.Products, "products", csu.DefaultProducts, "how many `items` it has, from P000001 on")
	flags.StringVar(&f.quantity, "quantity", "100", "how much each warehouse has of each item")
	flags.DurationVar(&o.TokenLifetime, "token-lifetime", 0, "let tokens last so long; default: 1h")
	flags.DurationVar(&f.latency, "latency", 0, "wait so long before each answer")
	flags.Var(&f.rate, "rate", "answer 429 above this rate, such as 20/s; default: never")
	flags.IntVar(&f.burst, "burst", 0, "requests that may exceed --rate at once; default: one second's worth")
	flags.Float64Var(&f.drop, "commit-then-drop", 0, "`probability` that a request has its effect and its connection then closes without an answer")
	flags.Uint64Var(&o.Seed, "seed", 1, "of what happens by probability")
	c.PreRunE = func(*cobra.Command, []string) error { return f.prepare() }
	return c
}

// prepare turns the flags into stock and faults.
func (f *visibilityFlags) prepare() (err error) {
	if f.drop < 0 || f.drop > 1 {
		return errors.New("--commit-then-drop must be between 0 and 1")
	}
	if min(f.latency, f.service.Options.TokenLifetime) < 0 || min(f.burst, f.service.Products) < 0 {
		return errors.New("durations, --burst and --products must not be negative")
	}
	if f.burst > 0 && f.rate == 0 {
		return errors.New("--burst goes with --rate")
	}
	for _, text := range f.service.Warehouses {
		if _, err := simulate.Warehouse(text); err != nil {
			return fmt.Errorf("--warehouse: %w", err)
		}
	}
	if f.service.Quantity, err = decimal.NewFromString(f.quantity); err != nil {
		return errors.New("--quantity must be a number")
	}
	if f.rate > 0 {
		burst := f.burst
		if burst == 0 {
			burst = max(1, int(f.rate))
		}
		f.service.Faults = append(f.service.Faults, inventoryvisibility.Fault{ID: "rate", Kind: inventoryvisibility.Throttle, Rate: float64(f.rate), Burst: burst})
	}
	if f.drop > 0 {
		f.service.Faults = append(f.service.Faults, inventoryvisibility.Fault{ID: "commit-then-drop", Kind: inventoryvisibility.CommitThenDrop, Probability: f.drop})
	}
	if f.latency > 0 {
		f.service.Faults = append(f.service.Faults, inventoryvisibility.Fault{ID: "latency", Kind: inventoryvisibility.Latency, Delay: f.latency})
	}
	return nil
}
