// Package webhook tells a receiver over HTTP: it posts events, signed.
//
// A delivery is one POST: a CloudEvent in structured mode (binary by option), with the headers of Standard Webhooks. The
// receiver answers 2xx once it has the event safe, and knows a repeat by webhook-id, which is the event's id: what got no answer
// is sent again.
//
// Errors: always a *fault.Error with the sink's name, a status and words of ours: never the URL, a header or any of the body.
// Concurrency: one Sink for the process and receiver; all of its deliveries share one gate (internal/outgate).
// Source: CloudEvents 1.0.2, HTTP protocol binding; Standard Webhooks 1.0 (https://www.standardwebhooks.com); RFC 9110.
package webhook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/sink/claim"
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

	// Changed is told when the receiver is left alone, until when at first and for an answer of which class, and with zero when it takes
	// deliveries again; nil: nobody is.
	Changed func(until time.Time, class string)

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
	if err := httpout.CheckURL(o.URL, o.AllowPlaintext); err != nil {
		say("the URL %w", err)
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
	client *httpout.Client
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
	s.client = httpout.New(httpout.Options{Who: "the sink " + o.Name, Operation: "Sink.Deliver", Refused: fault.SinkRejected, URL: o.URL, Timeout: s.opts.Timeout,
		Concurrency: s.opts.Concurrency, Changed: o.Changed, RootCAs: o.RootCAs, DialContext: o.DialContext})
	return s, nil
}

// Close ends the idle connections.
func (s *Sink) Close() error {
	s.client.Close()
	return nil
}

// ClosedUntil is when the receiver is asked again, after it refused or failed; zero while it takes deliveries.
func (s *Sink) ClosedUntil() time.Time { return s.client.ClosedUntil() }

// Format prints the name alone: a sink holds keys and a URL.
func (s *Sink) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "webhook "+s.opts.Name) }

// Deliver posts the event once, in its turn. nil: the receiver has it.
func (s *Sink) Deliver(ctx context.Context, ev orchestration.Event) error {
	body, header, err := s.encode(ev)
	if err != nil {
		f := fault.New(fault.Permanent, fault.Bug, "the sink "+s.opts.Name+" cannot be sent the event: it does not encode")
		f.Operation, f.Class = "Sink.Deliver", "invalid"
		return f
	}
	_, f := s.client.Ask(ctx, httpout.Request{Method: http.MethodPost, Body: body, Event: ev.ID, StillOurs: claim.Check(ctx), Header: func(body []byte) http.Header {
		sign(header, s.keys, ev.ID, time.Now(), body)
		return header
	}})
	if f == nil {
		return nil
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
