package csuclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"github.com/signalbox/signalbox/internal/retryafter"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration/fault"
)

const (
	refreshEarly    = 5 * time.Minute  // before a token's end a new one is fetched
	refreshTimeout  = 30 * time.Second // of one request for a token
	unknownLifetime = 30 * time.Minute // of a token that does not say
	failurePause    = time.Second      // a failed refresh answers for everyone who asks within it
)

// token is an access token and the moments that matter.
type token struct {
	value     secret.String
	refreshAt time.Time
	expiry    time.Time
}

// newToken plans the refresh: five minutes before the end, or at four fifths of a life so short that that comes later.
func newToken(value string, expiry, now time.Time) token {
	if expiry.IsZero() {
		expiry = now.Add(unknownLifetime)
	}
	life := expiry.Sub(now)
	return token{value: secret.New(value), refreshAt: now.Add(max(life-refreshEarly, life*4/5)), expiry: expiry}
}

// tokens keeps the one access token that all calls share. One refresh at a time; while the old token is still good nobody
// waits for the new one.
type tokens struct {
	fetch    func(context.Context) (token, *fault.Error)
	observer Observer
	life     context.Context // ends with the client

	flights singleflight.Group

	mu          sync.Mutex
	current     token
	failure     *fault.Error
	failedUntil time.Time
}

// get gives a token that is good now.
func (t *tokens) get(ctx context.Context) (token, *fault.Error) {
	now := time.Now()
	t.mu.Lock()
	cur, failure := t.current, t.failure
	paused := failure != nil && now.Before(t.failedUntil)
	t.mu.Unlock()
	switch {
	case now.Before(cur.refreshAt):
		return cur, nil
	case now.Before(cur.expiry):
		if !paused {
			t.start()
		}
		return cur, nil
	case paused:
		again := *failure
		return token{}, &again
	default:
		return t.refresh(ctx)
	}
}

// replace gives another token than the refused one: the current, if somebody was quicker, else a fresh one.
func (t *tokens) replace(ctx context.Context, refused token) (token, *fault.Error) {
	t.mu.Lock()
	cur := t.current
	if cur.value == refused.value {
		t.current = token{}
	}
	t.mu.Unlock()
	if cur.value != refused.value {
		return t.get(ctx)
	}
	return t.refresh(ctx)
}

// refresh waits for a new token, together with everyone else who does.
func (t *tokens) refresh(ctx context.Context) (token, *fault.Error) {
	select {
	case r := <-t.start():
		got, _ := r.Val.(refreshed)
		if got.fault != nil {
			again := *got.fault
			return token{}, &again
		}
		return got.token, nil
	case <-ctx.Done():
		return token{}, opToken.cancelled(ctx)
	}
}

type refreshed struct {
	token token
	fault *fault.Error
}

// start begins a refresh unless one is under way. It does not end with the caller: others may wait for it.
func (t *tokens) start() <-chan singleflight.Result {
	return t.flights.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(t.life, refreshTimeout)
		defer cancel()
		tok, f := t.fetch(ctx)
		t.observer.TokenRefreshed(f == nil, tok.expiry)
		t.mu.Lock()
		defer t.mu.Unlock()
		if f == nil {
			t.current, t.failure = tok, nil
		} else {
			t.failure, t.failedUntil = f, time.Now().Add(max(failurePause, f.Wait))
		}
		return refreshed{tok, f}, nil
	})
}

// settle waits for a refresh under way: one that is asked for now joins it, or does nothing.
func (t *tokens) settle() {
	<-t.flights.DoChan("", func() (any, error) { return refreshed{fault: opToken.cancelled(t.life)}, nil })
}

// fetcher asks the token endpoint by client credentials.
func fetcher(o Options, base http.RoundTripper) func(context.Context) (token, *fault.Error) {
	client := &http.Client{
		Transport:     base,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context) (token, *fault.Error) {
		conf := clientcredentials.Config{
			ClientID:     o.ClientID,
			ClientSecret: o.ClientSecret.Reveal(),
			TokenURL:     o.TokenURL,
			AuthStyle:    oauth2.AuthStyleInParams,
		}
		if o.Scope != "" {
			conf.Scopes = []string{o.Scope}
		} else {
			conf.EndpointParams = url.Values{"resource": {o.Resource}}
		}
		got, err := conf.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
		if err != nil {
			return token{}, tokenFault(ctx, err)
		}
		return newToken(got.AccessToken, got.Expiry, time.Now()), nil
	}
}

// tokenFault reads why there is no token. Only codes of known lists come through: the body may echo what was sent.
func tokenFault(ctx context.Context, err error) *fault.Error {
	var answered *oauth2.RetrieveError
	if !errors.As(err, &answered) || answered.Response == nil {
		if sent := new(url.Error); ctx.Err() == nil && !errors.As(err, &sent) {
			return opToken.fault(fault.Transient, classServerError, "the token endpoint's answer could not be read")
		}
		return opToken.network(ctx, err)
	}
	status := answered.Response.StatusCode
	var f *fault.Error
	switch {
	case status == http.StatusTooManyRequests:
		f = opToken.fault(fault.Throttled, classThrottled, "")
	case status >= 500, status == http.StatusRequestTimeout, answered.ErrorCode == "temporarily_unavailable":
		f = opToken.fault(fault.Transient, classServerError, "")
	default:
		f = opToken.fault(fault.Blocked, classUnauthorized, "no token: check client id, secret, audience and token endpoint")
	}
	f.Wait, _ = retryafter.Parse(answered.Response.Header, time.Now())
	f.Status, f.RequestID = status, requestID(answered.Response.Header, "")
	if oauthCodes[answered.ErrorCode] {
		f.Code = answered.ErrorCode
	}
	if aadsts := entraCode.FindString(answered.ErrorDescription); aadsts != "" {
		f.Detail = aadsts + ": " + f.Detail
	}
	return f
}

// entraCode is Entra's own number of a refusal, such as AADSTS7000215 for a wrong secret.
var entraCode = regexp.MustCompile(`^AADSTS[0-9]{4,8}\b`)

// oauthCodes are the errors of RFC 6749, 5.2 and RFC 8707, and Entra's two for trouble of its own.
var oauthCodes = map[string]bool{
	"invalid_request": true, "invalid_client": true, "invalid_grant": true, "unauthorized_client": true,
	"unsupported_grant_type": true, "invalid_scope": true, "invalid_target": true, "invalid_resource": true,
	"temporarily_unavailable": true, "server_error": true,
}
