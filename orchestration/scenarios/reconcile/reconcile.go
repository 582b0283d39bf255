// Package reconcile compares what a sink has with what it was told, and what was told with the CSU, and heals what differs by having it told again.
//
// Digests are compared, not records: first those of 4,096 buckets, in one call, then those of the records in the buckets that differ. What
// differs is looked at once more after a while, since what was told a moment ago may be on its way; what still does is told again, to that sink alone,
// by the scenario that told it before. So a sweep costs a call, and two for each bucket that has something wrong.
//
// Promises. A sweep makes no more calls of the sink than it was allowed, and says so when that was not enough. It changes nothing itself: healing is
// an event like any other, with retries, dead letters and replay.
package reconcile

import (
	"context"
	_ "embed" // the schema
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
)

// Parts is what the scenario is made from.
type Parts struct {
	Digests   func(sink string) (feed.Digests, bool) // of the row of the sink table; false: it says nothing of what it has
	Wants     func(sink, typ string) bool            // whether it is told events of a type; nil: all are told everything
	Memory    feed.Memory
	Catalogue func(orchestration.Channel) products.Catalogue
	// Swept is told, if there is one, of a sweep that has come to its end, and by a plan of what it would find. It must be quick, and safe for
	// concurrent use. A run that is taken over at that very moment tells twice.
	Swept func(channel string, found Reconciled)
}

// SweepType asks for a comparison (sweep.schema.json).
const SweepType = "signalbox.feed.reconcile.v1"

// SweepName is the scenario that handles it.
const SweepName = "reconcile"

//go:embed sweep.schema.json
var sweepSchema []byte

// Sweep is what is asked for.
type Sweep struct {
	Of     string `json:"of"`     // products, prices, inventory or locations
	As     asked  `json:"as"`     // what its export was asked for, where that makes another feed: a catalogue, affiliations
	Sink   string `json:"sink"`   // of the channel
	Calls  int    `json:"calls"`  // that the sink may be asked at most; 0: 100
	Settle int    `json:"settle"` // seconds to wait before what differs is looked at again; 0: 60
	Source int    `json:"source"` // products to compare with the CSU, other ones each time; 0: none
}

// progress is what a run learns.
type progress struct {
	Buckets  []int               `json:"buckets,omitempty"`  // that differ, and are to be looked at
	Partial  bool                `json:"partial,omitempty"`  // there were more than calls
	Suspects map[string]suspect  `json:"suspects,omitempty"` // by id
	Found    time.Time           `json:"found,omitzero"`     // when the last of them was
	Again    []int               `json:"again,omitempty"`    // buckets that are to be looked at again
	Wrong    map[string]mismatch `json:"wrong,omitempty"`    // by id: what still differs
	Outdated []string            `json:"outdated,omitempty"` // ids of what the CSU has otherwise than it was told
	Calls    int                 `json:"calls"`
	Compared int                 `json:"compared"`
	Sampled  int                 `json:"sampled"`
}

// mismatch is how a record differs.
type mismatch string

// The mismatches.
const (
	missing mismatch = "missing" // the sink does not have it
	differs mismatch = "differs" // it has it otherwise
	extra   mismatch = "extra"   // it was never told of it, or was told that it is gone
)

// suspect is what differed at the first look.
type suspect struct {
	Is     mismatch `json:"is"`
	Digest string   `json:"d,omitempty"` // of what it was told
}

type (
	run  = orchestration.Run[Sweep, progress]
	step = orchestration.Step[Sweep, progress]
)

type reconcile struct{ Parts }

// Scenarios makes it.
func Scenarios(p Parts) []orchestration.Scenario {
	return []orchestration.Scenario{reconcile{p}.sweep()}
}

func (c reconcile) sweep() orchestration.Pipeline[Sweep, progress] {
	suspicious := func(r *run) bool { return len(r.State.Suspects) > 0 }
	return orchestration.Pipeline[Sweep, progress]{
		Name: SweepName, Handles: SweepType, Version: 1, Order: orchestration.Fact, Schema: sweepSchema, Ours: true, Lane: orchestration.LaneBulk,
		Numbers: map[string]int{"/as/catalog": orchestration.AnyNumber, "/as/affiliations/*": orchestration.AnyNumber},
		Entity:  func(s Sweep) (kind, id string) { return "sweep", s.Sink + "/" + s.feed() }, Tells: tells(),
		Steps: []step{
			{Name: "compare-source", When: func(r *run) bool { return r.In.Source > 0 }, Look: c.compareSource},
			{Name: "compare-buckets", Look: c.compareBuckets, More: func(r *run) bool { return len(r.State.Buckets) > 0 }},
			{Name: "keep-suspects", When: suspicious, Sure: orchestration.Repeatable, Act: onRecord},
			{Name: "look-again", When: suspicious, Look: c.lookAgain, More: func(r *run) bool { return len(r.State.Again) > 0 }},
			{Name: "keep-wrong", Sure: orchestration.Repeatable, Act: onRecord}, // what is told of it has one id, and says the same when it is told again
			{Name: "heal", Look: always, Note: c.heal},
		},
	}
}

func feedOf(r *run) feed.Feed { return feed.Feed{Channel: r.Channel.Name, Name: r.In.feed()} }

func (s Sweep) settle() time.Duration {
	if s.Settle == 0 {
		return time.Minute
	}
	return time.Duration(s.Settle) * time.Second
}

func (s Sweep) calls() int {
	if s.Calls == 0 {
		return 100
	}
	return s.Calls
}

// onRecord does nothing: with it, what was found so far is on record, and the wait that follows does not begin with another comparison.
func onRecord(context.Context, *run) error { return nil }

func always(context.Context, *run) (bool, error) { return true, nil }
