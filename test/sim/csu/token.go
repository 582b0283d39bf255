package csu

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// grant is what a token stands for. The token itself is opaque.
type grant struct {
	role    Role
	expires time.Time
}

// tokenV1 answers POST /{tenant}/oauth2/token. All numbers of a v1 answer are strings, a trap that clients of the
// real endpoint fall into as well.
func (c *call) tokenV1() (reply, *apiError) {
	form, refused := c.tokenForm()
	if refused != nil {
		return *refused, nil
	}
	if form.Get("resource") == "" {
		return c.entraError(http.StatusBadRequest, "invalid_request", 900144, "the request body must contain the parameter 'resource'"), nil
	}
	token, now, expires, refused := c.issue(form)
	if refused != nil {
		return *refused, nil
	}
	seconds := strconv.Itoa(int(expires.Sub(now) / time.Second))
	return tokenReply(map[string]any{
		"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds,
		"expires_on": strconv.FormatInt(expires.Unix(), 10), "not_before": strconv.FormatInt(now.Unix(), 10),
		"resource": form.Get("resource"), "access_token": token,
	}), nil
}

// tokenV2 answers POST /{tenant}/oauth2/v2.0/token.
func (c *call) tokenV2() (reply, *apiError) {
	form, refused := c.tokenForm()
	if refused != nil {
		return *refused, nil
	}
	if !strings.HasSuffix(form.Get("scope"), "/.default") {
		return c.entraError(http.StatusBadRequest, "invalid_scope", 1002012, "the scope must end in /.default"), nil
	}
	token, now, expires, refused := c.issue(form)
	if refused != nil {
		return *refused, nil
	}
	seconds := int(expires.Sub(now) / time.Second)
	return tokenReply(map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}), nil
}

func tokenReply(body map[string]any) reply {
	return reply{status: http.StatusOK, body: body, header: map[string]string{"Cache-Control": "no-store, no-cache"}}
}

func (c *call) tokenForm() (url.Values, *reply) {
	refuse := func(code string, number int, message string) (url.Values, *reply) {
		rep := c.entraError(http.StatusBadRequest, code, number, message)
		return nil, &rep
	}
	c.sim.mu.Lock()
	tenant := c.sim.opts.Tenant
	c.sim.mu.Unlock()
	if tenant != "" && !strings.EqualFold(tenant, c.key) {
		return refuse("invalid_request", 90002, "the tenant was not found")
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return refuse("invalid_request", 900144, "the request body is not a form")
	}
	if form.Get("grant_type") != "client_credentials" {
		return refuse("unsupported_grant_type", 70003, "only the grant client_credentials is supported")
	}
	return form, nil
}

// issue checks the client, in the form or in a Basic header as OAuth allows, and makes a token.
func (c *call) issue(form url.Values) (token string, now, expires time.Time, refused *reply) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, ok := c.r.BasicAuth(); ok {
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(password)
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	now = time.Now()
	for _, client := range s.opts.Clients {
		if client.ID != id {
			continue
		}
		if subtle.ConstantTimeCompare([]byte(client.Secret), []byte(secret)) != 1 {
			rep := c.entraError(http.StatusUnauthorized, "invalid_client", 7000215, "invalid client secret provided")
			return "", now, now, &rep
		}
		role := client.Role
		if role == "" {
			role = RoleApplication
		}
		for old, g := range s.tokens {
			if !now.Before(g.expires) {
				delete(s.tokens, old)
			}
		}
		token, expires = rand.Text(), now.Add(s.opts.TokenLifetime)
		s.tokens[token] = grant{role, expires}
		return token, now, expires, nil
	}
	rep := c.entraError(http.StatusBadRequest, "unauthorized_client", 700016, "the application was not found in the directory")
	return "", now, now, &rep
}

func (c *call) entraError(status int, code string, number int, message string) reply {
	return reply{status: status, body: map[string]any{
		"error": code, "error_description": "AADSTS" + strconv.Itoa(number) + ": " + message,
		"error_codes": []int{number}, "timestamp": time.Now().UTC().Format("2006-01-02 15:04:05Z"),
		"trace_id": uuid.NewString(), "correlation_id": uuid.NewString(),
	}}
}

// authenticate finds the role behind the Authorization header. Microsoft's documents write the scheme id_token,
// its proxy bearer; both are taken, whatever their case. Who presents nothing is Anonymous, where that is let in.
func (c *call) authenticate() (Role, *apiError) {
	if c.r.Header.Get("Authorization") == "" && c.sim.options().Anonymous {
		return RoleAnonymous, nil
	}
	scheme, token, found := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "id_token") {
		return "", unauthenticated(idAuthenticationFailed, "no token was presented")
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.EqualFold(scheme, s.opts.RefuseScheme) {
		return "", unauthenticated(idAuthenticationFailed, "the authentication scheme is not accepted")
	}
	g, known := s.tokens[strings.TrimSpace(token)]
	if !known || !time.Now().Before(g.expires) {
		return "", unauthenticated(idInvalidUserToken, "the token is not valid")
	}
	return g.role, nil
}

// RevokeTokens makes every token issued so far worthless and says how many there were.
func (s *Simulator) RevokeTokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.tokens)
	clear(s.tokens)
	return n
}
