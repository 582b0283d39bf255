// Package httpout asks other systems over HTTP, one request at a time: those that sinks tell, those that configured steps call,
// and Inventory Visibility.
//
// A request goes out once. There are no redirects, proxies, cookies or compression; plain http only to this machine unless that is
// permitted; and never to addresses of the link or of the cloud's own services. Each client has a gate (package outgate), so that a receiver
// which refuses or does not answer is left alone for a while.
//
// Errors: always a *fault.Error with who was asked, a status and words of ours: never the URL, a header or any of a body. What may
// have arrived without an answer is Ambiguous.
// Concurrency: one Client for the process and receiver.
// Source: RFC 9110.
package httpout

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/flight"
	"github.com/signalbox/signalbox/internal/outgate"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Options of a Client. All but Changed, RootCAs, DialContext and Wrap are needed.
type Options struct {
	Who         string       // in every error: "the sink crm"
	Operation   string       // of every error
	Refused     fault.Reason // of what the receiver refused for good
	URL         string       // see CheckURL
	Timeout     time.Duration
	Concurrency int // requests at once from this process

	// Changed is told when the receiver is left alone, until when at first and for an answer of which class, and with zero when it is asked
	// again; nil: nobody is.
	Changed func(until time.Time, class string)

	RootCAs *x509.CertPool // trusted authorities; default: the system's
	// DialContext replaces the network in tests, and with it the check of addresses.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Wrap puts a boundary around every request, for tests; what it returns must send through next, or send nothing.
	Wrap func(next http.RoundTripper) http.RoundTripper
}

// Client asks one receiver.
type Client struct {
	opts   Options
	gate   *outgate.Gate
	client *http.Client
	base   *http.Transport
}

// New makes a client. It opens no connection. The URL has been checked.
func New(o Options) *Client {
	c := &Client{opts: o, gate: outgate.New(o.Concurrency, o.Changed), base: transport(o)}
	var way http.RoundTripper = c.base
	if o.Wrap != nil {
		way = o.Wrap(way)
	}
	c.client = &http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

// Close ends the idle connections.
func (c *Client) Close() { c.base.CloseIdleConnections() }

// ClosedUntil is when the receiver is asked again, after it refused or failed; zero while it is asked.
func (c *Client) ClosedUntil() time.Time { return c.gate.Closed() }

// Request is what is asked.
type Request struct {
	Method string
	Path   string // goes behind the URL's; begins with a slash
	Query  string // takes the place of the URL's
	Body   []byte
	Header func(body []byte) http.Header // made when it goes
	// StillOurs is asked before it goes, and again for every write to the connection: who lost its claim sends nothing, or nothing
	// more. It must be quick. nil: nobody is asked.
	StillOurs func() error
	Event     string // id of the event that it is about: failures at one and the same (fault.FailedAt) are no sign that the receiver is down. Empty: each is
	Most      int64  // bytes of the answer that are handed back; 0: none. One that is longer is Permanent.
}

// maxAnswer is how much of an answer is read that nobody wants, so that its connection can be used again.
const maxAnswer = 64 << 10

// Ask sends the request once, in its turn. nil: the receiver has it and said so.
func (c *Client) Ask(ctx context.Context, r Request) ([]byte, *fault.Error) {
	leave, wait := c.gate.Enter(ctx)
	switch {
	case ctx.Err() != nil:
		if leave != nil {
			leave(outgate.Said{})
		}
		return nil, c.cancelled(ctx)
	case leave == nil:
		f := c.fault(fault.Throttled, "", classThrottled, "is left alone for a while, because it refused or did not answer")
		f.Wait, f.Code = wait, c.gate.Class()
		return nil, f
	}
	answer, f, verdict := c.send(ctx, r)
	if f != nil {
		verdict.Class = f.Class
	}
	wait = leave(verdict)
	if f != nil && f.Kind == fault.Throttled {
		f.Wait = wait
	}
	return answer, f
}

// send makes the one request and says what it means for the event and for the gate.
func (c *Client) send(ctx context.Context, r Request) ([]byte, *fault.Error, outgate.Said) {
	timed, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	fl := flight.New(r.StillOurs, cancel)
	defer fl.Land()
	if err := fl.Check(); err != nil {
		return nil, c.over(err, false), outgate.Said{}
	}
	req, err := http.NewRequestWithContext(fl.Watch(timed), r.Method, c.opts.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, c.fault(fault.Permanent, fault.Bug, classInvalid, "has a URL that no request can be made for"), outgate.Said{}
	}
	if r.Path != "" {
		req.URL.Path, req.URL.RawPath = strings.TrimRight(req.URL.Path, "/")+r.Path, ""
	}
	if r.Query != "" {
		req.URL.RawQuery = r.Query
	}
	req.Header = r.Header(r.Body)
	began := time.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		if lost := fl.Refused(); lost != nil {
			return nil, c.over(lost, fl.Left()), outgate.Said{}
		}
		f, verdict := c.broken(ctx, err, fl.Left())
		return nil, f, verdict
	}
	defer func() { _ = resp.Body.Close() }()
	f, verdict := c.answered(resp.StatusCode, resp.Header)
	if fault.FailedAt(resp.StatusCode) { // else it would say so of every event
		verdict.Event = r.Event
	}
	if f != nil || r.Most == 0 { // the status has said it
		if resp.StatusCode != http.StatusSwitchingProtocols { // what follows that is a connection without an end, and without a time limit
			_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
		}
		verdict.Took = time.Since(began)
		return nil, f, verdict
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, r.Most+1))
	verdict.Took = time.Since(began)
	switch {
	case err != nil: // it has done what it was asked, and what it said of that is lost
		f, verdict = c.broken(ctx, err, true)
		return nil, f, verdict
	case int64(len(answer)) > r.Most:
		return nil, c.fault(fault.Permanent, c.opts.Refused, classInvalid, "gave an answer that is larger than it may be"), verdict
	}
	return answer, nil, verdict
}
