package bounded

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const giveUp = 5 * time.Second

func TestACallThatDoesNotEndIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stuck := make(chan struct{})
		err := Call(ctx, giveUp, func() error { <-stuck; return nil })
		require.ErrorIs(t, err, ErrGivenUp)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute+giveUp, time.Since(began))
		close(stuck)

		refused := errors.New("no")
		require.ErrorIs(t, Call(ctx, giveUp, func() error { return refused }), refused, "what ends says so")
		late := errors.New("late")
		require.ErrorIs(t, Call(ctx, giveUp, func() error { <-time.After(time.Second); return late }), late, "and has a moment more")
	})
}

func TestACallThatPanicsPanicsInItsCaller(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "no", func() { _ = Call(t.Context(), giveUp, func() error { panic("no") }) })
}
