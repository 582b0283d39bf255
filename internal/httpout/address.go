package httpout

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/signalbox/signalbox/internal/flight"
)

var errAddress = errors.New("httpout: an address that is never dialled")

const (
	dialTimeout = 5 * time.Second
	idleTimeout = 90 * time.Second
	maxHeaders  = 64 << 10
)

// transport is HTTP/1.1 without redirects, proxies, cookies or compression.
func transport(o Options) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dial := o.DialContext
	if dial == nil {
		u, _ := url.Parse(o.URL) // validated
		dial = dialer(isLoopback(u.Hostname()), nil).DialContext
	}
	return &http.Transport{
		DialContext:            flight.Dial(dial),
		DialTLSContext:         flight.DialTLS(dial, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, NextProtos: []string{"http/1.1"}}),
		Protocols:              protocols,
		MaxConnsPerHost:        o.Concurrency,
		MaxIdleConnsPerHost:    o.Concurrency,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaders,
		DisableCompression:     true,
	}
}

// dialer looks at the address once more when it is resolved, right before the connection: a name may lead anywhere.
func dialer(here bool, names *net.Resolver) *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, Resolver: names, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		if err != nil || unreachable(host, here) != "" {
			return errAddress
		}
		return nil
	}}
}

var (
	noHost    = netip.MustParsePrefix("0.0.0.0/8") // Linux takes some of it for this machine
	broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
)

// metadata are the addresses under which clouds answer their machines' own questions, beyond the link-local ones.
var metadata = map[netip.Addr]bool{
	netip.MustParseAddr("168.63.129.16"):   true, // Azure's platform
	netip.MustParseAddr("100.100.100.200"): true, // Alibaba
	netip.MustParseAddr("192.0.0.192"):     true, // Oracle
	netip.MustParseAddr("fd00:ec2::254"):   true, // AWS
	netip.MustParseAddr("fd20:ce::254"):    true, // Google
}

// embedding are prefixes of IPv6 that carry an IPv4 address, and where it begins.
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},   // RFC 6052
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12}, // RFC 8215, as far as it is used with /96
	{netip.MustParsePrefix("2002::/16"), 2},       // RFC 3056
	{netip.MustParsePrefix("::/96"), 12},          // RFC 4291, deprecated
}

// unreachable says why a host that is an address must not be told anything; it is empty for names and other addresses. here
// permits this machine, and then nothing else.
func unreachable(host string, here bool) string {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	if a.IsLoopback() && here {
		return ""
	}
	for _, e := range embedding {
		if e.prefix.Contains(a) && a != netip.IPv6Loopback() {
			b := a.As16()
			if why := unreachable(netip.AddrFrom4([4]byte(b[e.at:e.at+4])).String(), false); why != "" {
				return why
			}
		}
	}
	switch {
	case a.IsLoopback():
		return "an address of this machine"
	case a.IsLinkLocalUnicast(), a.IsMulticast(), a.IsUnspecified(), noHost.Contains(a), a == broadcast:
		return "no address of one machine in a routed network"
	case metadata[a]:
		return "an address of the cloud's own services"
	case here:
		return "a name of this machine that leads elsewhere"
	}
	return ""
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// CheckURL says what is wrong with a receiver's URL, without quoting it.
func CheckURL(text string, allowPlaintext bool) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "" {
		return errors.New("is no https://host/path without user and fragment")
	}
	here := isLoopback(u.Hostname())
	if u.Scheme == "http" && !here && !allowPlaintext {
		return errors.New("is plain http to another machine")
	}
	if why := unreachable(u.Hostname(), here); why != "" {
		return errors.New("leads to " + why)
	}
	return nil
}

// HasQuery says whether a URL ends in a query, which at some receivers is a credential.
func HasQuery(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.RawQuery != ""
}
