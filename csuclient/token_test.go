package csuclient_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// issuer is a token endpoint with a CSU beside it that takes only the newest token, in a bubble.
type issuer struct {
	mu      sync.Mutex
	asked   int
	form    url.Values
	answer  http.HandlerFunc // nil: a token
	life    string           // JSON of expires_in
	took    time.Duration
	valid   string
	refused int
	delay   time.Duration
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		time.Sleep(i.took)
		body, _ := io.ReadAll(r.Body)
		i.mu.Lock()
		i.asked++
		i.form, _ = url.ParseQuery(string(body))
		answer := i.answer
		if answer == nil {
			i.valid = fmt.Sprintf("%s-%d", stubToken, i.asked)
		}
		token := i.valid
		i.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		saysJSON(200, fmt.Sprintf(`{"token_type":"Bearer","expires_in":%s,"access_token":%q}`, i.life, token))(w, r)
		return
	}
	i.mu.Lock()
	good, delay := r.Header.Get("Authorization") == "id_token "+i.valid, i.delay
	if !good {
		i.refused++
	}
	i.mu.Unlock()
	time.Sleep(delay)
	if !good {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	saysJSON(200, accountOne)(w, r)
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

func (i *issuer) revoke() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.valid = "revoked"
}

// slow delays the answers of the CSU.
func (i *issuer) slow(d time.Duration) {
	synctest.Wait()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delay = d
}

func (i *issuer) set(answer http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = answer
}

func withIssuer(t *testing.T, i *issuer, test func(t *testing.T, ch *csuclient.Channel, seen *watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if i.life == "" {
			i.life = "3600"
		}
		p, seen := newPipes(), &watcher{}
		server := &http.Server{Handler: i}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(p) }()
		c, err := csuclient.New(csuclient.Options{
			BaseURL: "http://csu.localhost", TokenURL: "http://csu.localhost/token", ClientID: "client", ClientSecret: secret.New(stubSecret),
			Scope: "https://csu.test/.default", Observer: seen, Transport: csuclient.Transport{DialContext: p.DialContext},
		})
		require.NoError(t, err)
		t.Cleanup(func() { c.Close(); _ = server.Close(); <-served })
		test(t, c.Channel("HOUSTON"), seen)
	})
}

