package csuclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/internal/flight"
	"github.com/signalbox/signalbox/internal/jsontext"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// maxBody is the largest answer that is read.
const maxBody = 4 << 20

// Client calls one Commerce Scale Unit.
type Client struct {
	opts   Options
	root   string
	base   *http.Transport
	rt     http.RoundTripper
	tokens *tokens
	stop   context.CancelFunc

	countries *table[Country] // by language
	states    *table[State]   // by country
	orgUnits  *table[OrgUnit] // by operating unit: one row
	products  *products

	tenderTypes   *table[TenderType]   // by operating unit
	deliveryModes *table[DeliveryMode] // by operating unit
	stores        *table[Store]        // by operating unit, and what they do
	categories    *table[Category]     // by operating unit
}

// New makes a client. It opens no connection; Probe does.
func New(o Options) (*Client, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("csuclient options: %w", err)
	}
	o = o.withDefaults()
	base := o.transport()
	life, stop := context.WithCancel(context.Background())
	c := &Client{opts: o, root: o.serviceRoot(), base: base, rt: base, stop: stop}
	if o.Transport.Wrap != nil {
		c.rt = o.Transport.Wrap(base)
	}
	c.tokens = &tokens{fetch: fetcher(o, base), observer: o.Observer, life: life}
	c.countries, c.states, c.orgUnits = newTable[Country](life), newTable[State](life), newTable[OrgUnit](life)
	c.products = &products{}
	c.tenderTypes, c.deliveryModes, c.stores = newTable[TenderType](life), newTable[DeliveryMode](life), newTable[Store](life)
	c.categories = newTable[Category](life)
	c.opts.ClientSecret = secret.String{} // only the fetcher needs it
	return c, nil
}

// Close ends refreshes under way and the idle connections. Calls under way go on.
func (c *Client) Close() {
	c.stop()
	c.countries.settle()
	c.states.settle()
	c.orgUnits.settle()
	c.tenderTypes.settle()
	c.deliveryModes.settle()
	c.stores.settle()
	c.categories.settle()
	c.tokens.settle()
	c.base.CloseIdleConnections()
}

// Format prints the type alone: a client holds credentials.
func (c Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "csuclient.Client") }

// call is one operation with what it sends and how it reads a success.
type call struct {
	op     operation
	method string
	path   string // below the service root, literals already quoted
	query  string // beyond api-version, escaped, each with its &
	body   any    // wire type, sent as JSON; nil for none
	oun    string
	read   func(a *answer) *fault.Error
	// planned is the answer that a planned write is read from; nil: it has none that matters
	planned any
}

// answer is a whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) ok() bool { return a.status >= 200 && a.status < 300 }

// do makes the call, unless it is known not to work.
func (c *Client) do(ctx context.Context, r call) error {
	var payload []byte
	if r.body != nil {
		var err error
		if payload, err = json.Marshal(r.body); err != nil {
			return r.op.bug("the request could not be encoded")
		}
	}
	if who := callFrom(ctx); who.Plan != nil {
		if r.op.write {
			return r.plan(who.Plan, payload)
		}
		who.StillOurs = nil // what a plan has no claim for is writing
		ctx = WithCall(ctx, who)
	}
	leave, f := c.opts.Breaker.admit(ctx, r.op)
	if f != nil {
		c.opts.Observer.Waited(SourceCircuit, f.Wait)
		return f
	}
	if f = c.opts.Breaker.ended(ctx, r.op, leave, c.twice(ctx, r, payload)); f != nil {
		return f
	}
	return nil
}

// twice makes the call and, when the token was refused, once more with a fresh one: that answer is definitive, nothing happened.
func (c *Client) twice(ctx context.Context, r call, payload []byte) *fault.Error {
	tok, f := c.tokens.get(ctx)
	if f != nil {
		return f
	}
	if f = c.attempt(ctx, r, payload, tok); f == nil || !errors.Is(f, errTokenRefused) {
		return f
	}
	if tok, f = c.tokens.replace(ctx, tok); f != nil {
		return f
	}
	return c.attempt(ctx, r, payload, tok)
}

// attempt sends one HTTP request, in its turn.
func (c *Client) attempt(ctx context.Context, r call, payload []byte, tok token) *fault.Error {
	who := callFrom(ctx)
	end, f := c.acquire(ctx, r.op, who.Lane)
	if f != nil {
		return f
	}
	var load Load
	defer func() { end(load) }()

	if err := who.StillOurs(); err != nil {
		return r.op.notOurs(err)
	}
	timed, cancel := context.WithTimeout(ctx, c.timeout(r.op))
	defer cancel()
	fl := flight.New(who.StillOurs, cancel)
	req, f := c.request(fl.Watch(timed), r, payload, tok, who)
	if f != nil {
		return f
	}

	began := time.Now()
	a, err := c.send(req, fl)
	switch {
	case err != nil && (a == nil || a.ok()):
		f = r.op.broken(ctx, err, fl)
	case !a.ok():
		f = r.op.refusal(a, began)
	default:
		f = r.read(a)
	}
	if fl.Refused() != nil && !fl.Left() {
		return f // no attempt: not a byte was sent, because we did not want it
	}
	load = c.loadOf(a, f)
	c.report(r.op, who, a, f, time.Since(began))
	return f
}

