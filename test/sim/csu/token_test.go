package csu

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTokenAnswers(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{TokenLifetime: time.Minute})
	v1 := c.form("/contoso/oauth2/token", "resource", "https://csu.test")
	require.Equal(t, "60", v1.body["expires_in"], "v1 writes numbers as strings")
	require.IsType(t, "", v1.body["expires_on"])
	require.Equal(t, "https://csu.test", v1.body["resource"])
	v2 := c.form("/contoso/oauth2/v2.0/token", "scope", "https://csu.test/.default")
	require.Equal(t, json.Number("60"), v2.body["expires_in"])
	require.NotEqual(t, v1.body["access_token"], v2.body["access_token"])
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Tenant: "contoso"})
	v1, v2 := "/contoso/oauth2/token", "/contoso/oauth2/v2.0/token"
	for name, tc := range map[string]struct {
		path   string
		pairs  []string
		status int
		code   string
	}{
		"another tenant":    {"/fabrikam/oauth2/token", []string{"resource", "x"}, 400, "invalid_request"},
		"another grant":     {v1, []string{"resource", "x", "grant_type", "password"}, 400, "unsupported_grant_type"},
		"no resource":       {v1, nil, 400, "invalid_request"},
		"a bare scope":      {v2, []string{"scope", "openid"}, 400, "invalid_scope"},
		"a wrong secret":    {v1, []string{"resource", "x", "client_secret", "no"}, 401, "invalid_client"},
		"an unknown client": {v2, []string{"scope", "x/.default", "client_id", "no"}, 400, "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.form(tc.path, tc.pairs...)
			require.Equal(t, tc.status, got.status, got.raw)
			require.Equal(t, tc.code, got.body["error"])
		})
	}
}

func TestSchemes(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	token := c.token()
	status := func(authorization string) int {
		return c.do("GET", "GetEnvironmentConfiguration()", "", "Authorization", authorization).status
	}
	for _, word := range []string{"bearer", "Bearer", "id_token", "ID_TOKEN"} {
		require.Equal(t, 200, status(word+" "+token), word)
	}
	for _, header := range []string{"", token, "basic " + token, "bearer nonsense"} {
		require.Equal(t, 401, status(header), header)
	}
	c.sim.Configure(func(o *Options) { o.RefuseScheme = "bearer" })
	require.Equal(t, 401, status("Bearer "+token))
	require.Equal(t, 200, status("id_token "+token))
}

func TestTokensExpireAndAreRevoked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{TokenLifetime: time.Hour})
		status := func() int { return c.do("GET", "GetEnvironmentConfiguration()", "").status }
		time.Sleep(time.Hour - time.Nanosecond)
		require.Equal(t, 200, status())
		time.Sleep(time.Nanosecond)
		expired := c.do("GET", "GetEnvironmentConfiguration()", "")
		require.Equal(t, 401, expired.status)
		require.Equal(t, "InvalidUserToken", expired.errorID())

		c.header.Set("Authorization", "bearer "+c.token())
		require.Equal(t, 200, status())
		require.Equal(t, 1, c.sim.RevokeTokens())
		require.Equal(t, 401, status())
	})
}

func TestATokenOutlivesTheNextOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{TokenLifetime: time.Hour})
		time.Sleep(59 * time.Minute)
		second := c.token()
		require.Equal(t, 200, c.do("GET", "GetEnvironmentConfiguration()", "").status, "the first is good for another minute")
		time.Sleep(2 * time.Minute)
		c.token() // sweeps out the first
		require.Equal(t, 401, c.do("GET", "GetEnvironmentConfiguration()", "").status)
		require.Equal(t, 200, c.do("GET", "GetEnvironmentConfiguration()", "", "Authorization", "bearer "+second).status)
		require.Equal(t, 2, c.sim.RevokeTokens(), "expired ones are not kept")
	})
}

func TestRolesPerOperation(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Clients: []Client{
		{ID: DefaultClientID, Secret: DefaultClientSecret},
		{ID: "shopper", Secret: "s", Role: RoleCustomer},
	}})
	require.Equal(t, 201, c.create(ana).status)
	got := c.form("/contoso/oauth2/token", "resource", "x", "client_id", "shopper", "client_secret", "s")
	c.header.Set("Authorization", "bearer "+got.body["access_token"].(string))
	refused := c.create(ana)
	require.Equal(t, 403, refused.status)
	require.Equal(t, "AuthorizationFailed", refused.errorID())
	require.Equal(t, "UserAuthorizationException", refused.body["TypeName"])
	require.Equal(t, 204, c.patch("000001", `{"Phone":"1"}`).status, "a shopper may update")
	require.Len(t, c.sim.Customers(), 1)
}
