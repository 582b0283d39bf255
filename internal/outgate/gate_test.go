package outgate

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// goes takes a turn that must be there.
func goes(t *testing.T, g *Gate) func(Said) time.Duration {
	t.Helper()
	leave, wait := g.Enter(t.Context())
	require.NotNil(t, leave, "sent away for %s", wait)
	return leave
}

func sentAway(t *testing.T, g *Gate) time.Duration {
	t.Helper()
	leave, wait := g.Enter(t.Context())
	require.Nil(t, leave)
	require.Positive(t, wait)
	return wait
}

func pass(d time.Duration) { <-time.After(d) }

func TestARefusalShutsTheGateForAllForAsLongAsTheReceiverSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var news []time.Time
		g := New(4, func(until time.Time, _ string) { news = append(news, until) })
		first, second := goes(t, g), goes(t, g)
		require.GreaterOrEqual(t, first(Said{Word: Refused, Wait: time.Minute}), time.Minute)
		require.Equal(t, time.Now().Add(time.Minute), g.Closed())
		second(Said{Word: Served, Took: time.Second}) // it was asked before: it opens nothing
		require.GreaterOrEqual(t, sentAway(t, g), time.Minute)

		pass(time.Minute)
		probe := goes(t, g)
		sentAway(t, g) // one at a time
		probe(Said{Word: Served, Took: time.Second})
		require.Zero(t, g.Closed())
		goes(t, g)(Said{})
		require.Equal(t, []time.Time{time.Now(), {}}, news, "told once each")
	})
}

func TestAShutGateKnowsWhatItIsShutFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(4, nil)
		require.Empty(t, g.Class())
		goes(t, g)(Said{Word: Refused, Wait: time.Second, Class: "throttled"})
		require.Equal(t, "throttled", g.Class())
		pass(time.Second)
		goes(t, g)(Said{Word: Failed, Class: "unauthorized"})
		require.Equal(t, "unauthorized", g.Class(), "of the probe, which is the newest")
		pass(time.Minute)
		goes(t, g)(Said{Word: Served})
		require.Empty(t, g.Class())
	})
}

func TestFailuresInARowShutTheGateLongerAndLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(4, nil)
		goes(t, g)(Said{Word: Failed})
		goes(t, g)(Said{Word: Failed})
		goes(t, g)(Said{Word: Served})
		goes(t, g)(Said{Word: Failed})
		goes(t, g)(Said{Word: Failed})
		require.Zero(t, g.Closed(), "not in a row")
		goes(t, g)(Said{Word: Failed})
		var rests []time.Duration
		for range 12 {
			rest := time.Until(g.Closed())
			rests = append(rests, rest)
			pass(rest)
			goes(t, g)(Said{Word: Failed})
		}
		require.InDelta(t, 1.25, rests[0].Seconds(), .25)
		require.InDelta(t, 2.5, rests[1].Seconds(), .5)
		require.LessOrEqual(t, rests[11], longest*3/2)
		require.GreaterOrEqual(t, rests[11], longest)

		pass(time.Until(g.Closed()))
		goes(t, g)(Said{Word: Served})
		require.Zero(t, g.Closed())
	})
}

func TestOneEventThatAlwaysFailsShutsTheGateForNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(4, nil)
		for range 20 {
			goes(t, g)(Said{Word: Failed, Event: "bad"})
		}
		require.Zero(t, g.Closed(), "it may be to blame")
		goes(t, g)(Said{Word: Failed, Event: "worse"})
		goes(t, g)(Said{Word: Failed, Event: "bad"})
		require.Zero(t, g.Closed(), "these are two")
		goes(t, g)(Said{Word: Served})
		for _, event := range []string{"bad", "worse", "third"} {
			require.Zero(t, g.Closed())
			goes(t, g)(Said{Word: Failed, Event: event})
		}
		require.NotZero(t, g.Closed(), "three different ones: it is the receiver")
		pass(time.Until(g.Closed()))
		goes(t, g)(Said{Word: Failed, Event: "bad"})
		require.NotZero(t, g.Closed(), "a probe says that it fails still")
	})
}

func TestAProbeThatWasCutShortLetsTheNextOneGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(1, nil)
		goes(t, g)(Said{Word: Refused, Wait: time.Second})
		pass(time.Second)
		goes(t, g)(Said{})
		goes(t, g)(Said{Word: Served})
		require.Zero(t, g.Closed())
	})
}

