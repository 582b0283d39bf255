package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/sink/claim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	oldSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	newSecret = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
	hidden    = "sig-4711" // of the URL's query, which is a credential at some receivers
)

func event() orchestration.Event {
	return orchestration.Event{Source: "https://shop.example.com", ID: "5f0f", Type: "signalbox.customer.relayed.v1", Subject: "1001", Sink: "crm",
		Time: time.Now(), Data: json.RawMessage(`{"id":"1001"}`)}
}

// receiver is a sink whose receiver answers as told.
func receiver(t *testing.T, answer http.HandlerFunc, change ...func(*Options)) *Sink {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	o := Options{Name: "crm", URL: server.URL + "/hooks/" + hidden + "?key=" + hidden, Secrets: []secret.String{secret.New(oldSecret)}, Timeout: 5 * time.Second}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprint(w, "ana@example.com is not welcome")
	}
}

func TestADeliveryIsOneSignedPost(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	s := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	}, func(o *Options) { o.Secrets = []secret.String{secret.New(newSecret), secret.New(oldSecret)} })
	require.NoError(t, s.Deliver(t.Context(), event()))
	require.Equal(t, http.MethodPost, got.Method)
	require.Equal(t, "application/cloudevents+json; charset=utf-8", got.Header.Get("Content-Type"))
	require.JSONEq(t, `{"id":"1001"}`, string(dataOf(t, body)))
	require.Equal(t, "5f0f", got.Header.Get(HeaderID))
	for i, one := range []string{newSecret, oldSecret} {
		key, err := Key(secret.New(one))
		require.NoError(t, err)
		again := http.Header{}
		sign(again, [][]byte{key}, got.Header.Get(HeaderID), unix(t, got.Header.Get(HeaderTimestamp)), body)
		require.Equal(t, again.Get(HeaderSignature), strings.Fields(got.Header.Get(HeaderSignature))[i])
	}
	require.Len(t, strings.Fields(got.Header.Get(HeaderSignature)), 2)
}

func dataOf(t *testing.T, body []byte) json.RawMessage {
	t.Helper()
	var ev struct{ Data json.RawMessage }
	require.NoError(t, json.Unmarshal(body, &ev))
	return ev.Data
}

func unix(t *testing.T, text string) time.Time {
	t.Helper()
	var n int64
	_, err := fmt.Sscan(text, &n)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), time.Unix(n, 0), time.Minute)
	return time.Unix(n, 0)
}

// The example that the libraries of Standard Webhooks test themselves with.
func TestTheSignatureIsThatOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	key, err := Key(secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	require.NoError(t, err)
	h := http.Header{}
	sign(h, [][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", h.Get(HeaderSignature))
}

func TestInBinaryModeTheBodyIsTheDataAndTheAttributesAreHeaders(t *testing.T) {
	t.Parallel()
	var header http.Header
	var body []byte
	s := receiver(t, func(_ http.ResponseWriter, r *http.Request) { header = r.Header; body, _ = io.ReadAll(r.Body) },
		func(o *Options) { o.Mode = Binary })
	ev := event()
	ev.Subject = "Zoë"
	require.NoError(t, s.Deliver(t.Context(), ev))
	require.Equal(t, `{"id":"1001"}`, string(body))
	require.Equal(t, []string{"application/json", "1.0", "5f0f", "signalbox.customer.relayed.v1", "Zo%C3%AB"},
		[]string{header.Get("Content-Type"), header.Get("ce-specversion"), header.Get("ce-id"), header.Get("ce-type"), header.Get("ce-subject")})
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		kind   fault.Kind
		reason fault.Reason
		shut   bool // at once
	}{
		"too many":                     {status(429), fault.Throttled, "", true},
		"busy, and says until when":    {status(503, "Retry-After", "7"), fault.Throttled, "", true},
		"busy":                         {status(503), fault.Transient, "", false},
		"failed":                       {status(500), fault.Transient, "", false},
		"a gateway's page":             {status(502), fault.Ambiguous, "", false},
		"a gateway that waited":        {status(504), fault.Ambiguous, "", false},
		"did not get it all":           {status(408), fault.Ambiguous, "", false},
		"too early":                    {status(425), fault.Transient, "", false},
		"who are you":                  {status(401), fault.Transient, "", false},
		"not you":                      {status(403), fault.Transient, "", false},
		"nothing here":                 {status(404), fault.Transient, "", false},
		"nothing that takes a post":    {status(405), fault.Transient, "", false},
		"elsewhere":                    {status(307, "Location", "/there"), fault.Transient, "", false},
		"not modified":                 {status(304), fault.Transient, "", false},
		"refused":                      {status(400), fault.Permanent, fault.SinkRejected, false},
		"refused as it has another":    {status(409), fault.Permanent, fault.SinkRejected, false},
		"refused as too large":         {status(413), fault.Permanent, fault.SinkRejected, false},
		"refused as it makes no sense": {status(422), fault.Permanent, fault.SinkRejected, false},
		"gone":                         {status(410), fault.Permanent, fault.SinkRejected, false},
		"dropped":                      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Ambiguous, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := receiver(t, tc.answer)
			err := s.Deliver(t.Context(), event())
			f := fault.As(err)
			require.Equal(t, tc.kind, f.Kind, "%v", err)
			require.Equal(t, tc.reason, f.Reason)
			require.NotEmpty(t, f.Class)
			require.Contains(t, f.Detail, "the sink crm ")
			clean(t, err)
			require.Equal(t, tc.shut, !s.ClosedUntil().IsZero())
		})
	}
}

