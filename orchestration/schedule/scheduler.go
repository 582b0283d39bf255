package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a Scheduler.
type Options struct {
	Schedules []Schedule // those that are on; of others nothing is remembered
	Publish   Publish
	Memory    Memory
	Runs      Runs
	Observe   Observer
	// Holds says whether this process leads at this moment, by the lease's own clock: asked before each event.
	Holds func() bool
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var problems []error
	if o.Publish == nil || o.Memory == nil || o.Runs == nil || o.Observe == nil || o.Holds == nil {
		problems = append(problems, errors.New("schedule: needs all of its ports"))
	}
	seen := map[string]bool{}
	for _, s := range o.Schedules {
		if s.Name == "" || s.Ticks == nil || seen[s.Name] {
			problems = append(problems, fmt.Errorf("schedule %q: needs a name of its own, and ticks", s.Name))
		}
		seen[s.Name] = true
	}
	return errors.Join(problems...)
}

// Scheduler publishes the events of the schedules while it leads.
type Scheduler struct {
	o      Options
	leads  atomic.Bool
	rounds sync.Map // when the loop of each schedule last went round, by name
}

// New checks the options.
func New(o Options) (*Scheduler, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Scheduler{o: o}, nil
}

// stuck is how long a round may take, with the pause before it, before something must be wrong with this process: the calls of a round
// have time limits that add up to less.
const stuck = 2 * time.Minute

// Alive says whether the loop of every schedule went round lately, if this process leads. That calls fail changes nothing.
func (s *Scheduler) Alive() bool {
	if !s.leads.Load() {
		return true
	}
	alive := true
	s.rounds.Range(func(_, at any) bool {
		alive = time.Since(at.(time.Time)) < stuck
		return alive
	})
	return alive
}

// Lead is one term: it publishes until ctx ends.
func (s *Scheduler) Lead(ctx context.Context) {
	for _, one := range s.o.Schedules {
		s.rounds.Store(one.Name, time.Now())
	}
	s.leads.Store(true)
	defer s.leads.Store(false)
	if err := s.forget(ctx); err != nil {
		s.o.Observe.Round("", err)
	}
	var all sync.WaitGroup
	for _, one := range s.o.Schedules {
		all.Go(func() { (&timer{Scheduler: s, s: one, first: true}).keep(ctx) })
	}
	all.Wait()
}

// forget drops the records of those that are off or gone: what they miss is not to be caught up with when they come back.
func (s *Scheduler) forget(ctx context.Context) error {
	call, done := context.WithTimeout(ctx, asking)
	defer done()
	known, err := s.o.Memory.All(call)
	if err != nil {
		return err
	}
	for _, one := range s.o.Schedules {
		delete(known, one.Name)
	}
	var gone []string
	for name := range known {
		gone = append(gone, name)
	}
	if len(gone) == 0 {
		return nil
	}
	return s.o.Memory.Forget(call, gone...)
}
