// Package scaleunit asks the CSU on behalf of a command: reads alone, in the lane of replays of the fleet's budget, and no more calls
// than were allowed. So a command never takes from live events what they need.
//
// Errors: ErrSpent, or the client's.
package scaleunit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// ErrSpent says that the calls which were allowed are spent.
var ErrSpent = errors.New("the calls that were allowed are spent")

// ErrUnreached says that Redis or the CSU did not answer the first question. The error that is one has its own words.
var ErrUnreached = errors.New("the store or the CSU cannot be reached")

type unreached struct{ error }

func (unreached) Is(target error) bool { return target == ErrUnreached }
func (u unreached) Unwrap() error      { return u.error }

const (
	// closing bounds how long goodbye may take.
	closing = 5 * time.Second
	// patience is how often a call is asked again that the budget has no moment for yet, and pause the longest wait before that.
	patience = 5
	pause    = time.Minute
)

// Unit is the CSU, with a number of calls. One goroutine asks at a time.
type Unit struct {
	cfg   *config.Config
	fleet *app.App // nil until it is connected to
	most  int64
	spent atomic.Int64
}

// Open connects, and sees that Redis and the CSU answer. done gives back what it has opened.
func Open(ctx context.Context, cfg *config.Config, calls int) (u *Unit, done func(), err error) {
	u, done = WhenAsked(cfg, calls)
	if err := u.connect(ctx); err != nil {
		return nil, nil, err
	}
	return u, done, nil
}

// WhenAsked is Open for who may have nothing to ask: it connects, which is a call, with the first question.
func WhenAsked(cfg *config.Config, calls int) (u *Unit, done func()) {
	u = &Unit{cfg: cfg, most: int64(calls)}
	return u, func() { u.close() }
}

func (u *Unit) connect(ctx context.Context) (err error) {
	if u.fleet != nil {
		return nil
	}
	if u.fleet, err = app.New(u.cfg, app.Parts{Log: io.Discard, LookOnly: true, WrapCSU: u.counted}); err != nil {
		u.fleet = nil
		return err
	}
	if err := u.fleet.Probe(replaying(ctx)); err != nil {
		u.close()
		return err
	}
	return nil
}

func (u *Unit) close() {
	if u.fleet == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	_ = u.fleet.Close(ctx) // what was asked for is done
	u.fleet = nil
}

// replaying asks in the lane of replays.
func replaying(ctx context.Context) context.Context {
	return csuclient.WithCall(ctx, csuclient.Call{Lane: csuclient.LaneReplay, StillOurs: func() error { return nil }})
}

// counted counts what is sent.
func (u *Unit) counted(next http.RoundTripper) http.RoundTripper { return counting{next, &u.spent} }

type counting struct {
	next  http.RoundTripper
	spent *atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.spent.Add(1)
	return c.next.RoundTrip(r)
}

// Spent is how many calls were sent.
func (u *Unit) Spent() int { return int(u.spent.Load()) }

// Ask asks the CSU for a channel, when there are calls left for it: needs is the most that ask may take. What the budget has no moment
// for yet is asked again.
func (u *Unit) Ask(ctx context.Context, ch orchestration.Channel, needs int, ask func(context.Context, *csuclient.Channel) error) error {
	if err := u.connect(ctx); err != nil {
		return unreached{err}
	}
	for try := 1; ; try++ {
		if u.spent.Load()+int64(needs) > u.most {
			return ErrSpent
		}
		err := ask(replaying(ctx), u.fleet.CSU().Channel(ch.OUN))
		if fault.KindOf(err) != fault.Throttled || try == patience {
			return err
		}
		wait := time.NewTimer(min(max(fault.As(err).Wait, time.Second), pause))
		select {
		case <-ctx.Done():
			wait.Stop()
			return context.Cause(ctx)
		case <-wait.C:
		}
	}
}

// Said is a failure in its own words: codes and one sentence, nothing personal.
func Said(err error) string {
	f := fault.As(err)
	switch {
	case f.Detail != "" && f.Brief() != "":
		return fmt.Sprintf("%s: %s", f.Brief(), f.Detail)
	case f.Detail != "":
		return f.Detail
	}
	return f.Brief()
}

// ChannelOf is the channel to ask about what a source has bound in a scope: its own, else any of the scope.
func ChannelOf(channels orchestration.Channels, scope, source string) (orchestration.Channel, bool) {
	if ch, ok := channels.For(orchestration.Event{Source: source}); ok && ch.Scope() == scope {
		return ch, true
	}
	for _, ch := range channels {
		if ch.Scope() == scope {
			return ch, true
		}
	}
	return orchestration.Channel{}, false
}
