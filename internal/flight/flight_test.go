package flight

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"

	"github.com/stretchr/testify/require"
)

func flightOn(t *testing.T, c net.Conn) *Flight {
	t.Helper()
	f := &Flight{stillOurs: func() error { return nil }, abort: func() {}}
	httptrace.ContextClientTrace(f.Watch(t.Context())).GotConn(httptrace.GotConnInfo{Conn: c})
	return f
}

func TestALandedFlightLeavesItsConnectionAndNobodyElses(t *testing.T) {
	here, there := net.Pipe()
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	c := &plainConn{Conn: here}
	first := flightOn(t, c)
	require.Same(t, first, c.flight.Load())
	second := flightOn(t, c) // net/http gave the connection on before the first caller came back
	first.Land()
	require.Same(t, second, c.flight.Load())
	second.Land()
	require.Nil(t, c.flight.Load())
}

func TestOnATLSConnectionOnlyRequestBytesAreGuarded(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	dial := DialTLS(new(net.Dialer).DialContext, &tls.Config{InsecureSkipVerify: true}) // only what is written matters here
	c, err := dial(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	f := flightOn(t, c)
	require.False(t, f.Left(), "the handshake is not the request")
	_, err = c.Write([]byte("G"))
	require.NoError(t, err)
	sent := f.sent.Load()
	require.Greater(t, sent, int64(1), "counted as it leaves, encrypted")
	require.NoError(t, c.Close()) // writes an alert
	require.Equal(t, sent, f.sent.Load())
}

func TestAConnectionThatIsNotOursCountsAsSent(t *testing.T) {
	here, there := net.Pipe()
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	require.True(t, flightOn(t, here).Left())
}

func TestARefusalIsFinal(t *testing.T) {
	answers := []error{errors.New("lost"), nil}
	f := &Flight{abort: func() {}, stillOurs: func() error { e := answers[0]; answers = answers[1:]; return e }}
	require.Error(t, f.Check())
	require.Error(t, f.Check())
}
