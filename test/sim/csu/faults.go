package csu

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// Kind says what a fault does.
type Kind string

// The kinds of fault. Those that fail a request do so before it has any effect, except the two that begin with
// "commit-then": these let a write commit and then keep the client from knowing.
const (
	Latency         Kind = "latency"           // wait Delay, plus up to Jitter, at Point
	Hold            Kind = "hold"              // wait at Point until the fault is cleared
	Throttle        Kind = "throttle"          // answer 429 over Rate and Burst
	Error           Kind = "error"             // answer Status (default 500)
	Drop            Kind = "drop"              // close the connection
	Unauthorized    Kind = "unauthorized"      // answer 401
	Forbid          Kind = "forbid"            // answer 403
	CommitThenDrop  Kind = "commit-then-drop"  // commit, then close the connection
	CommitThenError Kind = "commit-then-error" // commit, then answer Status (default 502) with an HTML page
	HQUnreachable   Kind = "hq-unreachable"    // the request's own call of headquarters fails, if it makes one
)

var kinds = []Kind{Latency, Hold, Throttle, Error, Drop, Unauthorized, Forbid, CommitThenDrop, CommitThenError, HQUnreachable}

// Point is a place in a request's life at which it can be made to wait.
type Point string

// The points, in order.
const (
	PointReceived Point = "received" // read from the connection, nothing decided
	PointCommit   Point = "commit"   // a write that is accepted and about to commit
	PointAnswer   Point = "answer"   // the effect, if any, has happened; default
)

// RetryAfter is the form of the header that tells a client how long to stay away.
type RetryAfter string

// The forms. A Fault of Kind Error sends none unless it says so; a Throttle sends seconds.
const (
	RetryAfterSeconds RetryAfter = "seconds"
	RetryAfterDate    RetryAfter = "date"
	RetryAfterNone    RetryAfter = "none"
)

// Fault is one way to misbehave, until it is cleared or used up. Next, For, Every and Probability narrow it together.
type Fault struct {
	ID          string        `json:"id,omitempty"` // injecting an ID again replaces that fault; default: a fresh one
	Kind        Kind          `json:"kind"`
	Operation   string        `json:"operation,omitempty"`   // one of Operations; default: all under /Commerce
	OUN         string        `json:"oun,omitempty"`         // only requests that name this channel; default: all
	Next        int           `json:"next,omitempty"`        // only so many requests; default: no limit
	For         time.Duration `json:"-"`                     // only so long from now; default: no limit
	Every       int           `json:"every,omitempty"`       // only each so many-th request; default: each
	Probability float64       `json:"probability,omitempty"` // of each request, drawn from the seed; default: 1

	Point  Point         `json:"point,omitempty"` // Latency and Hold
	Delay  time.Duration `json:"-"`               // Latency
	Jitter time.Duration `json:"-"`               // Latency
	Status int           `json:"status,omitempty"`

	Rate       float64       `json:"rate,omitempty"`       // Throttle: requests per second
	Burst      int           `json:"burst,omitempty"`      // Throttle: default 1
	RetryAfter RetryAfter    `json:"retryAfter,omitempty"` // Throttle and Error
	Wait       time.Duration `json:"-"`                    // what RetryAfter says; default: until the bucket has a token, else 1 s
}

// rule is a fault at work.
type rule struct {
	Fault
	until   time.Time // zero: no end
	left    int       // requests still to hit, when Next is set
	seen    int       // requests that it might have hit, when Every is set
	random  *rand.Rand
	limiter *rate.Limiter
	gone    chan struct{} // closed when cleared
}

type faults struct {
	seed  uint64
	made  uint64
	held  int
	rules []*rule
}

// Inject adds a fault, or replaces the one with the same ID, and returns its ID.
func (s *Simulator) Inject(f Fault) (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.add(f, time.Now()), nil
}

// Clear ends one fault and lets go what it holds; it says whether there was one.
func (s *Simulator) Clear(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return id != "" && s.faults.clear(id)
}

// ClearFaults ends all faults.
func (s *Simulator) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.clear("")
}

// Faults lists those at work; Next is what is left of it.
func (s *Simulator) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	out := []Fault{}
	for _, r := range s.faults.rules {
		f := r.Fault
		if f.Next > 0 {
			f.Next = r.left
		}
		if !r.until.IsZero() {
			f.For = r.until.Sub(now)
		}
		if !r.spent(now) || r.Kind == Hold {
			out = append(out, f)
		}
	}
	return out
}

