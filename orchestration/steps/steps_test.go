package steps

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run is what a step sees of a run.
type run struct {
	data  string
	kept  map[string]string
	tells []string
}

func (r *run) Event() orchestration.Event {
	return orchestration.Event{Source: "https://shop.example.com", ID: "e1", Type: "signalbox.order.placed.v1", Time: time.Unix(0, 0), CorrelationID: "c-1"}
}
func (r *run) Channel() orchestration.Channel    { return orchestration.Channel{Name: "web"} }
func (r *run) Data() json.RawMessage             { return json.RawMessage(r.data) }
func (r *run) Learned() (json.RawMessage, error) { return json.RawMessage(`{"order":"o-1"}`), nil }
func (r *run) Kept() map[string]string           { return r.kept }
func (r *run) EventToken(purpose string) string  { return "key of " + purpose }
func (r *run) Keep(name, id string)              { r.kept = map[string]string{name: id} }
func (r *run) Tell(typ string, d any, _ ...string) {
	r.tells = append(r.tells, typ+" "+string(d.(json.RawMessage)))
}

func order() *run {
	return &run{data: `{"id": "7", "email": "ana@example.com", "total": 10.10, "note": null}`}
}

func made(t *testing.T, o Options) Step {
	t.Helper()
	o.Name = orElse(o.Name, "check-it")
	o.Before = orElse(o.Before, "place-order")
	s, problems := New(o, Web{})
	require.Empty(t, problems)
	if s.Close != nil {
		t.Cleanup(s.Close)
	}
	return s
}

func TestAGuardRefusesWithItsSentence(t *testing.T) {
	t.Parallel()
	for when, refuses := range map[string]bool{
		`.total > 10`: true, `.total > 11`: false, `.note`: false, `empty`: false, `$event.channel == "web"`: true, `$learned.order == "o-1"`: true,
		`$event.time == "1970-01-01T00:00:00Z"`: true,
	} {
		err := made(t, Options{Type: Guard, When: when, Refuse: "Too much.", Pointer: "/total"}).Look(order())
		require.Equal(t, refuses, err != nil, when)
		if refuses {
			f := fault.As(err)
			require.Equal(t, []any{fault.Permanent, fault.BusinessRule, "Too much.", "/total"}, []any{f.Kind, f.Reason, f.Detail, f.Pointer})
		}
	}
	for when, says := range map[string]string{`.email`: "its when gives neither true nor false", `.email.domain`: "its when does not keep", `last(range(0; 1e9))`: "its when takes more work"} {
		err := made(t, Options{Type: Guard, When: when, Refuse: "Too much."}).Look(order())
		require.ErrorContains(t, err, "the step check-it of the configuration fails: "+says)
		require.NotContains(t, err.Error(), "ana@")
		require.Equal(t, fault.Permanent, fault.KindOf(err))
	}
}

func TestAMapKeepsWhatItDoesNotChange(t *testing.T) {
	t.Parallel()
	r := order()
	r.kept = map[string]string{"score-fraud": "D-1"}
	data, err := made(t, Options{Type: FieldMap, Map: `.id += "-x" | .score = $kept["score-fraud"]`}).Map(r)
	require.NoError(t, err)
	require.Equal(t, `{"email":"ana@example.com","id":"7-x","note":null,"score":"D-1","total":10.10}`, string(data), "numbers and nulls as they were")
}

func TestAnEventIsToldAsItIsShaped(t *testing.T) {
	t.Parallel()
	r := order()
	s := made(t, Options{Type: Emit, Event: "contoso.order.accepted.v1", Data: `{id, order: $learned.order}`, When: `.total > 1`})
	holds, err := s.When(r)
	require.True(t, holds && err == nil)
	require.NoError(t, s.Look(r))
	require.NoError(t, s.Tell(r))
	require.Equal(t, []string{`contoso.order.accepted.v1 {"id":"7","order":"o-1"}`}, r.tells)
	require.ErrorContains(t, made(t, Options{Type: Emit, Event: "contoso.x", Data: `.note`}).Look(r), "its data gives nothing")
}

// system answers as told, and remembers what it was asked.
type system struct {
	url    string
	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
}

