package csu

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChannelAndVersion(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	for name, tc := range map[string]struct {
		path, oun string
		status    int
		id        string
	}{
		"a known channel is served":                   {"Customers('x')", DefaultOUN, 404, "CustomerNotFound"},
		"an unknown channel is refused":               {"Customers('x')", "NOWHERE", 400, "InvalidChannel"},
		"a customer operation needs a channel":        {"Customers('x')", "", 400, "InvalidChannel"},
		"the environment needs none":                  {"GetEnvironmentConfiguration()", "", 200, ""},
		"the environment still refuses a wrong one":   {"GetEnvironmentConfiguration()", "NOWHERE", 400, "InvalidChannel"},
		"version 7.3 is served":                       {"GetEnvironmentConfiguration()?api-version=7.3", "", 200, ""},
		"an unknown version is refused":               {"GetEnvironmentConfiguration()?api-version=9.9", "", 400, "RetailServerApiVersionNotSupported"},
		"an unknown path is a page of the web server": {"Nonsense", DefaultOUN, 404, ""},
		"a function is called with parentheses":       {"GetEnvironmentConfiguration", "", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.do("GET", tc.path, "", "OUN", tc.oun)
			require.Equal(t, tc.status, got.status, got.raw)
			require.Equal(t, tc.id, got.errorID())
		})
	}
}

func TestAnActionIsNotAFunction(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, 405, c.do("GET", "Customers/SearchByFields", "").status)
	require.Equal(t, int64(1), c.sim.Stats().ByStatus["Unknown"][405])
}

func TestHealthProbeWantsNoToken(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, 200, c.send(t.Context(), "GET", "/HealthCheck?testname=ping", "", nil).status)
}

func TestBothErrorEnvelopes(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	first := c.do("GET", "Customers('x')", "", "RequestId", "r-1")
	require.Equal(t, "DataValidationException", first.body["TypeName"])
	require.Equal(t, "r-1", first.body["CorrelationId"])
	require.Equal(t, "CustomerNotFound", first.errorID())

	c.sim.Configure(func(o *Options) { o.ErrorShape = ShapeOData })
	second := c.do("GET", "Customers('x')", "")
	require.Equal(t, "Microsoft.Dynamics.Commerce.Runtime.DataValidationException", second.body["error"].(map[string]any)["code"])
	require.Equal(t, "CustomerNotFound", second.errorID())
}

func TestKeysInPaths(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path, resource, key string
		miss                bool
	}{
		"plain":                       {path: "/Commerce/Customers('000001')", resource: "Customers(key)", key: "000001"},
		"quotes percent-encoded":      {path: "/Commerce/Customers(%27000001%27)", resource: "Customers(key)", key: "000001"},
		"a doubled quote is one":      {path: "/Commerce/Customers('O''Hara')", resource: "Customers(key)", key: "O'Hara"},
		"doubled and percent-encoded": {path: "/Commerce/Customers%28%27O%27%27Hara%27%29", resource: "Customers(key)", key: "O'Hara"},
		"a slash percent-encoded":     {path: "/Commerce/Customers('a%2Fb')", resource: "Customers(key)", key: "a/b"},
		"a slash between quotes":      {path: "/Commerce/Customers('a/b')/Do", resource: "Customers(key)/Do", key: "a/b"},
		"a space":                     {path: "/Commerce/Customers('a%20b')", resource: "Customers(key)", key: "a b"},
		"no key":                      {path: "/Commerce/Customers('')", resource: "Customers(key)", key: ""},
		"a single quote inside":       {path: "/Commerce/Customers('O'Hara')", resource: "Customers('O'Hara')"},
		"a bad escape":                {path: "/Commerce/Customers('%zz')", miss: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource, key, _, ok := resourceOf(tc.path)
			require.Equal(t, !tc.miss, ok)
			require.Equal(t, tc.resource, resource)
			require.Equal(t, tc.key, key)
		})
	}
}

func FuzzResourceOf(f *testing.F) {
	f.Add("O'Hara/%27")
	f.Add("")
	f.Fuzz(func(t *testing.T, key string) {
		resource, got, _, ok := resourceOf("/Commerce/Customers(" + quoteKey(key) + ")")
		if !ok || resource != "Customers(key)" || got != key {
			t.Fatalf("%q came back as %q, %q, %v", key, resource, got, ok)
		}
	})
}

func TestBodiesMustBeJSONObjects(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	for name, tc := range map[string]struct {
		body, contentType string
		status            int
	}{
		"a form":               {"a=b", "application/x-www-form-urlencoded", 415},
		"no content type":      {ana, "", 415},
		"with a charset":       {ana, "application/json; charset=utf-8", 201},
		"not JSON":             {"{", "application/json", 400},
		"two objects":          {"{}{}", "application/json", 400},
		"a list":               {"[]", "application/json", 400},
		"null":                 {"null", "application/json", 400},
		"larger than 4 MiB":    {`{"Name":"` + strings.Repeat("x", maxBody) + `"}`, "application/json", 413},
		"a number for a text":  {`{"Name":1}`, "application/json", 400},
		"a null collection":    {`{"Name":"x","Addresses":null}`, "application/json", 400},
		"a fraction for an id": {`{"Name":"x","TitleRecordId":1.5}`, "application/json", 400},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.create(tc.body, "Content-Type", tc.contentType)
			require.Equal(t, tc.status, got.status, got.raw)
		})
	}
	require.Len(t, c.sim.Customers(), 1)
}

func TestCloseLetsWaitingRequestsGoWithoutEffect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{CommitDelay: time.Hour})
		answer := make(chan answerOf)
		go func() { answer <- c.create(ana) }()
		synctest.Wait()
		begin := time.Now()
		c.sim.Close()
		require.Error(t, (<-answer).err)
		require.Zero(t, time.Since(begin))
		require.Empty(t, c.sim.Customers())
		require.Equal(t, http.StatusServiceUnavailable, c.do("GET", "Customers('1')", "").status)
	})
}

func TestResetDropsWritesUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{})
		require.Equal(t, 201, c.create(ana).status)
		c.inject(Fault{Kind: Hold, Point: PointCommit})
		answer := make(chan answerOf)
		go func() { answer <- c.create(ana) }()
		synctest.Wait()
		require.Equal(t, 1, c.sim.Held())
		c.sim.Reset()
		require.Error(t, (<-answer).err)
		require.Empty(t, c.sim.Customers())
		require.Empty(t, c.sim.Ledger())
		require.Zero(t, c.sim.Stats().Requests)
		require.Equal(t, "000001", c.create(ana).body["AccountNumber"], "tokens stay, numbers begin again")
	})
}
