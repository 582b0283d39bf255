package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server on loopback for the length of the test and checks that it ends without an error.
func serve(t *testing.T, o Options) *Server {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	if o.Metrics == nil {
		r := prometheus.NewRegistry()
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "things_total", Help: "Things."}, func() float64 { return 7 }))
		o.Metrics = r
	}
	s, err := New(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return s
}

func get(t *testing.T, s *Server, path string, header ...string) (int, string, http.Header) {
	t.Helper()
	return ask(t, s, http.MethodGet, path, header...)
}

func ask(t *testing.T, s *Server, method, path string, header ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+path, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(b), answer.Header
}

// switchable is a check that a test turns on and off.
type switchable struct {
	broken atomic.Bool
	asked  atomic.Int32
}

func (s *switchable) ask(context.Context) error {
	s.asked.Add(1)
	if s.broken.Load() {
		return errors.New("dial tcp 10.1.2.3:6379: refused")
	}
	return nil
}

func TestLivenessIsAboutThisProcessOnly(t *testing.T) {
	var alive atomic.Bool
	alive.Store(true)
	var redis switchable
	redis.broken.Store(true)
	s := serve(t, Options{Live: []State{{"receive loops", alive.Load}}, Ready: []Check{{"redis", redis.ask}}, Started: []Check{{"scripts", redis.ask}}})

	code, body, _ := get(t, s, "/livez")
	require.Equal(t, 200, code, "with Redis away")
	require.Equal(t, "alive\nreceive loops ok\n", body)
	require.Zero(t, redis.asked.Load(), "no dependency was asked")

	alive.Store(false)
	code, body, _ = get(t, s, "/livez?format=json")
	require.Equal(t, 503, code)
	require.JSONEq(t, `{"status":"stuck","checks":[{"name":"receive loops","ok":false}]}`, body)
}

func TestStartupPassesOnceAndForAll(t *testing.T) {
	var scripts switchable
	scripts.broken.Store(true)
	s := serve(t, Options{Started: []Check{{"scripts", scripts.ask}}})
	code, body, _ := get(t, s, "/startupz")
	require.Equal(t, 503, code)
	require.Equal(t, "starting\nscripts failed\n", body)
	code, body, _ = get(t, s, "/readyz")
	require.Equal(t, 503, code, "not started, not ready")
	require.Equal(t, "starting\nscripts failed\n", body)

	scripts.broken.Store(false)
	code, _, _ = get(t, s, "/startupz")
	require.Equal(t, 200, code)
	scripts.broken.Store(true)
	code, _, _ = get(t, s, "/startupz")
	require.Equal(t, 200, code)
}

func TestReadinessFollowsItsChecksAndTheDrain(t *testing.T) {
	var redis switchable
	var circuit atomic.Bool
	circuit.Store(true)
	s := serve(t, Options{Ready: []Check{{"redis", redis.ask}}, Degraded: []State{{"csu circuit", circuit.Load}}})

	code, body, _ := get(t, s, "/readyz")
	require.Equal(t, 200, code)
	require.Equal(t, "ready\nredis ok\ncsu circuit ok\n", body)
	require.True(t, s.Ready(t.Context()))

	circuit.Store(false)
	code, body, _ = get(t, s, "/readyz?format=json")
	require.Equal(t, 200, code, "an outage of the CSU is shown and changes nothing")
	require.JSONEq(t, `{"status":"degraded","checks":[{"name":"redis","ok":true},{"name":"csu circuit","ok":false}]}`, body)

	redis.broken.Store(true)
	code, body, _ = get(t, s, "/readyz")
	require.Equal(t, 503, code)
	require.Equal(t, "not ready\nredis failed\ncsu circuit failed\n", body)
	require.NotContains(t, body, "10.1.2.3", "why is not for the body")

	redis.broken.Store(false)
	s.Drain()
	code, body, _ = get(t, s, "/readyz?format=json")
	require.Equal(t, 503, code)
	require.JSONEq(t, `{"status":"draining","checks":[]}`, body)
	require.False(t, s.Ready(t.Context()))
	code, _, _ = get(t, s, "/livez")
	require.Equal(t, 200, code, "a draining process is alive")
}

func TestOnlyChangesAreTold(t *testing.T) {
	var redis switchable
	var mu sync.Mutex
	var told []string
	s := serve(t, Options{Ready: []Check{{"redis", redis.ask}}, Changed: func(check string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			err = errors.New("well")
		}
		told = append(told, check+": "+err.Error())
	}})
	for _, broken := range []bool{false, true, true, false, false} {
		redis.broken.Store(broken)
		get(t, s, "/readyz")
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"redis: dial tcp 10.1.2.3:6379: refused", "redis: well"}, told)
}