func newSystem(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *system {
	t.Helper()
	s := &system{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.asked, s.bodies = append(s.asked, r), append(s.bodies, string(body))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/4711"
	return s
}

// was gives the requests, with their bodies.
func (s *system) was() ([]*http.Request, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked), slices.Clone(s.bodies)
}

func (s *system) times() int {
	asked, _ := s.was()
	return len(asked)
}

func says(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func call(url string, change ...func(*Options)) Options {
	o := Options{Type: HTTPCall, URL: url, Repeat: ByKey, Timeout: 5 * time.Second, Body: `{id, total}`}
	for _, f := range change {
		f(&o)
	}
	return o
}

func TestACallCarriesItsKeyItsSecretAndItsBody(t *testing.T) {
	t.Parallel()
	sys := newSystem(t, says("not even JSON"))
	s := made(t, call(sys.url, func(o *Options) { o.Secret, o.SecretHeader = secret.New("s3cret"), "X-Api-Key" }))
	require.Equal(t, orchestration.Repeatable, s.Sure)
	require.NoError(t, s.Act(t.Context(), order()))
	asked, bodies := sys.was()
	r := asked[0]
	require.Equal(t, []string{"POST", "key of http-call check-it", "s3cret", "application/json", "c-1", `{"id":"7","total":10.10}`},
		[]string{r.Method, r.Header.Get("Idempotency-Key"), r.Header.Get("X-Api-Key"), r.Header.Get("Content-Type"), r.Header.Get("X-Correlation-Id"), bodies[0]})

	s = made(t, call(sys.url, func(o *Options) { o.Method, o.Repeat, o.Body, o.Query = "GET", "", "", `{id, total, note, gift: true}` }))
	require.NoError(t, s.Act(t.Context(), order()))
	asked, bodies = sys.was()
	require.Equal(t, "gift=true&id=7&total=10.10", asked[1].URL.RawQuery)
	require.Empty(t, bodies[1])
}

func TestOfAnAnswerOnlyAnIDIsKept(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`{"id": "D-17"}`: "D-17", `{"id": 17}`: "17", `{"id": null}`: "", `{}`: "", ``: "",
		`{"id": "ana@example.com"}`: "!", `{"id": {"a": 1}}`: "!", `{"id": "Ana Contoso"}`: "!", `{"id": "` + strings.Repeat("x", 65) + `"}`: "!", `no JSON`: "!",
		`{"refuse": true, "id": "D-17"}`: "!", `{"refuse": "maybe"}`: "!",
	} {
		sys := newSystem(t, says(answer))
		r := order()
		err := made(t, call(sys.url, func(o *Options) { o.Keep, o.RefuseIf, o.Refuse = ".id", ".refuse", "Refused." })).Act(t.Context(), r)
		if want == "!" {
			require.Equal(t, fault.Permanent, fault.KindOf(err), answer)
			require.NotContains(t, strings.ToLower(err.Error()), "ana", answer)
			require.Empty(t, r.kept, answer)
			continue
		}
		require.NoError(t, err, answer)
		require.Equal(t, want, r.kept["check-it"], answer)
	}
	sys := newSystem(t, says(`{"id": "`+strings.Repeat("x", maxAnswer)+`"}`))
	require.Equal(t, fault.Permanent, fault.KindOf(made(t, call(sys.url, func(o *Options) { o.Keep = ".id" })).Act(t.Context(), order())))
}

func TestWhatAFailedCallMeans(t *testing.T) {
	t.Parallel()
	for status, want := range map[int][2]fault.Kind{ // by key, never again
		429: {fault.Throttled, fault.Throttled}, 500: {fault.Transient, fault.Ambiguous}, 502: {fault.Ambiguous, fault.Ambiguous}, 503: {fault.Transient, fault.Ambiguous},
		400: {fault.Permanent, fault.Permanent}, 409: {fault.Permanent, fault.Permanent}, 401: {fault.Transient, fault.Transient}, 302: {fault.Transient, fault.Transient},
	} {
		for i, repeat := range []string{ByKey, Never} {
			sys := newSystem(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "ana@example.com")
			})
			err := made(t, call(sys.url, func(o *Options) { o.Repeat, o.Secret = repeat, secret.New("s3cret") })).Act(t.Context(), order())
			require.Equal(t, want[i], fault.KindOf(err), "%d %s", status, repeat)
			require.Equal(t, 1, sys.times())
			for _, leak := range []string{"ana@", "4711", "127.0.0.1", "s3cret"} {
				require.NotContains(t, err.Error(), leak)
			}
			if f := fault.As(err); f.Kind == fault.Permanent {
				require.Equal(t, fault.BusinessRule, f.Reason)
			}
		}
	}
}

