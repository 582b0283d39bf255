package orchestration

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
)

// ErrNotOurs says that the claim id in the store is not the caller's: the lease ran out and another run took over, or
// the store was lost. Whoever gets it settles nothing.
var ErrNotOurs = errors.New("orchestration: the claim is not ours any more")

// Store remembers progress. Every write carries the claim's id, compared for equality. All methods are re-entrant by
// claim id: the same call made twice gives the same answer, so an unanswered call may be asked again.
//
// Errors other than ErrNotOurs and mapping.ErrConflict mean that the outcome is not known.
type Store interface {
	// Claim takes the run, its entity and its natural keys, all or none.
	Claim(ctx context.Context, q Request) (Grant, error)
	// Extend renews the lease of everything the claim holds.
	Extend(ctx context.Context, q Request) error
	// Save writes progress, bindings and learned IDs in one script; Progress.Finish ends the run.
	// mapping.ErrConflict: a binding contradicts one that is there; nothing was written.
	Save(ctx context.Context, q Request, p Progress) error
	// Release gives the claim back without an end.
	Release(ctx context.Context, q Request, r Released) error

	// Peek says what Claim would answer, and Fits whether Save would find the bindings in contradiction to what is there
	// (mapping.ErrConflict). Neither writes anything.
	Peek(ctx context.Context, q Request) (Grant, error)
	Fits(ctx context.Context, q Request, bindings []mapping.Binding) error
}

// Key is a natural key: a property of the business object that identifies it in the target even when no binding does,
// such as a customer's e-mail address. It is held together with the entity, so that two events for one new e-mail are
// not worked on at the same time. The store keeps a keyed hash of it only.
type Key struct {
	Kind  string
	Value pii.Text // canonical form
}

// Request names what a claim takes. The same value is passed to every call of the claim.
type Request struct {
	ClaimID     string // random, compared for equality ever after
	Owner       string // the process, so that it can tell its own claims from others'
	Event       Event  // ids, generation, attempt and origin; the store never keeps Data
	Scenario    string
	Pipeline    int // version of the pipeline's learned state
	Scope       string
	CSU         string
	Entity      mapping.Ref
	Keys        []Key
	Needs       []mapping.Ref // whose bindings the run will ask for
	Order       Order
	Version     string        // of the state the event carries; compared as text
	Fingerprint string        // keyed hash of the canonical data
	Keep        time.Duration // how long the run is remembered once finished; 0: as the store is told
	Alone       bool          // no other run is in the process, nor will be while this one lasts
	Place       int           // in line, as an earlier answer to this claim said; 0: none yet

	linger time.Duration // Pipeline.Linger
}

// lingering is a time within one go, cut to what the pipeline allows.
func (q Request) lingering(d time.Duration) time.Duration {
	if q.linger > 0 {
		return min(d, q.linger)
	}
	return d
}

// Answer is what a claim got.
type Answer string

// The answers. Their names are metric labels (signalbox_idempotency_checks_total).
const (
	Go               Answer = "go"         // ours: look and act
	LookOnly         Answer = "look_only"  // ours, but acting is closed for a while
	Done             Answer = "done"       // the event was finished before
	Held             Answer = "held"       // somebody else holds the run, the entity or a natural key
	AnswerSurplus    Answer = "surplus"    // a later copy of the message was claimed before
	AnswerSuperseded Answer = "superseded" // a newer state is applied
	AnswerConflict   Answer = "conflict"   // same source and id, other content
	AnswerAlone      Answer = "alone"      // processes died while they worked on it: claim it again once nothing else runs in ours
	NewerPipeline    Answer = "newer"      // the checkpoint was written by a newer version of the pipeline
)

// Grant is the store's whole answer to a claim. Times are given as durations from the answer, so that the store's
// clock and ours need not agree.
type Grant struct {
	Answer Answer

	// Go and LookOnly.
	ActIn     time.Duration   // acting is closed for so long; 0: open
	OthersIn  time.Duration   // the part of ActIn that is not due to this run's own taints
	OwnTaint  []string        // steps of this run with a write that no look has answered, open or over; "" is an unknown step
	Suspect   bool            // a taint, open or over, lies on something we hold: look again after an act
	Forgotten bool            // the store began, or may have lost writes, after the event's origin: what was done may be lost
	Steps     []string        // finished steps
	Learned   json.RawMessage // state at the last save; nil at first
	Attempt   int             // attempts used so far
	Binding   string          // the D365 id bound to the entity; empty if none; also on the answers without a claim
	Needs     []string        // the D365 id bound to each of Request.Needs; empty if none
	Hints     []string        // the D365 id last learned under each natural key, in order of Request.Keys
	Deaths    int             // processes that died while they worked on the run, since something of it was saved; also on AnswerAlone
	Crashed   bool            // one of them while it worked on nothing else: the run must end, as CrashLoop

	// Held.
	HeldBy  string        // owner
	HeldKey int           // which key: 0 the run, 1 the entity, 2+i natural key i
	Until   time.Duration // when its lease ends
	Place   int           // place in line, 1 first

	// Done, AnswerSurplus, AnswerSuperseded (with Binding).
	SameMessage bool   // the run belongs to the same published message (its origin is this event's)
	Newer       bool   // a newer state of the entity is applied
	Ended       string // Done: how the run ended
}

// Progress is what a save writes.
type Progress struct {
	Step     string   // the step that caused it, for the history
	Steps    []string // every finished step
	Learned  json.RawMessage
	Bindings []mapping.Binding
	Hints    []string // D365 id learned under each natural key, "" for unchanged; nil for none
	Applied  bool     // the event's version is (being) applied
	EndTaint bool     // this run's own taints are answered: end them
	Finish   bool
}

// Released is how a claim is given back.
type Released struct {
	Step    string        // where it stopped
	Taint   bool          // a write of Step may be on its way: close the keys for acting
	Attempt bool          // counts as an attempt
	Cause   Cause         // what the event waits for; empty when interrupted or rejected
	Wait    time.Duration // for so long
	Reason  string        // rejected: the dead letter's reason
	Needs   *mapping.Ref  // Cause dependency: which binding, if that is known
	Failed  string        // what failed, in codes (fault.Error.Brief); empty if nothing did
}
