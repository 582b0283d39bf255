// Package certify plays the stories of scenarios on stand-ins, stops the fleet's process at every boundary between two effects,
// lets another one recover, and holds what is left behind against what an undisturbed run leaves behind.
//
// A world is a broker, a CSU and a receiver of webhooks inside this process, which outlive the fleet's processes, and keys of its
// own in one Redis. The fleet is the production wiring. Times are real and short, so most of a run is waiting for locks and leases:
// many worlds wait at once. Nothing but loopback is used.
package certify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/boundary"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
)

// Mode is what happens at a boundary.
type Mode string

// The modes.
const (
	Undisturbed Mode = "undisturbed" // nothing: the run that others are held against
	Stop        Mode = "stop"        // the process, inside this one, is dead from there on
	Kill        Mode = "kill"        // a process of its own ends there with SIGKILL
	LostAnswer  Mode = "lost-answer" // the call that ends there had its effect, and its caller gets a broken connection
)

// Kills says how many of the boundaries a process is killed at for real.
type Kills string

// The choices.
const (
	KillAll    Kills = "all"
	KillSample Kills = "sample" // each eighth
	KillNone   Kills = "none"
)

// Choices lists them.
func Choices() []Kills { return []Kills{KillAll, KillSample, KillNone} }

const (
	each  = 8 // of the boundaries is in a sample
	pairs = 2 // second stops for each first one
	tries = 3 // to come to a boundary that is there only when things happen in a certain order, and to play at all on a busy machine
)

// ErrNothing says that there is nothing of the names that were asked for.
var ErrNothing = errors.New("nothing to certify")

// Options of Run.
type Options struct {
	Names    []string // of the scenarios; none: all
	Story    string   // only the story of this name
	At       string   // only this boundary
	Then     string   // with At: the process that recovers is stopped there
	Each     int      // only at each so many-th boundary, from Seed on; default 1
	Kill     Kills    // default KillSample
	Depth    int      // 2: the process that recovers is stopped, too, at boundaries that Seed draws; default 1
	Seed     uint64
	Parallel int                   // worlds at once; default: twelve for each processor
	Log      io.Writer             // gets the log lines of the runs in which something broke, of the processes inside this one; nil: nobody
	Progress func(done, total int) // told of each run that is over; nil: nobody. Not called concurrently

	Scenarios func(scenarios.Parts) []orchestration.Scenario // in place of scenarios.All
	Change    func(*app.Parts)                               // of processes inside this one: a defect to be found

	ChildArgs, ChildEnv []string // of the processes to be killed: this binary once more, see boundary.Spawn
}

func (o Options) withDefaults() Options {
	if o.Kill == "" {
		o.Kill = KillSample
	}
	if o.Parallel <= 0 {
		o.Parallel = 12 * runtime.GOMAXPROCS(0)
	}
	if o.Each <= 0 || o.At != "" {
		o.Each = 1
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Scenarios == nil {
		o.Scenarios = scenarios.All
	}
	if o.Then != "" {
		o.Depth = 2
	}
	return o
}

// certifier is one run of the command.
type certifier struct {
	o      Options
	ground *ground
	list   []orchestration.Scenario
	worlds atomic.Int64
	rest   sync.WaitGroup // what is left of dead processes

	mu          sync.Mutex // guards the progress
	done, total int
}

// Run certifies. The report says whether everything held; an error means that it cannot be said: the stand-ins did not work, or
// ErrNothing.
func Run(ctx context.Context, o Options) (_ Report, err error) {
	began := time.Now()
	o = o.withDefaults()
	c := &certifier{o: o, list: o.Scenarios(scenarios.Parts{})}
	told, err := stories(c.list)
	if err != nil {
		return Report{}, err
	}
	if c.ground, err = newGround(ctx); err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, c.ground.end()) }()
	defer c.rest.Wait()
	acts, err := c.undisturbed(ctx, told)
	if err != nil {
		return Report{}, err
	}
	if acts = c.chosen(acts); len(acts) == 0 {
		return Report{}, fmt.Errorf("%w: no scenario is named %s, or it has no such story or boundary; see: signalbox scenarios", ErrNothing, strings.Join(o.Names, ", "))
	}
	if err := c.disturbed(ctx, acts); err != nil {
		return Report{}, err
	}
	report := c.report(acts)
	report.TookSeconds = time.Since(began).Seconds()
	return report, nil
}

// act is a story with its undisturbed run and the cases made of that.
type act struct {
	story
	was   played
	cases []*Case
}

// undisturbed plays every story without a stop. What it passes are the boundaries that there are.
func (c *certifier) undisturbed(ctx context.Context, told []story) ([]*act, error) {
	acts := make([]*act, len(told))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.o.Parallel)
	c.expect(len(told))
	for i, s := range told {
		acts[i] = &act{story: s}
		group.Go(func() (err error) {
			defer c.tick()
			acts[i].was, err = c.reference(ctx, s)
			return err
		})
	}
	return acts, group.Wait()
}

// reference plays a story twice and takes the run with fewer boundaries: on a busy machine something may be tried again, which the
// runs to come will not do.
func (c *certifier) reference(ctx context.Context, s story) (played, error) {
	one, err := c.play(ctx, s)
	if err != nil {
		return one, err
	}
	other, err := c.play(ctx, s)
	if err != nil || len(one.passed[0]) < len(other.passed[0]) {
		return one, err
	}
	return other, nil
}

