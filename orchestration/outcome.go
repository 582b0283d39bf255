package orchestration

import (
	"time"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// Verdict is how one go at an event ended.
type Verdict int

// The verdicts. The worker settles by verdict alone.
const (
	Completed   Verdict = iota // every step is done and recorded
	Superseded                 // a newer state of the entity is already applied
	Duplicate                  // the event was done before, by another message
	Surplus                    // a copy that a later copy of the same message replaced
	Postponed                  // not now: again after a while, by a copy
	Interrupted                // a drain cut it short: give the message back, no attempt
	Lost                       // lock, lease or store lost: settle nothing
	Rejected                   // dead-letter, with reason
)

var verdictNames = [...]string{"completed", "superseded", "duplicate", "surplus", "postponed", "interrupted", "lost", "rejected"}

// String names the verdict for logs.
func (v Verdict) String() string { return verdictNames[v] }

// Cause says what a postponed event waits for. It is a metric label.
type Cause string

// The closed list of causes (metric signalbox_waiting).
const (
	CauseGate       Cause = "gate"       // throttled
	CauseDependency Cause = "dependency" // needs a binding
	CauseHeld       Cause = "held"       // another run holds the entity
	CauseBackoff    Cause = "backoff"    // failed, will be tried again
	CauseBlocked    Cause = "blocked"    // locked out of the CSU
	CauseCircuit    Cause = "circuit"    // calls of the kind it needs fail, and are not made for a while
	CauseTaint      Cause = "taint"      // an earlier write may still land, or the store was lost
	CauseAlone      Cause = "alone"      // processes died while they worked on it: it needs one for itself
	CauseContinue   Cause = "continue"   // the run took too long in one go, or a newer worker must take it
	CausePromotion  Cause = "promotion"  // its D365 id is still provisional
	CauseHQ         Cause = "hq"         // headquarters cannot be reached

	CauseSwitchedOff Cause = "switched_off" // its scenario is off
)

// Causes lists every cause.
func Causes() []Cause {
	return []Cause{CauseGate, CauseDependency, CauseHeld, CauseBackoff, CauseBlocked, CauseCircuit, CauseTaint, CauseAlone, CauseContinue, CausePromotion, CauseHQ, CauseSwitchedOff}
}

// Outcome is the engine's whole answer. It names no queue and no protocol.
type Outcome struct {
	Verdict  Verdict
	Reason   fault.Reason // Rejected: the dead letter's reason. Interrupted: the one it will have, if that is known
	Detail   string       // Rejected: one sentence for a person, without personal data
	Cause    Cause        // Postponed: what it waits for
	After    time.Duration
	Attempt  int      // attempts used so far, for the copy
	Scenario string   // empty when no scenario took it
	Lane     string   // where the scenario's events belong; empty: where they are
	Step     string   // where it stopped
	Missing  *Missing // Postponed, for a dependency or a scenario: which, if that is known
	Err      error    // what failed; safe to log
}
