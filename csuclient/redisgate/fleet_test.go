package redisgate_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/csuclient/redisgate"
	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // a Redis in memory makes much garbage, each script a whole interpreter's, and keeps little
	goleak.VerifyTestMain(m)
}

var keys = rediskey.New("default", keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef")))

// pass lets virtual time go by; it is only called inside a bubble.
func pass(d time.Duration) { <-time.After(d) }

// server takes so many calls a second, over a bucket of some seconds, and refuses the others.
type server struct {
	latency time.Duration
	bucket  time.Duration
	advice  time.Duration // Retry-After; 0: says nothing

	mu       sync.Mutex
	capacity float64
	tokens   float64
	last     time.Time
	served   map[string]int // by lane
	refused  int
}

func (s *server) call(lane string) csuclient.Load {
	pass(s.latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fill()
	if s.tokens < 1 {
		s.refused++
		return csuclient.Load{Refused: true, Told: s.advice > 0, Wait: s.advice}
	}
	s.tokens--
	s.served[lane]++
	return csuclient.Load{Served: true}
}

func (s *server) fill() {
	now := time.Now()
	most := max(s.capacity*s.bucket.Seconds(), 1)
	if s.last.IsZero() {
		s.tokens = most
	} else {
		s.tokens = min(s.tokens+s.capacity*now.Sub(s.last).Seconds(), most)
	}
	s.last = now
}

func (s *server) now(capacity float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fill()
	s.capacity = capacity
}

// count gives what was counted since the last count.
func (s *server) count() (served, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.served {
		served += n
	}
	refused = s.refused
	s.served, s.refused = map[string]int{}, 0
	return served, refused
}

// fleet is processes that share a Redis, each with a gate of its own.
type fleet struct {
	t       *testing.T
	redis   *miniredis.Miniredis
	clients []*redis.Client
	gates   []*csuclient.FleetGate
	paces   []*redisgate.Gate
	mu      sync.Mutex
	deaf    bool // what Redis answers is lost
}

func newFleet(t *testing.T, processes int) *fleet {
	f := &fleet{t: t, redis: miniredis.NewMiniRedis()}
	f.redis.ClockTTL(true)
	for i := range processes {
		c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, PoolSize: 200, // a turn that is waited for would use a timer of another bubble
			DisableIdentity: true, DialerRetries: 1, ContextTimeoutEnabled: true,
			Dialer: func(context.Context, string, string) (net.Conn, error) {
				c, err := f.redis.Dial()
				return deafConn{c, f}, err
			}})
		p := redisgate.New(c, keys, fmt.Sprint("w", i))
		f.clients, f.paces = append(f.clients, c), append(f.paces, p)
		f.gates = append(f.gates, csuclient.NewFleetGate(csuclient.FleetGateOptions{Pace: p}))
	}
	return f
}

// deafConn hears nothing while its fleet is deaf.
type deafConn struct {
	net.Conn
	f *fleet
}

func (c deafConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		c.f.mu.Lock()
		deaf := c.f.deaf
		c.f.mu.Unlock()
		if err != nil || !deaf {
			return n, err
		}
	}
}

func (f *fleet) hears(does bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = !does
}

func (f *fleet) close() {
	for _, c := range f.clients {
		_ = c.Close()
	}
	f.redis.Close()
}

// work makes calls in one lane from one process until the context ends, like a run that has always something to do. Every other
// call hears how things stand, as a claim does.
func (f *fleet) work(ctx context.Context, i int, lane string, s *server, waited func(time.Duration)) {
	g := f.gates[i]
	for n := 0; ctx.Err() == nil; n++ {
		if n%2 == 0 {
			asked := time.Now()
			if st, err := f.paces[i].Look(ctx); err == nil {
				g.Heard(st, asked)
			}
		}
		began := time.Now()
		end, err := g.Acquire(ctx, csuclient.Cost{Lane: lane, Operation: "Customers.Read", MaxWait: 10 * time.Second})
		if err != nil {
			if w := fault.As(err).Wait; w > 0 {
				select {
				case <-time.After(w):
				case <-ctx.Done():
				}
			}
			continue
		}
		if waited != nil {
			waited(time.Since(began))
		}
		end(s.call(lane))
	}
}

