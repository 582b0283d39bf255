package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// lock is the heartbeat of one message: it renews the lock at half its life until stopped.
type lock struct {
	p      *pump
	m      Message
	lose   context.CancelCauseFunc // ends the run
	cancel context.CancelFunc
	ended  chan struct{}
	gone   chan struct{} // closed when the lock is lost
	lost   atomic.Bool
}

// keepLock starts the heartbeat. It outlives ctx, because a drained run is still to be settled.
func (p *pump) keepLock(ctx context.Context, m Message, lose context.CancelCauseFunc) *lock {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &lock{p: p, m: m, lose: lose, cancel: cancel, ended: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(l.ended)
		l.beat(ctx)
	}()
	return l
}

// stop ends the heartbeat and waits for it, so that no renewal overlaps the settlement.
func (l *lock) stop() {
	l.cancel()
	<-l.ended
}

func (l *lock) beat(ctx context.Context) {
	end := l.endOf(l.m.LockedUntil)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(end) / 2):
		}
		until, err := l.renew(ctx, end)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			end = l.endOf(until)
		case errors.Is(err, ErrLockLost), time.Until(end) < time.Second:
			l.isLost()
			return
		}
	}
}

func (l *lock) renew(ctx context.Context, end time.Time) (time.Time, error) {
	call, cancel := context.WithTimeout(ctx, min(renewDeadline, time.Until(end)))
	defer cancel()
	start := time.Now()
	until, err := l.p.in.Queue.RenewLock(call, l.m)
	if ctx.Err() != nil {
		return until, err // stopped meanwhile: says nothing about the lock
	}
	outcome := "ok"
	switch {
	case errors.Is(err, ErrLockLost):
		outcome = "lost"
	case err != nil:
		outcome = "error"
	}
	l.p.w.options.Observe.Called(ctx, l.p.name, "renew_message_lock", time.Since(start), err)
	l.p.w.options.Observe.LockRenewed(ctx, l.p.name, outcome, err)
	return until, err
}

func (l *lock) isLost() {
	l.lost.Store(true)
	close(l.gone)
	l.lose(ErrLockLost)
}

// endOf is the lock's end on our own clock. until is the broker's, and two clocks may differ by more than a lock
// lasts: a known lock duration is better, and what the broker cannot mean is not believed.
func (l *lock) endOf(until time.Time) time.Time {
	life := l.p.in.LockDuration
	if life == 0 {
		life = min(max(time.Until(until), shortestLock), longestLock)
	}
	return time.Now().Add(life)
}
