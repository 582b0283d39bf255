package csuclient

import (
	"context"
	"time"
)

// Pace is the fleet's part of the budget: what is known of one CSU's limits, in a place that all processes share. Every call is
// one round trip. An error means that the place cannot be reached, and says nothing of the CSU.
//
// Safe for concurrent use.
type Pace interface {
	// Take asks for n moments, each for a call of so much weight in a lane.
	Take(ctx context.Context, lane string, weight, n int) (Moments, error)
	// Refused reports that the CSU refused a call for its load.
	Refused(ctx context.Context, r Refusal) (PaceState, error)
	// Probed reports the end of the one call that was allowed after a pause: probe is its Moments.Probe, rev the PaceState.Rev
	// when it began; served says whether it was answered.
	Probed(ctx context.Context, probe string, rev int64, served bool) (PaceState, error)
	// Look asks how things stand.
	Look(ctx context.Context) (PaceState, error)
}

// PaceState is how things stand for the fleet.
type PaceState struct {
	Rev   int64         // counts the refusals that were taken to heart; starts anew when there was none for long
	Paced bool          // calls need moments; else nothing was refused lately and nobody set a limit
	Rate  float64       // calls a second that are handed out now; 0: not limited
	Shut  bool          // refused: until a probe is served, nothing goes
	Until time.Duration // Shut: until the next probe
}

// Moments is what Take got.
type Moments struct {
	PaceState
	After []time.Duration // from now, one for each call that may go; fewer than asked for when others are before
	Probe string          // names the one call that finds out whether the pause is over; empty: it is no probe
	Again time.Duration   // with fewer than asked for: when it is worth asking again
}

// Refusal is a call that the CSU refused for its load.
type Refusal struct {
	Load
	Rev   int64   // the PaceState.Rev that was known when the call began: of several on their way together only the first says something new
	Rate  float64 // calls a second this process made of late, the only guess there is at a first refusal
	Probe bool    // it was the one call that was allowed after a pause
}
