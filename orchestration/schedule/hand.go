package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// ErrOpen says that the run of a schedule's last event is not over.
var ErrOpen = errors.New("the run of its last event is not over")

// Hand does by hand what a Scheduler does by the clock, for an operator.
type Hand struct {
	Publish Publish
	Memory  Memory
	Runs    Runs
}

// Look gives a schedule's record as it is now: what the leader has not asked yet is asked. It writes nothing.
func (h Hand) Look(ctx context.Context, s Schedule) (Record, error) {
	r, err := h.Memory.Recall(ctx, s.Name)
	if err != nil || r.State != Open {
		return r, err
	}
	run, err := h.Runs.Find(ctx, s.Source(), r.Event)
	if err != nil {
		return r, err
	}
	now := time.Now()
	return r.after(run, s.patience(now), now), nil
}

// Run publishes an event of its own, besides those of the ticks, and writes down that it is the last: a tick does not overlap with it,
// either. Of a schedule that nobody has seen on yet its ticks do not count from here: it begins when it is on. Whoever calls it has
// looked before.
func (h Hand) Run(ctx context.Context, s Schedule, ev orchestration.Event) error {
	if err := h.Publish(ctx, ev); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	for range 5 {
		r, err := h.Memory.Recall(ctx, s.Name)
		if err != nil {
			return fmt.Errorf("the event is published; write that down: %w", err)
		}
		r.Event, r.Sent, r.State, r.Ended = ev.ID, time.Now(), Open, time.Time{}
		switch ok, err := h.Memory.Write(ctx, s.Name, r); {
		case err != nil:
			return fmt.Errorf("the event is published; write that down: %w", err)
		case ok:
			return nil
		}
	}
	return fmt.Errorf("the event is published; write that down: %w", errOvertaken)
}
