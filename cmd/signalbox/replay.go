package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/letters"
	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/worker/deadletter"
)

// handling is the flags of the commands that do something to dead letters.
type handling struct {
	query
	because
	all, yes, keep bool
	rate           pace
	job            string
}

func (h *handling) flags(c *cobra.Command, done string) {
	h.query.flags(c, 0)
	h.called(c, "because")
	f := c.Flags()
	f.BoolVar(&h.all, "all", false, "every dead letter, if nothing else selects")
	f.BoolVar(&h.yes, "yes", false, "do it; without, nothing is done")
	f.Var(&h.rate, "rate", "handle at most so many, such as 50/s or 600/m; default: as fast as it goes")
	f.StringVar(&h.job, "job", "", "go on with the `job` of that id, which was cut off; see deadletter jobs")
	f.BoolVar(&h.keep, "no-sweep", false, "leave what was "+done+" in its dead-letter queue for the next sweep")
	c.PreRunE = func(_ *cobra.Command, args []string) error { return h.take(args) }
}

func (h *handling) take(args []string) error {
	for _, a := range args {
		n, err := sequenceOf(a)
		if err != nil {
			return err
		}
		h.selection.Sequences = append(h.selection.Sequences, n)
	}
	switch nothing := h.selection.Everything() && h.queue == ""; {
	case h.job != "" && (!nothing || h.all || h.selection.Limit > 0):
		return errors.New("--job brings its own selection")
	case h.job != "" && !h.yes:
		return errors.New("--job goes on with what was begun: it needs --yes")
	case h.job == "" && nothing && !h.all:
		return errors.New("say which: sequence numbers, --reason, --group and so on, or --all")
	case h.all && !nothing:
		return errors.New("--all is for when nothing else selects")
	case len(h.selection.Sequences) > 0 && h.queue == "":
		return errors.New("sequence numbers are a queue's own: say which with --queue")
	}
	return errors.Join(h.query.check(0), h.because.check())
}

func (p *program) replayCommand() *cobra.Command {
	var h handling
	c := p.command("replay [SEQUENCE ...]", "send dead letters through again",
		"Replays the selected dead letters: a copy of each goes to our own queue of the lane replay, and the letter leaves its queue. An event "+
			"knows itself, so replaying one twice, or one that was applied meanwhile, does nothing twice; a run goes on at the step where it stopped.\n\n"+
			"Without --yes it is a dry run: it says of each letter what would become of it, from looks alone. A replay that was cut off is "+
			"taken up again by the same command, or with --job.",
		"signalbox deadletter replay --local --reason SchemaInvalid\nsignalbox deadletter replay --local --reason SchemaInvalid --rate 50/s --no-sweep --yes", cobra.ArbitraryArgs,
		func(ctx context.Context, _ []string) error { return p.handle(ctx, deadletter.Replayed, h) })
	h.flags(c, "replayed")
	return c
}

func (p *program) discardCommand() *cobra.Command {
	var h handling
	c := p.command("discard [SEQUENCE ...]", "drop dead letters for good",
		"Discards the selected dead letters: they leave their queue and what they ask for is not done. Without --yes it lists what would go.",
		"signalbox deadletter discard --local --reason SchemaInvalid", cobra.ArbitraryArgs,
		func(ctx context.Context, _ []string) error { return p.handle(ctx, deadletter.Discarded, h) })
	h.flags(c, "discarded")
	return c
}

func (p *program) handle(ctx context.Context, action deadletter.Action, h handling) error {
	d, done, err := p.desk(h.queue)
	if err != nil {
		return err
	}
	defer done()
	switch {
	case h.yes:
		return p.carryOut(ctx, d, action, h)
	case action == deadletter.Replayed:
		return p.foresee(ctx, d, h)
	}
	list, err := letters.Find(ctx, d.shelves, h.selection, d.store.Standing())
	if err != nil {
		return err
	}
	if len(list.Letters) == 0 {
		return errNoneMatches
	}
	return p.print(list, func(w io.Writer) error {
		if err := list.Print(w); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\nNothing was done. With --yes these %d are discarded.\n", len(list.Letters))
		return err
	})
}

// foresee is the dry run.
func (p *program) foresee(ctx context.Context, d *desk, h handling) error {
	fleet, err := app.New(d.cfg, app.Parts{Log: io.Discard, LookOnly: true})
	if err != nil {
		return err
	}
	defer func() {
		closing, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		_ = fleet.Close(closing) // what was asked for is done
	}()
	if err := fleet.HearSwitches(ctx); err != nil {
		return err
	}
	f, err := letters.Foresee(ctx, d.shelves, h.selection, fleet.Engine(), rate.Limit(h.rate), p.counting("looked at"))
	if err != nil {
		return err
	}
	if len(f.Verdicts) == 0 {
		return errNoneMatches
	}
	return p.print(f, f.Print)
}

// counting rewrites one line of the terminal, a few times a second; nil when there is none.
func (p *program) counting(what string) func(int) {
	if !render.Terminal(p.errs) {
		return nil
	}
	var last time.Time
	return func(n int) {
		if time.Since(last) > 200*time.Millisecond {
			last = time.Now()
			fmt.Fprintf(p.errs, "\r%s %d ", what, n)
		}
	}
}

