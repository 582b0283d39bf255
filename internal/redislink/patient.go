package redislink

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Pauses between two tries.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = 300 * time.Millisecond
)

// refused says whether a server has answered that it did not execute a command and may do so later.
func refused(err error) bool {
	return redis.IsLoadingError(err) || redis.IsReadOnlyError(err) || redis.IsMasterDownError(err) || redis.IsClusterDownError(err) ||
		redis.IsTryAgainError(err) || redis.IsNoReplicasError(err) || redis.IsMaxClientsError(err)
}

// patient sends again what was refused.
type patient struct {
	patience time.Duration
	refused  func(error) bool
}

// inside marks the context of a call that is being patient already: what runs in it, such as the first commands of a new
// connection, is not.
type inside struct{}

// DialHook implements redis.Hook.
func (p patient) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (p patient) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return p.try(ctx, func(ctx context.Context) error {
			cmd.SetErr(nil)
			return next(ctx, cmd)
		})
	}
}

// ProcessPipelineHook implements redis.Hook. Of a pipeline those commands are sent again that were refused; of a transaction all.
func (p patient) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		left := cmds
		err := p.try(ctx, func(ctx context.Context) error {
			for _, cmd := range left {
				cmd.SetErr(nil)
			}
			err := next(ctx, left)
			left = unexecuted(left, err, p.refused)
			if len(left) > 0 {
				return firstOf(left, p.refused)
			}
			return err
		})
		if len(left) == 0 || len(left) == len(cmds) {
			return err
		}
		return firstOf(cmds, func(err error) bool { return err != nil })
	}
}

func (p patient) try(ctx context.Context, do func(context.Context) error) error {
	if ctx.Value(inside{}) != nil {
		return do(ctx)
	}
	began, pause := time.Now(), firstPause
	ctx = context.WithValue(ctx, inside{}, true)
	for {
		err := do(ctx)
		if !p.refused(err) || time.Since(began)+pause > p.patience || !sleep(ctx, pause/2+rand.N(pause)) {
			return err
		}
		pause = min(2*pause, lastPause)
	}
}

// unexecuted picks from a pipeline what a server answered to in a way that is asked for, and therefore did not execute. A
// WAIT behind such a command waited for nothing, so it belongs to it. A transaction is executed as a whole or not at all.
func unexecuted(cmds []redis.Cmder, err error, is func(error) bool) []redis.Cmder {
	if isTransaction(cmds) {
		inner := cmds[1 : len(cmds)-1]
		if (redis.IsExecAbortError(err) || is(err)) && firstOf(inner, is) != nil && allFailed(inner) {
			return cmds
		}
		return nil
	}
	var left []redis.Cmder
	for _, cmd := range cmds {
		if is(cmd.Err()) || len(left) > 0 && cmd.Name() == "wait" {
			left = append(left, cmd)
		}
	}
	return left
}

func isTransaction(cmds []redis.Cmder) bool { return len(cmds) > 2 && cmds[0].Name() == "multi" }

func allFailed(cmds []redis.Cmder) bool {
	return !slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() == nil })
}

func firstOf(cmds []redis.Cmder, is func(error) bool) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && is(err) {
			return err
		}
	}
	return nil
}

// sleep waits for d; false if ctx ended first, or would.
func sleep(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
