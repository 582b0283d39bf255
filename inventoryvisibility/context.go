package inventoryvisibility

import (
	"context"
	"errors"
)

// Call is what a run's calls carry.
type Call struct {
	StillOurs func() error                            // asked right before a request goes
	Plan      func(operation string, fields []string) // not nil: no write is sent, and it is told what would be
}

type callKey struct{}

// WithCall makes the calls of ctx carry c.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

func callFrom(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	return c
}

// errPlanned is the end of a write that is only planned; no method gives it.
var errPlanned = errors.New("planned")