func TestAHangingCheckIsGivenUp(t *testing.T) {
	s := serve(t, Options{Timeout: 20 * time.Millisecond, Ready: []Check{{"redis", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}}})
	code, body, _ := get(t, s, "/readyz")
	require.Equal(t, 503, code)
	require.Equal(t, "not ready\nredis failed\n", body)
}

func TestAPanickingCheckIsANo(t *testing.T) {
	s := serve(t, Options{Ready: []Check{{"redis", func(context.Context) error { panic("no") }}}})
	code, _, _ := get(t, s, "/readyz")
	require.Equal(t, 503, code)
}

func TestProbesThatComeTogetherShareOneRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, answer := 0, make(chan struct{})
		s := &Server{failing: map[string]bool{}, opts: Options{Timeout: time.Minute, Changed: func(string, error) {},
			Ready: []Check{{"redis", func(context.Context) error {
				asked++
				<-answer
				return nil
			}}}}}
		var probes sync.WaitGroup
		for range 10 {
			probes.Go(func() { s.Ready(t.Context()) })
		}
		synctest.Wait()
		close(answer)
		probes.Wait()
		require.Equal(t, 1, asked)
	})
}

func TestEveryRequestIsObservedByItsRoute(t *testing.T) {
	var mu sync.Mutex
	var told []string
	s := serve(t, Options{Started: []Check{{"scripts", func(context.Context) error { return errors.New("no") }}}, Observe: func(route, method string, status int, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprintf("%s %q %d %t", method, route, status, took > 0))
	}})
	get(t, s, "/livez?format=json")
	get(t, s, "/startupz")
	get(t, s, "/metrics")
	get(t, s, "/customers/jane@example.com")
	ask(t, s, http.MethodPost, "/livez")
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{`GET "/livez" 200 true`, `GET "/startupz" 503 true`, `GET "/metrics" 200 true`, `GET "" 404 true`, `POST "" 405 true`}, told)
}

func TestMetricsInBothFormats(t *testing.T) {
	s := serve(t, Options{})
	code, body, h := get(t, s, "/metrics")
	require.Equal(t, 200, code)
	require.Contains(t, h.Get("Content-Type"), "text/plain")
	require.Contains(t, body, "things_total 7\n")

	code, body, h = get(t, s, "/metrics", "Accept", "application/openmetrics-text; version=1.0.0")
	require.Equal(t, 200, code)
	require.Contains(t, h.Get("Content-Type"), "application/openmetrics-text")
	require.True(t, strings.HasSuffix(body, "# EOF\n"))
}

func TestNothingElseIsServed(t *testing.T) {
	s := serve(t, Options{})
	for _, path := range []string{"/", "/debug/pprof/", "/debug/vars", "/metrics/x", "/config"} {
		code, _, h := get(t, s, path)
		require.Equal(t, 404, code, path)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	}
	code, _, _ := ask(t, s, http.MethodPost, "/readyz")
	require.Equal(t, http.StatusMethodNotAllowed, code)
	code, body, h := ask(t, s, http.MethodHead, "/livez")
	require.Equal(t, 200, code)
	require.Empty(t, body)
	require.Equal(t, "no-store", h.Get("Cache-Control"))
	require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'")
}

func TestAnAddressInUseIsKnownAtOnce(t *testing.T) {
	s := serve(t, Options{})
	_, err := New(Options{Listen: s.Addr(), Metrics: prometheus.NewRegistry()})
	require.ErrorContains(t, err, "address already in use")
	_, err = New(Options{Listen: "127.0.0.1:0"})
	require.ErrorContains(t, err, "no metrics")
}

func TestRequestsUnderWayEndBeforeTheServerDoes(t *testing.T) {
	asked, go_ := make(chan struct{}), make(chan struct{})
	s, err := New(Options{Listen: "127.0.0.1:0", Metrics: prometheus.NewRegistry(), Timeout: time.Minute,
		Ready: []Check{{"slow", func(context.Context) error {
			close(asked)
			<-go_
			return nil
		}}}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended, answered := make(chan error, 1), make(chan int, 1)
	go func() { ended <- s.Run(ctx) }()
	go func() {
		code, _, _ := get(t, s, "/readyz")
		answered <- code
	}()
	<-asked
	cancel()
	require.Eventually(t, func() bool { // no longer accepting
		c, err := net.Dial("tcp", s.Addr())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, 5*time.Second, time.Millisecond)
	close(go_)
	require.Equal(t, 200, <-answered)
	require.NoError(t, <-ended)
}

func TestALostListenerEndsTheServer(t *testing.T) {
	s, err := New(Options{Listen: "127.0.0.1:0", Metrics: prometheus.NewRegistry()})
	require.NoError(t, err)
	require.NoError(t, s.listener.Close())
	require.ErrorContains(t, s.Run(t.Context()), "health: serve")
}