func (c *Client) timeout(op operation) time.Duration {
	if op.write || op.slow {
		return c.opts.WriteTimeout
	}
	return c.opts.ReadTimeout
}

// send makes the round trip and frees the connection.
func (c *Client) send(req *http.Request, fl *flight.Flight) (*answer, error) {
	c.opts.Observer.InFlight(1)
	defer c.opts.Observer.InFlight(-1)
	defer fl.Land()
	return roundTrip(c.rt, req)
}

// acquire waits for the call's turn and says how long that took.
func (c *Client) acquire(ctx context.Context, op operation, lane string) (func(Load), *fault.Error) {
	began, source := time.Now(), c.opts.Budget.HeldBy()
	end, err := c.opts.Budget.Acquire(ctx, Cost{Lane: lane, Operation: op.name, Weight: max(op.weight, 1), MaxWait: c.opts.MaxWait})
	c.opts.Observer.Waited(source, time.Since(began))
	if err == nil {
		return end, nil
	}
	f := *fault.As(err)
	f.Operation = op.name
	if f.Kind == fault.Unknown { // nothing was sent, so it is not ambiguous, whatever it is
		f.Kind, f.Class = fault.Transient, classOther
	}
	return nil, &f
}

// Names of headers in the form in which they are sent, so that each request need not bring them into it. HTTP does not look at their case
// (RFC 9110, 5.1).
const (
	headerRequestID = "Requestid"
	headerSessionID = "Appsessionid"
	headerOUN       = "Oun"
)

// request builds one attempt: its own RequestId each time, the correlation id on all.
func (c *Client) request(ctx context.Context, r call, payload []byte, tok token, who Call) (*http.Request, *fault.Error) {
	var body io.Reader
	if payload != nil {
		body = bytes.NewReader(payload)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.root+r.path+"?api-version="+url.QueryEscape(c.opts.APIVersion)+r.query, body)
	if err != nil {
		return nil, r.op.bug("the request could not be built")
	}
	h := req.Header
	h.Set("Authorization", c.opts.Scheme+" "+tok.value.Reveal())
	h.Set("Accept", "application/json")
	h.Set(headerRequestID, uuid.NewString())
	if id := who.sessionID(); id != "" {
		h.Set(headerSessionID, id)
	}
	if r.oun != "" {
		h.Set(headerOUN, r.oun)
	}
	if payload != nil {
		h.Set("Content-Type", "application/json")
	}
	if r.op.write {
		h.Set("Prefer", "return=representation")
	}
	return req, nil
}

// errTooLarge is an answer beyond maxBody.
var errTooLarge = errors.New("answer too large")

// roundTrip reads the whole answer, so that the connection can be used again. With an error beside it, an answer has its
// status but no body.
func roundTrip(rt http.RoundTripper, req *http.Request) (*answer, error) {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	body := bytes.NewBuffer(make([]byte, 0, bytes.MinRead+min(max(resp.ContentLength, 0), maxBody)))
	_, err = body.ReadFrom(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && body.Len() > maxBody {
		err = errTooLarge
	}
	if err == nil {
		a.body = body.Bytes()
	}
	return a, err
}

// loadOf is what the budget learns. A 503 with Retry-After counts as a refusal for a write too, though it is ambiguous.
func (c *Client) loadOf(a *answer, f *fault.Error) Load {
	switch {
	case a == nil:
		return Load{}
	case f != nil && f.Class == classThrottled:
		l := Load{Refused: true, Wait: f.Wait, Told: f.Wait > 0}
		c.opts.Observer.Throttled(l.Wait, l.Told)
		return l
	default:
		return Load{Served: a.status < 500}
	}
}

func (c *Client) report(op operation, who Call, a *answer, f *fault.Error, took time.Duration) {
	r := Request{Operation: op.name, Result: result(f), Lane: who.Lane, CorrelationID: who.sessionID(), Took: took}
	if a != nil {
		r.Status, r.RequestID = a.status, requestID(a.header, "")
	}
	if f != nil {
		r.Code, r.RequestID = f.Code, f.RequestID
	}
	c.opts.Observer.Request(r)
}

// decode reads a success into v.
func (a *answer) decode(op operation, v any) *fault.Error {
	if jsontext.Decode(a.body, v) != nil {
		return op.unreadable(a, "the answer could not be read")
	}
	return nil
}
