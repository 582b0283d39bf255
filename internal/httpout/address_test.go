package httpout

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestWhichAddressesAreNeverTold(t *testing.T) {
	t.Parallel()
	for host, ok := range map[string]bool{
		"10.1.2.3": true, "192.168.7.7": true, "203.0.113.9": true, "2001:db8::1": true, "fd12:3456::1": true, "crm.example.com": true, "2130706433": true,
		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "[::1]": false, "::ffff:127.0.0.1": false,
		"169.254.169.254": false, "::ffff:169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "64:ff9b::169.254.169.254": false,
		"64:ff9b::a9fe:a9fe": false, "2002:a9fe:a9fe::1": false, "::169.254.169.254": false, "64:ff9b::10.1.2.3": true,
		"168.63.129.16": false, "100.100.100.200": false, "192.0.0.192": false, "fd00:ec2::254": false, "64:ff9b::168.63.129.16": false,
		"0.0.0.0": false, "0.1.2.3": false, "::": false, "224.0.0.1": false, "ff02::1": false, "255.255.255.255": false,
	} {
		require.Equal(t, ok, unreachable(host, false) == "", host)
	}
	require.Empty(t, unreachable("127.0.0.1", true))
	require.Empty(t, unreachable("::1", true))
	require.NotEmpty(t, unreachable("203.0.113.9", true), "a name of this machine leads to this machine")
	require.NotEmpty(t, unreachable("169.254.169.254", true))
}

// A name is looked at when it is resolved, not before: what it leads to may change in between.
func TestANameThatLeadsToAForbiddenAddressIsNotDialled(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	c := New(Options{Who: "the sink crm", Operation: "Sink.Deliver", URL: "http://crm.example.com:" + port + "/sig-4711", Timeout: time.Second, Concurrency: 1,
		DialContext: dialer(false, namesLeadingTo(t, [4]byte{127, 0, 0, 1})).DialContext})
	t.Cleanup(c.Close)
	_, f := c.Ask(t.Context(), post())
	require.Equal(t, fault.Transient, f.Kind)
	require.Contains(t, f.Error(), "an address that is never told anything")
	require.NotContains(t, f.Error(), "4711")
	require.Zero(t, asked.Load())
}

// namesLeadingTo is a resolver for which every name has one address: it asks a name server of our own.
func namesLeadingTo(t *testing.T, to [4]byte) *net.Resolver {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		for packet := make([]byte, 1500); ; {
			n, from, err := server.ReadFrom(packet)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}
			m.Additionals = nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: to}}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}
