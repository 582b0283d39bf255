package csuclient

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// BreakerOptions is what a Breaker is made from. Zero values mean the default.
type BreakerOptions struct {
	Store CircuitStore
	// Probe finds out whether the CSU can be worked with at all, without a message and under a context of Breaker.Probing.
	Probe func(context.Context) error
	// Changed is told that this process learned of another circuit that is open, or of one that is not open any more. It must be
	// quick.
	Changed func()
	// Turned is told when this process itself turned a circuit, once for the fleet.
	Turned func(circuit, to string)
	// Every is how often the fleet's circuits are looked at; default 5 s.
	Every time.Duration
}

// Breaker keeps calls away from what is known not to work: a circuit breaker for each operation, and one for the CSU as a whole,
// that the fleet shares. While a circuit is open its calls fail at once, with how long to stay away; nothing was sent, and no
// message loses an attempt. When the pause is over one call of the fleet goes as a probe. For the CSU as a whole that probe needs
// no message: Run makes it.
//
// A refusal by load is none of its business: see Budget.
type Breaker struct {
	o      BreakerOptions
	probes singleflight.Group

	mu       sync.Mutex
	open     map[string]openCircuit
	asked    time.Time // when the question was asked whose answer open is
	asking   map[string]bool
	failures map[string]failures
	probed   probed

	suspects chan string
}

// openCircuit is a circuit that is known to be open.
type openCircuit struct {
	Circuit
	until time.Time
}

// failures are those of an operation since it last worked.
type failures struct {
	count int
	first time.Time
}

// probed is what the last probe found.
type probed struct {
	at  time.Time
	err error
}

const (
	failuresToTrip = 10              // so many in a row,
	failingFor     = 2 * time.Second // over so long at least, are no accident
	probeGood      = 2 * time.Second // how long a probe's finding holds
	storeFor       = time.Second     // patience with the store
	aloneFor       = 5 * time.Second // the pause of a circuit that only this process knows of
	leastHeld      = time.Second     // nobody who is held back comes again sooner
)

// NewBreaker makes a Breaker with every circuit closed.
func NewBreaker(o BreakerOptions) *Breaker {
	def(&o.Every, 5*time.Second)
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Turned == nil {
		o.Turned = func(string, string) {}
	}
	return &Breaker{o: o, open: map[string]openCircuit{}, asking: map[string]bool{}, failures: map[string]failures{}, suspects: make(chan string, 16)}
}

// Open lists the circuits that this process knows to be open.
func (b *Breaker) Open() []Circuit {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Circuit, 0, len(b.open))
	for _, c := range b.open {
		all = append(all, c.Circuit)
	}
	return all
}

type probingKey struct{}

// Probing marks the calls of a probe: they pass whatever is open.
func (b *Breaker) Probing(ctx context.Context) context.Context {
	return context.WithValue(ctx, probingKey{}, true)
}

func passes(ctx context.Context) bool { return ctx.Value(probingKey{}) != nil }

// admit lets a call go, as a probe with leave, or says how long to stay away.
func (b *Breaker) admit(ctx context.Context, op operation) (leave bool, f *fault.Error) {
	if b == nil || passes(ctx) {
		return false, nil
	}
	b.mu.Lock()
	c, isOpen := b.open[CircuitCSU]
	if !isOpen {
		c, isOpen = b.open[op.name]
	}
	due := isOpen && c.Name != CircuitCSU && !time.Now().Before(c.until) && !b.asking[op.name]
	if due {
		b.asking[op.name] = true
	}
	b.mu.Unlock()
	if !isOpen {
		return false, nil
	}
	if due && b.ask(ctx, op.name) {
		return true, nil
	}
	return false, held(op, c)
}

// ask asks for leave to probe. Without the store this process is on its own.
func (b *Breaker) ask(ctx context.Context, circuit string) bool {
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.asking, circuit)
	}()
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeFor)
	defer cancel()
	asked := time.Now()
	open, leave, err := b.o.Store.Ask(call, circuit)
	if err != nil {
		b.alone(circuit, CauseErrors) // and until then nobody of this process asks again
		return true
	}
	b.heard(open, asked)
	if leave {
		b.o.Turned(circuit, TurnedHalfOpen)
	}
	return leave
}

