package csuclient_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
)

var (
	served  = csuclient.Load{Served: true}
	unknown = csuclient.Load{}
)

func told(wait time.Duration) csuclient.Load {
	return csuclient.Load{Refused: true, Wait: wait, Told: true}
}

var untold = csuclient.Load{Refused: true}

func patient(wait time.Duration) csuclient.Cost {
	return csuclient.Cost{Operation: "Customers.Read", Lane: csuclient.LaneLive, MaxWait: wait}
}

// enter takes a turn that must come at once.
func enter(t *testing.T, g *csuclient.Gate) func(csuclient.Load) {
	t.Helper()
	end, err := g.Acquire(t.Context(), patient(0))
	require.NoError(t, err)
	return end
}

func refusedAt(t *testing.T, g *csuclient.Gate, maxWait time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	_, err := g.Acquire(t.Context(), patient(maxWait))
	f := faultOf(t, fault.Throttled, err)
	require.Zero(t, time.Since(began), "at once")
	return f.Wait
}

// waiting starts n calls that wait their turn and gives the moments at which they went; each takes 100 ms.
func waiting(t *testing.T, g *csuclient.Gate, n int, maxWait time.Duration) func() []time.Duration {
	t.Helper()
	began := time.Now()
	var mu sync.Mutex
	var went []time.Duration
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			end, err := g.Acquire(t.Context(), patient(maxWait))
			if err != nil {
				return
			}
			mu.Lock()
			went = append(went, time.Since(began))
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			end(served)
		})
	}
	synctest.Wait()
	return func() []time.Duration {
		wg.Wait()
		slices.Sort(went)
		return went
	}
}

func TestTheGateHoldsBackWhatIsOverTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{Concurrency: 2})
		first, second := enter(t, g), enter(t, g)
		require.Positive(t, refusedAt(t, g, 0))
		went := waiting(t, g, 1, time.Minute)
		time.Sleep(3 * time.Second)
		first(served)
		first(served) // ending twice frees one place
		require.Equal(t, []time.Duration{3 * time.Second}, went())
		second(served)
	})
}

func TestACallThatIsOutOfPatienceLeavesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{Concurrency: 1})
		end := enter(t, g)
		began := time.Now()
		_, err := g.Acquire(t.Context(), patient(4*time.Second))
		require.Positive(t, faultOf(t, fault.Throttled, err).Wait)
		require.Equal(t, 4*time.Second, time.Since(began))

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = g.Acquire(ctx, patient(time.Minute))
		requireKind(t, fault.Transient, err)
		require.ErrorIs(t, err, context.Canceled)

		end(served)
		enter(t, g)(served)
	})
}

func TestTheFirstRefusalShutsTheGateForAsLongAsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{})
		enter(t, g)(told(20 * time.Second))
		require.InDelta(t, 20, refusedAt(t, g, 5*time.Second).Seconds(), 3)
		require.InDelta(t, 20, time.Until(g.ClosedUntil()).Seconds(), 1.001)

		went := waiting(t, g, 1, time.Minute)()
		require.GreaterOrEqual(t, went[0], 20*time.Second)
		require.LessOrEqual(t, went[0], 21*time.Second)
		require.Zero(t, g.ClosedUntil())
	})
}

func TestNoServerShutsTheGateForMoreThanTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{})
		enter(t, g)(told(24 * time.Hour))
		require.LessOrEqual(t, time.Until(g.ClosedUntil()), 10*time.Minute+time.Second)
	})
}

func TestOneProbeGoesAloneAndItsSuccessOpensTheGateStepByStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{Concurrency: 32})
		enter(t, g)(told(10 * time.Second))
		went := waiting(t, g, 40, time.Minute)
		time.Sleep(12 * time.Second)
		require.Greater(t, g.Limit(), 2)
		perMoment := map[time.Duration]int{}
		var order []int
		for _, at := range went() {
			perMoment[at-went()[0]]++
		}
		for at := range time.Duration(20) {
			if n := perMoment[at*100*time.Millisecond]; n > 0 {
				order = append(order, n)
			}
		}
		require.Equal(t, []int{1, 2, 4, 8, 16}, order[:5], "a probe, then twice as many each time up to half of what it was")
	})
}

func TestAProbeThatIsRefusedShutsTheGateAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{})
		enter(t, g)(told(time.Second))
		time.Sleep(2 * time.Second)
		probe := enter(t, g)
		require.Positive(t, refusedAt(t, g, 0), "one probe, not two")
		probe(told(8 * time.Second))
		require.InDelta(t, 8, time.Until(g.ClosedUntil()).Seconds(), 1)
	})
}

