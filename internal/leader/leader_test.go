package leader

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key   = "sb1:{c:default}:lease:watch"
	lease = 15 * time.Second
)

// fleet is processes around one Redis in memory, in virtual time.
type fleet struct {
	t     *testing.T
	redis *miniredis.Miniredis
	cut   atomic.Bool // nobody reaches Redis
	leads atomic.Int32
	most  atomic.Int32 // leaders at once
	mu    sync.Mutex
	terms []string // who led, in order
}

func inBubble(t *testing.T, story func(f *fleet)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{t: t, redis: miniredis.NewMiniRedis()}
		f.redis.ClockTTL(true)
		defer f.redis.Close()
		story(f)
		require.LessOrEqual(t, f.most.Load(), int32(1), "leaders at once")
	})
}

// process is one member. Its pause stands for a process that is frozen: what it asks of Redis waits.
type process struct {
	*Elector
	client *redis.Client
	cancel context.CancelFunc
	ended  chan struct{}
}

func (f *fleet) join(id string, change func(*Options)) *process {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			if f.cut.Load() {
				return nil, net.ErrClosed
			}
			return f.redis.Dial()
		}})
	o := Options{Client: client, Key: key, ID: id, Lease: lease, Lead: func(ctx context.Context) { <-ctx.Done() },
		Changed: func(leads bool) {
			if !leads {
				f.leads.Add(-1)
				return
			}
			f.most.Store(max(f.most.Load(), f.leads.Add(1)))
			f.mu.Lock()
			defer f.mu.Unlock()
			f.terms = append(f.terms, id)
		}}
	change(&o)
	e, err := New(o)
	require.NoError(f.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{e, client, cancel, make(chan struct{})}
	go func() {
		defer close(p.ended)
		e.Run(ctx)
	}()
	f.t.Cleanup(p.stop)
	synctest.Wait()
	return p
}

func (p *process) stop() {
	p.cancel()
	<-p.ended
	_ = p.client.Close()
}

func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func as(*Options) {}

func TestOneOfManyLeadsAndGoesOnLeading(t *testing.T) {
	inBubble(t, func(f *fleet) {
		first := f.join("a", as)
		defer first.stop()
		for _, id := range []string{"b", "c", "d"} {
			defer f.join(id, as).stop()
		}
		after(time.Hour)
		require.True(t, first.Leads())
		require.Equal(t, []string{"a"}, f.terms)
	})
}

func TestALeaderThatGoesIsFollowedSoon(t *testing.T) {
	inBubble(t, func(f *fleet) {
		a := f.join("a", as)
		b := f.join("b", as)
		defer b.stop()
		after(time.Minute)
		a.stop()
		require.False(t, a.Leads())
		after(lease / 3)
		require.True(t, b.Leads())
	})
}

func TestALeaderThatDiesIsFollowedWhenItsLeaseRunsOut(t *testing.T) {
	inBubble(t, func(f *fleet) {
		require.NoError(t, f.redis.Set(key, "who died")) // the lease of a process that is gone
		f.redis.SetTTL(key, lease)
		b := f.join("b", as)
		defer b.stop()
		after(lease - time.Second)
		require.False(t, b.Leads())
		after(lease / 3)
		require.True(t, b.Leads())
	})
}

func TestWithoutRedisATermEndsBeforeAnotherCanBegin(t *testing.T) {
	inBubble(t, func(f *fleet) {
		var cause atomic.Value
		a := f.join("a", func(o *Options) {
			o.Lead = func(ctx context.Context) {
				<-ctx.Done()
				cause.Store(context.Cause(ctx))
			}
		})
		defer a.stop()
		after(time.Second)
		f.cut.Store(true)
		f.redis.Close() // closes every connection
		after(lease)
		require.False(t, a.Leads())
		require.Equal(t, ErrOver, cause.Load())
	})
}

func TestALeaseThatIsAnothersEndsTheTermAtOnce(t *testing.T) {
	inBubble(t, func(f *fleet) {
		a := f.join("a", as)
		defer a.stop()
		after(time.Second)
		f.redis.FlushAll()
		require.NoError(t, f.redis.Set(key, "who was quicker"))
		after(lease / 3)
		require.False(t, a.Leads())
		holder, err := f.redis.Get(key)
		require.NoError(t, err)
		require.Equal(t, "who was quicker", holder, "a lease that is another's is not given back")
	})
}

func TestALeaseIsKnownToBeOverBeforeTheTermHasEnded(t *testing.T) {
	inBubble(t, func(f *fleet) {
		release := make(chan struct{})
		a := f.join("a", func(o *Options) {
			o.Lead = func(ctx context.Context) {
				<-ctx.Done()
				<-release // it does not see it at once, as one that was frozen
			}
		})
		defer a.stop()
		defer close(release)
		after(time.Second)
		require.True(t, a.Holds())
		f.cut.Store(true)
		f.redis.Close()
		after(lease - 3*time.Second)
		require.True(t, a.Holds(), "one renewal that fails costs nothing")
		after(10 * time.Second)
		require.True(t, a.Leads(), "its work goes on")
		require.False(t, a.Holds())
	})
}

func TestALeaderWhoseWorkFailsLetsAnotherTry(t *testing.T) {
	inBubble(t, func(f *fleet) {
		var told atomic.Value
		a := f.join("a", func(o *Options) {
			o.Lead = func(context.Context) { panic("no") }
			o.Panicked = func(value any) { told.Store(value) }
		})
		defer a.stop()
		require.Equal(t, "no", told.Load())
		b := f.join("b", as)
		defer b.stop()
		require.True(t, b.Leads())
		after(time.Minute)
		require.Equal(t, []string{"a", "b"}, f.terms)
	})
}

func TestALoneLeaderWhoseWorkEndsTriesAgainAfterALease(t *testing.T) {
	inBubble(t, func(f *fleet) {
		a := f.join("a", func(o *Options) { o.Lead = func(context.Context) {} })
		defer a.stop()
		after(3*lease + time.Second)
		require.Equal(t, []string{"a", "a", "a", "a"}, f.terms)
	})
}

func TestTheScriptsOnARealServer(t *testing.T) {
	t.Parallel()
	server, err := simredis.Start(t.Context(), simredis.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()
	options, err := redis.ParseURL(server.URL())
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	make := func(id string) *Elector {
		e, err := New(Options{Client: client, Key: key, ID: id, Lease: time.Minute, Lead: func(context.Context) {}})
		require.NoError(t, err)
		return e
	}
	a, b, soon := make("a"), make("b"), time.Now().Add(time.Minute)
	ask := func(e *Elector) bool {
		ours, err := e.take(t.Context(), soon)
		require.NoError(t, err)
		return ours
	}
	require.True(t, ask(a))
	require.True(t, ask(a), "for more")
	require.False(t, ask(b))
	ttl, err := client.PTTL(t.Context(), key).Result()
	require.NoError(t, err)
	require.InDelta(t, time.Minute, ttl, float64(5*time.Second))
	b.yield(t.Context())
	require.False(t, ask(b), "only the holder gives back")
	a.yield(t.Context())
	require.True(t, ask(b))
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := New(Options{Lease: -time.Second})
	require.ErrorContains(t, err, "a client and something to lead")
	require.ErrorContains(t, err, "a key and an id")
	require.ErrorContains(t, err, "a lease of -1s")
}
