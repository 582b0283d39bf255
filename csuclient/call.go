package csuclient

import (
	"context"

	"github.com/google/uuid"
)

// Call is what the caller of an operation knows and the operation itself does not.
type Call struct {
	CorrelationID string // of the event; sent as AppSessionId when it is a GUID
	Lane          string // live, bulk or replay: whose share of the budget is used; empty means live

	// StillOurs says whether the caller may still act; an error stops the request. It is asked before the request is
	// built and again for every write to the connection, so it must be quick and go by the clock, not ask a server.
	StillOurs func() error

	// Plan is not nil when nothing may be written: a write tells it of the operation and the names of what it would set, is not
	// sent, and gives the answer that the CSU would give, as far as that can be known (Planned). Reads are made,
	// whatever StillOurs says.
	Plan func(operation string, fields []string)
}

// Planned stands for an account number that the CSU would give.
const Planned = "(planned)"

type callKey struct{}

// WithCall attaches a Call to every operation made with the context.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// Planning says whether calls in ctx that write are told of instead of made: what they give is no more than a shape.
func Planning(ctx context.Context) bool { return callFrom(ctx).Plan != nil }

// callFrom gives the context's Call, with the gaps filled.
func callFrom(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	if c.Lane == "" {
		c.Lane = LaneLive
	}
	if c.StillOurs == nil {
		c.StillOurs = func() error { return nil }
	}
	return c
}

// sessionID is the correlation id if it is a GUID. Anything else may be text of a producer's and is not sent.
func (c Call) sessionID() string {
	if id, err := uuid.Parse(c.CorrelationID); err == nil {
		return id.String()
	}
	return ""
}
