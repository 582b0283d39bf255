package inventoryvisibility

import (
	"fmt"
	"slices"

	"github.com/signalbox/signalbox/test/sim/misbehave"
)

// A Fault, and what it is made of; Operation narrows it.
type (
	Fault = misbehave.Fault
	Kind  = misbehave.Kind
)

// The kinds of fault. Those that fail a request do so before it has any effect, except the two that begin with "commit-then".
const (
	Latency              = misbehave.Latency
	Hold                 = misbehave.Hold
	Throttle             = misbehave.Throttle
	Error                = misbehave.Error
	Drop                 = misbehave.Drop
	Unauthorized    Kind = "unauthorized"      // answer 401
	Forbid          Kind = "forbid"            // answer 403
	CommitThenDrop  Kind = "commit-then-drop"  // have the effect, then close the connection
	CommitThenError Kind = "commit-then-error" // have the effect, then answer Status (default 502)
)

var (
	kinds      = []Kind{Latency, Hold, Throttle, Error, Drop, Unauthorized, Forbid, CommitThenDrop, CommitThenError}
	operations = []string{OpToken, OpSecurityToken, OpQuery, OpReserve, OpUnreserve}
)

func newFaults(seed uint64) *misbehave.Faults {
	return misbehave.New(misbehave.Service{Name: "inventoryvisibility", Kinds: kinds, Points: []misbehave.Point{misbehave.PointReceived, misbehave.PointAnswer}, Check: check, Seed: seed})
}

func check(f Fault) error {
	switch {
	case f.Operation != "" && !slices.Contains(operations, f.Operation):
		return fmt.Errorf("operation %q is none of %v", f.Operation, operations)
	case f.OUN != "" || f.Type != "" || f.Subject != "":
		return fmt.Errorf("narrow a fault by operation")
	}
	return nil
}

// Inject adds a fault, or replaces the one with the same ID, and returns its ID.
func (s *Simulator) Inject(f Fault) (string, error) { return s.faults.Inject(f) }

// Clear ends one fault and lets go what it holds; it says whether there was one.
func (s *Simulator) Clear(id string) bool { return s.faults.Clear(id) }

// ClearFaults ends all faults.
func (s *Simulator) ClearFaults() { s.faults.ClearAll() }

func (c *call) fits(f Fault) bool { return f.Operation == "" || f.Operation == c.operation }

func (c *call) wait(at misbehave.Point) bool {
	return c.sim.faults.Wait(at, 0, misbehave.Request{Fits: c.fits, Done: c.sim.done})
}