type phase struct{ used, refused float64 }

// measure runs a fleet against 50, 20 and 50 calls a second, and says what was used and refused of each but its first 30 s.
func measure(t *testing.T, processes, workers int, s *server) (out []phase) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, processes)
		defer f.close()
		s.served = map[string]int{}
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		s.now(50)
		for i := range processes {
			for range workers {
				group.Go(func() { f.work(ctx, i, csuclient.LaneLive, s, nil) })
			}
		}
		for _, capacity := range []float64{50, 20, 50} {
			s.now(capacity)
			pass(30 * time.Second)
			s.count()
			pass(60 * time.Second)
			served, refused := s.count()
			out = append(out, phase{float64(served) / (capacity * 60), float64(refused) / float64(served+refused)})
		}
		stop()
		group.Wait()
	})
	return out
}

// The capacity is found and followed by any number of processes, and hardly ever overrun.
func TestAHiddenCapacityIsUsedAndNotOverrun(t *testing.T) {
	fleets := []int{1, 4, 16}
	if racing {
		fleets = fleets[:1]
	}
	for _, processes := range fleets {
		t.Run(fmt.Sprintf("%d processes", processes), func(t *testing.T) {
			phases := measure(t, processes, max(64/processes, 8), &server{latency: 50 * time.Millisecond, bucket: time.Second, advice: time.Second})
			for i, p := range phases {
				t.Logf("phase %d: %.1f %% used, %.2f %% refused", i+1, 100*p.used, 100*p.refused)
			}
			for i, p := range phases {
				require.GreaterOrEqual(t, p.used, .90, "phase %d", i+1)
				require.LessOrEqual(t, p.refused, .01, "phase %d", i+1)
			}
		})
	}
}

// Hundreds of processes share it as one does; a thousand with CHAOS set.
func TestAThousandProcessesShareOneBudget(t *testing.T) {
	processes, capacity := 150, 150
	switch {
	case racing:
		processes, capacity = 20, 50
	case os.Getenv("CHAOS") != "":
		processes, capacity = 1000, 1000
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, processes)
		defer f.close()
		s := &server{latency: 50 * time.Millisecond, bucket: time.Second, advice: time.Second, served: map[string]int{}}
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		s.now(float64(capacity))
		for i := range processes {
			for range 2 {
				group.Go(func() { f.work(ctx, i, csuclient.LaneLive, s, nil) })
			}
		}
		pass(30 * time.Second)
		s.count()
		pass(30 * time.Second)
		served, refused := s.count()
		t.Logf("%d processes: %.1f %% used, %.2f %% refused", processes, 100*float64(served)/float64(30*capacity), 100*float64(refused)/float64(served+refused))
		require.GreaterOrEqual(t, served, 30*capacity*9/10)
		require.LessOrEqual(t, refused, served/100)
		stop()
		group.Wait()
	})
}

// The floors: who waits in a lower lane is never starved, and who waits in the live lane hardly notices.
func TestLowerLanesHaveTheirShareAndWhatNobodyElseWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		defer f.close()
		s := &server{latency: 50 * time.Millisecond, bucket: time.Second, advice: time.Second, served: map[string]int{}}
		s.now(1000)
		_, err := f.paces[0].Limit(t.Context(), 50, time.Hour)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		work := func(lane string, workers int) (stop func()) {
			ctx, stop := context.WithCancel(ctx)
			for i := range workers {
				group.Go(func() { f.work(ctx, i%2, lane, s, nil) })
			}
			return stop
		}
		shares := func() (live, bulk, replay int) {
			pass(5 * time.Second)
			s.count()
			pass(20 * time.Second)
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.served[csuclient.LaneLive], s.served[csuclient.LaneBulk], s.served[csuclient.LaneReplay]
		}
		work(csuclient.LaneReplay, 8)
		_, _, replay := shares()
		require.InDelta(t, 1000, replay, 60, "all of it")
		work(csuclient.LaneBulk, 8)
		endLive := work(csuclient.LaneLive, 16)
		live, bulk, replay := shares()
		require.InDelta(t, 1000, live+bulk+replay, 60)
		require.InDelta(t, 200, bulk, 30, "a fifth")
		require.InDelta(t, 100, replay, 20, "a tenth")
		endLive()
		_, bulk, replay = shares()
		require.InDelta(t, 1000, bulk+replay, 60)
		stop()
		group.Wait()
	})
}

func TestNobodyPaysForAGateThatNeverShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		f.hears(false) // whoever asks waits in vain
		began := time.Now()
		for range 100 {
			end, err := f.gates[0].Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: time.Second})
			require.NoError(t, err)
			end(csuclient.Load{Served: true})
		}
		require.Zero(t, time.Since(began))
		require.Equal(t, csuclient.SourceConcurrency, f.gates[0].HeldBy())
		require.Zero(t, f.gates[0].Rate())
	})
}

// acquire takes a turn that must come without a wait.
func (f *fleet) acquire(i int) func(csuclient.Load) {
	f.t.Helper()
	began := time.Now()
	end, err := f.gates[i].Acquire(f.t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: time.Minute})
	require.NoError(f.t, err)
	require.Less(f.t, time.Since(began), time.Second)
	return end
}

func (f *fleet) hear(i int) csuclient.PaceState {
	f.t.Helper()
	asked := time.Now()
	st, err := f.paces[i].Look(f.t.Context())
	require.NoError(f.t, err)
	f.gates[i].Heard(st, asked)
	return st
}

func TestARefusalOfOneHoldsBackAllForAsLongAsItSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		defer f.close()
		f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: 20 * time.Second})
		require.InDelta(t, 20, time.Until(f.gates[0].ClosedUntil()).Seconds(), 2)
		require.Zero(t, f.gates[1].ClosedUntil(), "has not heard yet")
		f.hear(1)
		require.InDelta(t, 20, time.Until(f.gates[1].ClosedUntil()).Seconds(), 2)
		_, err := f.gates[1].Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: 5 * time.Second})
		require.InDelta(t, 20, fault.As(err).Wait.Seconds(), 3, "it is told at once, to come back then")

		pass(22 * time.Second)
		probe := f.acquire(1)
		f.hear(2)
		done := make(chan time.Duration, 1)
		began := time.Now()
		go func() {
			end, err := f.gates[2].Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: time.Minute})
			if err == nil {
				end(csuclient.Load{Served: true})
			}
			done <- time.Since(began)
		}()
		pass(3 * time.Second)
		require.Empty(t, done, "one probe for the fleet")
		probe(csuclient.Load{Served: true})
		require.InDelta(t, 3, (<-done).Seconds(), .2)
		require.Zero(t, f.gates[1].ClosedUntil())
	})
}

func TestAProbeThatIsRefusedShutsTheGateAgainAndOneWithoutAnAnswerPassesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		defer f.close()
		f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: time.Second})
		pass(2 * time.Second)
		f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: 8 * time.Second})
		require.InDelta(t, 8, f.hear(1).Until.Seconds(), 1)
		pass(9 * time.Second)
		f.acquire(0)(csuclient.Load{})
		f.acquire(1)(csuclient.Load{Served: true})
		require.False(t, f.hear(0).Shut)
	})
}

func TestTheGateIsForgottenLongAfterTheLastRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: time.Second})
		pass(2 * time.Second)
		f.acquire(0)(csuclient.Load{Served: true})
		require.True(t, f.hear(0).Paced)
		pass(16 * time.Minute)
		require.False(t, f.hear(0).Paced)
	})
}

func TestAnOperatorsLimitHoldsUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		_, err := f.paces[0].Limit(t.Context(), 5, time.Minute)
		require.NoError(t, err)
		require.EqualValues(t, 5, f.hear(0).Rate)
		require.Equal(t, csuclient.SourceRate, f.gates[0].HeldBy())
		began := time.Now()
		for range 50 {
			end, err := f.gates[0].Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: time.Minute})
			require.NoError(t, err)
			end(csuclient.Load{Served: true})
		}
		require.InDelta(t, 10, time.Since(began).Seconds(), .5)
		_, err = f.paces[0].Limit(t.Context(), 0, 0)
		require.NoError(t, err)
		require.False(t, f.hear(0).Paced)
		_, err = f.paces[0].Limit(t.Context(), 5, time.Minute)
		require.NoError(t, err)
		pass(time.Minute + time.Second)
		require.False(t, f.hear(0).Paced)
	})
}

// Redis away: the process goes on at the rate it had, and a refusal shuts it alone.
func TestWithoutRedisAProcessGoesOnAtItsOwnRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		s := &server{latency: 50 * time.Millisecond, bucket: time.Second, advice: time.Second, served: map[string]int{}}
		s.now(50)
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 32 {
			group.Go(func() { f.work(ctx, 0, csuclient.LaneLive, s, nil) })
		}
		pass(30 * time.Second)
		f.redis.SetError("LOADING Redis is loading the dataset in memory")
		s.count()
		pass(30 * time.Second)
		served, refused := s.count()
		t.Logf("alone: %d served, %d refused", served, refused)
		require.InDelta(t, 30*50, served, 30*50*.3)
		require.LessOrEqual(t, refused, served/20)
		stop()
		group.Wait()
	})
}

// Redis away, and patience used up on the way: the call is refused or goes, and gives its place back in any case.
func TestWithoutRedisARefusalShutsTheProcessAndNoPlaceIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		_, err := f.paces[0].Limit(t.Context(), 50, time.Hour)
		require.NoError(t, err)
		f.hear(0)
		f.redis.SetError("LOADING Redis is loading the dataset in memory")
		for range 100 { // more than there are places
			if end, err := f.gates[0].Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive}); err == nil {
				end(csuclient.Load{Served: true})
			}
			pass(50 * time.Millisecond)
		}
		refused := f.acquire(0)
		var group sync.WaitGroup
		went := make(chan time.Time, 100)
		for range 20 { // reserved their moments, one a second, before the refusal
			group.Go(func() {
				end, err := f.gates[0].Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: time.Minute})
				if err == nil {
					went <- time.Now()
					end(csuclient.Load{Served: true})
				}
			})
		}
		synctest.Wait()
		refused(csuclient.Load{Refused: true, Told: true, Wait: 15 * time.Second})
		shut := time.Now()
		for len(went) > 0 {
			<-went
		}
		group.Wait()
		close(went)
		for at := range went {
			require.GreaterOrEqual(t, at.Sub(shut), 15*time.Second)
		}
	})
}

func TestARefusalIsHeardAlthoughTheGateWasForgottenMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: time.Second})
		pass(2 * time.Second)
		f.acquire(0)(csuclient.Load{Served: true})
		end := f.acquire(0)
		f.redis.FlushAll()
		end(csuclient.Load{Refused: true, Told: true, Wait: 20 * time.Second})
		require.InDelta(t, 20, f.hear(0).Until.Seconds(), 2)
		require.InDelta(t, 20, time.Until(f.gates[0].ClosedUntil()).Seconds(), 2)
	})
}

func TestALeaveToProbeWhoseAnswerWasLostIsGivenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		defer f.close()
		f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: time.Second})
		pass(2 * time.Second)
		f.hears(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := f.paces[0].Take(ctx, csuclient.LaneLive, 1, 1)
		require.Error(t, err)
		f.hears(true)
		m, err := f.paces[1].Take(t.Context(), csuclient.LaneLive, 1, 1)
		require.NoError(t, err)
		require.Empty(t, m.Probe, "it is the first one's")
		m, err = f.paces[0].Take(t.Context(), csuclient.LaneLive, 1, 1)
		require.NoError(t, err)
		require.NotEmpty(t, m.Probe)
		f.hear(1)
		pass(11 * time.Second)
		f.acquire(1)(csuclient.Load{Served: true}) // and a process that died with its leave is not waited for
		require.False(t, f.hear(0).Shut)
	})
}

