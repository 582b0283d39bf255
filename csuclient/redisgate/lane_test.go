package redisgate_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
)

// arrivals makes live calls evenly, whether or not earlier ones were answered, and gives the 95th percentile of their wait at the gate.
func (f *fleet) arrivals(s *server, perSecond int, lasts time.Duration) time.Duration {
	var mu sync.Mutex
	var waits []time.Duration
	var group sync.WaitGroup
	clock := time.NewTicker(time.Second / time.Duration(perSecond))
	defer clock.Stop()
	for n := range int(lasts.Seconds()) * perSecond {
		<-clock.C
		group.Go(func() {
			began := time.Now()
			end, err := f.gates[n%len(f.gates)].Acquire(f.t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: time.Minute})
			if err != nil {
				return
			}
			mu.Lock()
			waits = append(waits, time.Since(began))
			mu.Unlock()
			end(s.call(csuclient.LaneLive))
		})
	}
	group.Wait()
	slices.Sort(waits)
	return waits[len(waits)*95/100]
}

// A drain takes what live leaves, and does not find out at live's cost whether there is more; not at once, that is.
func TestLiveCallsHardlyWaitLongerWhileALowerLaneDrains(t *testing.T) {
	const capacity, live = 20, 13
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		defer f.close()
		s := &server{latency: 50 * time.Millisecond, bucket: time.Second, advice: time.Second, served: map[string]int{}}
		s.now(capacity)
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		drain := func(ctx context.Context) {
			for i := range 6 {
				group.Go(func() { f.work(ctx, i%2, csuclient.LaneReplay, s, nil) })
			}
		}
		first, enough := context.WithCancel(ctx)
		drain(first)
		pass(45 * time.Second) // the limit is known from then on
		enough()
		pass(5 * time.Second)
		before := f.arrivals(s, live, 20*time.Second)

		drain(ctx)
		f.arrivals(s, live, 45*time.Second) // the drain by itself had tried more than there is
		s.count()
		during := f.arrivals(s, live, time.Minute)
		served, refused := s.count()
		used := float64(served) / (capacity * 60)
		t.Logf("p95 of the wait: %v, and %v during a drain, which used %.2f of the capacity with %d refused", before, during, used, refused)

		s.now(30)
		f.arrivals(s, live, 3*time.Minute)
		s.count()
		f.arrivals(s, live, 10*time.Second)
		more, _ := s.count()
		stop()
		group.Wait()
		require.LessOrEqual(t, refused, 1)
		require.LessOrEqual(t, during, before+before/10+2*time.Millisecond)
		require.Greater(t, used, 0.9)
		require.Greater(t, more, 260, "of 300: what the CSU takes more is found in the end")
	})
}
