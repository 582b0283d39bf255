package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/cli/bindings"
	"github.com/signalbox/signalbox/internal/cli/drift"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/scaleunit"
	"github.com/signalbox/signalbox/mapping"
)

type verifyFlags struct {
	kind, source, sample string
	calls                int
}

func (p *program) mappingVerify() *cobra.Command {
	f := verifyFlags{sample: drift.Random}
	c := p.command("verify", "ask the CSU whether what is bound is still there",
		"Takes a sample of the bindings, asks the CSU whether what each is bound to is still there and is what it is bound to, and lists what is not: customers by "+
			"account number and products by record id, fifty with one call; orders by the reference that they were placed under; stores, warehouses, "+
			"delivery modes, payment methods and countries by the lists of their channel. It changes nothing, and asks in the share of the fleet's "+
			"budget that replays have, so live events do not wait for it.\n\n"+
			"It ends with 0 when all is well, 3 when something drifted (or --sample all could not ask for all), 4 when there was nothing to ask for, 7 when "+
			"Redis or the CSU does not answer.",
		"signalbox mapping verify --local --kind customer\nsignalbox mapping verify --local --calls 500 --sample all --kind customer --output json", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return p.verifyBindings(ctx, f) })
	flags := c.Flags()
	flags.StringVar(&f.kind, "kind", "", "only bindings of this `kind`: "+strings.Join(mapping.KindNames(), ", "))
	flags.StringVar(&f.source, "source", "", "only bindings of this CloudEvents `source`")
	flags.StringVar(&f.sample, "sample", f.sample, "`which` bindings: random, as many as the calls are enough for, or all")
	flags.IntVar(&f.calls, "calls", 100, "ask the CSU at most so `many` times")
	c.PreRunE = func(*cobra.Command, []string) error {
		if f.kind != "" {
			if err := checkKind(f.kind); err != nil {
				return err
			}
		}
		if !slices.Contains(drift.Samples(), f.sample) {
			return fmt.Errorf("--sample must be %s", strings.Join(drift.Samples(), " or "))
		}
		return checkCalls(f.calls)
	}
	return c
}

func (p *program) verifyBindings(ctx context.Context, f verifyFlags) error {
	cfg, store, closeStore, err := p.store()
	if err != nil {
		return err
	}
	defer closeStore()
	unit, done, err := scaleunit.Open(ctx, cfg, f.calls)
	if err != nil {
		return err
	}
	defer done()
	o := drift.Options{From: store.Table, Places: bindings.Places(mapping.KindNames(), cfg.Channels), Channels: cfg.Channels, CSU: unit, Calls: f.calls,
		Sample: f.sample, Kind: f.kind, Source: f.source, Told: p.counting("asked for")}
	r, err := drift.Verify(ctx, o)
	switch {
	case err != nil && r.Sum().Bindings == 0:
		return err
	case err != nil:
		known := exit.From(err)
		return errors.Join(p.print(r, r.Print), &exit.Error{Code: known.Code, Err: fmt.Errorf("it stopped before the end: %w", err), Next: known.Next})
	case r.Sum().Bindings == 0 && !p.json():
		return r.Verdict()
	}
	return errors.Join(p.print(r, r.Print), r.Verdict())
}