func TestAWordOfAProbeThatComesLateStillOpensTheGateUnlessThereWasARefusalSince(t *testing.T) {
	for name, since := range map[string]bool{"no refusal": false, "a refusal": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, 2)
				defer f.close()
				f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: time.Second})
				pass(2 * time.Second)
				late := f.acquire(0)
				pass(11 * time.Second)
				f.hear(1)
				other := f.acquire(1)
				if since {
					other(csuclient.Load{Refused: true, Told: true, Wait: time.Minute})
				}
				late(csuclient.Load{Served: true})
				require.Equal(t, since, f.hear(1).Shut)
				other(csuclient.Load{})
			})
		})
	}
}

func TestAnAnswerToAnOlderQuestionDoesNotOpenWhatARefusalHasShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		asked := time.Now()
		st, err := f.paces[0].Look(t.Context())
		require.NoError(t, err)
		pass(time.Millisecond)
		f.redis.SetError("LOADING Redis is loading the dataset in memory") // the fleet cannot be told
		f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: 20 * time.Second})
		f.gates[0].Heard(st, asked)
		require.InDelta(t, 20, time.Until(f.gates[0].ClosedUntil()).Seconds(), 3)
	})
}

func TestAPauseOutlivesAWipeOfRedisInWhoeverKnewOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: 20 * time.Second})
		f.redis.FlushAll()
		f.hear(0)
		f.hear(0)
		require.InDelta(t, 20, time.Until(f.gates[0].ClosedUntil()).Seconds(), 3)
		began := time.Now()
		end, err := f.gates[0].Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: time.Minute})
		require.NoError(t, err)
		require.InDelta(t, 20, time.Since(began).Seconds(), 3)
		end(csuclient.Load{Served: true})
		require.Zero(t, f.gates[0].ClosedUntil())
	})
}

func TestAMomentThatOneHasNoPatienceForIsTheNextOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		_, err := f.paces[0].Limit(t.Context(), 1, time.Hour)
		require.NoError(t, err)
		f.hear(0)
		f.acquire(0)(csuclient.Load{Served: true})
		_, err = f.gates[0].Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive})
		require.Equal(t, fault.Throttled, fault.KindOf(err))
		began := time.Now()
		end, err := f.gates[0].Acquire(t.Context(), csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: time.Minute})
		require.NoError(t, err)
		end(csuclient.Load{Served: true})
		require.LessOrEqual(t, time.Since(began), time.Second)
	})
}

// A network that swallows everything: one call at a time asks in vain; the others go on.
func TestARedisThatDoesNotAnswerDoesNotSlowTheProcessDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		s := &server{latency: 50 * time.Millisecond, bucket: time.Second, advice: time.Second, served: map[string]int{}}
		s.now(1000)
		_, err := f.paces[0].Limit(t.Context(), 50, time.Hour)
		require.NoError(t, err)
		f.hear(0)
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				for ctx.Err() == nil {
					end, err := f.gates[0].Acquire(ctx, csuclient.Cost{Lane: csuclient.LaneLive, MaxWait: 10 * time.Second})
					if err == nil {
						end(s.call(csuclient.LaneLive))
					}
				}
			})
		}
		pass(10 * time.Second)
		f.hears(false)
		pass(2 * time.Second)
		s.count()
		pass(20 * time.Second)
		served, _ := s.count()
		require.InDelta(t, 20*50, served, 20*50*.15)
		stop()
		f.hears(true)
		group.Wait()
	})
}

func TestAnOperatorsLimitHoldsWhileTheGateReopens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.close()
		f.acquire(0)(csuclient.Load{Refused: true, Told: true, Wait: time.Minute})
		_, err := f.paces[0].Limit(t.Context(), .1, time.Hour)
		require.NoError(t, err)
		pass(time.Minute + 20*time.Second)
		f.acquire(0)(csuclient.Load{Served: true})
		require.InDelta(t, .1, f.hear(0).Rate, 1e-9)
	})
}