func TestManyCallersShareOneRefresh(t *testing.T) {
	i := &issuer{took: 300 * time.Millisecond}
	withIssuer(t, i, func(t *testing.T, ch *csuclient.Channel, seen *watcher) {
		all := func() {
			var wg sync.WaitGroup
			for range 30 {
				wg.Go(func() {
					if _, err := ch.ReadCustomer(t.Context(), "1"); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		all()
		require.Equal(t, 1, i.count())
		require.Equal(t, "https://csu.test/.default", i.form.Get("scope"))
		require.Equal(t, stubSecret, i.form.Get("client_secret"))
		require.False(t, i.form.Has("resource"))
		i.revoke()
		all()
		require.Equal(t, 2, i.count(), "all were refused, one asked")
	})
}

func TestARefusedTokenIsNotUsedAgainAndALateRefusalAsksForNothing(t *testing.T) {
	i := &issuer{took: 300 * time.Millisecond}
	withIssuer(t, i, func(t *testing.T, ch *csuclient.Channel, seen *watcher) {
		read := func() {
			if _, err := ch.ReadCustomer(t.Context(), "1"); err != nil {
				t.Error(err)
			}
		}
		read()
		i.revoke()
		var wg sync.WaitGroup
		i.slow(time.Second)
		wg.Go(read) // refused when the next already has its fresh token
		i.slow(0)
		wg.Go(read) // refused at once
		time.Sleep(100 * time.Millisecond)
		wg.Go(read) // while the refresh is under way
		wg.Wait()
		require.Equal(t, 2, i.count())
		require.Equal(t, 2, i.refused)
	})
}

func TestTokensAreRefreshedBeforeTheirEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		life  string
		quiet time.Duration // still the first token
		fresh time.Duration // a second one was fetched
		over  time.Duration
	}{
		"an hour":                 {`3600`, 54 * time.Minute, 56 * time.Minute, 61 * time.Minute},
		"an hour, as v1 says it":  {`"3600"`, 54 * time.Minute, 56 * time.Minute, 61 * time.Minute},
		"a minute":                {`60`, 47 * time.Second, 49 * time.Second, 61 * time.Second},
		"a life that is not said": {`0`, 24 * time.Minute, 26 * time.Minute, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			i := &issuer{life: tc.life}
			withIssuer(t, i, func(t *testing.T, ch *csuclient.Channel, seen *watcher) {
				began := time.Now()
				read := func(at time.Duration) error {
					time.Sleep(at - time.Since(began))
					_, err := ch.ReadCustomer(t.Context(), "1")
					synctest.Wait()
					return err
				}
				require.NoError(t, read(0))
				require.NoError(t, read(tc.quiet))
				require.Equal(t, 1, i.count())
				i.set(saysJSON(500, ""))
				_ = read(tc.fresh) // the token endpoint is down, the token still good: no failure
				require.Equal(t, 2, i.count())
				require.Len(t, seen.results(), 3)
				i.set(nil)
				require.NoError(t, read(tc.over))
				require.Equal(t, 3, i.count())
			})
		})
	}
}

func TestWhatATokenEndpointsRefusalMeans(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		kind   fault.Kind
		code   string
	}{
		"400":                 {saysJSON(400, `{"error":"invalid_client","error_description":"AADSTS7000215: canary"}`), fault.Blocked, "invalid_client"},
		"401":                 {saysJSON(401, `{"error":"canary","error_description":"canary"}`), fault.Blocked, ""},
		"404":                 {says(404, "text/html", "canary"), fault.Blocked, ""},
		"302":                 {says(302, "text/html", "canary", "Location", "https://canary.test"), fault.Blocked, ""},
		"429":                 {saysJSON(429, `canary`, "Retry-After", "30"), fault.Throttled, ""},
		"500":                 {says(500, "text/html", "canary"), fault.Transient, ""},
		"503":                 {saysJSON(503, `{"error":"temporarily_unavailable"}`), fault.Transient, "temporarily_unavailable"},
		"400, but later":      {saysJSON(400, `{"error":"temporarily_unavailable"}`), fault.Transient, "temporarily_unavailable"},
		"a page":              {says(200, "text/html", "<html>canary"), fault.Transient, ""},
		"JSON without token":  {saysJSON(200, `{"canary":1}`), fault.Transient, ""},
		"connection cut":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Transient, ""},
		"no answer at all":    {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, fault.Transient, ""},
		"an error with a 200": {saysJSON(200, `{"error":"invalid_scope"}`), fault.Blocked, "invalid_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			i := &issuer{answer: tc.answer}
			withIssuer(t, i, func(t *testing.T, ch *csuclient.Channel, seen *watcher) {
				_, err := ch.CreateCustomer(t.Context(), jane)
				f := faultOf(t, tc.kind, err)
				require.Equal(t, "Token", f.Operation)
				require.Equal(t, tc.code, f.Code)
				require.NotContains(t, err.Error(), "canary")
				require.Empty(t, seen.results())

				_, err = ch.CreateCustomer(t.Context(), jane)
				requireKind(t, tc.kind, err)
				require.Equal(t, 1, i.count(), "a failure is not asked for again at once")

				i.set(nil)
				time.Sleep(31 * time.Second)
				_, err = ch.CreateCustomer(t.Context(), jane)
				require.NoError(t, err)
			})
		})
	}
}

func TestACallerDoesNotWaitForATokenLongerThanItWants(t *testing.T) {
	i := &issuer{took: 20 * time.Second}
	withIssuer(t, i, func(t *testing.T, ch *csuclient.Channel, seen *watcher) {
		ctx, cancel := contextWithTimeout(t, 5*time.Second)
		defer cancel()
		_, err := ch.CreateCustomer(ctx, jane)
		f := faultOf(t, fault.Transient, err)
		require.Equal(t, "timeout", f.Class)
		_, err = ch.CreateCustomer(t.Context(), jane) // the same refresh goes on for others
		require.NoError(t, err)
		require.Equal(t, 1, i.count())
	})
}
