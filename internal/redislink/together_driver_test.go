package redislink

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// It is chosen in the moment in which its caller's time is up.
func TestWhoIsToTakeTheOthersAlongDoesSoThoughItsCallerIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		to := &together{onWay: 1, began: time.Now(), pipe: func(ctx context.Context, cmds []redis.Cmder) error {
			sent += len(cmds)
			return ctx.Err()
		}}
		hook := to.ProcessHook(func(context.Context, redis.Cmder) error { return nil })
		ctx, stop := context.WithCancel(t.Context())
		answers := make(chan error, 2)
		for _, caller := range []context.Context{ctx, t.Context()} {
			go func() { answers <- hook(caller, redis.NewCmd(caller, "evalsha", "x")) }()
			synctest.Wait()
		}
		to.mu.Lock()
		stop()
		to.next()
		to.mu.Unlock()
		synctest.Wait()
		require.Equal(t, 2, sent)
		require.Len(t, answers, 2)
	})
}
