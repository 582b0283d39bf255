package misbehave

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Service is what can go wrong with one simulated service.
type Service struct {
	Name   string // begins its errors
	Kinds  []Kind
	Points []Point
	Check  func(Fault) error // of the members that only this service knows, those of others among them; may be nil
	Seed   uint64            // of every fault with a probability or a jitter
}

// Faults are those at work in one service. Safe for concurrent use.
type Faults struct {
	service Service

	mu    sync.Mutex // guards everything below
	made  uint64
	held  int
	rules []*rule
}

// New begins without faults.
func New(s Service) *Faults { return &Faults{service: s} }

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

// Fits says whether a request is one of those that a fault is narrowed to.
type Fits func(Fault) bool

// Inject adds a fault, or replaces the one with the same ID, and returns its ID.
func (fs *Faults) Inject(f Fault) (string, error) {
	if err := fs.check(f); err != nil {
		return "", fmt.Errorf("%s: %w", fs.service.Name, err)
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.add(f, time.Now()), nil
}

// Clear ends one fault and lets go what it holds; it says whether there was one.
func (fs *Faults) Clear(id string) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return id != "" && fs.clear(id)
}

// ClearAll ends all faults.
func (fs *Faults) ClearAll() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.clear("")
}

// Reset ends all faults, and what is injected from now on draws the same as after New.
func (fs *Faults) Reset() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.clear("")
	fs.made = 0
}

// List gives those at work; Next and For are what is left of them.
func (fs *Faults) List() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	now := time.Now()
	out := []Fault{}
	for _, r := range fs.rules {
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

// Held says how many requests wait in a Hold at this moment.
func (fs *Faults) Held() int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.held
}

// Hit gives the first fault of a kind that hits the request. It draws and counts, so it must be asked once per request.
func (fs *Faults) Hit(kind Kind, fits Fits) (Fault, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	now := time.Now()
	for _, r := range fs.rules {
		if r.hits(kind, fits, now) {
			return r.Fault, true
		}
	}
	return Fault{}, false
}

// Throttled takes one token from every bucket that covers the request, or none of them and gives the fault that refuses it, with
// the form and the wait of its Retry-After.
func (fs *Faults) Throttled(fits Fits) (Fault, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	now := time.Now()
	var taken []*rate.Reservation
	for _, r := range fs.rules {
		if !r.hits(Throttle, fits, now) {
			continue
		}
		reservation := r.limiter.ReserveN(now, 1)
		taken = append(taken, reservation)
		wait := reservation.DelayFrom(now)
		if wait <= 0 {
			continue
		}
		for _, t := range taken {
			t.CancelAt(now)
		}
		f := r.Fault
		if f.RetryAfter == "" {
			f.RetryAfter = RetryAfterSeconds
		}
		if f.Wait == 0 && wait <= 24*time.Hour { // a rate of zero never has a token
			f.Wait = wait
		}
		return f, true
	}
	return Fault{}, false
}

func (fs *Faults) check(f Fault) error {
	s := fs.service
	switch {
	case !slices.Contains(s.Kinds, f.Kind):
		return fmt.Errorf("fault kind %q is none of %v", f.Kind, s.Kinds)
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("probability %v is not within 0 and 1", f.Probability)
	case f.Next < 0 || f.Every < 0 || f.For < 0 || f.Delay < 0 || f.Jitter < 0 || f.Wait < 0 || f.Rate < 0 || f.Burst < 0:
		return fmt.Errorf("a fault's numbers are not negative")
	case f.Point != "" && !slices.Contains(s.Points, f.Point):
		return fmt.Errorf("point %q is none of %v", f.Point, s.Points)
	case !slices.Contains([]RetryAfter{"", RetryAfterSeconds, RetryAfterDate, RetryAfterNone}, f.RetryAfter):
		return fmt.Errorf("retryAfter %q is none of seconds, date, none", f.RetryAfter)
	case f.Kind == Latency && f.Delay == 0 && f.Jitter == 0:
		return fmt.Errorf("a latency wants a delay or a jitter")
	case s.Check != nil:
		return s.Check(f)
	}
	return nil
}

func (fs *Faults) add(f Fault, now time.Time) string {
	fs.made++
	if f.ID == "" {
		f.ID = "fault-" + strconv.FormatUint(fs.made, 10)
	}
	if f.Point == "" {
		f.Point = PointAnswer
	}
	// A random stream of its own keeps a fault's decisions the same whatever other faults are drawn in between.
	r := &rule{Fault: f, left: f.Next, random: rand.New(rand.NewPCG(fs.service.Seed, fs.made)), gone: make(chan struct{})}
	if f.For > 0 {
		r.until = now.Add(f.For)
	}
	if f.Kind == Throttle {
		r.limiter = rate.NewLimiter(rate.Limit(f.Rate), f.burst())
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
		r.limiter.SetBurstAt(now, f.burst())
	}
	close(fs.rules[at].gone)
	fs.rules[at] = r
	return f.ID
}

func (f Fault) burst() int {
	if f.Rate == 0 {
		return f.Burst
	}
	return max(f.Burst, 1)
}

// clear ends the fault with that ID, or all.
func (fs *Faults) clear(id string) bool {
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

func (r *rule) hits(kind Kind, fits Fits, now time.Time) bool {
	if r.Kind != kind || r.spent(now) || !fits(r.Fault) || !r.due() || r.Probability > 0 && r.random.Float64() >= r.Probability {
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