// held is how a call fails whose circuit is open.
func held(op operation, c openCircuit) *fault.Error {
	var f *fault.Error
	switch c.Cause {
	case CauseBlocked:
		f = op.fault(fault.Blocked, classUnauthorized, "the CSU does not let the fleet in")
	case CauseForbidden:
		f = op.fault(fault.Throttled, classUnauthorized, "the operation is not permitted to the application's role")
	default:
		f = op.fault(fault.Throttled, classServerError, "calls have failed time and again")
	}
	f.Waits = fault.ForCircuit
	f.Wait = spread(max(time.Until(c.until), leastHeld))
	return f
}

// ended takes note of how a call went, and gives its failure as what it turned out to be.
func (b *Breaker) ended(ctx context.Context, op operation, leave bool, f *fault.Error) *fault.Error {
	if b == nil || passes(ctx) {
		return f
	}
	name := op.name
	if f != nil && f.Operation == opToken.name {
		name = opToken.name
	}
	switch {
	case f != nil && (f.Class == classCancelled || ctx.Err() != nil):
		b.end(ctx, leave, op.name, ProbeUnsaid, "")
	case f != nil && f.Kind == fault.Blocked:
		return b.blocked(ctx, op, leave, f)
	case failing(f):
		b.failed(name)
		b.end(ctx, leave, op.name, ProbeFailed, CauseErrors)
	case f != nil && f.Status == 0: // refused on our side, such as by the budget: nothing was sent
		b.end(ctx, leave, op.name, ProbeUnsaid, "")
	default:
		b.works(op.name)
		b.end(ctx, leave, op.name, ProbeServed, "")
	}
	return f
}

// failing says whether f speaks against the CSU, or the way to it. A refusal by load does not, nor does headquarters behind it.
func failing(f *fault.Error) bool {
	if f == nil || f.Waits != "" {
		return false
	}
	return f.Class == classTimeout || f.Class == classNetwork || f.Class == classServerError
}

// works forgets the failures of an operation, and those of getting a token: it had one.
func (b *Breaker) works(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failures, name)
	delete(b.failures, opToken.name)
}

// failed counts a failure; too many are looked into by Run.
func (b *Breaker) failed(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, now := b.failures[name], time.Now()
	if n.count == 0 {
		n.first = now
	}
	n.count++
	if n.count >= failuresToTrip && now.Sub(n.first) >= failingFor {
		n = failures{}
		select {
		case b.suspects <- name:
		default: // Run is behind: the next ten will tell
		}
	}
	b.failures[name] = n
}

// blocked finds out whether the fleet is locked out, or one operation is not permitted.
func (b *Breaker) blocked(ctx context.Context, op operation, leave bool, f *fault.Error) *fault.Error {
	switch found := fault.As(b.look(ctx)); {
	case found == nil && f.Status == http.StatusForbidden:
		if leave {
			b.end(ctx, leave, op.name, ProbeFailed, CauseForbidden)
		} else {
			b.trip(ctx, op.name, CauseForbidden)
		}
		f.Kind, f.Reason = fault.Permanent, fault.NotPermitted
		return f
	case found != nil && found.Kind == fault.Blocked:
		b.trip(ctx, CircuitCSU, CauseBlocked)
	case failing(found):
		b.trip(ctx, CircuitCSU, CauseErrors)
	}
	b.end(ctx, leave, op.name, ProbeUnsaid, "")
	return f
}

// look probes, once for all who want to know at the time.
func (b *Breaker) look(ctx context.Context) error {
	b.mu.Lock()
	last := b.probed
	b.mu.Unlock()
	if !last.at.IsZero() && time.Since(last.at) < probeGood {
		return last.err
	}
	_, err, _ := b.probes.Do("", func() (any, error) {
		err := b.o.Probe(b.Probing(context.WithoutCancel(ctx)))
		b.mu.Lock()
		defer b.mu.Unlock()
		b.probed = probed{at: time.Now(), err: err}
		return nil, err
	})
	return err
}

// trip opens a circuit for the fleet.
func (b *Breaker) trip(ctx context.Context, circuit, cause string) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeFor)
	defer cancel()
	asked := time.Now()
	open, turned, err := b.o.Store.Trip(call, circuit, cause)
	if err != nil {
		b.alone(circuit, cause)
		return
	}
	b.heard(open, asked)
	b.turned(circuit, turned)
}

// end tells how a probe ended; a call without leave was none.
func (b *Breaker) end(ctx context.Context, leave bool, circuit string, how ProbeEnd, cause string) {
	if !leave {
		return
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeFor)
	defer cancel()
	asked := time.Now()
	open, turned, err := b.o.Store.Probed(call, circuit, how, cause)
	switch {
	case err == nil:
		b.heard(open, asked)
		b.turned(circuit, turned)
	case how == ProbeServed:
		b.closed(circuit)
	case how == ProbeFailed:
		b.alone(circuit, cause)
	}
}

