package httpout

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func post() Request {
	return Request{Method: http.MethodPost, Body: []byte("{}"), Header: func([]byte) http.Header { return http.Header{} }, Most: 100}
}

// client asks a server that answers as told.
func client(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c := New(Options{Who: "the step score-fraud", Operation: "score-fraud", Refused: fault.BusinessRule, URL: server.URL + "/sig-4711?sig=4711", Timeout: 5 * time.Second, Concurrency: 2})
	t.Cleanup(c.Close)
	return c
}

func TestAnAnswerIsHandedBackIfItIsNotTooLarge(t *testing.T) {
	t.Parallel()
	var asked string
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.RawQuery
		_, _ = io.WriteString(w, strings.Repeat("x", 100+strings.Count(r.URL.RawQuery, "more")))
	})
	answer, f := c.Ask(t.Context(), post())
	require.Nil(t, f)
	require.Len(t, answer, 100)
	require.Equal(t, "POST sig=4711", asked)
	r := post()
	r.Method, r.Query = http.MethodGet, "more=1"
	_, f = c.Ask(t.Context(), r)
	require.Equal(t, []any{fault.Permanent, fault.BusinessRule}, []any{f.Kind, f.Reason})
	require.Equal(t, "GET more=1", asked)
}

func TestAnAnswerThatBreaksOffIsInDoubt(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "50")
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})
	_, f := c.Ask(t.Context(), post())
	require.Equal(t, fault.Ambiguous, f.Kind)
	require.NotContains(t, f.Error(), "4711")
	require.Equal(t, 1, c.gate.Strikes())
}

func TestARequestThatIsCutShortSaysNothingOfTheReceiver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := client(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	_, f := c.Ask(ctx, post())
	require.Equal(t, fault.Ambiguous, f.Kind)
	require.Zero(t, c.gate.Strikes())
}

func TestAPathGoesBehindTheURLs(t *testing.T) {
	t.Parallel()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.Path }))
	t.Cleanup(server.Close)
	for under, want := range map[string]string{"": "/api/x", "/": "/api/x", "/root/": "/root/api/x"} {
		c := New(Options{Who: "it", Operation: "Ask", URL: server.URL + under, Timeout: time.Second, Concurrency: 1})
		t.Cleanup(c.Close)
		r := post()
		r.Path = "/api/x"
		_, f := c.Ask(t.Context(), r)
		require.Nil(t, f)
		require.Equal(t, want, got)
	}
}
