// Package bounded ends the waiting for calls of the Service Bus SDK that do not end by themselves.
package bounded

import (
	"context"
	"fmt"
	"time"
)

// Call makes a call that should end with its context and does not always: go-amqp waits for a frame to be written whatever the
// context says, and a connection that was cut while its first link was opened has been seen never to end that wait, nor any other
// call's that needs the same lock of the SDK. The call is given up a grace after its context has ended.
func Call(ctx context.Context, grace time.Duration, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("the SDK did not end a call: %w", context.Cause(ctx))
	}
}
