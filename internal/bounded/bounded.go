// Package bounded ends the waiting for calls of the Service Bus SDK that do not end by themselves.
package bounded

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrGivenUp says that a call had not come back when the waiting for it ended. What it did, or still does, is unknown.
var ErrGivenUp = errors.New("the SDK did not end a call")

// Call makes a call that should end with its context and does not always: go-amqp waits for a frame to be written whatever the
// context says, and a connection that was cut while its first link was opened has been seen never to end that wait, nor any other
// call's that needs the same lock of the SDK. The call is given up a grace after its context has ended; what it writes to must not be
// read then. A panic of the call is Call's.
func Call(ctx context.Context, grace time.Duration, call func() error) error {
	done := make(chan ending, 1)
	go func() {
		var e ending
		defer func() {
			e.panicked = recover()
			done <- e
		}()
		e.err = call()
	}()
	select {
	case e := <-done:
		return e.told()
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case e := <-done:
		return e.told()
	case <-late.C:
		return fmt.Errorf("%w: %w", ErrGivenUp, context.Cause(ctx))
	}
}

// ending is how a call ended.
type ending struct {
	err      error
	panicked any
}

func (e ending) told() error {
	if e.panicked != nil {
		panic(e.panicked)
	}
	return e.err
}
