// Package inventoryvisibility is a stand-in for Inventory Visibility, Entra and the security service before it: an http.Handler that checks
// tokens, answers queries, takes soft reservations and their reversals, and has faults that can be set while it runs.
//
// What it promises, because tests rely on it:
//   - A request has its whole effect or none, and a client that goes away does not undo it. Of a bulk request each record stands for itself.
//   - A reservation with the id of one that was made changes nothing and is answered like it (inferred: documented of on-hand changes).
//   - A reversal frees no more than is left, and says by how much it asked for more (documented).
//   - It starts no goroutine. Requests that wait (latency, hold) are let go by Close. Time is the standard library's.
//
// A dropped connection is panic(http.ErrAbortHandler), so the handler has to be served by a real http.Server, over a socket or a net.Pipe.
//
// Source: https://learn.microsoft.com/dynamics365/supply-chain/inventory/inventory-visibility-api.
package inventoryvisibility

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// What a simulator made from zero Options knows.
const (
	DefaultClientID     = "local-visibility-client"
	DefaultClientSecret = "local-visibility-secret"
	DefaultEnvironment  = "5dbf6cc8-0000-4de2-8a25-2101cd5649b4"
)

// The paths of the two services before it.
const (
	TokenPath    = "/contoso/oauth2/v2.0/token"
	SecurityPath = "/securityservice/token"
)

// The operations, by which faults are narrowed.
const (
	OpToken         = "Token"         // of Entra
	OpSecurityToken = "SecurityToken" // of the security service
	OpQuery         = "OnHand"
	OpReserve       = "Reserve"
	OpUnreserve     = "Unreserve"
)

const (
	entraScope   = "0cdb527f-a8d1-4bf8-9436-b352c68682b2/.default"
	serviceScope = "https://inventoryservice.operations365.dynamics.com/.default"
)

const maxBody = 4 << 20

// Options configure a Simulator. The zero value works.
type Options struct {
	ClientID, ClientSecret, Environment string
	TokenLifetime                       time.Duration // default 1 h
	Seed                                uint64        // of every fault with a probability or a jitter
}

// Simulator is the service of one environment. All of its methods are safe for concurrent use.
type Simulator struct {
	opts   Options
	faults *misbehave.Faults
	done   chan struct{}

	mu      sync.Mutex // guards everything below
	closed  bool
	tokens  map[string]grant
	rows    map[key]*Stock
	order   []key
	kept    map[string]*Reservation // by the client's id
	history []*Reservation          // in order
	asked   map[string]int
}

// grant is what a token is good for.
type grant struct {
	assertion bool // Entra's
	expires   time.Time
}

// New makes a simulator; Close it to let go what waits inside.
func New(o Options) *Simulator {
	for _, d := range []struct {
		field *string
		value string
	}{{&o.ClientID, DefaultClientID}, {&o.ClientSecret, DefaultClientSecret}, {&o.Environment, DefaultEnvironment}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if o.TokenLifetime <= 0 {
		o.TokenLifetime = time.Hour
	}
	return &Simulator{opts: o, faults: newFaults(o.Seed), done: make(chan struct{}), tokens: map[string]grant{}, rows: map[key]*Stock{}, kept: map[string]*Reservation{}, asked: map[string]int{}}
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

// Asked says how many requests of an operation came, whatever they were answered.
func (s *Simulator) Asked(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[operation]
}

// Revoke ends every token that was given.
func (s *Simulator) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Handler takes requests.
func (s *Simulator) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// call is one request on its way.
type call struct {
	sim       *Simulator
	w         http.ResponseWriter
	r         *http.Request
	body      []byte
	operation string
}

// reply is what it is answered.
type reply struct {
	status int
	body   any
	header map[string]string
}

func refuse(status int, why string) reply {
	return reply{status: status, body: map[string]string{"message": why}}
}

func (s *Simulator) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	c := &call{sim: s, w: w, r: r, body: body}
	if err != nil {
		panic(http.ErrAbortHandler) // half a request has no effect
	}
	handle, rep := c.route()
	s.mu.Lock()
	closed := s.closed
	s.asked[c.operation]++
	s.mu.Unlock()
	switch {
	case closed:
		rep = refuse(http.StatusServiceUnavailable, "closed")
	case handle != nil:
		rep = c.run(handle)
	}
	for k, v := range rep.header {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(rep.status)
	_ = json.NewEncoder(w).Encode(rep.body) // whoever asked may have gone
}

// route finds what handles the request.
func (c *call) route() (func() reply, reply) {
	if c.r.Method != http.MethodPost {
		return nil, refuse(http.StatusMethodNotAllowed, "post it")
	}
	if c.r.URL.Path == TokenPath {
		c.operation = OpToken
		return c.entraToken, reply{}
	}
	if c.r.Header.Get("Api-Version") != "1.0" {
		return nil, refuse(http.StatusBadRequest, "the header Api-Version is missing")
	}
	if c.r.URL.Path == SecurityPath {
		c.operation = OpSecurityToken
		return c.securityToken, reply{}
	}
	path, ours := strings.CutPrefix(c.r.URL.Path, "/api/environment/"+c.sim.opts.Environment+"/onhand/")
	if !ours {
		return nil, refuse(http.StatusNotFound, "no such environment")
	}
	handlers := map[string]struct {
		operation string
		handle    func() reply
	}{
		"indexquery": {OpQuery, func() reply { return c.query(false) }}, "exactquery": {OpQuery, func() reply { return c.query(true) }},
		"reserve": {OpReserve, func() reply { return one(c, c.sim.reserve) }}, "reserve/bulk": {OpReserve, func() reply { return bulk(c, c.sim.reserve) }},
		"unreserve": {OpUnreserve, func() reply { return one(c, c.sim.unreserve) }}, "unreserve/bulk": {OpUnreserve, func() reply { return bulk(c, c.sim.unreserve) }},
	}
	h, known := handlers[path]
	if !known {
		return nil, refuse(http.StatusNotFound, "no such operation")
	}
	c.operation = h.operation
	return func() reply {
		if !c.letIn() {
			return refuse(http.StatusUnauthorized, "the token is not good")
		}
		return h.handle()
	}, reply{}
}

// run takes a request through its stages: faults in front, effect, answer.
func (c *call) run(handle func() reply) reply {
	if !c.wait(misbehave.PointReceived) {
		panic(http.ErrAbortHandler)
	}
	if f, hit := c.sim.faults.Throttled(c.fits); hit {
		return failing(f, http.StatusTooManyRequests)
	}
	for kind, status := range map[misbehave.Kind]int{misbehave.Error: http.StatusInternalServerError, Unauthorized: http.StatusUnauthorized, Forbid: http.StatusForbidden} {
		if f, hit := c.sim.faults.Hit(kind, c.fits); hit {
			return failing(f, status)
		}
	}
	if _, hit := c.sim.faults.Hit(misbehave.Drop, c.fits); hit {
		panic(http.ErrAbortHandler)
	}
	rep := handle()
	if _, hit := c.sim.faults.Hit(CommitThenDrop, c.fits); hit {
		panic(http.ErrAbortHandler)
	}
	if f, hit := c.sim.faults.Hit(CommitThenError, c.fits); hit {
		rep = failing(f, http.StatusBadGateway)
	}
	if !c.wait(misbehave.PointAnswer) {
		panic(http.ErrAbortHandler)
	}
	return rep
}

func failing(f Fault, status int) reply {
	if f.Status != 0 {
		status = f.Status
	}
	rep := refuse(status, "on purpose")
	rep.header = map[string]string{}
	f.SetRetryAfter(rep.header, time.Now())
	return rep
}
