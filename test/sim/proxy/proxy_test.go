package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/test/sim/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 10 * time.Second
	soon     = 150 * time.Millisecond // what is said not to come does not come so soon
)

// echo is a server that sends each line back, and remembers what it heard.
type echo struct {
	listener net.Listener
	group    sync.WaitGroup
	mu       sync.Mutex
	heard    []string
	open     []net.Conn
}

func startEcho(t *testing.T) *echo {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e := &echo{listener: l}
	e.group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.mu.Lock()
			e.open = append(e.open, c)
			e.mu.Unlock()
			e.group.Go(func() { e.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		e.mu.Lock()
		for _, c := range e.open {
			_ = c.Close()
		}
		e.mu.Unlock()
		e.group.Wait()
	})
	return e
}

func (e *echo) serve(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		e.mu.Lock()
		e.heard = append(e.heard, lines.Text())
		e.mu.Unlock()
		fmt.Fprintln(c, lines.Text())
	}
	fmt.Fprintln(c, "bye") // to whoever ended only his own half
}

func (e *echo) knows(line string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Contains(strings.Join(e.heard, "\n"), line)
}

// caller is a connection through the proxy.
type caller struct {
	t *testing.T
	c *net.TCPConn
	r *bufio.Reader
}

func (e *echo) proxied(t *testing.T) *proxy.Proxy {
	p, err := proxy.Listen(e.listener.Addr().String(), 1)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func call(t *testing.T, p *proxy.Proxy) *caller {
	c, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &caller{t, c.(*net.TCPConn), bufio.NewReader(c)}
}

func (c *caller) say(line string) error {
	_, err := fmt.Fprintln(c.c, line)
	return err
}

func (c *caller) hears(within time.Duration) (string, error) {
	require.NoError(c.t, c.c.SetReadDeadline(time.Now().Add(within)))
	line, err := c.r.ReadString('\n')
	return strings.TrimSpace(line), err
}

func (c *caller) requireEcho(line string) {
	c.t.Helper()
	require.NoError(c.t, c.say(line))
	got, err := c.hears(patience)
	require.NoError(c.t, err)
	require.Equal(c.t, line, got)
}

func (c *caller) requireSilence() {
	c.t.Helper()
	got, err := c.hears(soon)
	require.ErrorIs(c.t, err, os.ErrDeadlineExceeded, got)
}

func (c *caller) requireReset() {
	c.t.Helper()
	_, err := c.hears(patience)
	require.True(c.t, errors.Is(err, syscall.ECONNRESET), "%v", err)
}

func TestAGoodNetworkDeliversAllInOrderAndEndsBothHalvesApart(t *testing.T) {
	t.Parallel()
	p := startEcho(t).proxied(t)
	c := call(t, p)
	for i := range 100 {
		c.requireEcho(fmt.Sprint(i))
	}
	c.requireEcho(strings.Repeat("x", 60_000)) // of more than one chunk
	require.NoError(t, c.c.CloseWrite())
	got, err := c.hears(patience)
	require.NoError(t, err)
	require.Equal(t, "bye", got)
	_, err = c.hears(patience)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, proxy.Stats{Connections: 1}, p.Stats())
}

func TestLatencyCountsOnceForEachWayWhateverIsUnderWay(t *testing.T) {
	t.Parallel()
	p := startEcho(t).proxied(t)
	c := call(t, p)
	p.Set(proxy.Network{Latency: 100 * time.Millisecond})
	began := time.Now()
	for i := range 50 {
		require.NoError(t, c.say(fmt.Sprint(i)))
	}
	for i := range 50 {
		got, err := c.hears(patience)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), got)
	}
	took := time.Since(began)
	require.GreaterOrEqual(t, took, 200*time.Millisecond)
	require.Less(t, took, 3*time.Second, "fifty lines under way at once are not fifty times as late")
}

