// Package webhook tells a receiver over HTTP: it posts events, signed.
//
// A delivery is one POST: a CloudEvent in structured mode (binary by option), with the headers of Standard Webhooks. The
// receiver answers 2xx once it has the event safe, and knows a repeat by webhook-id, which is the event's id: what got no answer
// is sent again.
//
// Errors: always a *fault.Error with the sink's name, a status and words of ours: never the URL, a header or any of the body.
// Concurrency: one Sink for the process and receiver; all of its deliveries share one gate (gate.go).
// Source: CloudEvents 1.0.2, HTTP protocol binding; Standard Webhooks 1.0 (https://www.standardwebhooks.com); RFC 9110.
package webhook

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/sink/cloudevent"
)

// Mode is the CloudEvents content mode.
type Mode string

// The two modes. The signature covers the body: in binary mode that is the data alone, without the attributes.
const (
	Structured Mode = "structured"
	Binary     Mode = "binary"
)

// Options of a Sink.
type Options struct {
	Name           string          // of the row in the sink table; in every error
	URL            string          // where to post to: https, or http to this machine
	Secrets        []secret.String // each signs every delivery: two while one takes the other's place; see Key
	Timeout        time.Duration   // of one delivery; default 10 s
	Mode           Mode            // default Structured
	Concurrency    int             // deliveries at once from this process; default 4
	AllowPlaintext bool            // permit http:// to another machine: the events go in clear

	RootCAs *x509.CertPool // trusted authorities; default: the system's
	// DialContext replaces the network in tests, and with it the check of addresses.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Mode == "" {
		o.Mode = Structured
	}
	if o.Concurrency == 0 {
		o.Concurrency = 4
	}
	return o
}

// Validate reports everything that is wrong, without quoting the URL: it may hold credentials.
func (o Options) Validate() error {
	var problems []error
	say := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("sink %s: "+format, append([]any{o.Name}, args...)...))
	}
	if o.Name == "" {
		say("needs a name")
	}
	switch u, err := url.Parse(o.URL); {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "":
		say("the URL is no https://host/path without user and fragment")
	case u.Scheme == "http" && !o.AllowPlaintext && !isLoopback(u.Hostname()):
		say("the URL is plain http to another machine")
	case unreachable(u.Hostname(), isLoopback(u.Hostname())) != "":
		say("the URL's host is %s", unreachable(u.Hostname(), isLoopback(u.Hostname())))
	}
	if len(o.Secrets) == 0 {
		say("needs a secret to sign with")
	}
	for i, s := range o.Secrets {
		if _, err := Key(s); err != nil {
			say("secret %d: %w", i+1, err)
		}
	}
	if o.Mode != "" && o.Mode != Structured && o.Mode != Binary {
		say("the mode is neither structured nor binary")
	}
	if o.Timeout < 0 || o.Concurrency < 0 {
		say("timeout and concurrency are not negative")
	}
	return errors.Join(problems...)
}

// Sink tells one receiver.
type Sink struct {
	opts   Options
	keys   [][]byte
	gate   *gate
	client *http.Client
	base   *http.Transport
}

// New makes a sink. It opens no connection.
func New(o Options) (*Sink, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Sink{opts: o.withDefaults()}
	for _, one := range o.Secrets {
		key, _ := Key(one) // validated
		s.keys = append(s.keys, key)
	}
	s.opts.Secrets = nil
	s.gate = newGate(s.opts.Concurrency)
	s.base = transport(s.opts)
	s.client = &http.Client{Transport: s.base, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s, nil
}

// Close ends the idle connections.
func (s *Sink) Close() error {
	s.base.CloseIdleConnections()
	return nil
}

// ClosedUntil is when the receiver is asked again, after it refused or failed; zero while it takes deliveries.
func (s *Sink) ClosedUntil() time.Time { return s.gate.closed() }

// Format prints the name alone: a sink holds keys and a URL.
func (s *Sink) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "webhook "+s.opts.Name) }

type checkKey struct{}

// WithCheck makes deliveries of ctx ask, right before they send, whether they still may: an older event of somebody who lost
// its claim must not arrive behind a newer one.
func WithCheck(ctx context.Context, stillOurs func() error) context.Context {
	return context.WithValue(ctx, checkKey{}, stillOurs)
}

// Deliver posts the event once, in its turn. nil: the receiver has it.
func (s *Sink) Deliver(ctx context.Context, ev orchestration.Event) error {
	body, header, err := s.encode(ev)
	if err != nil {
		return s.fault(fault.Permanent, fault.Bug, classInvalid, "cannot be sent the event: it does not encode")
	}
	leave, wait := s.gate.enter(ctx)
	switch {
	case ctx.Err() != nil:
		if leave != nil {
			leave(said{})
		}
		return s.cancelled(ctx)
	case leave == nil:
		f := s.fault(fault.Throttled, "", classThrottled, "is left alone for a while, because it refused or did not answer")
		f.Wait = wait
		return f
	}
	f, verdict := s.post(ctx, ev.ID, body, header)
	wait = leave(verdict)
	if f == nil {
		return nil
	}
	if f.Kind == fault.Throttled {
		f.Wait = wait
	}
	return f
}

func (s *Sink) encode(ev orchestration.Event) ([]byte, http.Header, error) {
	header := http.Header{"User-Agent": {"Signalbox"}, "Content-Type": {cloudevent.TypeStructured}}
	if s.opts.Mode == Structured {
		body, err := cloudevent.Structured(ev)
		return body, header, err
	}
	header.Set("Content-Type", cloudevent.TypeBinary)
	for name, value := range cloudevent.Headers(ev) {
		header.Set(name, value)
	}
	return ev.Data, header, nil
}

// maxAnswer is how much of an answer is read, so that its connection can be used again.
const maxAnswer = 64 << 10

// post makes the one request and says what it means for the event and for the gate.
func (s *Sink) post(ctx context.Context, id string, body []byte, header http.Header) (*fault.Error, said) {
	if check, ok := ctx.Value(checkKey{}).(func() error); ok {
		if err := check(); err != nil {
			f := s.fault(fault.Transient, "", classCancelled, "was not asked: the claim is over")
			f.Err = err
			return f, said{}
		}
	}
	timed, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	var left atomic.Bool
	traced := httptrace.WithClientTrace(timed, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { left.Store(true) }})
	req, err := http.NewRequestWithContext(traced, http.MethodPost, s.opts.URL, bytes.NewReader(body))
	if err != nil {
		return s.fault(fault.Permanent, fault.Bug, classInvalid, "has a URL that no request can be made for"), said{}
	}
	header = header.Clone()
	sign(header, s.keys, id, time.Now(), body)
	req.Header = header
	began := time.Now()
	resp, err := s.client.Do(req)
	if err != nil {
		return s.broken(ctx, err, left.Load())
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // the status has said it
	f, verdict := s.answered(resp.StatusCode, resp.Header)
	verdict.took = time.Since(began)
	return f, verdict
}
