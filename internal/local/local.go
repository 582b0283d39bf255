// Package local is the whole of Signalbox in one process, for a first minute and for development: a Service Bus, a
// Commerce Scale Unit, Redis and workers, with seeded events. The fleet inside is the production code.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options of a local run.
type Options struct {
	Out          io.Writer // summary, or the JSON object
	Err          io.Writer // progress and notes; default: standard error
	Log          io.Writer // the fleet's own log lines; default: a file in the state folder
	Terminal     bool      // Err is a terminal: show progress in place
	JSON         bool      // print one JSON object instead of the summary
	ExitWhenIdle bool      // end once nothing is active, locked or scheduled
	EventsFile   string    // events to publish, JSON lines of CloudEvents; empty: seeded ones
	Count        int       // how many seeded messages, duplicates included; default 30
	Redis        string    // a Redis to use; empty: a redis-server of our own, else one in memory
}

// ErrNotExported says that a run which tells sinks what is sold has come to no good end.
var ErrNotExported = errors.New("local: not every export has come to a good end")

// ErrUnbalanced says that the sums do not add up: an event is lost, doubled, or still on its way.
var ErrUnbalanced = errors.New("local: not every published event has ended exactly once")

// Run starts everything, publishes, reports, and ends when ctx does or, if so asked, when nothing is left to do.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	began := time.Now()
	events, err := load(o)
	if err != nil {
		return err
	}
	account := newAccount()
	s, err := start(ctx, o, account)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Fprintf(o.Err, "signalbox local: broker %s (administration %s), CSU %s (admin %s), %s, metrics %s, outcomes %s; up in %d ms\n",
		s.broker.addr, s.broker.administration, s.csu.addr, s.csu.admin, s.redis.what, s.admin.Addr(), outcomes(), time.Since(began).Milliseconds())

	group, ctx := errgroup.WithContext(ctx)
	fleet, stopFleet := context.WithCancel(ctx)
	defer stopFleet()
	group.Go(func() error { return s.app.Run(fleet) })
	group.Go(func() error {
		defer func() {
			if o.ExitWhenIdle {
				stopFleet()
			}
		}()
		return s.show(ctx, o, events, account)
	})
	return group.Wait()
}

func (o Options) withDefaults() Options {
	if o.Count == 0 {
		o.Count = 30
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Err == nil {
		o.Err = os.Stderr
	}
	return o
}

// show publishes the events, waits until all of them have ended, has what is sold exported, and prints what became of all that.
func (s *stand) show(ctx context.Context, o Options, events [][]byte, account *account) error {
	began := time.Now()
	published, err := s.publish(ctx, events)
	if err != nil {
		return err
	}
	account.published(published)
	var took time.Duration
	err = s.idle(ctx, o, account)
	if err == nil {
		took = time.Since(began)
		err = s.exportAll(ctx, o, account)
	}
	if errors.Is(err, context.Canceled) {
		return nil // the person at the keyboard had enough
	}
	if err != nil {
		return err
	}
	sum, err := s.sum(ctx, account, took)
	if err != nil {
		return err
	}
	if err := sum.print(o); err != nil {
		return err
	}
	if !o.ExitWhenIdle {
		s.tryNext(o)
		return nil
	}
	switch {
	case !sum.balanced():
		return ErrUnbalanced
	case sum.ExportsDone != sum.Exports:
		return ErrNotExported
	}
	return nil
}