func TestASmallChanceResetsSomeConnectionsAndASureOneAll(t *testing.T) {
	t.Parallel()
	p := startEcho(t).proxied(t)
	p.Set(proxy.Network{Reset: 0.05})
	var reset int
	for range 100 {
		c := call(t, p)
		if err := c.say("x"); err == nil {
			_, err = c.hears(patience)
			if err != nil {
				require.ErrorIs(t, err, syscall.ECONNRESET)
				reset++
			}
		}
	}
	require.Greater(t, reset, 1)
	require.Less(t, reset, 40, "of about ten")
	p.Set(proxy.Network{Reset: 1})
	c := call(t, p)
	require.NoError(t, c.say("x"))
	c.requireReset()
}

func TestABlackHoleAcceptsAndSwallowsAndForgets(t *testing.T) {
	t.Parallel()
	e := startEcho(t)
	p := e.proxied(t)
	before, idle := call(t, p), call(t, p)
	before.requireEcho("hello")
	idle.requireEcho("hello")
	p.Set(proxy.Network{LoseUp: true, LoseDown: true})
	during := call(t, p)
	for _, c := range []*caller{before, during} {
		require.NoError(t, c.say("lost"))
		c.requireSilence()
	}
	require.False(t, e.knows("lost"))
	p.Set(proxy.Network{})
	before.requireReset()
	during.requireReset()
	idle.requireEcho("nothing of mine was lost")
	require.Equal(t, proxy.Stats{Connections: 3, Resets: 2, LostBytes: 10}, p.Stats())
}

func TestALossOfOneWayLetsTheOtherThrough(t *testing.T) {
	t.Parallel()
	e := startEcho(t)
	p := e.proxied(t)
	c := call(t, p)
	c.requireEcho("hello")
	p.Set(proxy.Network{LoseDown: true})
	require.NoError(t, c.say("heard without an answer"))
	require.Eventually(t, func() bool { return e.knows("heard without an answer") }, patience, time.Millisecond)
	c.requireSilence()
	p.Set(proxy.Network{})
	c.requireReset()

	c = call(t, p)
	c.requireEcho("hello again")
	p.Set(proxy.Network{LoseUp: true})
	require.NoError(t, c.say("lost"))
	c.requireSilence()
	require.False(t, e.knows("lost"))
}

func TestWhatWasLostForeverMakesAConnectionDumbForGood(t *testing.T) {
	t.Parallel()
	e := startEcho(t)
	p := e.proxied(t)
	c := call(t, p)
	c.requireEcho("hello")
	p.Set(proxy.Network{LoseUp: true, Forever: true})
	require.NoError(t, c.say("lost"))
	require.Eventually(t, func() bool { return p.Stats().LostBytes == 5 }, patience, time.Millisecond)
	p.Set(proxy.Network{})
	require.NoError(t, c.say("still lost"))
	c.requireSilence()
	require.False(t, e.knows("lost"))
	call(t, p).requireEcho("another connection")
	p.DropAll()
	c.requireReset()
}

func TestWhatWasHeldIsDeliveredLate(t *testing.T) {
	t.Parallel()
	e := startEcho(t)
	p := e.proxied(t)
	c := call(t, p)
	c.requireEcho("hello")
	p.Set(proxy.Network{HoldUp: true})
	require.NoError(t, c.say("late"))
	require.NoError(t, c.c.CloseWrite())
	c.requireSilence()
	require.False(t, e.knows("late"))
	p.Set(proxy.Network{})
	for _, want := range []string{"late", "bye"} {
		got, err := c.hears(patience)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestATargetThatIsNotThereResets(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	p, err := proxy.Listen(l.Addr().String(), 1)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	c, err := net.Dial("tcp", p.Addr())
	if err == nil {
		_, err = c.Read(make([]byte, 1))
		_ = c.Close()
	}
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestClosingEndsWhatIsHeld(t *testing.T) {
	t.Parallel()
	p, err := proxy.Listen(startEcho(t).listener.Addr().String(), 1)
	require.NoError(t, err)
	c := call(t, p)
	c.requireEcho("hello")
	p.Set(proxy.Network{HoldUp: true, HoldDown: true})
	require.NoError(t, c.say("kept"))
	require.NoError(t, p.Close())
	c.requireReset()
}