func (b *Breaker) turned(circuit, to string) {
	if to != "" {
		b.o.Turned(circuit, to)
	}
}

// alone notes an open circuit while the store cannot be reached.
func (b *Breaker) alone(circuit, cause string) {
	b.mu.Lock()
	c, was := b.open[circuit]
	c.Name, c.Until, c.until = circuit, aloneFor, time.Now().Add(aloneFor)
	if !was {
		c.Cause = cause
	}
	b.open[circuit] = c
	b.mu.Unlock()
	if !was {
		b.o.Changed()
	}
}

// closed forgets a circuit.
func (b *Breaker) closed(circuit string) {
	b.mu.Lock()
	_, was := b.open[circuit]
	delete(b.open, circuit)
	b.mu.Unlock()
	if was {
		b.o.Changed()
	}
}

// heard takes note of what is open for the fleet, unless a later question was answered already.
func (b *Breaker) heard(open []Circuit, asked time.Time) {
	b.mu.Lock()
	if asked.Before(b.asked) {
		b.mu.Unlock()
		return
	}
	b.asked = asked
	before, now := b.open, time.Now()
	b.open = make(map[string]openCircuit, len(open))
	same := len(open) == len(before)
	for _, c := range open {
		was, known := before[c.Name]
		same = same && known && was.Cause == c.Cause
		b.open[c.Name] = openCircuit{c, now.Add(c.Until)}
	}
	b.mu.Unlock()
	if !same {
		b.o.Changed()
	}
}

// Run keeps in touch with the fleet and probes for the CSU as a whole, until ctx ends.
func (b *Breaker) Run(ctx context.Context) {
	next := time.NewTimer(spread(b.o.Every))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case name := <-b.suspects:
			b.confirm(ctx, name)
		case <-next.C:
			b.refresh(ctx)
		}
		b.probeCSU(ctx)
		next.Reset(b.nextLook())
	}
}

// nextLook is how long Run rests: no longer than until a probe for the CSU is due.
func (b *Breaker) nextLook() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	rest := spread(b.o.Every)
	if c, isOpen := b.open[CircuitCSU]; isOpen {
		rest = min(rest, max(time.Until(c.until), 100*time.Millisecond))
	}
	return rest
}

// confirm finds out whether an operation fails alone or the CSU as a whole does.
func (b *Breaker) confirm(ctx context.Context, name string) {
	found := fault.As(b.look(ctx))
	switch {
	case ctx.Err() != nil:
	case found != nil && found.Kind == fault.Blocked:
		b.trip(ctx, CircuitCSU, CauseBlocked)
	case failing(found):
		b.trip(ctx, CircuitCSU, CauseErrors)
	case name != opToken.name: // with that, no call goes by itself: there are tokens again
		b.trip(ctx, name, CauseErrors)
	}
}

// refresh looks at the fleet's circuits. When the store cannot be reached, what is known stays.
func (b *Breaker) refresh(ctx context.Context) {
	call, cancel := context.WithTimeout(ctx, storeFor)
	defer cancel()
	asked := time.Now()
	if open, err := b.o.Store.Look(call); err == nil {
		b.heard(open, asked)
	}
}

// probeCSU probes when the pause of the CSU's circuit is over and this process is the one to do it.
func (b *Breaker) probeCSU(ctx context.Context) {
	b.mu.Lock()
	c, isOpen := b.open[CircuitCSU]
	b.mu.Unlock()
	if !isOpen || time.Now().Before(c.until) || ctx.Err() != nil || !b.ask(ctx, CircuitCSU) {
		return
	}
	b.mu.Lock()
	b.probed = probed{} // what was found before is not asked for
	b.mu.Unlock()
	switch found := fault.As(b.look(ctx)); {
	case ctx.Err() != nil:
		b.end(ctx, true, CircuitCSU, ProbeUnsaid, "")
	case found != nil && found.Kind == fault.Blocked:
		b.end(ctx, true, CircuitCSU, ProbeFailed, CauseBlocked)
	case failing(found):
		b.end(ctx, true, CircuitCSU, ProbeFailed, CauseErrors)
	default:
		b.end(ctx, true, CircuitCSU, ProbeServed, "")
	}
}
