// Package sink is an external system that receives events as webhooks, and misbehaves when told to: an http.Handler that
// verifies signatures, knows a repeat by its id, keeps a ledger of what it accepted, and has faults that can be set while it runs.
//
// What it promises, because tests rely on it:
//   - An event is accepted whole or not at all, and a client that goes away does not undo it.
//   - A second delivery of an id changes nothing but its ledger: it is counted, compared with the first and answered like it.
//   - It takes CloudEvents 1.0 in structured and in binary mode, on any path but /digests.
//   - It keeps the newest of what it is told of each subject, and says there what it has; digests.go.
//   - It starts no goroutine. Requests that wait (latency, hold) are let go by Close.
//   - Time is the standard library's, so all of it runs inside a testing/synctest bubble.
//
// A dropped connection is panic(http.ErrAbortHandler), so the handler has to be served by a real http.Server, over a socket or a
// net.Pipe.
//
// Source: Standard Webhooks 1.0 (https://www.standardwebhooks.com); CloudEvents 1.0.2, HTTP protocol binding.
package sink

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// DefaultSecret is what a simulator made from zero Options verifies signatures with.
const DefaultSecret = "whsec_bG9jYWwgc2lnbmFsYm94IHdlYmhvb2sgc2VjcmV0ISE="

// maxBody is the largest request body that is read.
const maxBody = 1 << 20

// Options configure a Simulator. The zero value works.
type Options struct {
	Secrets   []string      // any of them may have signed; default: DefaultSecret
	Tolerance time.Duration // how far a signature's time may be from now; default 5 min
	Latency   time.Duration // between accepting a delivery and answering it
	Seed      uint64        // of every fault with a probability or a jitter
}

func (o Options) withDefaults() Options {
	if len(o.Secrets) == 0 {
		o.Secrets = []string{DefaultSecret}
	}
	if o.Tolerance <= 0 {
		o.Tolerance = 5 * time.Minute
	}
	return o
}

// Simulator is one receiver. All of its methods are safe for concurrent use.
type Simulator struct {
	done chan struct{} // closed by Close

	mu         sync.Mutex // guards everything below
	closed     bool
	opts       Options
	generation int               // raised by Reset; what was received before it is not accepted
	faults     *misbehave.Faults // with a lock of its own
	ledger     ledger
	stats      Stats
}

// New makes a simulator; Close it to let go what waits inside. It refuses secrets that it cannot read.
func New(o Options) (*Simulator, error) {
	o = o.withDefaults()
	if _, err := keysOf(o.Secrets); err != nil {
		return nil, err
	}
	return &Simulator{done: make(chan struct{}), opts: o, generation: 1, faults: newFaults(o.Seed), ledger: newLedger(), stats: newStats()}, nil
}

// Configure changes options while the simulator runs. Seed is read only by New. The function must not call the simulator.
func (s *Simulator) Configure(change func(*Options)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.opts
	change(&o)
	o = o.withDefaults()
	if _, err := keysOf(o.Secrets); err != nil {
		return err
	}
	s.opts = o
	return nil
}

func (s *Simulator) options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts
}

// Reset forgets events, statistics and faults. Options stay.
func (s *Simulator) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	s.faults.Reset()
	s.ledger, s.stats = newLedger(), newStats()
}

// Close lets go every request that waits, without its effect, and answers later ones with 503.
func (s *Simulator) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
}

// Handler takes deliveries.
func (s *Simulator) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// call is one delivery on its way through the simulator.
type call struct {
	sim        *Simulator
	w          http.ResponseWriter
	r          *http.Request
	body       []byte
	event      event // as far as it could be read
	received   time.Time
	generation int
}

// reply is what a delivery is answered.
type reply struct {
	status int
	header map[string]string
	text   string
	entry  *entry // of the ledger, if it was accepted
	at     int    // which of the entry's deliveries
}

// serve takes a delivery through its stages: faults in front, signature, event, effect, answer.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	c := &call{sim: s, w: w, r: r, body: body, received: time.Now()}
	s.mu.Lock()
	closed := s.closed
	c.generation = s.generation
	s.mu.Unlock()
	switch {
	case closed:
		c.finish(reply{status: http.StatusServiceUnavailable, text: "closed"})
	case err != nil && r.Context().Err() != nil:
		c.abort() // half a delivery has no effect
	case err != nil:
		c.finish(reply{status: http.StatusRequestEntityTooLarge, text: "the body is too large"})
	case r.Method != http.MethodPost:
		c.finish(reply{status: http.StatusMethodNotAllowed, text: "deliveries are posted"})
	default:
		c.finish(c.run())
	}
}

func (c *call) run() reply {
	var bad error
	if c.r.URL.Path != PathDigests {
		c.event, bad = read(c.r.Header, c.body) // faults may be meant for one type or subject
	}
	if rep, stopped := c.front(); stopped {
		return rep
	}
	if err := c.verify(); err != nil {
		return reply{status: http.StatusUnauthorized, text: err.Error()}
	}
	if c.r.URL.Path == PathDigests {
		return c.digests()
	}
	if bad == nil && c.event.ID != c.r.Header.Get(headerID) {
		bad = fmt.Errorf("%s is not the event's id", headerID)
	}
	if bad != nil {
		return reply{status: http.StatusBadRequest, text: bad.Error()}
	}
	rep := c.accept()
	if !c.wait(PointAnswer) {
		c.abort()
	}
	return rep
}

// front is what stands before the receiver itself: waits at receipt, the throttle, and failures that have no effect.
func (c *call) front() (reply, bool) {
	if !c.wait(PointReceived) {
		c.abort()
	}
	if f, hit := c.sim.faults.Throttled(c.fits); hit {
		return refusal(f, http.StatusTooManyRequests, "too many deliveries"), true
	}
	if _, hit := c.fault(Drop); hit {
		c.abort()
	}
	if f, hit := c.fault(Error); hit {
		return refusal(f, http.StatusInternalServerError, "an error on purpose"), true
	}
	return reply{}, false
}

// accept is the effect.
func (c *call) accept() reply {
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation != c.generation {
		return reply{status: http.StatusServiceUnavailable, text: "it was reset meanwhile"}
	}
	e, at := s.ledger.accept(c.event, time.Now())
	s.stats.Accepted++
	if at == 0 {
		s.stats.Events++
	} else {
		s.stats.Duplicates++
	}
	return reply{status: http.StatusAccepted, entry: e, at: at}
}

// finish sends the answer, or loses it when a fault says so; the effect, if any, stays.
func (c *call) finish(rep reply) {
	if rep.entry != nil {
		if _, hit := c.fault(AcceptThenDrop); hit {
			c.abort()
		}
		if f, hit := c.fault(AcceptThenError); hit {
			lost := refusal(f, http.StatusBadGateway, "the answer was lost")
			rep.status, rep.text, rep.header = lost.status, lost.text, lost.header
		}
	}
	c.answered(rep)
	for k, v := range rep.header {
		c.w.Header().Set(k, v)
	}
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.w.WriteHeader(rep.status)
	_, _ = io.WriteString(c.w, rep.text) // whoever asked may have gone
}

// answered notes how a delivery was answered, before the answer is sent: a client that has read it finds it noted.
func (c *call) answered(rep reply) {
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation != c.generation {
		return
	}
	s.stats.Requests++
	s.stats.ByStatus[rep.status]++
	if rep.entry != nil {
		rep.entry.Answers[rep.at] = rep.status
	}
}

// abort closes the connection without an answer.
func (c *call) abort() {
	c.answered(reply{})
	panic(http.ErrAbortHandler)
}

func orElse(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}