func TestAProbeWithoutAnAnswerHandsOnToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{})
		enter(t, g)(told(time.Second))
		time.Sleep(2 * time.Second)
		probe := enter(t, g)
		went := waiting(t, g, 1, time.Minute)
		time.Sleep(time.Second)
		probe(unknown)
		require.Equal(t, []time.Duration{time.Second}, went())
	})
}

func TestWithoutAdviceThePauseGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{})
		for _, base := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			enter(t, g)(untold)
			pause := time.Until(g.ClosedUntil())
			require.GreaterOrEqual(t, pause, base*time.Second)
			require.LessOrEqual(t, pause, base*time.Second*3/2)
			time.Sleep(pause)
		}
		enter(t, g)(served) // the probe
		enter(t, g)(served)
		enter(t, g)(untold)
		require.LessOrEqual(t, time.Until(g.ClosedUntil()), 1500*time.Millisecond, "and starts over")
	})
}

func TestABurstOfRefusalsCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{Concurrency: 16})
		var ends []func(csuclient.Load)
		for range 16 {
			ends = append(ends, enter(t, g))
		}
		for _, end := range ends {
			end(untold)
		}
		require.LessOrEqual(t, time.Until(g.ClosedUntil()), 1500*time.Millisecond)
		went := waiting(t, g, 64, time.Minute)()
		require.Len(t, went, 64)
		require.GreaterOrEqual(t, g.Limit(), 8, "halved once, not sixteen times")
	})
}

func TestALateSuccessFromBeforeTheRefusalDoesNotOpenTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{})
		slow := enter(t, g)
		enter(t, g)(told(30 * time.Second))
		slow(served)
		require.Greater(t, refusedAt(t, g, 0), 29*time.Second)
	})
}

func TestALateRefusalDoesNotDisturbTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{})
		slow := enter(t, g)
		enter(t, g)(told(time.Second))
		time.Sleep(2 * time.Second)
		probe := enter(t, g)
		slow(told(time.Second))
		time.Sleep(2 * time.Second)
		require.Positive(t, refusedAt(t, g, 0), "still one probe")
		probe(served)
		enter(t, g)(served)
		require.Zero(t, g.ClosedUntil())
	})
}

func TestTheLimitGrowsOnlyWhenItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{Concurrency: 8})
		enter(t, g)(told(time.Second))
		time.Sleep(2 * time.Second)
		for range 50 {
			enter(t, g)(served)
		}
		require.Equal(t, 2, g.Limit())
		waiting(t, g, 200, time.Hour)()
		require.Equal(t, 8, g.Limit())
	})
}

func TestWhoeverCannotWaitThatLongIsSentAwayWhenTheGateShuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{Concurrency: 1})
		end := enter(t, g)
		went := waiting(t, g, 3, 5*time.Second)
		time.Sleep(time.Second)
		began := time.Now()
		end(told(time.Minute))
		require.Empty(t, went())
		require.Zero(t, time.Since(began))
	})
}

func TestUrgentLanesGoFirstAndNoneStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{Concurrency: 1})
		end := enter(t, g)
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		for _, lane := range []string{csuclient.LaneReplay, csuclient.LaneBulk, csuclient.LaneLive} {
			for range 10 {
				wg.Go(func() {
					end, err := g.Acquire(t.Context(), csuclient.Cost{Lane: lane, Operation: "Customers.Read", MaxWait: time.Hour})
					if err != nil {
						return
					}
					mu.Lock()
					order = append(order, lane)
					mu.Unlock()
					time.Sleep(time.Second)
					end(served)
				})
			}
			synctest.Wait() // replay came first
		}
		end(served)
		wg.Wait()
		require.Contains(t, order[:8], csuclient.LaneReplay)
		live := 0
		for _, lane := range order[:12] {
			if lane == csuclient.LaneLive {
				live++
			}
		}
		require.Equal(t, 10, live, "%v", order)
	})
}

func TestAHeavyCallGoesWhenNothingElseIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := csuclient.NewGate(csuclient.GateOptions{Concurrency: 4})
		heavy := patient(0)
		heavy.Weight = 9
		light := enter(t, g)
		_, err := g.Acquire(t.Context(), heavy)
		requireKind(t, fault.Throttled, err)
		light(served)
		end, err := g.Acquire(t.Context(), heavy)
		require.NoError(t, err)
		require.Positive(t, refusedAt(t, g, 0))
		end(served)
	})
}
