package schedule

import (
	"context"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// State is what became of a schedule's last event.
type State string

// The states. The zero value: there was no event yet.
const (
	Open   State = "open"
	OK     State = "ok"
	Failed State = "error" // its message is a dead letter
	Lost   State = "lost"  // nothing was heard of its run for so long that no end is expected any more; counts as an error
)

// Record is what is remembered of a schedule.
type Record struct {
	Since   time.Time // from when its ticks count: when it was first seen with them
	Ticks   string    // what they said of themselves then
	Tick    time.Time // the last one that was published
	Skipped time.Time // the last one that was not, on purpose
	Event   string    // id of the last event, be it of a tick or by hand
	Sent    time.Time // when that was published
	State   State
	Ended   time.Time // when its run was over
	Success time.Time // when a run last ended well
	Version int64     // of the record, for Memory
}

// At is up to where the ticks are dealt with.
func (r Record) At() time.Time { return latest(r.Since, r.Tick, r.Skipped) }

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// Publish sends an event. Nil means that the broker has it.
type Publish func(ctx context.Context, ev orchestration.Event) error

// Memory keeps a record for each schedule.
type Memory interface {
	// Recall gives the record; the zero Record if there is none.
	Recall(ctx context.Context, name string) (Record, error)
	// All gives every record there is, by name.
	All(ctx context.Context) (map[string]Record, error)
	// Write replaces a record, unless the one that is there is of another version or is further on: then it says false. The new one
	// is of the next version.
	Write(ctx context.Context, name string, r Record) (bool, error)
	// Forget drops records.
	Forget(ctx context.Context, names ...string) error
}

// Run is what is known of an event's run.
type Run struct {
	Known  bool
	Over   bool
	Failed bool      // it is over, and its message is a dead letter
	Ended  time.Time // when it was over
	Active time.Time // it is not over: when it was last worked on, or is next; zero: not known
}

// Runs says what became of events.
type Runs interface {
	Find(ctx context.Context, source, id string) (Run, error)
}

// Observer is told how it goes. Implementations count and log; they are called by several goroutines.
type Observer interface {
	// Known reports what is remembered of a schedule, once a round.
	Known(name string, r Record)
	// Published reports an event that the broker has, and how long it was due then.
	Published(name string, late time.Duration)
	// Skipped reports ticks that nobody publishes any more.
	Skipped(name string, count int)
	// Ended reports that the last event's run is over: how, in r.State, and how long after the event was published.
	Ended(name string, r Record, took time.Duration)
	// Round reports that a round could be made, or why not.
	Round(name string, err error)
}
