package orchestration

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// H3 e: neither clock alone is believed.
func TestALeaseIsOverWhenEitherClockSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lease
		l.extend(time.Now(), 15*time.Second)
		require.NoError(t, l.stillOurs())

		l.wall = l.wall.Add(-15 * time.Second) // the machine was suspended for so long: the monotonic clock stood still
		require.ErrorIs(t, l.stillOurs(), ErrLeaseLost)

		l.wall = l.wall.Add(time.Hour) // the wall clock was set back
		require.NoError(t, l.stillOurs())
		l.until = l.until.Add(-15 * time.Second)
		require.ErrorIs(t, l.stillOurs(), ErrLeaseLost)
	})
}

// The lines in memory: nothing waits for what is free, whoever gives up.
func TestNoOneWaitsInLineForWhatIsFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLines()
		leave, err := l.join(t.Context(), []string{"a"}, "", time.Hour)
		require.NoError(t, err)
		in := make(chan string, 3)
		join := func(name string, after time.Duration, names ...string) {
			go func() {
				ctx, done := context.WithTimeout(t.Context(), after)
				defer done()
				leave, err := l.join(ctx, names, "", time.Hour)
				if err != nil {
					in <- name + " gave up"
					return
				}
				in <- name
				leave()
			}()
			synctest.Wait()
		}
		join("wants both", time.Second, "a", "b")
		join("wants the free one", time.Hour, "b") // does not overtake
		require.Empty(t, in)
		require.Equal(t, "wants both gave up", <-in)
		require.Equal(t, "wants the free one", <-in)
		join("wants the taken one", time.Hour, "a")
		require.Empty(t, in)
		leave()
		require.Equal(t, "wants the taken one", <-in)
		synctest.Wait()
		require.Empty(t, l.taken)
		require.Empty(t, l.waiting)
	})
}

func TestOfWaitingStatesTheNewestGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLines()
		leave, err := l.join(t.Context(), []string{"a"}, "", time.Hour)
		require.NoError(t, err)
		in := make(chan string, 4)
		for _, version := range []string{"1", "", "3", "2"} {
			go func() {
				leave, err := l.join(t.Context(), []string{"a"}, version, time.Hour)
				in <- version
				if err == nil {
					leave()
				}
			}()
			synctest.Wait()
		}
		leave()
		require.Equal(t, []string{"3", "2", "1", ""}, []string{<-in, <-in, <-in, <-in})
	})
}
