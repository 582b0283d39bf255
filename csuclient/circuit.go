package csuclient

import (
	"context"
	"time"
)

// CircuitCSU is the circuit of everything: no call of any operation goes while it is open. Every operation has one by its own name.
const CircuitCSU = "csu"

// Why a circuit is open.
const (
	CauseErrors    = "errors"    // calls fail, time and again: 5xx, no answer, no connection
	CauseBlocked   = "blocked"   // the CSU, or who gives its tokens, does not let us in
	CauseForbidden = "forbidden" // one operation is not permitted to our role
)

// What a circuit may turn to.
const (
	TurnedOpen     = "open"
	TurnedHalfOpen = "half_open" // one call of the fleet probes
	TurnedClosed   = "closed"
)

// Turns lists what a circuit may turn to.
func Turns() []string { return []string{TurnedOpen, TurnedHalfOpen, TurnedClosed} }

// Circuit is one that is open.
type Circuit struct {
	Name    string
	Cause   string        // one of the causes
	Age     time.Duration // how long it has been open
	Until   time.Duration // from now, to the next probe
	Probing bool          // a probe is under way
}

// CircuitStore keeps the open circuits where the whole fleet sees them. Every call is one round trip, and gives all that are open.
// An error means that the store cannot be reached, and says nothing of the CSU. turned says what the call itself turned the
// circuit to; empty: nothing.
//
// Safe for concurrent use.
type CircuitStore interface {
	// Trip opens a circuit, unless it is open.
	Trip(ctx context.Context, circuit, cause string) (open []Circuit, turned string, err error)
	// Ask asks for leave to probe; one caller of the fleet gets it when a pause is over.
	Ask(ctx context.Context, circuit string) (open []Circuit, leave bool, err error)
	// Probed tells how the probe ended: closes the circuit, or makes the pause longer. cause is why it failed.
	Probed(ctx context.Context, circuit string, ended ProbeEnd, cause string) (open []Circuit, turned string, err error)
	// Look lists the open ones.
	Look(ctx context.Context) (open []Circuit, err error)
}

// ProbeEnd is how a probe ended.
type ProbeEnd string

// How a probe may end.
const (
	ProbeServed ProbeEnd = "served"
	ProbeFailed ProbeEnd = "failed"
	ProbeUnsaid ProbeEnd = "unsaid" // it was not made, or says nothing: another may go
)