func (f Fault) check() error {
	switch {
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("csu: fault kind %q is none of %v", f.Kind, kinds)
	case f.Operation != "" && !slices.Contains(Operations(), f.Operation):
		return fmt.Errorf("csu: operation %q is none of %v", f.Operation, Operations())
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("csu: probability %v is not within 0 and 1", f.Probability)
	case f.Next < 0 || f.Every < 0 || f.For < 0 || f.Delay < 0 || f.Jitter < 0 || f.Wait < 0 || f.Rate < 0 || f.Burst < 0:
		return fmt.Errorf("csu: a fault's numbers are not negative")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("csu: status %d is not an error", f.Status)
	case !slices.Contains([]Point{"", PointReceived, PointCommit, PointAnswer}, f.Point):
		return fmt.Errorf("csu: point %q is none of received, commit, answer", f.Point)
	case !slices.Contains([]RetryAfter{"", RetryAfterSeconds, RetryAfterDate, RetryAfterNone}, f.RetryAfter):
		return fmt.Errorf("csu: retryAfter %q is none of seconds, date, none", f.RetryAfter)
	case f.Kind == Latency && f.Delay == 0 && f.Jitter == 0:
		return fmt.Errorf("csu: a latency wants a delay or a jitter")
	}
	return nil
}

func (fs *faults) add(f Fault, now time.Time) string {
	fs.made++
	if f.ID == "" {
		f.ID = "fault-" + strconv.FormatUint(fs.made, 10)
	}
	if f.Point == "" {
		f.Point = PointAnswer
	}
	// A random stream of its own keeps a fault's decisions the same whatever other faults are drawn in between.
	r := &rule{Fault: f, left: f.Next, random: rand.New(rand.NewPCG(fs.seed, fs.made)), gone: make(chan struct{})}
	if f.For > 0 {
		r.until = now.Add(f.For)
	}
	if f.Kind == Throttle {
		r.limiter = rate.NewLimiter(rate.Limit(f.Rate), max(f.Burst, 1))
	}
	at := slices.IndexFunc(fs.rules, func(old *rule) bool { return old.ID == f.ID })
	if at < 0 {
		fs.rules = append(fs.rules, r)
		return f.ID
	}
	if old := fs.rules[at]; old.limiter != nil && r.limiter != nil {
		// A capacity that changes keeps its bucket: a fresh one would hand out a burst.
		r.limiter = old.limiter
		r.limiter.SetLimitAt(now, rate.Limit(f.Rate))
		r.limiter.SetBurstAt(now, max(f.Burst, 1))
	}
	close(fs.rules[at].gone)
	fs.rules[at] = r
	return f.ID
}

// clear ends the fault with that ID, or all.
func (fs *faults) clear(id string) bool {
	before := len(fs.rules)
	fs.rules = slices.DeleteFunc(fs.rules, func(r *rule) bool {
		if id == "" || r.ID == id {
			close(r.gone)
			return true
		}
		return false
	})
	return len(fs.rules) < before
}

func (r *rule) spent(now time.Time) bool {
	return r.Next > 0 && r.left == 0 || !r.until.IsZero() && !now.Before(r.until)
}

// hits draws and counts, so it must be asked once per request.
func (r *rule) hits(c *call, kind Kind, now time.Time) bool {
	switch {
	case r.Kind != kind, r.spent(now),
		r.Operation == "" && !c.op.commerce,
		r.Operation != "" && r.Operation != c.op.name,
		r.OUN != "" && r.OUN != c.oun,
		!r.due(),
		r.Probability > 0 && r.random.Float64() >= r.Probability:
		return false
	}
	if r.Next > 0 {
		r.left--
	}
	return true
}

// due counts the requests of a fault that hits only some of them.
func (r *rule) due() bool {
	r.seen++
	return r.Every == 0 || r.seen%r.Every == 0
}

// fault says whether a fault of that kind hits the request; the first one does.
func (c *call) fault(kind Kind) (Fault, bool) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	return c.faultNow(kind, time.Now())
}

// faultNow is fault for whoever holds the lock.
func (c *call) faultNow(kind Kind, now time.Time) (Fault, bool) {
	for _, r := range c.sim.faults.rules {
		if r.hits(c, kind, now) {
			return r.Fault, true
		}
	}
	return Fault{}, false
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
	if f.RetryAfter != "" {
		rep.header = f.retryAfter(rep.header, f.Wait, time.Now())
	}
	return rep
}
