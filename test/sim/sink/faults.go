package sink

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// Kind says what a fault does.
type Kind string

// The kinds of fault. Those that fail a delivery do so before it has any effect, except the two that begin with "accept-then":
// these accept it and then keep the sender from knowing.
const (
	Latency         Kind = "latency"           // wait Delay, plus up to Jitter, at Point
	Hold            Kind = "hold"              // wait at Point until the fault is cleared
	Throttle        Kind = "throttle"          // answer 429 over Rate and Burst
	Error           Kind = "error"             // answer Status (default 500)
	Drop            Kind = "drop"              // close the connection
	AcceptThenDrop  Kind = "accept-then-drop"  // accept, then close the connection
	AcceptThenError Kind = "accept-then-error" // accept, then answer Status (default 502)
)

var kinds = []Kind{Latency, Hold, Throttle, Error, Drop, AcceptThenDrop, AcceptThenError}

// Point is a place in a delivery's life at which it can be made to wait.
type Point string

// The points, in order.
const (
	PointReceived Point = "received" // read from the connection, nothing decided
	PointAnswer   Point = "answer"   // the effect, if any, has happened; default
)

// RetryAfter is the form of the header that tells a client how long to stay away.
type RetryAfter string

// The forms. A Fault of another kind than Throttle sends none unless it says so; a Throttle sends seconds.
const (
	RetryAfterSeconds RetryAfter = "seconds"
	RetryAfterDate    RetryAfter = "date"
	RetryAfterNone    RetryAfter = "none"
)

// Fault is one way to misbehave, until it is cleared or used up. Type, Subject, Next, For, Every and Probability narrow it
// together.
type Fault struct {
	ID          string        `json:"id,omitempty"` // injecting an ID again replaces that fault; default: a fresh one
	Kind        Kind          `json:"kind"`
	Type        string        `json:"type,omitempty"`        // only events of a type that fits this pattern; default: all
	Subject     string        `json:"subject,omitempty"`     // only events about this subject; default: all
	Next        int           `json:"next,omitempty"`        // only so many deliveries; default: no limit
	For         time.Duration `json:"-"`                     // only so long from now; default: no limit
	Every       int           `json:"every,omitempty"`       // only each so many-th delivery; default: each
	Probability float64       `json:"probability,omitempty"` // of each delivery, drawn from the seed; default: 1

	Point  Point         `json:"point,omitempty"` // Latency and Hold
	Delay  time.Duration `json:"-"`               // Latency
	Jitter time.Duration `json:"-"`               // Latency
	Status int           `json:"status,omitempty"`

	Rate       float64       `json:"rate,omitempty"`       // Throttle: deliveries per second
	Burst      int           `json:"burst,omitempty"`      // Throttle: default 1
	RetryAfter RetryAfter    `json:"retryAfter,omitempty"` // Throttle, Error and AcceptThenError
	Wait       time.Duration `json:"-"`                    // what RetryAfter says; default 1 s
}

// rule is a fault at work.
type rule struct {
	Fault
	until   time.Time // zero: no end
	left    int       // deliveries still to hit, when Next is set
	seen    int       // deliveries that it might have hit, when Every is set
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

// Faults lists those at work; Next and For are what is left of them.
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
	_, pattern := path.Match(f.Type, "")
	switch {
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("sink: fault kind %q is none of %v", f.Kind, kinds)
	case pattern != nil:
		return fmt.Errorf("sink: type %q is no pattern", f.Type)
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("sink: probability %v is not within 0 and 1", f.Probability)
	case f.Next < 0 || f.Every < 0 || f.For < 0 || f.Delay < 0 || f.Jitter < 0 || f.Wait < 0 || f.Rate < 0 || f.Burst < 0:
		return fmt.Errorf("sink: a fault's numbers are not negative")
	case f.Status != 0 && (f.Status < 300 || f.Status > 599):
		return fmt.Errorf("sink: status %d is no refusal", f.Status)
	case !slices.Contains([]Point{"", PointReceived, PointAnswer}, f.Point):
		return fmt.Errorf("sink: point %q is none of received, answer", f.Point)
	case !slices.Contains([]RetryAfter{"", RetryAfterSeconds, RetryAfterDate, RetryAfterNone}, f.RetryAfter):
		return fmt.Errorf("sink: retryAfter %q is none of seconds, date, none", f.RetryAfter)
	case f.Kind == Latency && f.Delay == 0 && f.Jitter == 0:
		return fmt.Errorf("sink: a latency wants a delay or a jitter")
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
		if f.Rate == 0 && f.Burst == 0 { // nothing gets through
			r.limiter = rate.NewLimiter(0, 0)
		}
	}
	at := slices.IndexFunc(fs.rules, func(old *rule) bool { return old.ID == f.ID })
	if at < 0 {
		fs.rules = append(fs.rules, r)
		return f.ID
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

// hits draws and counts, so it must be asked once per delivery.
func (r *rule) hits(c *call, kind Kind, now time.Time) bool {
	fits, _ := path.Match(r.Type, c.event.Type)
	switch {
	case r.Kind != kind, r.spent(now), r.Type != "" && !fits, r.Subject != "" && r.Subject != c.event.Subject, !r.due(),
		r.Probability > 0 && r.random.Float64() >= r.Probability:
		return false
	}
	if r.Next > 0 {
		r.left--
	}
	return true
}

// due counts the deliveries of a fault that hits only some of them.
func (r *rule) due() bool {
	r.seen++
	return r.Every == 0 || r.seen%r.Every == 0
}

// fault says whether a fault of that kind hits the delivery; the first one does.
func (c *call) fault(kind Kind) (Fault, bool) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	now := time.Now()
	for _, r := range c.sim.faults.rules {
		if r.hits(c, kind, now) {
			return r.Fault, true
		}
	}
	return Fault{}, false
}

// throttled says whether a limit refuses the delivery.
func (c *call) throttled() (Fault, bool) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	now := time.Now()
	for _, r := range c.sim.faults.rules {
		if r.hits(c, Throttle, now) && !r.limiter.AllowN(now, 1) {
			f := r.Fault
			if f.RetryAfter == "" {
				f.RetryAfter = RetryAfterSeconds
			}
			return f, true
		}
	}
	return Fault{}, false
}

// retryAfter is the header in the fault's form. Seconds are whole, a date is in whole seconds, too: both are rounded up.
func (f Fault) retryAfter(now time.Time) map[string]string {
	wait := f.Wait
	if wait == 0 {
		wait = time.Second
	}
	switch f.RetryAfter {
	case RetryAfterSeconds:
		return map[string]string{"Retry-After": strconv.Itoa(int(math.Ceil(wait.Seconds())))}
	case RetryAfterDate:
		return map[string]string{"Retry-After": now.Add(wait + time.Second - 1).UTC().Truncate(time.Second).Format(http.TimeFormat)}
	}
	return nil
}
