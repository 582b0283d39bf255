package httpout

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func post() Request {
	return Request{Method: http.MethodPost, Body: []byte("{}"), Header: func([]byte) http.Header { return http.Header{} }, Most: 100}
}

// client asks a server that answers as told.
func client(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c := New(Options{Who: "the step score-fraud", Operation: "score-fraud", Refused: fault.BusinessRule, URL: server.URL + "/sig-4711?sig=4711", Timeout: 5 * time.Second, Concurrency: 2})
	t.Cleanup(c.Close)
	return c
}

func TestAnAnswerIsHandedBackIfItIsNotTooLarge(t *testing.T) {
	t.Parallel()
	var asked string
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.RawQuery
		_, _ = io.WriteString(w, strings.Repeat("x", 100+strings.Count(r.URL.RawQuery, "more")))
	})
	answer, f := c.Ask(t.Context(), post())
	require.Nil(t, f)
	require.Len(t, answer, 100)
	require.Equal(t, "POST sig=4711", asked)
	r := post()
	r.Method, r.Query = http.MethodGet, "more=1"
	_, f = c.Ask(t.Context(), r)
	require.Equal(t, []any{fault.Permanent, fault.BusinessRule}, []any{f.Kind, f.Reason})
	require.Equal(t, "GET more=1", asked)
}

func TestAnAnswerThatBreaksOffIsInDoubt(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "50")
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})
	_, f := c.Ask(t.Context(), post())
	require.Equal(t, fault.Ambiguous, f.Kind)
	require.NotContains(t, f.Error(), "4711")
	require.Equal(t, 1, c.gate.Strikes())
}

func TestARequestThatIsCutShortSaysNothingOfTheReceiver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := client(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	_, f := c.Ask(ctx, post())
	require.Equal(t, fault.Ambiguous, f.Kind)
	require.Zero(t, c.gate.Strikes())
}

func TestAPathGoesBehindTheURLs(t *testing.T) {
	t.Parallel()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.Path }))
	t.Cleanup(server.Close)
	for under, want := range map[string]string{"": "/api/x", "/": "/api/x", "/root/": "/root/api/x"} {
		c := New(Options{Who: "it", Operation: "Ask", URL: server.URL + under, Timeout: time.Second, Concurrency: 1})
		t.Cleanup(c.Close)
		r := post()
		r.Path = "/api/x"
		_, f := c.Ask(t.Context(), r)
		require.Nil(t, f)
		require.Equal(t, want, got)
	}
}

// lostWhile makes requests of a server, over TLS or without, whose claim is lost as soon as happen is called.
func lostWhile(t *testing.T, secure bool, body []byte, happen func(c net.Conn, lose func()) net.Conn) (f *fault.Error, asked int) {
	t.Helper()
	var served atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			served.Add(1)
		}
	}))
	trusted := x509.NewCertPool()
	if secure {
		server.StartTLS()
		trusted.AddCert(server.Certificate())
	} else {
		server.Start()
	}
	var lost atomic.Bool
	c := New(Options{Who: "the sink crm", Operation: "Sink.Deliver", URL: server.URL, Timeout: 5 * time.Second, Concurrency: 1, RootCAs: trusted,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return happen(conn, func() { lost.Store(true) }), nil
		}})
	r := post()
	r.Body = body
	r.StillOurs = func() error {
		if lost.Load() {
			return errLost
		}
		return nil
	}
	_, f = c.Ask(t.Context(), r)
	c.Close()
	server.Close() // once whatever arrived has been served
	return f, int(served.Load())
}

var errLost = errors.New("lost")

// handshaking is a connection that calls when its first bytes come, which is in the middle of the TLS handshake.
type handshaking struct {
	net.Conn
	read func()
}

func (h handshaking) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.read()
	return n, err
}

// writing is a connection that calls when bytes have gone.
type writing struct {
	net.Conn
	wrote func()
}

func (w writing) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.wrote()
	return n, err
}

func TestARunThatIsOverByTheTimeItIsConnectedSendsNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		secure bool
		happen func(c net.Conn, lose func()) net.Conn
	}{
		"lost while it dialled":     {false, func(c net.Conn, lose func()) net.Conn { lose(); return c }},
		"lost while it shook hands": {true, func(c net.Conn, lose func()) net.Conn { return handshaking{c, lose} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, asked := lostWhile(t, tc.secure, []byte("{}"), tc.happen)
			require.NotNil(t, f)
			require.ErrorIs(t, f, errLost)
			require.Equal(t, fault.Transient, f.Kind, "not a byte was sent")
			require.Contains(t, f.Error(), "was not asked: the claim is over")
			require.Zero(t, asked)
		})
	}
}

func TestARunThatIsOverInTheMiddleOfItsRequestIsInDoubt(t *testing.T) {
	t.Parallel()
	f, asked := lostWhile(t, false, make([]byte, 1<<20), func(c net.Conn, lose func()) net.Conn { return writing{c, lose} })
	require.NotNil(t, f)
	require.ErrorIs(t, f, errLost)
	require.Equal(t, fault.Ambiguous, f.Kind)
	require.Zero(t, asked, "the rest was not sent")
}
