// Package leader elects one process of the fleet for a role, by a lease in Redis.
//
// One process leads at a time. Nothing fences it: a process that was frozen past its lease may go on for a moment after
// it is thawed. So what a leader does must do no harm when two do it, such as looking, or publishing events whose ids
// are the same whoever publishes them.
//
// The lease counts from before it was asked for, on this process's own clock, so two leaders never believe in the same
// lease because an answer was slow. A leader that goes gives its lease back, and the next one follows within a third of
// the lease; one that dies is followed when its lease has run out.
//
// Concurrency: one Elector for each role of a process. Redis being away ends a term when the lease does, and is
// otherwise nobody's trouble: Run goes on asking.
package leader

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed take.lua
var takeText string

//go:embed yield.lua
var yieldText string

var (
	takeScript  = redis.NewScript(takeText)
	yieldScript = redis.NewScript(yieldText)
)

// Scripts names the scripts by the hash Redis knows them by, for metrics.
func Scripts() map[string]string {
	return map[string]string{takeScript.Hash(): "lead", yieldScript.Hash(): "yield"}
}

// ErrOver is the cause with which the context of a term ends when another process may lead now.
var ErrOver = errors.New("leader: the lease is over")

// Options of an Elector.
type Options struct {
	Client redis.UniversalClient
	Key    string        // of the role's lease
	ID     string        // of this process, unlike that of any other
	Lease  time.Duration // how long a term lasts unless renewed; renewed at every third of it; default 15 s

	// Lead does the work of a term. It must return soon after ctx ends. When it returns or panics before, the role is
	// given back and this process stands aside for one lease, so that another one may try.
	Lead func(ctx context.Context)
	// Changed is told of each beginning and end of a term; may be nil.
	Changed func(leads bool)
	// Panicked is told of a panic of Lead; may be nil.
	Panicked func(value any)
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var problems []error
	if o.Client == nil || o.Lead == nil {
		problems = append(problems, errors.New("leader: needs a client and something to lead"))
	}
	if o.Key == "" || o.ID == "" {
		problems = append(problems, errors.New("leader: needs a key and an id of the process"))
	}
	if o.Lease < 0 {
		problems = append(problems, fmt.Errorf("leader: a lease of %s", o.Lease))
	}
	return errors.Join(problems...)
}

// Elector takes part in the election for one role.
type Elector struct {
	o     Options
	leads atomic.Bool
	until atomic.Pointer[time.Time] // the end of the lease, while this process leads
}

// New checks the options. Nothing is asked before Run.
func New(o Options) (*Elector, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Lease == 0 {
		o.Lease = 15 * time.Second
	}
	if o.Changed == nil {
		o.Changed = func(bool) {}
	}
	if o.Panicked == nil {
		o.Panicked = func(any) {}
	}
	return &Elector{o: o}, nil
}

// Leads says whether this process leads now.
func (e *Elector) Leads() bool { return e.leads.Load() }

// Holds says whether the lease lasts still, at this moment and by the clock that it was taken by. A process that was frozen knows so
// before the context of its term has ended: it is to be asked before anything that the next leader would do, too.
func (e *Elector) Holds() bool {
	until := e.until.Load()
	return e.leads.Load() && until != nil && time.Now().Before(*until)
}

// Run takes part until ctx ends, and returns once the work of the last term has ended and the lease is given back.
func (e *Elector) Run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := e.o.Lease / 3
		asked := time.Now()
		if ours, err := e.take(ctx, asked.Add(e.o.Lease)); err == nil && ours {
			if tired := e.term(ctx, asked); tired {
				pause = e.o.Lease
			}
		}
		sleep(ctx, pause)
	}
}

// take asks for the lease, or for more of it, and does not wait for the answer beyond until.
func (e *Elector) take(ctx context.Context, until time.Time) (ours bool, err error) {
	call, done := context.WithDeadline(ctx, earlier(until, time.Now().Add(e.o.Lease/3)))
	defer done()
	n, err := takeScript.Run(call, e.o.Client, []string{e.o.Key}, e.o.ID, e.o.Lease.Milliseconds()).Int()
	return n == 1, err
}

// yield gives the lease back, as far as Redis can be reached; else it runs out.
func (e *Elector) yield(ctx context.Context) {
	call, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer done()
	_ = yieldScript.Run(call, e.o.Client, []string{e.o.Key}, e.o.ID).Err()
}

// term leads from one grant on until the lease or ctx ends, or the work does: tired.
func (e *Elector) term(ctx context.Context, asked time.Time) (tired bool) {
	work, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer e.yield(ctx)
	e.lasts(asked)
	e.leads.Store(true)
	e.o.Changed(true)
	defer func() {
		e.leads.Store(false)
		e.o.Changed(false)
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			if value := recover(); value != nil {
				e.o.Panicked(value)
			}
		}()
		e.o.Lead(work)
	}()
	e.keep(ctx, asked, ended)
	tired = ctx.Err() == nil && isClosed(ended)
	end(ErrOver)
	<-ended
	return tired
}

// lasts notes the end of a lease, and gives it.
func (e *Elector) lasts(asked time.Time) time.Time {
	until := asked.Add(e.o.Lease)
	e.until.Store(&until)
	return until
}

// keep renews the lease until it is lost, or somebody wants to stop. A renewal without an answer is tried again as long
// as the lease lasts.
func (e *Elector) keep(ctx context.Context, asked time.Time, ended <-chan struct{}) {
	until := e.lasts(asked)
	for {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			return
		case <-time.After(min(e.o.Lease/3, time.Until(until))):
		}
		asked := time.Now()
		if !asked.Before(until) {
			return
		}
		switch ours, err := e.take(ctx, until); {
		case err == nil && !ours: // it ran out unseen, or Redis was wiped, and somebody was quicker
			return
		case err == nil:
			until = e.lasts(asked)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
