package orchestration

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrLeaseLost is the cause with which a run's context ends when its claim may have passed to somebody else.
var ErrLeaseLost = errors.New("orchestration: lease lost")

// lease is our right to act. It counts from before the call that got it, and it is over when the monotonic clock or the
// wall clock says so: a suspended virtual machine stops the first, a corrected clock moves the second.
type lease struct {
	mu    sync.Mutex
	until time.Time // by the monotonic clock
	wall  time.Time // the same moment by the wall clock
	lost  bool
	q     Request // the claim, with everything it holds
}

func (l *lease) claim() Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.q
}

// holds says that the claim holds more by now.
func (l *lease) holds(q Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.q = q
}

func (l *lease) extend(sent time.Time, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := sent.Add(d); until.After(l.until) {
		l.until, l.wall = until, until.Round(0)
	}
}

func (l *lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = true
}

// stillOurs is nil while the lease lasts.
func (l *lease) stillOurs() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.lost || !now.Before(l.until) || !now.Round(0).Before(l.wall) {
		return ErrLeaseLost
	}
	return nil
}

// within is a context that ends with the lease as it is now, for what must not outlive it: what is renewed meanwhile does not count.
func (l *lease) within(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if err := l.stillOurs(); err != nil {
		return ctx, func() {}, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.left())
	return ctx, cancel, nil
}

func (l *lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until)
}

// keep renews the lease until ctx ends, and cancels it with ErrLeaseLost when that does not work out. It returns when it
// has stopped.
func (e *Engine) keep(ctx context.Context, cancel context.CancelCauseFunc, l *lease) {
	timer := time.NewTimer(e.opts.Renew)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if l.stillOurs() != nil {
			cancel(ErrLeaseLost)
			return
		}
		sent := time.Now()
		call, done := context.WithTimeout(ctx, min(e.opts.Renew, l.left()))
		err := e.opts.Store.Extend(call, l.claim())
		done()
		next := e.opts.Renew
		switch {
		case err == nil:
			l.extend(sent, e.opts.Lease)
		case errors.Is(err, ErrNotOurs):
			l.lose()
			cancel(ErrLeaseLost)
			return
		default: // not known: ask again soon, until the lease is over by our own clocks
			next = min(e.opts.Renew/5, l.left())
		}
		timer.Reset(max(next, time.Millisecond))
	}
}
