package csuclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/flight"
	"github.com/signalbox/signalbox/internal/secret"
)

// The defaults of Options.
const (
	DefaultScheme       = "id_token" // what Microsoft's documents and samples write; some scale units want Bearer
	DefaultAPIVersion   = "7.3"
	DefaultReadTimeout  = 30 * time.Second
	DefaultWriteTimeout = 100 * time.Second
	DefaultMaxWait      = 5 * time.Second
	DefaultMaxConns     = 64
)

const (
	dialTimeout = 10 * time.Second
	// idleTimeout is well below what front ends in the field use (two to four minutes): a write that meets a connection
	// the server has just closed is ambiguous, so we close first.
	idleTimeout = 45 * time.Second
	// writeBuffer holds nearly every request whole, so that it goes out in one guarded write.
	writeBuffer = 64 << 10
)

// Options says how to reach one Commerce Scale Unit. Zero values mean the default, where there is one.
type Options struct {
	BaseURL      string        // service root, or the host alone: /Commerce is appended when no path is given
	TokenURL     string        // Entra's token endpoint in full, v1 or v2
	ClientID     string        // application of the relying party that headquarters knows
	ClientSecret secret.String // its secret
	Resource     string        // v1 endpoint: the audience. Exactly one of Resource and Scope is set
	Scope        string        // v2 endpoint: the audience followed by /.default
	Scheme       string        // word before the token in Authorization; default id_token
	APIVersion   string        // api-version; default 7.3

	ReadTimeout  time.Duration // of one HTTP attempt at a read; default 30 s
	WriteTimeout time.Duration // of one HTTP attempt at a write, never less than the server's own work; default 100 s
	MaxWait      time.Duration // longest wait for the budget inside a call, beyond it the call is Throttled at once; default 5 s

	MaxConns       int            // connections to the host; default 64
	RootCAs        *x509.CertPool // trusted authorities; default: the system's
	AllowPlainHTTP bool           // permit http:// to a host that is not this machine: tokens and personal data in clear

	Budget   Budget   // who says when a call may go; default a Gate of its own
	Breaker  *Breaker // who keeps calls away from what does not work; default nobody
	Observer Observer // told what happens; default nobody

	Transport Transport
}

// Transport opens the HTTP machinery to tests.
type Transport struct {
	// DialContext replaces the network.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Wrap puts a boundary around every request to the CSU, not around those for tokens. What it returns must send through
	// next, with the request's own context, or send nothing.
	Wrap func(next http.RoundTripper) http.RoundTripper
}

// Validate reports everything that is wrong, naming fields and no values.
func (o Options) Validate() error {
	var errs []error
	bad := func(field, problem string) { errs = append(errs, fmt.Errorf("%s: %s", field, problem)) }
	if problem := o.urlProblem(o.BaseURL); problem != "" {
		bad("BaseURL", problem)
	}
	if problem := o.urlProblem(o.TokenURL); problem != "" {
		bad("TokenURL", problem)
	}
	if o.ClientID == "" {
		bad("ClientID", "is required")
	}
	if o.ClientSecret.IsZero() {
		bad("ClientSecret", "is required")
	}
	if (o.Resource == "") == (o.Scope == "") {
		bad("Resource, Scope", "set exactly one: Resource for a v1 token endpoint, Scope for v2")
	}
	if strings.ContainsFunc(o.Scheme, func(r rune) bool { return r <= ' ' || r > '~' }) {
		bad("Scheme", "is one word")
	}
	for _, d := range []struct {
		field string
		value int64
	}{{"ReadTimeout", int64(o.ReadTimeout)}, {"WriteTimeout", int64(o.WriteTimeout)}, {"MaxWait", int64(o.MaxWait)}, {"MaxConns", int64(o.MaxConns)}} {
		if d.value < 0 {
			bad(d.field, "is negative")
		}
	}
	return errors.Join(errs...)
}

func (o Options) urlProblem(value string) string {
	u, err := url.Parse(value)
	switch {
	case value == "":
		return "is required"
	case err != nil || u.Host == "":
		return "is not an absolute URL"
	case u.User != nil:
		return "must not contain credentials"
	case u.RawQuery != "" || u.Fragment != "":
		return "must not have a query or a fragment"
	case u.Scheme == "http" && !o.AllowPlainHTTP && !loopback(u.Hostname()):
		return "must be https (AllowPlainHTTP permits http)"
	case u.Scheme != "http" && u.Scheme != "https":
		return "must be https"
	}
	return ""
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func (o Options) withDefaults() Options {
	def(&o.Scheme, DefaultScheme)
	def(&o.APIVersion, DefaultAPIVersion)
	def(&o.ReadTimeout, DefaultReadTimeout)
	def(&o.WriteTimeout, DefaultWriteTimeout)
	def(&o.MaxWait, DefaultMaxWait)
	def(&o.MaxConns, DefaultMaxConns)
	if o.Budget == nil {
		o.Budget = NewGate(GateOptions{})
	}
	if o.Observer == nil {
		o.Observer = NoObserver{}
	}
	if o.Transport.DialContext == nil {
		o.Transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return o
}

func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// serviceRoot is BaseURL with /Commerce where it names only a host, and one slash at its end.
func (o Options) serviceRoot() string {
	u, err := url.Parse(o.BaseURL)
	if err != nil {
		return ""
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/Commerce"
	}
	return strings.TrimRight(u.String(), "/") + "/"
}

// transport is HTTP/1.1 only, without redirects, proxies or cookies; see package flight for why.
func (o Options) transport() *http.Transport {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, NextProtos: []string{"http/1.1"}}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            flight.Dial(o.Transport.DialContext),
		DialTLSContext:         flight.DialTLS(o.Transport.DialContext, conf),
		Protocols:              protocols,
		MaxConnsPerHost:        o.MaxConns,
		MaxIdleConns:           2 * o.MaxConns,
		MaxIdleConnsPerHost:    o.MaxConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        writeBuffer,
	}
}