func (p *program) carryOut(ctx context.Context, d *desk, action deadletter.Action, h handling) error {
	work := &deadletter.Desk{Shelves: d.shelves, Outbox: d.bus, Lane: d.cfg.ServiceBus.OwnQueue.Replay, Ledger: d.store.Ledger, Jobs: d.store.Ledger,
		Runs: d.store.Runs, Hasher: d.store.Hasher, Rate: rate.Limit(h.rate)}
	if count := p.counting(string(action)); count != nil {
		work.Progress = func(c deadletter.Count) { count(c.Done) }
	}
	job, err := p.job(ctx, d, work, action, h)
	if err != nil {
		return err
	}
	if _, err := p.audited(ctx, d.store, h.entry(d, job)); err != nil {
		return err
	}
	job, err = work.Run(ctx, job)
	result := letters.Result{Job: job}
	if err == nil && !h.keep {
		result.Swept, err = d.sweep(ctx)
	}
	if job.Count.Done+job.Count.Skipped+job.Count.Failed == 0 && err == nil {
		return errNoneMatches
	}
	return errors.Join(p.print(result, result.Print), verdictOfJob(job, err))
}

// entry is what the audit has of a job. What was selected may name events, so it is there as a keyed hash; the job itself has it.
func (h *handling) entry(d *desk, j deadletter.Job) audit.Entry {
	e := audit.Entry{Action: "deadletter discard", Target: "job " + j.ID, Reason: h.reason}
	if j.Action == deadletter.Replayed {
		e.Action = "deadletter replay"
	}
	selection, _ := json.Marshal(j.Selection) // texts, numbers and times always encode
	e.Detail = fmt.Sprintf("in %s, selection %s", strings.Join(j.Queues, ", "), d.store.Hasher.Short("audit-selection", string(selection)))
	return e
}

// job is a new one, or the one that is gone on with.
func (p *program) job(ctx context.Context, d *desk, work *deadletter.Desk, action deadletter.Action, h handling) (deadletter.Job, error) {
	if h.job == "" {
		return work.NewJob(action, h.selection), nil
	}
	j, found, err := d.store.Ledger.Get(ctx, h.job)
	switch {
	case err != nil:
		return j, err
	case !found:
		return j, exit.New(exit.Nothing, "no job has that id", "see: signalbox deadletter jobs")
	case j.Action != action:
		return j, exit.New(exit.Usage, "that job "+string(j.Action)+" its letters", "go on with it by the command that began it")
	}
	work.Shelves = d.open(j.Queues)
	return j, nil
}

func verdictOfJob(j deadletter.Job, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, deadletter.ErrSomeFailed) || j.Count.Done > 0:
		known := exit.From(err)
		next := known.Next
		if j.State == deadletter.JobStopped {
			next = "go on with: --job " + j.ID + " --yes"
		}
		code := exit.Partly
		if known.Code == exit.Interrupted {
			code = known.Code
		}
		return &exit.Error{Code: code, Err: err, Next: next}
	}
	return err
}

func (p *program) sweepCommand() *cobra.Command {
	var queue string
	var why because
	c := p.command("sweep", "take replayed and discarded dead letters out of their queues",
		"Does now what replay and discard do at their end, and what a fleet does from time to time. What stands before a letter in its queue is "+
			"given back untouched; what is too much to hold is deferred, and stays listed.",
		"signalbox deadletter sweep --local", cobra.NoArgs, func(ctx context.Context, _ []string) error {
			d, done, err := p.desk(queue)
			if err != nil {
				return err
			}
			defer done()
			e := audit.Entry{Action: "deadletter sweep", Target: strings.Join(d.queues, ", "), Reason: why.reason}
			if _, err := p.audited(ctx, d.store, e); err != nil {
				return err
			}
			swept, err := d.sweep(ctx)
			if err != nil {
				return err
			}
			return p.print(swept, swept.Print)
		})
	c.Flags().StringVar(&queue, "queue", "", "only of this `queue`")
	why.called(c, "because")
	c.PreRunE = func(*cobra.Command, []string) error { return why.check() }
	return c
}

func (d *desk) sweep(ctx context.Context) (all letters.Swept, err error) {
	s := deadletter.Sweeper{Ledger: d.store.Ledger, Hasher: d.store.Hasher}
	for _, name := range d.queues {
		one, err := s.Sweep(ctx, name, d.bus.Queue(name).DeadLetters())
		all.Add(one)
		if err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

func (p *program) jobsCommand() *cobra.Command {
	return p.command("jobs", "list replays and discards, the newest first",
		"Lists what operators did to dead letters lately. A job that is running although nobody runs it was cut off: go on with replay --job ID --yes.",
		"signalbox deadletter jobs --local", cobra.NoArgs, func(ctx context.Context, _ []string) error {
			d, done, err := p.desk("")
			if err != nil {
				return err
			}
			defer done()
			jobs, err := d.store.Ledger.List(ctx)
			if err != nil {
				return err
			}
			if jobs == nil {
				jobs = []deadletter.Job{}
			}
			return p.print(jobs, func(w io.Writer) error { return letters.PrintJobs(w, jobs) })
		})
}
