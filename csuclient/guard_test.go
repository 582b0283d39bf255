package csuclient_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
)

var errLost = errors.New("lease lost")

// lease is a lease that can be lost, and counts how often it was asked for.
type lease struct {
	lost  atomic.Bool
	asked atomic.Int64
}

func (l *lease) stillOurs() error {
	l.asked.Add(1)
	if l.lost.Load() {
		return errLost
	}
	return nil
}

func (l *lease) call(ctx context.Context) context.Context {
	return csuclient.WithCall(ctx, csuclient.Call{StillOurs: l.stillOurs})
}

// before runs a hook between the check and the transport, where a process can be frozen.
type before struct {
	next http.RoundTripper
	hook func()
}

func (b before) RoundTrip(r *http.Request) (*http.Response, error) {
	b.hook()
	return b.next.RoundTrip(r)
}

// counted is a connection whose writes run a hook.
type counted struct {
	net.Conn
	wrote func()
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wrote()
	return n, err
}

func dialing(opened *atomic.Int64, wrote func()) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		opened.Add(1)
		return counted{c, wrote}, nil
	}
}

func plainAndTLS(t *testing.T, test func(t *testing.T, withTLS bool)) {
	t.Run("plain", func(t *testing.T) { test(t, false) })
	t.Run("tls", func(t *testing.T) { test(t, true) })
}

func TestALeaseLostBeforeTheRequestIsBuiltSendsNothing(t *testing.T) {
	s := newStub(t, false, saysJSON(200, accountOne), nil)
	l := &lease{}
	l.lost.Store(true)
	_, err := s.channel.CreateCustomer(l.call(t.Context()), jane)
	requireKind(t, fault.Transient, err)
	require.ErrorIs(t, err, errLost)
	require.Empty(t, s.received())
	require.Empty(t, s.seen.results(), "no attempt was made")
}

func TestAProcessFrozenBetweenCheckAndWriteSendsNothingWhenThawed(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, withTLS bool) {
		for _, reuse := range []bool{false, true} {
			l := &lease{}
			freeze := false
			s := newStub(t, withTLS, saysJSON(200, accountOne), func(o *csuclient.Options) {
				o.Transport.Wrap = func(next http.RoundTripper) http.RoundTripper {
					return before{next, func() {
						if freeze {
							l.lost.Store(true)
						}
					}}
				}
			})
			sent := 0
			if reuse { // the connection is open and idle
				require.NoError(t, s.channel.UpdateCustomer(l.call(t.Context()), "1", csuclient.CustomerChanges{FirstName: &jane.FirstName}))
				sent = 1
			}
			freeze = true
			_, err := s.channel.CreateCustomer(l.call(t.Context()), jane)
			f := faultOf(t, fault.Transient, err)
			require.Equal(t, "cancelled", f.Class)
			require.ErrorIs(t, err, errLost)
			require.Len(t, s.received(), sent)
			require.Len(t, s.seen.results(), sent, "not an attempt")

			freeze = false
			l.lost.Store(false)
			_, err = s.channel.CreateCustomer(l.call(t.Context()), jane)
			require.NoError(t, err)
		}
	})
}

func TestAFreezeWhileDiallingSendsNothing(t *testing.T) {
	l := &lease{}
	s := newStub(t, false, saysJSON(200, accountOne), func(o *csuclient.Options) {
		o.Transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			if l.asked.Load() > 0 { // not for the token
				l.lost.Store(true)
			}
			return c, err
		}
		o.TokenURL = strings.Replace(o.TokenURL, "127.0.0.1", "localhost", 1) // a connection of its own
	})
	_, err := s.channel.CreateCustomer(l.call(t.Context()), jane)
	requireKind(t, fault.Transient, err)
	require.ErrorIs(t, err, errLost)
	require.Empty(t, s.received())
}

func TestALeaseLostInTheMiddleOfARequestLeavesAWriteAmbiguous(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, withTLS bool) {
		l := &lease{}
		var opened atomic.Int64
		s := newStub(t, withTLS, saysJSON(200, accountOne), func(o *csuclient.Options) {
			o.Transport.DialContext = dialing(&opened, func() {
				if l.asked.Load() > 1 { // the first is before the request is built
					l.lost.Store(true)
				}
			})
		})
		large := jane
		for range 1000 { // more than one write, whatever the buffers
			large.Addresses = append(large.Addresses, csuclient.Address{Street: pii.New(strings.Repeat("x", 200))})
		}
		_, err := s.channel.CreateCustomer(l.call(t.Context()), large)
		requireKind(t, fault.Ambiguous, err)
		require.ErrorIs(t, err, errLost)
		require.Empty(t, s.received())
	})
}

