package inventoryvisibility

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/internal/jsontext"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// maxAnswer is the largest answer that is read.
const maxAnswer = 4 << 20

// Client asks the service of one environment.
type Client struct {
	service *httpout.Client
	tokens  *tokens
	root    string
}

// New makes a client. It opens no connection.
func New(o Options) (*Client, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("inventoryvisibility options: %w", err)
	}
	o = o.withDefaults()
	to := func(who, address string) httpout.Options {
		return httpout.Options{Who: who, Operation: "InventoryVisibility", Refused: fault.CsuRejected, URL: address, Timeout: o.Timeout, Concurrency: o.Concurrency,
			RootCAs: o.RootCAs, DialContext: o.DialContext}
	}
	service := to("Inventory Visibility", o.BaseURL)
	service.Changed, service.Wrap = o.Changed, o.Wrap
	return &Client{service: httpout.New(service), tokens: newTokens(o, to), root: "/api/environment/" + o.Environment + "/onhand"}, nil
}

// Close ends the idle connections. Calls under way go on.
func (c *Client) Close() error {
	c.service.Close()
	c.tokens.close()
	return nil
}

// Format prints the type alone: a client holds credentials.
func (c Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "inventoryvisibility.Client") }

// call is one operation. What it reads is asked of a post, as the service has it.
type call struct {
	name  string
	write bool
	path  string // below onhand
	body  any
	into  any
}

// do makes the call and, when the token was refused, once more with a fresh one: that answer is definitive, nothing happened.
func (c *Client) do(ctx context.Context, r call) error {
	payload, err := json.Marshal(r.body)
	if err != nil {
		return r.fault(fault.New(fault.Permanent, fault.Bug, "the request could not be encoded"))
	}
	who := callFrom(ctx)
	if who.Plan != nil {
		if r.write {
			who.Plan(r.name, nil)
			return errPlanned
		}
		who.StillOurs = nil // what a plan has no claim for is writing
	}
	refused := ""
	for {
		token, f := c.tokens.get(ctx, refused)
		if f != nil {
			return r.fault(f)
		}
		answer, f := c.service.Ask(ctx, httpout.Request{Method: http.MethodPost, Path: c.root + r.path, Body: payload, StillOurs: who.StillOurs, Most: maxAnswer,
			Header: func([]byte) http.Header {
				return http.Header{"Authorization": {"Bearer " + token.Reveal()}, "Api-Version": {"1.0"}, "Content-Type": {"application/json"}, "Accept": {"application/json"}}
			}})
		switch {
		case f != nil && f.Status == http.StatusUnauthorized && refused == "":
			refused = token.Reveal()
			continue
		case f != nil:
			return r.fault(f)
		case jsontext.Decode(answer, r.into) != nil:
			f = fault.New(fault.Transient, "", "Inventory Visibility gave an answer that could not be read")
			f.Class = "server_error"
			if r.write {
				f.Kind = fault.Ambiguous
			}
			return r.fault(f)
		}
		return nil
	}
}

// fault reads a failure of the door as one of this service: what httpout says of receivers of events, which know a repeat, is not true of every
// operation here.
func (r call) fault(f *fault.Error) *fault.Error {
	f.Operation = r.name
	uncertain := fault.Transient
	if r.write {
		uncertain = fault.Ambiguous
	}
	switch {
	case f.Status == http.StatusUnauthorized, f.Status == http.StatusForbidden:
		f.Kind, f.Detail = fault.Blocked, "Inventory Visibility does not let us in: check the application, its role in the add-in, and the environment id"
	case f.Status == http.StatusServiceUnavailable && f.Kind == fault.Throttled:
		if r.write {
			f.Kind = fault.Ambiguous
		}
	case f.Status >= http.StatusInternalServerError, f.Kind == fault.Ambiguous:
		f.Kind = uncertain
	case f.Status >= 300 && f.Status < 400:
		f.Kind, f.Detail = fault.Blocked, "Inventory Visibility is at another address: set inventory.visibility.url to the endpoint that its app shows"
	case f.Status == http.StatusNotFound, f.Status == http.StatusMethodNotAllowed:
		f.Kind, f.Detail = fault.Blocked, "there is no Inventory Visibility of the environment at its address: check the endpoint and the environment id"
	case f.Status >= http.StatusBadRequest && f.Kind == fault.Permanent:
		f.Detail = "Inventory Visibility refused the request: see that the organization, the dimensions and their hierarchy are set up there as the configuration has them"
	}
	return f
}