// clean asserts that nothing of the URL or of what the receiver said is in an error.
func clean(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for e := err; e != nil; e = errors.Unwrap(e) {
		text := fmt.Sprintf("%v %+v", e, e)
		for _, leak := range []string{hidden, "127.0.0.1", "http", "ana@example.com", "welcome"} {
			require.NotContains(t, text, leak)
		}
	}
}

func TestAnyGoodStatusIsADelivery(t *testing.T) {
	t.Parallel()
	for _, code := range []int{200, 201, 202, 204, 299} {
		require.NoError(t, receiver(t, status(code)).Deliver(t.Context(), event()), code)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var there atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { there.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, code := range []int{301, 302, 303, 307, 308} {
		require.Error(t, receiver(t, status(code, "Location", elsewhere.URL)).Deliver(t.Context(), event()))
	}
	require.Zero(t, there.Load())
}

func TestBothFormsOfRetryAfterAreHonouredForTheWholeSink(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"seconds": "30", "a date": time.Now().Add(31 * time.Second).UTC().Format(http.TimeFormat)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			s := receiver(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				status(429, "Retry-After", value)(w, r)
			})
			for range 3 {
				f := fault.As(s.Deliver(t.Context(), event()))
				require.Equal(t, fault.Throttled, f.Kind)
				require.InDelta(t, 30, f.Wait.Seconds(), 2)
			}
			require.EqualValues(t, 1, asked.Load(), "one refusal holds back all deliveries")
		})
	}
}

func TestAReceiverThatDoesNotAnswerIsGivenUpInTimeAndLeftAloneAfterAWhile(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	var asked atomic.Int32
	s := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		<-over
	}, func(o *Options) { o.Timeout = 50 * time.Millisecond })
	defer close(over)
	for range 3 {
		err := s.Deliver(t.Context(), event())
		require.Equal(t, fault.Ambiguous, fault.KindOf(err), "it may have got it")
		require.Equal(t, "timeout", fault.As(err).Class)
		clean(t, err)
	}
	f := fault.As(s.Deliver(t.Context(), event()))
	require.Equal(t, fault.Throttled, f.Kind, "held back, which uses up no attempt")
	require.Positive(t, f.Wait)
	require.EqualValues(t, 3, asked.Load())
}

// TestWhatAReceiverIsLeftAloneForIsSaid: to the log when it begins, and by each delivery that is sent away.
func TestWhatAReceiverIsLeftAloneForIsSaid(t *testing.T) {
	t.Parallel()
	var classes []string
	s := receiver(t, status(401), func(o *Options) { o.Changed = func(_ time.Time, class string) { classes = append(classes, class) } })
	for range 3 {
		require.Equal(t, "Sink.Deliver 401", fault.As(s.Deliver(t.Context(), event())).Brief())
	}
	require.Equal(t, "Sink.Deliver throttled unauthorized", fault.As(s.Deliver(t.Context(), event())).Brief())
	require.Equal(t, []string{"unauthorized"}, classes)
}

func TestASinkTakesOtherEventsWhileItFailsOne(t *testing.T) {
	t.Parallel()
	s := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(HeaderID) == "bad" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	bad := event()
	bad.ID = "bad"
	for range 10 {
		require.Equal(t, http.StatusInternalServerError, fault.As(s.Deliver(t.Context(), bad)).Status, "it is asked each time")
	}
	require.NoError(t, s.Deliver(t.Context(), event()))
	require.Zero(t, s.ClosedUntil())
}

func TestWhatCertainlyDidNotLeaveIsNotInDoubt(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	for name, change := range map[string]func(*Options){
		"nobody listens":     func(o *Options) { o.URL = "http://" + l.Addr().String() + "/" + hidden },
		"nobody has the key": func(o *Options) { o.URL = strings.Replace(untrusted(t), "127.0.0.1", "localhost", 1) + "/" + hidden },
		"unknown host": func(o *Options) {
			o.DialContext = func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Name: hidden, IsNotFound: true}}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := receiver(t, status(200), change).Deliver(t.Context(), event())
			require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
			clean(t, err)
		})
	}
}

