package csuclient

import (
	"context"
	"time"
)

// The lanes, most urgent first.
const (
	LaneLive   = "live"
	LaneBulk   = "bulk"
	LaneReplay = "replay"
)

// Budget says when a call may go, and learns from how it went. Gate is the budget of one process; a fleet shares one.
type Budget interface {
	// Acquire waits for the call's turn. An error is a *fault.Error: Throttled with the wait when that would be longer
	// than Cost.MaxWait, else the context's end. The caller must call end exactly once, when the call is over.
	Acquire(ctx context.Context, c Cost) (end func(Load), err error)
	// ClosedUntil is when calls may go again after a refusal; zero while they may.
	ClosedUntil() time.Time
	// HeldBy says what holds a call back at this moment: one of Sources.
	HeldBy() string
}

// Cost is what a call asks of the budget.
type Cost struct {
	Lane      string
	Operation string
	Weight    int           // how many plain calls it is worth, at least 1
	MaxWait   time.Duration // rather than wait longer, be refused at once
}

// Load is what an HTTP attempt told about the server's load. The zero Load tells nothing: no request was sent, no answer
// came, or the server failed for other reasons.
type Load struct {
	Served  bool          // answered without a word about load
	Refused bool          // 429, or 503 with Retry-After
	Wait    time.Duration // Refused: how long to stay away, if Told
	Told    bool          // Refused: the server named the wait
}
