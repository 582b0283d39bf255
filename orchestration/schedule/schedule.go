// Package schedule is timers: a schedule says at which moments, its ticks, an event is published. That is all a schedule does; what the
// event leads to is its scenario's.
//
// One process of the fleet leads (Scheduler.Lead is one term of it), and nothing breaks when two believe that they do: the event of a
// tick has the same id whoever publishes it, so the engine runs it once. A leader that was frozen asks for its lease before it sends,
// and what it writes down is refused when another has written since.
//
// No overlap: while the run of a schedule's last event is not over, no further event of it is published (see Missed for what becomes
// of the ticks). First an event is sent, then that is written down: who dies in between leaves an event that is sent once more.
//
// Units: times are UTC and whole seconds where they are ticks. All processes must have the same table of schedules and roughly the
// same clock.
// Errors: of the ports, handed to the Observer; the round is made again.
// Concurrency: one Scheduler for the process.
package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// Missed says what becomes of ticks that nobody published when they were due.
type Missed string

// What becomes of missed ticks.
const (
	Latest Missed = "latest" // the newest is published, the others are skipped
	Skip   Missed = "skip"   // what fell due while nobody led is skipped
	All    Missed = "all"    // each is published, in order, one after the other; those that come meanwhile wait in line
)

// Policies lists them.
func Policies() []string { return []string{string(Latest), string(Skip), string(All)} }

// MostBehind is how many ticks a schedule of policy All may be behind. Older ones are skipped.
const MostBehind = 100

// Schedule is one timer.
type Schedule struct {
	Name    string
	Type    string // of the event
	Channel string
	Data    json.RawMessage
	Ticks   Ticks
	Jitter  time.Duration // each tick's event is published up to so much later
	Missed  Missed
}

const sourcePrefix = "urn:signalbox:schedule:"

// Source is the CloudEvents source of the schedule's events.
func (s Schedule) Source() string { return sourcePrefix + s.Name }

// Event is the event of a tick. Every process makes the same one.
func (s Schedule) Event(tick time.Time) orchestration.Event {
	return s.event(s.Name+"@"+tick.UTC().Format(ofTick), tick)
}

// ByHand is an event that an operator asks for.
func (s Schedule) ByHand(now time.Time) orchestration.Event {
	now = now.UTC().Truncate(time.Millisecond)
	return s.event(s.Name+"@"+now.Format(ofHand), now)
}

// What an id has behind the name, for ticks and for what an operator asks for; times are UTC.
const (
	ofTick = time.RFC3339
	ofHand = "manual/2006-01-02T15:04:05.000Z"
)

// Made says whether source and id are exactly of the form that a schedule's events have. Such an id holds nothing but the schedule's name, which
// the source has too, and a time.
func Made(source, id string) bool {
	name, ours := strings.CutPrefix(source, sourcePrefix)
	when, named := strings.CutPrefix(id, name+"@")
	return ours && name != "" && named && slices.ContainsFunc([]string{ofTick, ofHand}, func(layout string) bool {
		at, err := time.Parse(layout, when)
		return err == nil && at.UTC().Format(layout) == when // no second spelling, such as an offset
	})
}

func (s Schedule) event(id string, at time.Time) orchestration.Event {
	return orchestration.Event{Source: s.Source(), ID: id, Type: s.Type, Channel: s.Channel, Data: s.Data, Time: at.UTC(), Lane: orchestration.LaneBulk,
		CorrelationID: orchestration.DeriveCorrelationID(s.Source(), id)}
}

// At is when a tick's event is due: up to Jitter later, by as much whoever asks.
func (s Schedule) At(tick time.Time) time.Time {
	if s.Jitter <= 0 {
		return tick
	}
	sum := sha256.Sum256([]byte(s.Event(tick).ID))
	return tick.Add(time.Duration(binary.BigEndian.Uint64(sum[:]) % uint64(s.Jitter)))
}

// farthest is how far back ticks are looked for, so that a look at a schedule that was forgotten for years takes no time.
const farthest = 366 * 24 * time.Hour

// Due gives the ticks behind after that are due now: the newest of them, at most so many and in order, and how many there are.
func (s Schedule) Due(after, now time.Time, most int) (newest []time.Time, count int) {
	if oldest := now.Add(-farthest); after.Before(oldest) {
		after = oldest
	}
	for tick := s.Ticks.Next(after); !tick.IsZero() && !tick.After(now); tick = s.Ticks.Next(tick) {
		if tick.Add(s.Jitter).After(now) && s.At(tick).After(now) {
			break
		}
		count++
		if newest = append(newest, tick); len(newest) >= 2*most { // now and then, so that it does not cost every tick
			newest = append(newest[:0], newest[len(newest)-most:]...)
		}
	}
	return newest[max(0, len(newest)-most):], count
}

// NextDue is when the first tick behind after is due; the zero time if there is none.
func (s Schedule) NextDue(after time.Time) time.Time {
	tick := s.Ticks.Next(after)
	if tick.IsZero() {
		return tick
	}
	return s.At(tick)
}

// Interval is the time between two ticks around now: the longer one of that before and that behind the last tick, so that whoever
// takes it for how old a success may be is not alarmed by the end of a night.
func (s Schedule) Interval(now time.Time) time.Duration {
	last := before(s.Ticks, now.Add(time.Nanosecond))
	return max(between(before(s.Ticks, last), last), between(last, s.Ticks.Next(now)))
}

// between is the time between two ticks; 0 if one of them is none.
func between(one, other time.Time) time.Duration {
	if one.IsZero() || other.IsZero() {
		return 0
	}
	return other.Sub(one)
}

// patience is how long an event may be without a run, and a run may rest: its message may wait behind others.
func (s Schedule) patience(now time.Time) time.Duration { return max(4*s.Interval(now), time.Hour) }
