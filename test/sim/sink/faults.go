package sink

import (
	"fmt"
	"path"
	"time"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// A Fault, and what it is made of; Type and Subject narrow it.
type (
	Fault      = misbehave.Fault
	Kind       = misbehave.Kind
	Point      = misbehave.Point
	RetryAfter = misbehave.RetryAfter
)

// The kinds of fault. Those that fail a delivery do so before it has any effect, except the two that begin with "accept-then":
// these accept it and then keep the sender from knowing.
const (
	Latency              = misbehave.Latency
	Hold                 = misbehave.Hold
	Throttle             = misbehave.Throttle
	Error                = misbehave.Error
	Drop                 = misbehave.Drop
	AcceptThenDrop  Kind = "accept-then-drop"  // accept, then close the connection
	AcceptThenError Kind = "accept-then-error" // accept, then answer Status (default 502)
)

// The points, in order.
const (
	PointReceived = misbehave.PointReceived
	PointAnswer   = misbehave.PointAnswer
)

// The forms of Retry-After.
const (
	RetryAfterSeconds = misbehave.RetryAfterSeconds
	RetryAfterDate    = misbehave.RetryAfterDate
	RetryAfterNone    = misbehave.RetryAfterNone
)

var (
	kinds  = []Kind{Latency, Hold, Throttle, Error, Drop, AcceptThenDrop, AcceptThenError}
	points = []Point{PointReceived, PointAnswer}
)

func newFaults(seed uint64) *misbehave.Faults {
	return misbehave.New(misbehave.Service{Name: "sink", Kinds: kinds, Points: points, Check: check, Seed: seed})
}

func check(f Fault) error {
	_, pattern := path.Match(f.Type, "")
	switch {
	case pattern != nil:
		return fmt.Errorf("type %q is no pattern", f.Type)
	case f.Status != 0 && (f.Status < 300 || f.Status > 599):
		return fmt.Errorf("status %d is no refusal", f.Status)
	case f.Operation != "" || f.OUN != "":
		return fmt.Errorf("deliveries have no operation and no oun; narrow a fault by type and subject")
	}
	return nil
}

// Inject adds a fault, or replaces the one with the same ID, and returns its ID.
func (s *Simulator) Inject(f Fault) (string, error) { return s.faults.Inject(f) }

// Clear ends one fault and lets go what it holds; it says whether there was one.
func (s *Simulator) Clear(id string) bool { return s.faults.Clear(id) }

// ClearFaults ends all faults.
func (s *Simulator) ClearFaults() { s.faults.ClearAll() }

// Faults lists those at work; Next and For are what is left of them.
func (s *Simulator) Faults() []Fault { return s.faults.List() }

// fits says whether a fault is meant for the delivery.
func (c *call) fits(f Fault) bool {
	fits, _ := path.Match(f.Type, c.event.Type)
	return (f.Type == "" || fits) && (f.Subject == "" || f.Subject == c.event.Subject)
}

// fault says whether a fault of that kind hits the delivery; the first one does.
func (c *call) fault(kind Kind) (Fault, bool) { return c.sim.faults.Hit(kind, c.fits) }

// refusal is the answer of a fault.
func refusal(f Fault, status int, text string) reply {
	rep := reply{status: orElse(f.Status, status), text: text, header: map[string]string{}}
	f.SetRetryAfter(rep.header, time.Now())
	return rep
}

// wait spends the time that options and faults ask for at a point; false means that the delivery is not to go on. It goes on when
// its client has gone: a receiver does not notice that at once.
func (c *call) wait(at Point) bool {
	more := time.Duration(0)
	if at == PointAnswer {
		more = c.sim.options().Latency
	}
	return c.sim.faults.Wait(at, more, misbehave.Request{Fits: c.fits, Done: c.sim.done})
}
