package schedule

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Gone forgets the schedules that nobody has any more, so that they catch up with nothing should they come back. Processes without a
// schedule run it: who leads forgets those that it does not have, but where no process has any nobody leads. Others may have rows that
// this one has not, and be about to come back, so it waits until nobody has led for long.
type Gone struct {
	Memory Memory
	Led    func(ctx context.Context) (bool, error) // whether any process publishes the events of schedules at this moment
	Forgot func(count int)                         // is told how many were forgotten
}

const (
	unled    = time.Hour   // when nobody has led for so long, nobody has a schedule any more
	lookEach = time.Minute // for something to forget
)

// Run looks from time to time until ctx ends.
func (g Gone) Run(ctx context.Context) {
	var since time.Time
	for ctx.Err() == nil {
		since = g.look(ctx, since)
		select {
		case <-ctx.Done():
		case <-time.After(lookEach):
		}
	}
}

// look says since when something is remembered and nobody leads; the zero time if that is not so, or not known.
func (g Gone) look(ctx context.Context, since time.Time) time.Time {
	call, done := context.WithTimeout(ctx, asking)
	defer done()
	known, err := g.Memory.All(call)
	if err != nil || len(known) == 0 {
		return time.Time{}
	}
	if led, err := g.Led(call); err != nil || led {
		return time.Time{}
	}
	if since.IsZero() {
		return time.Now()
	}
	if time.Since(since) >= unled && g.Memory.Forget(call, slices.Collect(maps.Keys(known))...) == nil {
		g.Forgot(len(known))
	}
	return since
}
