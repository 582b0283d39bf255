package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/signalbox/signalbox/internal/certify"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
)

type certifyFlags struct {
	all    bool
	kill   string
	report string
	log    string
	o      certify.Options
}

func (p *program) certifyCommand() *cobra.Command {
	var f certifyFlags
	c := p.command("certify [SCENARIO]", "stop scenarios at every boundary between two effects, and see that nothing is lost or done twice",
		"Plays the stories of a scenario on stand-ins inside this process. At every boundary between two effects (a call of the broker, the CSU or a sink, a "+
			"write to Redis) it stops the process, or loses the answer of the call, lets another process recover, and holds what is left behind against "+
			"what an undisturbed run leaves behind: same records, each write once, same bindings, each outcome told once, no new dead letter, empty queues; "+
			"and against the scenario's own invariants. At some boundaries the process is one of its own and ends with kill -9.\n\n"+
			"It needs no configuration and uses nothing but loopback: a redis-server from PATH, else one in memory. "+
			"It ends with 0 when everything held, 1 when something did not or was not shown, 4 when there is no such scenario, story or boundary.",
		"signalbox certify heartbeat --report certified.json\n"+
			"signalbox certify customers --story \"a refusal\" --at \"after send\" --kill all",
		cobra.MaximumNArgs(1), func(ctx context.Context, args []string) error {
			f.o.Names = args
			return p.certify(ctx, f)
		})
	flags := c.Flags()
	flags.BoolVar(&f.all, "all", false, "every scenario")
	flags.StringVar(&f.kill, "kill", string(certify.KillSample), "kill a process of its own at `which` boundaries: all, a sample (each eighth, from --seed on) or none")
	flags.StringVar(&f.o.Story, "story", "", "only the story of this `name`")
	flags.StringVar(&f.o.At, "at", "", "only this `boundary`, as the report names it")
	flags.StringVar(&f.o.Then, "then", "", "stop the process that recovers, too, at this `boundary`; goes with --at")
	flags.IntVar(&f.o.Depth, "depth", 1, "2: stop the process that recovers, too, at two boundaries drawn for each first one")
	flags.IntVar(&f.o.Each, "each", 1, "stop at each so many-th boundary only, from --seed on")
	flags.Uint64Var(&f.o.Seed, "seed", 0, "of what is drawn")
	flags.IntVar(&f.o.Parallel, "parallel", 0, "so many runs at once; default: twelve for each processor")
	flags.StringVar(&f.log, "log", "", "write the log lines of the runs in which something broke to this `file`; processes that are killed for real have none")
	flags.StringVar(&f.report, "report", "", "write the report as JSON to this `file`, too")
	c.PreRunE = func(_ *cobra.Command, args []string) error { return f.check(args) }
	return c
}

func (f *certifyFlags) check(args []string) error {
	f.o.Kill = certify.Kills(f.kill)
	switch {
	case f.all == (len(args) > 0):
		return errors.New("name a scenario, or say --all")
	case !slices.Contains(certify.Choices(), f.o.Kill):
		return errors.New("--kill must be all, sample or none")
	case f.o.Depth < 1 || f.o.Depth > 2:
		return errors.New("--depth must be 1 or 2")
	case f.o.Parallel < 0:
		return errors.New("--parallel must not be negative")
	case f.o.Then != "" && f.o.At == "":
		return errors.New("--then goes with --at")
	}
	return nil
}

func (p *program) certify(ctx context.Context, f certifyFlags) error {
	if render.Terminal(p.errs) {
		f.o.Progress = func(done, total int) { fmt.Fprintf(p.errs, "\r%d of %d runs ", done, total) }
	}
	if f.log != "" {
		log, err := os.OpenFile(f.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("write the log: %w", err)
		}
		defer log.Close() // lines are written at once
		f.o.Log = log
	}
	report, err := certify.Run(ctx, f.o)
	if f.o.Progress != nil {
		fmt.Fprintln(p.errs)
	}
	switch {
	case errors.Is(err, certify.ErrNothing):
		return &exit.Error{Code: exit.Nothing, Err: err, Next: "see: signalbox scenarios; a report lists stories and boundaries"}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return &exit.Error{Code: exit.Failed, Err: err}
	}
	if f.report != "" {
		if err := writeReport(f.report, report); err != nil {
			return err
		}
	}
	return errors.Join(p.print(report, report.Print), report.Verdict())
}

func writeReport(name string, report certify.Report) error {
	out, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return errors.Join(render.Value(out, report), out.Close())
}
