package redislink_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/redisurl"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

var echo = redis.NewScript(`if ARGV[1] == "wrong" then return redis.error_reply("ERR told to fail") end return ARGV[1]`)

// line is a server at the end of a line that takes its time, in a bubble.
type line struct {
	t      *testing.T
	server *miniredis.Miniredis
	client *redislink.Client
	writes atomic.Int64
	hang   atomic.Bool // what is written now is never heard of again
	cut    atomic.Bool // as is this, and the connection with it
}

type slow struct {
	net.Conn
	*line
}

func (s slow) Write(b []byte) (int, error) {
	s.writes.Add(1)
	switch {
	case s.cut.Load():
		_ = s.Close()
		return 0, io.ErrClosedPipe
	case s.hang.Load():
		return len(b), nil
	}
	<-time.After(300 * time.Microsecond)
	return s.Conn.Write(b)
}

func onLine(t *testing.T, test func(l *line), change ...func(*redislink.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &line{t: t, server: miniredis.NewMiniRedis()}
		u, problems := redisurl.Parse("redis://127.0.0.1:1")
		require.Empty(t, problems)
		o := redislink.Options{URL: u, Pool: 100, Dial: func(context.Context, string, string) (net.Conn, error) {
			c, err := simredis.Dial(l.server)
			return slow{c, l}, err
		}}
		for _, c := range change {
			c(&o)
		}
		c, err := redislink.Open(o)
		require.NoError(t, err)
		l.client = c
		t.Cleanup(l.server.Close)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		test(l)
	})
}

func (l *line) ask(ctx context.Context, text string) (string, error) {
	return echo.Run(ctx, l.client, nil, text).Text()
}

// at once asks for n scripts in one moment, and one more a little before.
func (l *line) atOnce(n int, check func(i int, text string, err error)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			text, err := l.ask(l.t.Context(), fmt.Sprint(i))
			check(i, text, err)
		})
		if i == 0 {
			synctest.Wait()
		}
	}
	wait.Wait()
}

func TestScriptsThatAreAskedForAtOnceGoInOneWriteAndEachHasItsOwnAnswer(t *testing.T) {
	t.Parallel()
	onLine(t, func(l *line) {
		_, err := l.ask(l.t.Context(), "first") // dials
		require.NoError(l.t, err)
		l.writes.Store(0)
		began := time.Now()
		l.atOnce(61, func(i int, text string, err error) {
			require.NoError(l.t, err)
			require.Equal(l.t, fmt.Sprint(i), text)
		})
		require.LessOrEqual(l.t, l.writes.Load(), int64(6), "61 scripts, and the greeting of a new connection")
		require.Less(l.t, time.Since(began), 5*time.Millisecond)
	})
}

func TestALoneScriptWaitsForNothing(t *testing.T) {
	t.Parallel()
	onLine(t, func(l *line) {
		_, err := l.ask(l.t.Context(), "first")
		require.NoError(l.t, err)
		began := time.Now()
		_, err = l.ask(l.t.Context(), "second")
		require.NoError(l.t, err)
		require.Equal(l.t, 300*time.Microsecond, time.Since(began))
	})
}

func TestAScriptThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	onLine(t, func(l *line) {
		var wait sync.WaitGroup
		for i := range 20 {
			wait.Go(func() {
				text := fmt.Sprint(i)
				if i == 7 {
					text = "wrong"
				}
				got, err := l.ask(l.t.Context(), text)
				if i == 7 {
					require.ErrorContains(l.t, err, "told to fail")
					return
				}
				require.NoError(l.t, err)
				require.Equal(l.t, text, got)
			})
		}
		wait.Wait()
	})
}

// Among them is the one that is to take the others along, and in the moment in which it is to.
func TestWhoStopsWaitingTakesNoneWithIt(t *testing.T) {
	t.Parallel()
	onLine(t, func(l *line) {
		_, err := l.ask(l.t.Context(), "first")
		require.NoError(l.t, err)
		quit := 0
		for round := range 400 {
			after, quits := time.Duration(round%16)*50*time.Microsecond, round/16%4
			impatient, stop := context.WithTimeout(l.t.Context(), after)
			var wait sync.WaitGroup
			for i := range 6 {
				wait.Go(func() {
					ctx := l.t.Context()
					if i == quits {
						ctx = impatient
					}
					text, err := l.ask(ctx, fmt.Sprint(i))
					if i == quits && err != nil {
						quit++
						return
					}
					require.NoError(l.t, err)
					require.Equal(l.t, fmt.Sprint(i), text)
				})
				synctest.Wait() // in this order
			}
			wait.Wait()
			stop()
		}
		require.Greater(l.t, quit, 100)
	})
}

func TestAWriteThatIsLateHoldsNobodyUpForLong(t *testing.T) {
	t.Parallel()
	onLine(t, func(l *line) {
		var wait sync.WaitGroup
		l.hang.Store(true)
		wait.Go(func() {
			_, err := l.ask(l.t.Context(), "lost")
			require.Error(l.t, err, "it has no answer")
		})
		<-time.After(time.Second)
		l.hang.Store(false)
		began := time.Now()
		text, err := l.ask(l.t.Context(), "found")
		require.NoError(l.t, err)
		require.Equal(l.t, "found", text)
		require.Less(l.t, time.Since(began), 10*time.Millisecond)
		wait.Wait()
	})
}

// The first connection is greeted while scripts wait for it: what is said on a connection belongs on it.
func TestTheFirstWordsOnAConnectionDoNotWaitForThoseBehindThem(t *testing.T) {
	t.Parallel()
	var greeted atomic.Int64
	onLine(t, func(l *line) {
		began := time.Now()
		l.atOnce(5, func(i int, text string, err error) {
			require.NoError(l.t, err)
			require.Equal(l.t, fmt.Sprint(i), text)
		})
		require.Less(l.t, time.Since(began), 50*time.Millisecond)
		require.Positive(l.t, greeted.Load())
	}, func(o *redislink.Options) {
		o.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
			greeted.Add(1)
			return redis.NewScript(`return redis.call("INCR", KEYS[1])`).Run(ctx, cn, []string{"greetings"}).Err()
		}
	})
}

func TestOfALostConnectionAllThatWereOnItHear(t *testing.T) {
	t.Parallel()
	onLine(t, func(l *line) {
		_, err := l.ask(l.t.Context(), "first")
		require.NoError(l.t, err)
		l.cut.Store(true)
		var heard atomic.Int64
		l.atOnce(30, func(_ int, _ string, err error) {
			require.Error(l.t, err)
			heard.Add(1)
		})
		require.EqualValues(l.t, 30, heard.Load())
		l.cut.Store(false)
		text, err := l.ask(l.t.Context(), "again")
		require.NoError(l.t, err)
		require.Equal(l.t, "again", text)
	})
}
