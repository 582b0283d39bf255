package inventoryvisibility

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// entraToken answers as Entra's v2 endpoint.
func (c *call) entraToken() reply {
	form, err := url.ParseQuery(string(c.body))
	o := c.sim.opts
	switch {
	case err != nil || form.Get("grant_type") != "client_credentials":
		return reply{status: http.StatusBadRequest, body: map[string]string{"error": "unsupported_grant_type"}}
	case form.Get("scope") != entraScope:
		return reply{status: http.StatusBadRequest, body: map[string]string{"error": "invalid_scope"}}
	case form.Get("client_id") != o.ClientID || form.Get("client_secret") != o.ClientSecret:
		return reply{status: http.StatusUnauthorized, body: map[string]string{"error": "invalid_client"}}
	}
	return c.sim.issue(true)
}

// securityToken answers as the security service of the region.
func (c *call) securityToken() reply {
	var wish struct {
		Grant     string `json:"grant_type"`
		Type      string `json:"client_assertion_type"`
		Assertion string `json:"client_assertion"`
		Scope     string `json:"scope"`
		Context   string `json:"context"`
		Kind      string `json:"context_type"`
	}
	switch {
	case json.Unmarshal(c.body, &wish) != nil, wish.Grant != "client_credentials", wish.Type != "aad_app", wish.Scope != serviceScope, wish.Kind != "finops-env":
		return refuse(http.StatusBadRequest, "that is no request for a token")
	case wish.Context != c.sim.opts.Environment:
		return refuse(http.StatusForbidden, "the application is not registered for that environment")
	case !c.sim.good(wish.Assertion, true):
		return refuse(http.StatusUnauthorized, "the assertion is not good")
	}
	return c.sim.issue(false)
}

func (s *Simulator) issue(assertion bool) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := rand.Text()
	s.tokens[token] = grant{assertion, time.Now().Add(s.opts.TokenLifetime)}
	return reply{status: http.StatusOK, body: map[string]any{"token_type": "bearer", "access_token": token, "expires_in": int(s.opts.TokenLifetime / time.Second)}}
}

func (s *Simulator) good(token string, assertion bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, known := s.tokens[token]
	return known && g.assertion == assertion && time.Now().Before(g.expires)
}

// letIn says whether the request carries a token of the service. Entra's own is none.
func (c *call) letIn() bool {
	token, bearer := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	return bearer && c.sim.good(token, false)
}
