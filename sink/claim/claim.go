// Package claim carries the question whether a delivery may still go to the sink that makes it.
package claim

import "context"

type key struct{}

// WithCheck makes deliveries of ctx ask, right before they send, whether they still may: an older event of somebody who lost
// its claim must not arrive behind a newer one.
func WithCheck(ctx context.Context, stillOurs func() error) context.Context {
	return context.WithValue(ctx, key{}, stillOurs)
}

// Check is what is to be asked; nil: nothing is.
func Check(ctx context.Context) (stillOurs func() error) {
	stillOurs, _ = ctx.Value(key{}).(func() error)
	return stillOurs
}
