package steps

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// How a call that may have arrived is treated.
const (
	ByKey = "by_key" // the system knows a repeat by the key and takes it as the same: it is asked again
	Never = "never"  // it does not: what is in doubt goes to a person
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

var (
	methods    = []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodGet}
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	ours       = []string{"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent", "accept", "te", "trailer", "upgrade"}
	keepable   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`)
)

// caller is an http-call.
type caller struct {
	o      Options
	client *httpout.Client
	host   string

	query, body, refuseIf, keep *program
}

// call asks another system. It goes out under a key that is the same on every attempt at the event, and on a replay of it.
func (m *making) call(web Web) {
	o := m.o
	o.Method = strings.ToUpper(orElse(o.Method, http.MethodPost))
	o.KeyHeader, o.SecretHeader = orElse(o.KeyHeader, "Idempotency-Key"), orElse(o.SecretHeader, "Authorization")
	c := &caller{o: o}
	m.address(o)
	m.once(o)
	m.headers(o)
	m.shape(c)
	if len(m.problems) > 0 {
		return
	}
	u, _ := url.Parse(o.URL) // checked
	c.host = u.Hostname()
	c.client = httpout.New(httpout.Options{Who: "the system that " + o.Name + " asks", Operation: o.Name, Refused: fault.BusinessRule, URL: o.URL, Timeout: o.Timeout,
		Concurrency: max(o.Concurrency, 1), Changed: web.Changed, DialContext: web.DialContext})
	m.made.Close, m.made.Act, m.made.Sure = c.client.Close, c.act, orchestration.Repeatable
	if o.Repeat == Never {
		m.made.Sure = orchestration.AtMostOnce
	}
	m.made.Plannable = c.keep == nil // what is kept is there only once it was asked
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (m *making) address(o Options) {
	switch err := httpout.CheckURL(o.URL, o.AllowPlaintext); {
	case o.URL == "":
		m.wrong("url", "is missing", "write https://host/path")
	case err != nil:
		m.wrong("url", err.Error(), "write https://host/path; allow_plaintext permits http on a network that is encrypted below")
	case httpout.HasQuery(o.URL):
		m.wrong("url", "holds a query, which may be a credential", "put what depends on the event into query, and a credential into secret")
	}
}

func (m *making) once(o Options) {
	if !slices.Contains(methods, o.Method) {
		m.wrong("method", "is none that a step may use", "use POST, PUT, PATCH or GET")
	}
	switch {
	case o.Method == http.MethodGet && o.Repeat == Never:
		m.wrong("repeat", "is never, and a GET may be repeated", "take it out")
	case o.Method != http.MethodGet && o.Repeat == "":
		m.wrong("repeat", "is missing", "by_key if the system knows a repeat by the key in key_header, never if it does not: then what is in doubt goes to a person")
	case o.Repeat != "" && o.Repeat != ByKey && o.Repeat != Never:
		m.wrong("repeat", "is neither by_key nor never", "use by_key if the system knows a repeat by the key in key_header, else never")
	}
}

func (m *making) headers(o Options) {
	for _, h := range [][2]string{{"key_header", o.KeyHeader}, {"secret_header", o.SecretHeader}} {
		if !headerName.MatchString(h[1]) || slices.Contains(ours, strings.ToLower(h[1])) {
			m.wrong(h[0], "is no name of a header that may be set", "use another, or leave it out")
		}
	}
	if strings.EqualFold(o.KeyHeader, o.SecretHeader) {
		m.wrong("key_header", "is secret_header, too", "use two")
	}
	if strings.ContainsAny(o.Secret.Reveal(), "\r\n\x00") {
		m.wrong("secret", "holds a line end, which no header can", "put the header's whole value there, in one line")
	}
	if m.o.SecretHeader != "" && o.Secret.IsZero() {
		m.wrong("secret", "is missing", "name the header's value, env:NAME or file:PATH")
	}
}

// shape compiles what is sent and what is read of the answer.
func (m *making) shape(c *caller) {
	o := c.o
	if o.Method == http.MethodGet && o.Body != "" {
		m.wrong("body", "is set, and a GET has none", "use query, or POST")
	}
	if o.Body != "" {
		c.body = m.program("body", o.Body, true, maxText)
	}
	if o.Query != "" {
		c.query = m.program("query", o.Query, true, 4<<10)
	}
	if o.Keep != "" {
		c.keep = m.program("keep", o.Keep, true, 1<<10)
	}
	if o.RefuseIf != "" {
		c.refuseIf = m.program("refuse_if", o.RefuseIf, true, 1<<10)
		m.sentence()
	} else if o.Refuse != "" || o.Pointer != "" {
		m.wrong("refuse", "is set without refuse_if", "say in refuse_if, in jq over the answer, when the event is refused")
	}
}

type callKey struct{}

// Call is what a run's calls carry.
type Call struct {
	StillOurs func() error                            // asked right before a request goes
	Plan      func(operation string, fields []string) // not nil: nothing is sent, and it is told what would be
}

// WithCall makes the http-calls of ctx carry c.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

func (c *caller) act(ctx context.Context, v orchestration.View) error {
	r := httpout.Request{Method: c.o.Method}
	var err error
	if c.body != nil {
		if r.Body, err = c.body.of(v); err != nil {
			return err
		}
	}
	if c.query != nil {
		if r.Query, err = c.asked(v); err != nil {
			return err
		}
	}
	call, _ := ctx.Value(callKey{}).(Call)
	if call.Plan != nil {
		call.Plan(c.o.Method+" "+c.host, fieldsOf(r.Body))
		return nil
	}
	r.StillOurs, r.Header = call.StillOurs, c.header(v)
	if c.refuseIf != nil || c.keep != nil {
		r.Most = maxAnswer
	}
	answer, f := c.client.Ask(ctx, r)
	if f != nil {
		if c.o.Repeat == Never && f.Kind == fault.Transient && f.Status >= http.StatusInternalServerError {
			f.Kind = fault.Ambiguous // it may have done it before it failed
		}
		return f
	}
	if r.Most == 0 {
		return nil
	}
	return c.answered(v, answer)
}

// asked is the query: the members of an object, each a text, number or flag.
func (c *caller) asked(v orchestration.View) (string, error) {
	out, err := c.query.of(v)
	if err != nil {
		return "", err
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(out, &members) != nil {
		return "", c.query.fails("gives no object")
	}
	q := url.Values{}
	for name, value := range members {
		text, ok := scalar(value)
		if !ok {
			return "", c.query.fails("has a member that is neither text, number nor flag")
		}
		if string(value) != "null" {
			q.Set(name, text)
		}
	}
	return q.Encode(), nil
}

// scalar is a JSON text, number or flag as it stands in a query.
func scalar(v json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(v, &text) == nil {
		return text, true
	}
	return string(v), len(v) > 0 && v[0] != '{' && v[0] != '['
}

// header gives the headers. The key's is in lower case, which is the same to every server: under its usual name net/http takes it for leave to send
// the request again by itself.
func (c *caller) header(v orchestration.View) func([]byte) http.Header {
	return func(body []byte) http.Header {
		h := http.Header{"User-Agent": {"Signalbox"}, "Accept": {"application/json"}, "X-Correlation-Id": {v.Event().CorrelationID}}
		if len(body) > 0 {
			h.Set("Content-Type", "application/json")
		}
		h[strings.ToLower(c.o.KeyHeader)] = []string{v.EventToken("http-call " + c.o.Name)}
		if !c.o.Secret.IsZero() {
			h.Set(c.o.SecretHeader, c.o.Secret.Reveal())
		}
		return h
	}
}

// answered judges the answer, and keeps of it what is to be kept.
func (c *caller) answered(v orchestration.View, answer []byte) error {
	if len(strings.TrimSpace(string(answer))) == 0 {
		answer = []byte("null")
	}
	if !json.Valid(answer) {
		return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Operation: c.o.Name, Class: "invalid",
			Detail: "the system that " + c.o.Name + " asks gave an answer that is no JSON; correct it or its url, then replay"}
	}
	if c.refuseIf != nil {
		if refuses, err := c.refuseIf.true(c.refuseIf.run(v, answer)); err != nil {
			return err
		} else if refuses {
			return c.o.refusal()
		}
	}
	if c.keep == nil {
		return nil
	}
	out, err := c.keep.run(v, answer)
	if err != nil || string(out) == "null" {
		return err
	}
	id, ok := scalar(out)
	if !ok || !keepable.MatchString(id) || !mapping.Storable(id) {
		return c.keep.fails("gives no id that may be kept: at most 64 letters, digits, dots, dashes, colons and underscores, and nothing personal")
	}
	v.Keep(c.o.Name, id)
	return nil
}

// fieldsOf names the members of a body.
func fieldsOf(body []byte) []string {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(body, &members) // what is no object has none
	names := []string{}
	for name := range members {
		if keepable.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
