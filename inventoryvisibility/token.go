package inventoryvisibility

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/signalbox/signalbox/internal/httpout"
	"github.com/signalbox/signalbox/internal/jsontext"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// What the tokens are asked for: fixed values of Microsoft's.
const (
	entraScope   = "0cdb527f-a8d1-4bf8-9436-b352c68682b2/.default"                // of the ERP microservices
	serviceScope = "https://inventoryservice.operations365.dynamics.com/.default" // of the add-in
)

const (
	refreshEarly    = 5 * time.Minute  // before a token's end a new one is fetched
	unknownLifetime = 30 * time.Minute // of a token that does not say
	maxTokenAnswer  = 64 << 10
)

// tokens keeps the one access token that all calls share. It is had in two steps: Entra knows the application, and the security service gives,
// for Entra's token, the one of the environment.
type tokens struct {
	o               Options
	entra, security *httpout.Client

	turn chan struct{} // held by who fetches; others wait for it

	mu        sync.Mutex
	value     secret.String
	refreshAt time.Time
}

func newTokens(o Options, to func(who, address string) httpout.Options) *tokens {
	return &tokens{o: o, turn: make(chan struct{}, 1), entra: httpout.New(to("Entra", o.TokenURL)), security: httpout.New(to("the security service", o.SecurityURL))}
}

func (t *tokens) close() {
	t.entra.Close()
	t.security.Close()
}

// known is the token, if it is good and not the refused one.
func (t *tokens) known(refused string) (secret.String, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value, !t.value.IsZero() && t.value.Reveal() != refused && time.Now().Before(t.refreshAt)
}

// get gives a token that is good now, and another one than the refused.
func (t *tokens) get(ctx context.Context, refused string) (secret.String, *fault.Error) {
	if token, ok := t.known(refused); ok {
		return token, nil
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		f := fault.New(fault.Transient, "", "the run was cut short before there was a token")
		f.Class, f.Err = "cancelled", context.Cause(ctx)
		return secret.String{}, f
	}
	if token, ok := t.known(refused); ok { // somebody was quicker
		return token, nil
	}
	token, life, f := t.fetch(ctx)
	if f != nil {
		return secret.String{}, f
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value, t.refreshAt = token, time.Now().Add(max(life-refreshEarly, life*4/5))
	return token, nil
}

func (t *tokens) fetch(ctx context.Context) (secret.String, time.Duration, *fault.Error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {t.o.ClientID}, "client_secret": {t.o.ClientSecret.Reveal()}, "scope": {entraScope}}
	assertion, _, f := ask(ctx, t.entra, "application/x-www-form-urlencoded", []byte(form.Encode()))
	if f != nil {
		return secret.String{}, 0, denied(f, OperationEntra, "Entra gives no token: check client id, secret and token endpoint")
	}
	wish, err := json.Marshal(map[string]string{"grant_type": "client_credentials", "client_assertion_type": "aad_app", "client_assertion": assertion.Reveal(),
		"scope": serviceScope, "context": t.o.Environment, "context_type": "finops-env"})
	if err != nil {
		return secret.String{}, 0, fault.New(fault.Permanent, fault.Bug, "the request for a token could not be encoded")
	}
	token, life, f := ask(ctx, t.security, "application/json", wish)
	if f != nil {
		return secret.String{}, 0, denied(f, OperationSecurity, "the security service gives no token: check its address, which is that of the region, the environment id, and that the application is registered for the add-in")
	}
	return token, life, nil
}

func ask(ctx context.Context, c *httpout.Client, contentType string, body []byte) (secret.String, time.Duration, *fault.Error) {
	answer, f := c.Ask(ctx, httpout.Request{Method: http.MethodPost, Body: body, Most: maxTokenAnswer, Header: func([]byte) http.Header {
		return http.Header{"Content-Type": {contentType}, "Accept": {"application/json"}, "Api-Version": {"1.0"}}
	}})
	if f != nil {
		return secret.String{}, 0, f
	}
	var got struct {
		Token string `json:"access_token"`
		Life  int64  `json:"expires_in"`
	}
	if jsontext.Decode(answer, &got) != nil || got.Token == "" {
		f = fault.New(fault.Transient, "", "the answer to the request for a token could not be read")
		f.Class = "server_error"
		return secret.String{}, 0, f
	}
	life := time.Duration(got.Life) * time.Second
	if life <= 0 {
		life = unknownLifetime
	}
	return secret.New(got.Token), life, nil
}

// denied reads why there is no token. Asking for one has no effect, so nothing is in doubt.
func denied(f *fault.Error, operation, why string) *fault.Error {
	switch {
	case f.Kind == fault.Throttled:
	case f.Status >= 300 && f.Status < 500 && f.Status != http.StatusRequestTimeout:
		f.Kind, f.Reason, f.Class, f.Detail = fault.Blocked, "", "unauthorized", why
	case f.Kind == fault.Ambiguous, f.Kind == fault.Permanent:
		f.Kind, f.Reason = fault.Transient, ""
	}
	f.Status, f.Operation = 0, operation // the status is not the call's own
	return f
}
