package watch

import (
	"context"
	"time"
)

// timer says when something is due, at once at first; never if every is 0. What a late turn has missed is not made up for.
type timer struct {
	every time.Duration
	at    time.Time
}

func due(every time.Duration) *timer { return &timer{every: every, at: time.Now()} }

func (t *timer) is(now time.Time) bool { return t.every > 0 && !now.Before(t.at) }

// next sets the timer on its grid, so that two of them keep step.
func (t *timer) next(now time.Time) {
	for !t.at.After(now) {
		t.at = t.at.Add(t.every)
	}
}

// earliest is when the first of the timers is due; zero if none ever is.
func earliest(timers ...*timer) (at time.Time) {
	for _, t := range timers {
		if t.every > 0 && (at.IsZero() || t.at.Before(at)) {
			at = t.at
		}
	}
	return at
}

// pause waits until a moment, for ever if that is zero, or until ctx ends.
func pause(ctx context.Context, until time.Time) {
	if until.IsZero() {
		<-ctx.Done()
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(until)):
	}
}