func TestAGuardDoesNotOutliveItsRequest(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, withTLS bool) {
		l := &lease{}
		var opened atomic.Int64
		s := newStub(t, withTLS, saysJSON(200, accountOne), func(o *csuclient.Options) {
			o.Transport.DialContext = dialing(&opened, func() {})
		})
		_, err := s.channel.ReadCustomer(l.call(t.Context()), "1")
		require.NoError(t, err)
		l.lost.Store(true)
		asked := l.asked.Load()
		for range 20 {
			_, err = s.channel.ReadCustomer(t.Context(), "1")
			require.NoError(t, err)
		}
		require.Equal(t, asked, l.asked.Load())
		require.EqualValues(t, 1, opened.Load(), "one connection, kept alive, also for the token")
	})
}

func TestARefusedRequestDoesNotBurnTheIdleConnections(t *testing.T) {
	l := &lease{}
	var opened atomic.Int64
	hold := make(chan struct{})
	s := newStub(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			<-hold
		}
		saysJSON(200, accountOne)(w, r)
	}, func(o *csuclient.Options) {
		o.Transport.DialContext = dialing(&opened, func() {})
		o.Transport.Wrap = func(next http.RoundTripper) http.RoundTripper {
			return before{next, func() {
				if l.asked.Load() > 0 {
					l.lost.Store(true)
				}
			}}
		}
	})
	done := make(chan error)
	for range 4 {
		go func() { _, err := s.channel.ReadCustomer(t.Context(), "1"); done <- err }()
	}
	require.Eventually(t, func() bool { return len(s.received()) == 4 }, 5*time.Second, time.Millisecond)
	close(hold)
	for range 4 {
		require.NoError(t, <-done)
	}
	before := opened.Load()
	_, err := s.channel.CreateCustomer(l.call(t.Context()), jane)
	require.ErrorIs(t, err, errLost)
	require.Equal(t, before, opened.Load(), "no other connection was tried")
}

func TestWhatNeverConnectedIsNotAmbiguous(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + closed.Addr().String()
	require.NoError(t, closed.Close())

	for name, tc := range map[string]struct {
		change func(*csuclient.Options)
		kind   fault.Kind
		detail string
	}{
		"connection refused": {func(o *csuclient.Options) { o.BaseURL = nobody }, fault.Transient, "connection refused"},
		"unknown host": {func(o *csuclient.Options) {
			o.BaseURL = "http://nowhere.localhost"
			o.Transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasPrefix(address, "nowhere") {
					return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}}
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			}
		}, fault.Blocked, "unknown host"},
		"resolver down": {func(o *csuclient.Options) {
			o.BaseURL = "http://nowhere.localhost"
			o.Transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasPrefix(address, "nowhere") {
					return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "server misbehaving", Name: address, IsTemporary: true}}
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			}
		}, fault.Transient, "connection failed"},
		"a hook that sends nothing": {func(o *csuclient.Options) {
			o.Transport.Wrap = func(http.RoundTripper) http.RoundTripper { return failing{} }
		}, fault.Transient, "connection failed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, false, saysJSON(200, accountOne), tc.change)
			_, err := s.channel.CreateCustomer(t.Context(), jane)
			f := faultOf(t, tc.kind, err)
			require.Equal(t, tc.detail, f.Detail)
			require.Empty(t, s.received())
			require.Equal(t, []string{"Customers.Create network"}, s.seen.results())
		})
	}
}

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("canary-text")
}

func TestACertificateNobodyTrustsIsBlocked(t *testing.T) {
	s := newStub(t, true, saysJSON(200, accountOne), func(o *csuclient.Options) { o.RootCAs = nil })
	_, err := s.channel.CreateCustomer(t.Context(), jane)
	f := faultOf(t, fault.Blocked, err)
	require.Contains(t, f.Detail, "certificate")
	require.Empty(t, s.received())
}

func TestAConnectionLostAfterSendingIsAmbiguousForAWriteOnly(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, withTLS bool) {
		s := newStub(t, withTLS, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil)
		_, err := s.channel.CreateCustomer(t.Context(), jane)
		requireKind(t, fault.Ambiguous, err)
		require.Len(t, s.received(), 1, "not sent again")
		_, err = s.channel.ReadCustomer(t.Context(), "1")
		requireKind(t, fault.Transient, err)
	})
}

func TestConnectionsSpeakHTTP1AndFollowNoRedirect(t *testing.T) {
	s := newStub(t, true, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("HTTP/%d", r.ProtoMajor)
		}
		http.Redirect(w, r, "/Commerce/elsewhere", http.StatusTemporaryRedirect)
	}, nil)
	_, err := s.channel.CreateCustomer(t.Context(), jane)
	requireKind(t, fault.Blocked, err)
	require.Len(t, s.received(), 1)
}
