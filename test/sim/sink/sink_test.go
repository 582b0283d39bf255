package sink

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const other = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="

func newSim(t *testing.T, o Options) *Simulator {
	t.Helper()
	s, err := New(o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func body(id, subject, sequence, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"https://shop.example.com","type":"signalbox.customer.relayed.v1","subject":%q,"sequence":%q,"data":%s}`,
		id, subject, sequence, data)
}

// request is a signed delivery.
func request(t *testing.T, secret, id, text string, at time.Time) *http.Request {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "." + text))
	r := httptest.NewRequest("POST", "/hooks", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("webhook-signature", "v1,bm90aGluZw== v2,x v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}

// send gives the answer; status 0: the connection was dropped.
func send(s *Simulator, r *http.Request) (answer *http.Response) {
	w := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil {
			answer = &http.Response{}
		}
	}()
	s.Handler().ServeHTTP(w, r)
	return w.Result()
}

func deliver(t *testing.T, s *Simulator, id string) int {
	t.Helper()
	return send(s, request(t, DefaultSecret, id, body(id, "1001", "", `{}`), time.Now())).StatusCode
}

func TestASignedEventIsAcceptedOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, Options{})
		for range 3 {
			require.Equal(t, 202, deliver(t, s, "a"))
			<-time.After(time.Second)
		}
		events := s.Events()
		require.Len(t, events, 1)
		require.Len(t, events[0].Deliveries, 3)
		require.Equal(t, []int{202, 202, 202}, events[0].Answers)
		require.False(t, events[0].Changed)
		require.Equal(t, Stats{Requests: 3, Accepted: 3, Events: 1, Duplicates: 2, ByStatus: map[int]int64{202: 3}}, s.Stats())
		send(s, request(t, DefaultSecret, "a", body("a", "1001", "", `{"other":1}`), time.Now()))
		require.True(t, s.Events()[0].Changed)
	})
}

func TestWhatIsNotSignedAsAgreedIsRefused(t *testing.T) {
	t.Parallel()
	good := func() *http.Request {
		return request(t, DefaultSecret, "a", body("a", "", "", `{}`), time.Now())
	}
	for name, spoil := range map[string]func() *http.Request{
		"another secret": func() *http.Request { return request(t, other, "a", body("a", "", "", `{}`), time.Now()) },
		"an old one": func() *http.Request {
			return request(t, DefaultSecret, "a", body("a", "", "", `{}`), time.Now().Add(-6*time.Minute))
		},
		"of tomorrow": func() *http.Request {
			return request(t, DefaultSecret, "a", body("a", "", "", `{}`), time.Now().Add(6*time.Minute))
		},
		"no id":         func() *http.Request { r := good(); r.Header.Del("webhook-id"); return r },
		"no time":       func() *http.Request { r := good(); r.Header.Del("webhook-timestamp"); return r },
		"no signature":  func() *http.Request { r := good(); r.Header.Del("webhook-signature"); return r },
		"time in words": func() *http.Request { r := good(); r.Header.Set("webhook-timestamp", "now"); return r },
		"another version": func() *http.Request {
			r := good()
			r.Header.Set("webhook-signature", strings.ReplaceAll(r.Header.Get("webhook-signature"), "v1,", "v1a,"))
			return r
		},
		"another id": func() *http.Request { r := good(); r.Header.Set("webhook-id", "b"); return r },
		"a changed body": func() *http.Request {
			r := good()
			r.Body = io.NopCloser(strings.NewReader(body("a", "", "", `{"x":1}`)))
			return r
		},
	} {
		s := newSim(t, Options{})
		require.Equal(t, 401, send(s, spoil()).StatusCode, name)
		require.Empty(t, s.Events(), name)
		require.Equal(t, 202, send(s, good()).StatusCode, name)
	}
	both := newSim(t, Options{Secrets: []string{other, DefaultSecret}})
	require.Equal(t, 202, send(both, good()).StatusCode, "while it changes over it takes either")
	require.Error(t, both.Configure(func(o *Options) { o.Secrets = []string{"plain"} }))
	_, err := New(Options{Secrets: []string{"whsec_"}})
	require.Error(t, err)
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	t.Parallel()
	s := newSim(t, Options{})
	for _, text := range []string{`{`, `[]`, `{}`, `{"specversion":"0.3","id":"a","source":"s","type":"t","data":{}}`, `{"specversion":"1.0","id":"a","source":"s","data":{}}`,
		body("b", "", "", `{}`)} {
		require.Equal(t, 400, send(s, request(t, DefaultSecret, "a", text, time.Now())).StatusCode, text)
	}
	r := request(t, DefaultSecret, "a", body("a", "", "", `{}`), time.Now())
	r.Method = "GET"
	require.Equal(t, 405, send(s, r).StatusCode)
	huge := body("a", "", "", `"`+strings.Repeat("x", maxBody)+`"`)
	require.Equal(t, 413, send(s, request(t, DefaultSecret, "a", huge, time.Now())).StatusCode)
	require.Empty(t, s.Events())
}

func TestTheBinaryModeIsReadFromHeaders(t *testing.T) {
	t.Parallel()
	s := newSim(t, Options{})
	r := request(t, DefaultSecret, "a", `{"id":"1001"}`, time.Now())
	r.Header.Set("Content-Type", "application/json")
	for name, value := range map[string]string{"specversion": "1.0", "id": "a", "source": "https://shop.example.com", "type": "t", "subject": "Zo%C3%AB"} {
		r.Header.Set("ce-"+name, value)
	}
	require.Equal(t, 202, send(s, r).StatusCode)
	require.Equal(t, "Zoë", s.Events()[0].Subject)
	require.JSONEq(t, `{"id":"1001"}`, string(s.Events()[0].Data))
}

func TestItSeesWhatArrivesBehindSomethingNewer(t *testing.T) {
	t.Parallel()
	s := newSim(t, Options{})
	for _, e := range [][3]string{{"a", "1", "2"}, {"b", "2", "1"}, {"c", "1", "1"}, {"d", "1", "3"}} {
		send(s, request(t, DefaultSecret, e[0], body(e[0], e[1], e[2], `{}`), time.Now()))
	}
	var overtaken []string
	for _, e := range s.Events() {
		if e.Overtaken {
			overtaken = append(overtaken, e.ID)
		}
	}
	require.Equal(t, []string{"c"}, overtaken)
	require.Len(t, s.About("1"), 3)
}

func TestEveryFault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault   Fault
		status  int
		header  string
		accepts bool
	}{
		"error":                      {Fault{Kind: Error}, 500, "", false},
		"a status of its own":        {Fault{Kind: Error, Status: 403}, 403, "", false},
		"busy":                       {Fault{Kind: Error, Status: 503, RetryAfter: RetryAfterSeconds, Wait: 1500 * time.Millisecond}, 503, "2", false},
		"busy, until a date":         {Fault{Kind: Error, Status: 503, RetryAfter: RetryAfterDate, Wait: time.Minute}, 503, "Sat, 01 Jan 2000 00:01:01 GMT", false},
		"drop":                       {Fault{Kind: Drop}, 0, "", false},
		"accept, then drop":          {Fault{Kind: AcceptThenDrop}, 0, "", true},
		"accept, then error":         {Fault{Kind: AcceptThenError}, 502, "", true},
		"throttle":                   {Fault{Kind: Throttle}, 429, "1", false},
		"throttle and say nothing":   {Fault{Kind: Throttle, RetryAfter: RetryAfterNone}, 429, "", false},
		"for another type":           {Fault{Kind: Error, Type: "signalbox.order.*"}, 202, "", true},
		"for this type":              {Fault{Kind: Error, Type: "signalbox.customer.*"}, 500, "", false},
		"for another subject":        {Fault{Kind: Error, Subject: "77"}, 202, "", true},
		"for each second delivery":   {Fault{Kind: Error, Every: 2}, 202, "", true},
		"of a while that is over":    {Fault{Kind: Error, For: time.Nanosecond}, 202, "", true},
		"with next to no likelihood": {Fault{Kind: Error, Probability: 1e-9}, 202, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSim(t, Options{})
				_, err := s.Inject(tc.fault)
				require.NoError(t, err)
				<-time.After(time.Microsecond)
				pass := send(s, request(t, DefaultSecret, "a", body("a", "1001", "", `{}`), time.Now()))
				require.Equal(t, tc.status, pass.StatusCode)
				require.Equal(t, tc.header, pass.Header.Get("Retry-After"))
				require.Equal(t, tc.accepts, len(s.Events()) == 1)
				s.ClearFaults()
				require.Equal(t, 202, deliver(t, s, "a"))
				require.Empty(t, s.Faults())
			})
		})
	}
}

func TestALimitLetsThroughSoManyASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, Options{})
		_, err := s.Inject(Fault{Kind: Throttle, Rate: 2, Burst: 2})
		require.NoError(t, err)
		for range 3 {
			require.Equal(t, []int{202, 202, 429}, []int{deliver(t, s, "a"), deliver(t, s, "b"), deliver(t, s, "c")})
			<-time.After(time.Second)
		}
	})
}

func TestADeliveryWaitsForAsLongAsAFaultSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, Options{Latency: time.Second})
		_, err := s.Inject(Fault{Kind: Latency, Delay: time.Minute, Jitter: time.Second, Next: 1})
		require.NoError(t, err)
		began := time.Now()
		require.Equal(t, 202, deliver(t, s, "a"))
		require.InDelta(t, 61.5, time.Since(began).Seconds(), .5)

		id, err := s.Inject(Fault{ID: "freeze", Kind: Hold, Point: PointReceived})
		require.NoError(t, err)
		done := make(chan int)
		go func() { done <- deliver(t, s, "b") }()
		synctest.Wait()
		require.Equal(t, 1, s.Stats().Held)
		require.Len(t, s.Events(), 1)
		<-time.After(time.Hour)
		require.True(t, s.Clear(id))
		require.Equal(t, 202, <-done)
		require.False(t, s.Clear(id))
	})
}

func TestCloseLetsGoWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, Options{})
		_, err := s.Inject(Fault{Kind: Hold, Point: PointReceived})
		require.NoError(t, err)
		done := make(chan int)
		go func() { done <- deliver(t, s, "a") }()
		synctest.Wait()
		s.Close()
		require.Zero(t, <-done)
		require.Equal(t, 503, deliver(t, s, "b"))
		require.Empty(t, s.Events())
	})
}

func TestAResetForgetsAndADeliveryFromBeforeItIsNotAccepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, Options{})
		deliver(t, s, "a")
		_, err := s.Inject(Fault{Kind: Hold, Point: PointReceived})
		require.NoError(t, err)
		done := make(chan int)
		go func() { done <- deliver(t, s, "b") }()
		synctest.Wait()
		s.Reset()
		require.Equal(t, 503, <-done)
		require.Empty(t, s.Events())
		require.Empty(t, s.Faults())
	})
}

func admin(t *testing.T, s *Simulator, method, path, text string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	s.AdminHandler().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(text)))
	if into != nil {
		require.NoError(t, json.NewDecoder(bytes.NewReader(w.Body.Bytes())).Decode(into), w.Body.String())
	}
	return w.Code
}

func TestTheAdminPortDoesWhatTheMethodsDo(t *testing.T) {
	t.Parallel()
	s := newSim(t, Options{})
	deliver(t, s, "a")
	var events []Event
	require.Equal(t, 200, admin(t, s, "GET", "/events", "", &events))
	require.Equal(t, s.Events(), events)
	admin(t, s, "GET", "/events?subject=77", "", &events)
	require.Empty(t, events)
	var stats Stats
	admin(t, s, "GET", "/stats", "", &stats)
	require.Equal(t, s.Stats(), stats)

	var made struct{ ID string }
	require.Equal(t, 201, admin(t, s, "POST", "/faults", `{"kind":"error","status":503,"retryAfter":"seconds","wait":"10s","for":"1h","next":2}`, &made))
	require.Equal(t, 503, deliver(t, s, "b"))
	var faults []Fault
	admin(t, s, "GET", "/faults", "", &faults)
	require.Len(t, faults, 1)
	require.Equal(t, 1, faults[0].Next)
	require.Equal(t, 10*time.Second, faults[0].Wait)
	require.Equal(t, 200, admin(t, s, "DELETE", "/faults/"+made.ID, "", nil))
	require.Equal(t, 404, admin(t, s, "DELETE", "/faults/"+made.ID, "", nil))
	require.Equal(t, 200, admin(t, s, "DELETE", "/faults", "", nil))

	var settings map[string]any
	require.Equal(t, 200, admin(t, s, "POST", "/settings", `{"secrets":["`+other+`"],"latency":"1ms","tolerance":"1m"}`, &settings))
	require.Equal(t, map[string]any{"latency": "1ms", "tolerance": "1m0s"}, settings, "secrets are not shown")
	require.Equal(t, 401, deliver(t, s, "b"))
	require.Equal(t, 200, admin(t, s, "POST", "/reset", "", nil))
	require.Empty(t, s.Events())
	for _, text := range []string{``, `[]`, `{"kind":"explode"}`, `{"kind":"drop","nxet":1}`, `{"kind":"latency"}`, `{"kind":"latency","delay":"soon"}`, `{"kind":"error","status":200}`,
		`{"kind":"drop","type":"[a"}`, `{"kind":"drop","probability":2}`, `{"kind":"hold","point":"commit"}`, `{"kind":"throttle","retryAfter":"soon"}`, `{"kind":"drop","next":-1}`} {
		require.Equal(t, 400, admin(t, s, "POST", "/faults", text, nil), text)
	}
	for _, text := range []string{``, `{"latency":"-1s"}`, `{"lag":"1s"}`, `{"secrets":["x"]}`} {
		require.Equal(t, 400, admin(t, s, "POST", "/settings", text, nil), text)
	}
}

// The page names every kind, setting and default that the code knows.
func TestThePageIsComplete(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/reference/sink-simulator.md")
	require.NoError(t, err)
	names := []string{DefaultSecret}
	for _, kind := range kinds {
		names = append(names, "`"+string(kind)+"`")
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[settings](), reflect.TypeFor[Event](), reflect.TypeFor[Stats]()} {
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	for _, name := range names {
		require.Contains(t, string(page), name)
	}
}
