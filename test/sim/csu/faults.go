package csu

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// A Fault, and what it is made of; Operation and OUN narrow it.
type (
	Fault      = misbehave.Fault
	Kind       = misbehave.Kind
	Point      = misbehave.Point
	RetryAfter = misbehave.RetryAfter
)

// The kinds of fault. Those that fail a request do so before it has any effect, except the two that begin with
// "commit-then": these let a write commit and then keep the client from knowing.
const (
	Latency              = misbehave.Latency
	Hold                 = misbehave.Hold
	Throttle             = misbehave.Throttle
	Error                = misbehave.Error
	Drop                 = misbehave.Drop
	Unauthorized    Kind = "unauthorized"      // answer 401
	Forbid          Kind = "forbid"            // answer 403
	CommitThenDrop  Kind = "commit-then-drop"  // commit, then close the connection
	CommitThenError Kind = "commit-then-error" // commit, then answer Status (default 502) with an HTML page
	HQUnreachable   Kind = "hq-unreachable"    // the request's own call of headquarters fails, if it makes one
	HQRefuses       Kind = "hq-refuses"        // the order that the request commits never lands in headquarters, until RetryOrders
	Decline         Kind = "decline"           // the payments of a checkout are declined
)

// The points, in order.
const (
	PointReceived       = misbehave.PointReceived
	PointCommit   Point = "commit" // a write that is accepted and about to commit
	PointAnswer         = misbehave.PointAnswer
)

// The forms of Retry-After.
const (
	RetryAfterSeconds = misbehave.RetryAfterSeconds
	RetryAfterDate    = misbehave.RetryAfterDate
	RetryAfterNone    = misbehave.RetryAfterNone
)

var (
	kinds  = []Kind{Latency, Hold, Throttle, Error, Drop, Unauthorized, Forbid, CommitThenDrop, CommitThenError, HQUnreachable, HQRefuses, Decline}
	points = []Point{PointReceived, PointCommit, PointAnswer}
)

func newFaults(seed uint64) *misbehave.Faults {
	return misbehave.New(misbehave.Service{Name: "csu", Kinds: kinds, Points: points, Check: check, Seed: seed})
}

func check(f Fault) error {
	switch {
	case f.Operation != "" && !slices.Contains(Operations(), f.Operation):
		return fmt.Errorf("operation %q is none of %v", f.Operation, Operations())
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status %d is not an error", f.Status)
	case f.Type != "" || f.Subject != "":
		return fmt.Errorf("requests have no type and no subject; narrow a fault by operation and oun")
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

// Held says how many requests wait in a Hold at this moment.
func (s *Simulator) Held() int { return s.faults.Held() }

// throttleID names the fault that SetThrottle keeps.
const throttleID = "throttle"

// SetThrottle limits requests under /Commerce to a rate with a burst, Retry-After in the given form; called again it
// changes the capacity and keeps what is in the bucket.
func (s *Simulator) SetThrottle(perSecond float64, burst int, form RetryAfter) error {
	_, err := s.Inject(Fault{ID: throttleID, Kind: Throttle, Rate: perSecond, Burst: burst, RetryAfter: form})
	return err
}

// fits says whether a fault is meant for the request.
func (c *call) fits(f Fault) bool {
	return (f.Operation == c.op.name || f.Operation == "" && c.op.commerce) && (f.OUN == "" || f.OUN == c.oun)
}

// fault says whether a fault of that kind hits the request; the first one does.
func (c *call) fault(kind Kind) (Fault, bool) { return c.sim.faults.Hit(kind, c.fits) }

// throttle answers 429 when a limit refuses the request. No document shows the body of a throttled CSU; it is empty here.
func (c *call) throttle() (reply, bool) {
	f, refused := c.sim.faults.Throttled(c.fits)
	if !refused {
		return reply{}, false
	}
	rep := reply{status: http.StatusTooManyRequests, header: map[string]string{}}
	f.SetRetryAfter(rep.header, time.Now())
	return rep, true
}

// faultReply is the answer of an Error or CommitThenError: a gateway's page for 502, 503 and 504 and whenever the
// truth was lost, the service's own hidden fault otherwise.
func (c *call) faultReply(f Fault) reply {
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
		if f.Kind == CommitThenError {
			status = http.StatusBadGateway
		}
	}
	rep := gatewayReply(status)
	if f.Kind == Error && (status < 502 || status > 504) {
		rep = c.errorReply(&apiError{status, typeCommerce, idInternal, "an internal error occurred", nil})
	}
	if rep.header == nil {
		rep.header = map[string]string{}
	}
	f.SetRetryAfter(rep.header, time.Now())
	return rep
}

// wait spends the time that options and faults ask for at a point. A write waits even when its client has gone; false
// means that the request is not to go on.
func (c *call) wait(at Point) bool {
	o, more := c.sim.options(), time.Duration(0)
	switch {
	case at == PointCommit:
		more = max(0, time.Until(c.received.Add(o.CommitDelay)))
	case at == PointAnswer && c.op.commerce:
		more = o.Latency
	}
	r := misbehave.Request{Fits: c.fits, Done: c.sim.done}
	if !c.op.write {
		r.Leave = c.r.Context().Done()
	}
	return c.sim.faults.Wait(at, more, r)
}