// untrusted is a server whose certificate nobody has signed.
func untrusted(t *testing.T) string {
	server := httptest.NewUnstartedServer(status(200))
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func TestARunThatIsOverSendsNothing(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := receiver(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	lost := errors.New("lost")
	err := s.Deliver(claim.WithCheck(t.Context(), func() error { return lost }), event())
	require.ErrorIs(t, err, lost)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Deliver(ctx, event()), context.Canceled)
	require.Zero(t, asked.Load())
	require.NoError(t, s.Deliver(claim.WithCheck(t.Context(), func() error { return nil }), event()))
}

func TestADeliveryThatIsCutShortMayHaveArrived(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	err := s.Deliver(ctx, event())
	require.Equal(t, fault.Ambiguous, fault.KindOf(err))
}

func TestNoMoreDeliveriesAtOnceThanAllowed(t *testing.T) {
	t.Parallel()
	var at, most atomic.Int32
	s := receiver(t, func(http.ResponseWriter, *http.Request) {
		n := at.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-time.After(20 * time.Millisecond)
		at.Add(-1)
	}, func(o *Options) { o.Concurrency = 3 })
	var wait sync.WaitGroup
	for range 9 {
		wait.Go(func() { _ = s.Deliver(context.Background(), event()) })
	}
	wait.Wait()
	require.EqualValues(t, 3, most.Load())
}

func TestAHugeAnswerIsNotRead(t *testing.T) {
	t.Parallel()
	s := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		for page := make([]byte, 1<<20); ; {
			if _, err := w.Write(page); err != nil {
				return
			}
		}
	})
	require.NoError(t, s.Deliver(t.Context(), event()))
}

// TestAReceiverThatWouldSpeakAnotherProtocolIsNotWaitedFor: what follows a 101 is no answer, and has no end.
func TestAReceiverThatWouldSpeakAnotherProtocolIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	s := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\n")
		<-over
	}, func(o *Options) { o.Timeout = 100 * time.Millisecond })
	defer close(over)
	told := make(chan error, 1)
	go func() { told <- s.Deliver(t.Context(), event()) }()
	select {
	case err := <-told:
		require.Equal(t, fault.Transient, fault.KindOf(err))
		clean(t, err)
	case <-time.After(3 * time.Second):
		require.Fail(t, "its slot is taken for ever")
	}
}

func TestEveryProblemOfTheOptionsIsNamedAndTheURLIsNot(t *testing.T) {
	t.Parallel()
	good := Options{Name: "crm", URL: "https://crm.example.com/hooks?key=" + hidden, Secrets: []secret.String{secret.New(oldSecret)}}
	require.NoError(t, good.Validate())
	for name, spoil := range map[string]func(*Options){
		"no name":             func(o *Options) { o.Name = "" },
		"no url":              func(o *Options) { o.URL = "" },
		"a user in the url":   func(o *Options) { o.URL = "https://u:" + hidden + "@crm.example.com/" },
		"another scheme":      func(o *Options) { o.URL = "ftp://crm.example.com/" + hidden },
		"plain http":          func(o *Options) { o.URL = "http://crm.example.com/" + hidden },
		"the link":            func(o *Options) { o.URL = "https://169.254.169.254/" + hidden },
		"no secret":           func(o *Options) { o.Secrets = nil },
		"a secret in hex":     func(o *Options) { o.Secrets = append(o.Secrets, secret.New("0123456789abcdef")) },
		"a short secret":      func(o *Options) { o.Secrets = []secret.String{secret.New("whsec_MDEyMzQ1Njc4OWFiY2RlZg==")} },
		"a secret in base 65": func(o *Options) { o.Secrets = []secret.String{secret.New("whsec_" + strings.Repeat("!", 40))} },
		"another mode":        func(o *Options) { o.Mode = "batched" },
		"back in time":        func(o *Options) { o.Timeout = -1 },
	} {
		o := good
		spoil(&o)
		err := o.Validate()
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), hidden, name)
		_, err = New(o)
		require.Error(t, err, name)
	}
	for _, u := range []string{"http://localhost:8080/x", "http://127.0.0.1/x", "http://[::1]:1/x", "https://10.0.0.7/x"} {
		o := good
		o.URL = u
		require.NoError(t, o.Validate(), u)
	}
	o := good
	o.URL, o.AllowPlaintext = "http://crm.internal.example.com/x", true
	require.NoError(t, o.Validate())
}

func TestASinkPrintsItsNameAlone(t *testing.T) {
	t.Parallel()
	s := receiver(t, status(200))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "webhook crm", fmt.Sprintf(verb, s))
	}
}