func TestARunThatIsOverAndAPlanAskNobody(t *testing.T) {
	t.Parallel()
	sys := newSystem(t, says(""))
	s := made(t, call(sys.url))
	lost := errors.New("lost")
	require.ErrorIs(t, s.Act(WithCall(t.Context(), Call{StillOurs: func() error { return lost }}), order()), lost)
	var would []string
	plan := WithCall(context.Background(), Call{Plan: func(operation string, fields []string) { would = append([]string{operation}, fields...) }})
	require.NoError(t, s.Act(plan, order()))
	require.Equal(t, []string{"POST 127.0.0.1", "id", "total"}, would)
	require.Zero(t, sys.times())
	require.True(t, s.Plannable)
	require.False(t, made(t, call(sys.url, func(o *Options) { o.Keep = ".id" })).Plannable, "what is kept comes from the answer")
}

// TestARequestIsNotSentAgainByTheLibrary: it does so of its own accord when a connection that it kept turns out to be closed and a request has a key.
func TestARequestIsNotSentAgainByTheLibrary(t *testing.T) {
	t.Parallel()
	sys := newSystem(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Idempotency-Key") != "" && len(r.URL.Path) > 0 && r.ContentLength > 20 {
			panic(http.ErrAbortHandler)
		}
	})
	s := made(t, call(sys.url, func(o *Options) { o.Repeat, o.Body = Never, `if .email then {id, total} else . end` }))
	require.NoError(t, s.Act(t.Context(), &run{data: `{}`}))
	require.Equal(t, fault.Ambiguous, fault.KindOf(s.Act(t.Context(), order())))
	require.Equal(t, 2, sys.times())
}

func TestEveryProblemOfAStepIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		o    Options
		says []string
	}{
		"no type":    {Options{Name: "check-it", Before: "x"}, []string{"type"}},
		"no place":   {Options{Name: "Check", Type: Guard, When: ".a |", Pointer: "total"}, []string{"name", "before", "refuse", "pointer", "when"}},
		"two places": {Options{Name: "check-it", Type: FieldMap, Before: "x", After: "y", Map: "$learned", When: "now"}, []string{"before", "when", "map"}},
		"ours":       {Options{Name: "check-it", Type: Emit, Before: "x", Event: "Signalbox.order.placed.v1", Data: "", URL: "x"}, []string{"event", "data", "url"}},
		"a call": {Options{Name: "check-it", Type: HTTPCall, Before: "x", URL: "http://fraud.example.com/", Method: "DELETE", KeyHeader: "Host", SecretHeader: "X-Key", Body: "$data", Refuse: "No.", Event: "x"},
			[]string{"url", "method", "repeat", "key_header", "secret", "body", "refuse", "event"}},
		"a query":   {Options{Name: "check-it", Type: HTTPCall, Before: "x", URL: "https://fraud.example.com/?sig=4711", Method: "GET", Repeat: "never", Body: ".", RefuseIf: "$learned"}, []string{"url", "repeat", "body", "refuse"}},
		"the cloud": {Options{Name: "check-it", Type: HTTPCall, Before: "x", URL: "https://169.254.169.254/", Repeat: "maybe", Secret: secret.New("a\nb")}, []string{"url", "repeat", "secret"}},
	} {
		_, problems := New(tc.o, Web{})
		var columns []string
		for _, p := range problems {
			columns = append(columns, p.Column)
			require.NotEmpty(t, p.Do, name)
			require.NotContains(t, p.What, "4711", name)
		}
		require.ElementsMatch(t, tc.says, columns, "%s: %v", name, problems)
	}
}
