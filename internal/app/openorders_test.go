package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestThatNoOrderWaitsIsSureOnlyAfterTwoCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		open, counts := 0, 0
		var failure error
		none := surelyNone(func(context.Context, int) (int, error) { counts++; return open, failure })
		after := func(d time.Duration) bool { <-time.After(d); return none(t.Context()) }
		require.False(t, none(t.Context()), "it may be looked for just now")
		require.False(t, after(10*time.Second))
		require.Equal(t, 1, counts, "many reports come at once")
		require.False(t, after(40*time.Second))
		require.True(t, after(30*time.Second))
		open = 1
		require.True(t, after(10*time.Second), "the count is remembered for a moment")
		require.False(t, after(30*time.Second))
		open = 0
		require.False(t, after(time.Minute), "it counts anew")
		require.True(t, after(2*time.Minute))
		failure = errors.New("no Redis")
		require.False(t, after(time.Minute))
	})
}