// chosen leaves the stories and boundaries that were asked for, and makes their cases.
func (c *certifier) chosen(acts []*act) (out []*act) {
	for _, a := range acts {
		if c.o.Story != "" && c.o.Story != a.Name || len(c.o.Names) > 0 && !slices.ContainsFunc(a.covers(), func(n string) bool { return slices.Contains(c.o.Names, n) }) {
			continue
		}
		labels := boundary.Labels(a.was.passed[0])
		if c.o.At != "" {
			labels = slices.DeleteFunc(labels, func(l string) bool { return l != c.o.At })
		}
		if len(labels) == 0 {
			continue
		}
		a.cases = append(a.cases, &Case{Mode: Undisturbed})
		for i, l := range labels {
			if (uint64(i)+c.o.Seed)%uint64(c.o.Each) != 0 {
				continue
			}
			a.cases = append(a.cases, c.casesAt(l, i, len(labels))...)
		}
		out = append(out, a)
	}
	return out
}

func (c *certifier) casesAt(label string, i, of int) (cases []*Case) {
	cases = append(cases, &Case{At: label, Then: c.o.Then, Mode: Stop})
	if c.o.Then != "" {
		return cases
	}
	if boundary.Ends(label) {
		cases = append(cases, &Case{At: label, Mode: LostAnswer})
	}
	if c.o.Kill == KillAll || c.o.Kill == KillSample && (of < each || (uint64(i)+c.o.Seed)%each == 0) {
		cases = append(cases, &Case{At: label, Mode: Kill})
	}
	return cases
}

// covers are the scenarios that a story exercises.
func (a *act) covers() []string {
	names := slices.Clone(a.was.coverage)
	if a.own {
		names = append(names, a.scenario)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// disturbed plays every case, and then those that follow from them.
func (c *certifier) disturbed(ctx context.Context, acts []*act) error {
	var first, second []task
	for _, a := range acts {
		for _, k := range a.cases {
			first = append(first, task{a, k})
		}
	}
	if err := c.perform(ctx, first); err != nil || c.o.Depth < 2 || c.o.Then != "" {
		return err
	}
	for i, t := range first {
		for _, k := range c.deeper(t, uint64(i)) {
			t.act.cases = append(t.act.cases, k)
			second = append(second, task{t.act, k})
		}
	}
	return c.perform(ctx, second)
}

// deeper draws second stops from the boundaries that the recovering process passed.
func (c *certifier) deeper(t task, number uint64) (cases []*Case) {
	if t.run.Mode != Stop || len(t.run.recovered) == 0 {
		return nil
	}
	labels := boundary.Labels(t.run.recovered)
	draw := rand.New(rand.NewPCG(c.o.Seed, number))
	for _, i := range draw.Perm(len(labels))[:min(pairs, len(labels))] {
		cases = append(cases, &Case{At: t.run.At, Then: labels[i], Mode: Stop})
	}
	return cases
}

type task struct {
	act *act
	run *Case
}

func (c *certifier) perform(ctx context.Context, tasks []task) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.o.Parallel)
	c.expect(len(tasks))
	for _, t := range tasks {
		group.Go(func() error {
			defer c.tick()
			return c.judge(ctx, t)
		})
	}
	return group.Wait()
}

// judge plays one case and says how it went.
func (c *certifier) judge(ctx context.Context, t task) error {
	k := t.run
	if k.Mode == Undisturbed {
		k.Broken = t.act.sane(t.act.was)
		k.settle(true)
		return nil
	}
	stops := []stop{{k.At, k.Mode}}
	if k.Then != "" {
		stops = append(stops, stop{k.Then, Stop})
	}
	for try := 1; ; try++ {
		is, err := c.play(ctx, t.act.story, stops...)
		if err != nil && (try == tries || ctx.Err() != nil) {
			return fmt.Errorf("story %q, %s: %w", t.act.Name, k.place(), err)
		}
		if err != nil {
			continue
		}
		if len(is.passed) > 1 {
			k.recovered = is.passed[1]
		}
		k.Broken = t.act.verdict(t.act.was, is)
		k.settle(is.reached == len(stops))
		if k.Outcome == BrokenOne {
			c.tellOf(t, is.log)
		}
		if k.Outcome != Unreached || try == tries {
			break
		}
	}
	k.Reproduce = c.reproduce(t)
	return nil
}

func (c *certifier) reproduce(t task) string {
	kill := KillNone
	if t.run.Mode == Kill {
		kill = KillAll
	}
	line := fmt.Sprintf("signalbox certify %s --story %q --at %q --kill %s", t.act.scenario, t.act.Name, t.run.At, kill)
	if t.run.Then != "" {
		line += fmt.Sprintf(" --then %q", t.run.Then)
	}
	return line
}

// tellOf writes down what a run that broke had to say.
func (c *certifier) tellOf(t task, log []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.o.Log, "# %s: %s, %s %s\n%s", t.act.scenario, t.act.Name, t.run.Mode, t.run.place(), log)
}

func (c *certifier) expect(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total += n
}

func (c *certifier) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.o.Progress != nil {
		c.o.Progress(c.done, c.total)
	}
}