// A burst is not sent away while the receiver takes one after the other.
func TestAFewStandInLineAndTheRestComeBackOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(2, nil)
		first, second := goes(t, g), goes(t, g)
		var wait sync.WaitGroup
		took := make(chan time.Duration, 4)
		began := time.Now()
		for range 4 {
			wait.Go(func() {
				leave, _ := g.Enter(t.Context())
				if leave == nil {
					took <- -1
					return
				}
				took <- time.Since(began)
				pass(100 * time.Millisecond)
				leave(Said{Word: Served, Took: 100 * time.Millisecond})
			})
		}
		synctest.Wait()
		var moments []time.Duration
		for range 100 {
			moments = append(moments, sentAway(t, g))
		}
		require.LessOrEqual(t, moments[0], time.Second)
		require.Greater(t, moments[99]-moments[0], 4*time.Second, "two at a time, a tenth of a second each")
		for i := 1; i < 100; i++ {
			require.Greater(t, moments[i], moments[i-1])
		}
		pass(100 * time.Millisecond)
		first(Said{Word: Served, Took: 100 * time.Millisecond})
		second(Said{Word: Served, Took: 100 * time.Millisecond})
		wait.Wait()
		close(took)
		for d := range took {
			require.NotEqual(t, time.Duration(-1), d, "nobody in line is sent away")
		}
	})
}

func TestWhoStandsInLineIsSentAwayWhenTheGateShutsOrTheWaitIsLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(1, nil)
		only := goes(t, g)
		var away []time.Duration
		var wait sync.WaitGroup
		wait.Go(func() { away = append(away, sentAway(t, g)) })
		synctest.Wait()
		pass(patience)
		wait.Wait()
		wait.Go(func() { away = append(away, sentAway(t, g)) })
		synctest.Wait()
		began := time.Now()
		only(Said{Word: Refused, Wait: time.Minute})
		wait.Wait()
		require.Zero(t, time.Since(began))
		require.GreaterOrEqual(t, away[1], time.Minute)
	})
}

func TestWhoGivesUpInLineLeavesNoTurnBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(1, nil)
		only := goes(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() { leave, _ := g.Enter(ctx); require.Nil(t, leave) })
		synctest.Wait()
		cancel()
		wait.Wait()
		only(Said{Word: Served})
		goes(t, g)(Said{Word: Served})
	})
}

func TestWhoeverIsSentAwayFromAReceiverThatIsDownForLongComesBackLessOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(1, nil)
		for range strikesOut {
			goes(t, g)(Said{Word: Failed})
		}
		for _, tc := range []struct{ down, least, most time.Duration }{
			{time.Minute, 10 * time.Second, 2 * time.Minute}, {2 * time.Hour, 20 * time.Minute, 40 * time.Minute}, {60 * time.Hour, 25 * time.Minute, 36 * time.Minute},
		} {
			for end := time.Now().Add(tc.down); time.Now().Before(end); {
				pass(time.Until(g.Closed()))
				goes(t, g)(Said{Word: Failed}) // a probe
			}
			wait := sentAway(t, g)
			require.GreaterOrEqual(t, wait, tc.least, tc.down)
			require.LessOrEqual(t, wait, tc.most, tc.down)
		}
		pass(time.Until(g.Closed()))
		goes(t, g)(Said{Word: Served}) // whoever comes first finds that it is back
		goes(t, g)(Said{Word: Served})
	})
}

func TestTheLastOfALongQueueComesBackWithinHalfAnHourAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(1, nil)
		goes(t, g)(Said{Word: Refused, Wait: time.Minute})
		for range 100_000 {
			require.LessOrEqual(t, sentAway(t, g), 31*time.Minute)
		}
	})
}

// Whatever happens in whatever order, turns are never more than allowed and never lost.
func TestTheGateNeverLosesATurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(3, nil)
		var mu sync.Mutex
		var wait sync.WaitGroup
		at, most := 0, 0
		for i := range 200 {
			wait.Go(func() {
				for {
					pass(time.Duration(i%17) * 10 * time.Millisecond)
					leave, away := g.Enter(t.Context())
					if leave == nil {
						pass(away)
						continue
					}
					mu.Lock()
					at++
					most = max(most, at)
					mu.Unlock()
					pass(time.Duration(i%5) * 20 * time.Millisecond)
					mu.Lock()
					at--
					mu.Unlock()
					switch {
					case i%29 == 0:
						leave(Said{Word: Refused, Wait: time.Second})
					case i%31 == 0:
						leave(Said{Word: Failed})
					case i%37 == 0:
						leave(Said{})
					default:
						leave(Said{Word: Served, Took: 50 * time.Millisecond})
					}
					return
				}
			})
		}
		wait.Wait()
		require.LessOrEqual(t, most, 3)
		require.Zero(t, g.inFlight)
		pass(10 * time.Minute)
		goes(t, g)(Said{Word: Served})
		goes(t, g)(Said{Word: Served})
	})
}
