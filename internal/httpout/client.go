// Package httpout asks other systems over HTTP, one request at a time: those that sinks tell, and those that configured steps call.
//
// A request goes out once. There are no redirects, proxies, cookies or compression; plain http only to this machine unless that is
// permitted; and never to addresses of the link or of the cloud's own services. Each client has a gate (gate.go), so that a receiver
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
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// Options of a Client. All but Changed, RootCAs and DialContext are needed.
type Options struct {
	Who         string       // in every error: "the sink crm"
	Operation   string       // of every error
	Refused     fault.Reason // of what the receiver refused for good
	URL         string       // see CheckURL
	Timeout     time.Duration
	Concurrency int // requests at once from this process

	// Changed is told when the receiver is left alone, until when at first, and with zero when it is asked again; nil: nobody is.
	Changed func(until time.Time)

	RootCAs *x509.CertPool // trusted authorities; default: the system's
	// DialContext replaces the network in tests, and with it the check of addresses.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client asks one receiver.
type Client struct {
	opts   Options
	gate   *gate
	client *http.Client
	base   *http.Transport
}

// New makes a client. It opens no connection. The URL has been checked.
func New(o Options) *Client {
	c := &Client{opts: o, gate: newGate(o.Concurrency, o.Changed), base: transport(o)}
	c.client = &http.Client{Transport: c.base, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

// Close ends the idle connections.
func (c *Client) Close() { c.base.CloseIdleConnections() }

// ClosedUntil is when the receiver is asked again, after it refused or failed; zero while it is asked.
func (c *Client) ClosedUntil() time.Time { return c.gate.closed() }

// Request is what is asked.
type Request struct {
	Method string
	Query  string // takes the place of the URL's
	Body   []byte
	Header func(body []byte) http.Header // made when it goes
	// StillOurs is asked right before it goes: who lost its claim sends nothing. nil: nobody is asked.
	StillOurs func() error
	Most      int64 // bytes of the answer that are handed back; 0: none. One that is longer is Permanent.
}

// maxAnswer is how much of an answer is read that nobody wants, so that its connection can be used again.
const maxAnswer = 64 << 10

// Ask sends the request once, in its turn. nil: the receiver has it and said so.
func (c *Client) Ask(ctx context.Context, r Request) ([]byte, *fault.Error) {
	leave, wait := c.gate.enter(ctx)
	switch {
	case ctx.Err() != nil:
		if leave != nil {
			leave(said{})
		}
		return nil, c.cancelled(ctx)
	case leave == nil:
		f := c.fault(fault.Throttled, "", classThrottled, "is left alone for a while, because it refused or did not answer")
		f.Wait = wait
		return nil, f
	}
	answer, f, verdict := c.send(ctx, r)
	wait = leave(verdict)
	if f != nil && f.Kind == fault.Throttled {
		f.Wait = wait
	}
	return answer, f
}

// send makes the one request and says what it means for the event and for the gate.
func (c *Client) send(ctx context.Context, r Request) ([]byte, *fault.Error, said) {
	if r.StillOurs != nil {
		if err := r.StillOurs(); err != nil {
			f := c.fault(fault.Transient, "", classCancelled, "was not asked: the claim is over")
			f.Err = err
			return nil, f, said{}
		}
	}
	timed, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	var left atomic.Bool
	traced := httptrace.WithClientTrace(timed, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { left.Store(true) }})
	req, err := http.NewRequestWithContext(traced, r.Method, c.opts.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, c.fault(fault.Permanent, fault.Bug, classInvalid, "has a URL that no request can be made for"), said{}
	}
	if r.Query != "" {
		req.URL.RawQuery = r.Query
	}
	req.Header = r.Header(r.Body)
	began := time.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		f, verdict := c.broken(ctx, err, left.Load())
		return nil, f, verdict
	}
	defer func() { _ = resp.Body.Close() }()
	f, verdict := c.answered(resp.StatusCode, resp.Header)
	if f != nil || r.Most == 0 {
		_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // the status has said it
		verdict.took = time.Since(began)
		return nil, f, verdict
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, r.Most+1))
	verdict.took = time.Since(began)
	switch {
	case err != nil: // it has done what it was asked, and what it said of that is lost
		f, verdict = c.broken(ctx, err, true)
		return nil, f, verdict
	case int64(len(answer)) > r.Most:
		return nil, c.fault(fault.Permanent, c.opts.Refused, classInvalid, "gave an answer that is larger than it may be"), verdict
	}
	return answer, nil, verdict
}
