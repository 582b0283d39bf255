package steps

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

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
	r.StillOurs, r.Header, r.Event = call.StillOurs, c.header(v), v.Event().Source+" "+v.Event().ID
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
