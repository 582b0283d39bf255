package servicebus_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
	sim "github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/servicebus"
)

const emulator = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=hunter2;UseDevelopmentEmulator=true"

// administered serves a broker's administration API and counts what it is asked.
func administered(t *testing.T, queues ...sim.Queue) (*sim.Broker, *servicebus.Admin, *atomic.Int32) {
	t.Helper()
	broker, err := sim.New(sim.Options{Queues: queues})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Close()) })
	asked := new(atomic.Int32)
	handler := broker.AdministrationHandler()
	admin := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		handler.ServeHTTP(w, r)
	}))
	return broker, admin, asked
}

// against connects to an administration API over a real socket.
func against(t *testing.T, handler http.Handler) *servicebus.Admin {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	admin, err := servicebus.OpenAdmin(servicebus.AdminOptions{ConnectionString: secret.New(emulator), Endpoint: server.URL, CallTimeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	return admin
}

func TestThePropertiesOfAQueueAreSeen(t *testing.T) {
	t.Parallel()
	_, admin, _ := administered(t, sim.Queue{Name: "plain"}, sim.Queue{
		Name: "orders/live", LockDuration: 45 * time.Second, MaxDeliveryCount: 50, MaxMessageBytes: 1 << 20, MaxSizeMegabytes: 2048, DefaultTTL: 26 * time.Hour,
		DeadLetterExpired: true, DuplicateDetection: true, DuplicateWindow: time.Hour, Status: sim.StatusReceiveDisabled,
	})
	got, err := admin.Properties(t.Context(), "orders/live")
	require.NoError(t, err)
	require.Equal(t, servicebus.QueueProperties{
		LockDuration: 45 * time.Second, MaxDeliveryCount: 50, TimeToLive: 26 * time.Hour, DeadLettersExpired: true, DetectsDuplicates: true,
		DuplicateWindow: time.Hour, Status: "ReceiveDisabled", MaxSizeBytes: 2 << 30, MaxMessageBytes: 1 << 20,
	}, got)
	got, err = admin.Properties(t.Context(), "plain")
	require.NoError(t, err)
	require.Equal(t, servicebus.QueueProperties{
		LockDuration: time.Minute, MaxDeliveryCount: 10, DuplicateWindow: 10 * time.Minute, Status: "Active", MaxSizeBytes: 1 << 30, MaxMessageBytes: 1 << 18,
	}, got, "what is for ever is 0")
	_, err = admin.Properties(t.Context(), "nowhere")
	require.ErrorIs(t, err, worker.ErrNotFound)
}

func TestTheCountsOfAQueueAreSeen(t *testing.T) {
	t.Parallel()
	broker, admin, asked := administered(t, sim.Queue{Name: "orders"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = broker.Serve(l) }() // ends with the broker's Close
	namespace, err := servicebus.Open(servicebus.Options{ConnectionString: secret.New(broker.ConnectionString(l.Addr().String()))})
	require.NoError(t, err)
	t.Cleanup(func() { _ = namespace.Close(context.Background()) })
	for i := range 4 {
		require.NoError(t, namespace.Send(soon(t), "orders", event(fmt.Sprint(i), 1), time.Time{}))
	}
	require.NoError(t, namespace.Send(soon(t), "orders", event("later", 1), time.Now().Add(time.Hour)))
	queue := namespace.Queue("orders")
	got, err := queue.Receive(soon(t), 1)
	require.NoError(t, err)
	require.NoError(t, queue.DeadLetter(soon(t), got[0], "Malformed", "no", nil))

	for range 3 {
		counts, err := admin.Counts(t.Context(), "orders")
		require.NoError(t, err)
		require.Greater(t, counts.SizeBytes, int64(5*len(got[0].Body)))
		counts.SizeBytes = 0
		require.Equal(t, servicebus.QueueCounts{Active: 3, Scheduled: 1, DeadLetters: 1, MaxSizeBytes: 1 << 30}, counts)
	}
	require.EqualValues(t, 4, asked.Load(), "the maximum size is asked for once in a while")
	_, err = admin.Counts(t.Context(), "nowhere")
	require.ErrorIs(t, err, worker.ErrNotFound)
	ahead, known := admin.Ahead()
	require.True(t, known)
	require.Less(t, ahead.Abs(), 2*time.Second)
}

func TestASubscriptionIsSeenWithWhatItsTopicDecides(t *testing.T) {
	t.Parallel()
	broker, admin, _ := administered(t)
	label := "order"
	require.NoError(t, broker.CreateTopic(sim.Topic{Name: "events/all", MaxSizeMegabytes: 2048, MaxMessageBytes: 1 << 20, DefaultTTL: 26 * time.Hour, DuplicateDetection: true,
		DuplicateWindow: time.Hour, Subscriptions: []sim.Subscription{
			{Name: "ours", LockDuration: 45 * time.Second, MaxDeliveryCount: 20, DeadLetterExpired: true, DefaultTTL: 100 * time.Hour},
			{Name: "short", DefaultTTL: time.Hour, Rules: []sim.Rule{{Name: "a", Filter: sim.FalseFilter{}}}},
			{Name: "picky", Rules: []sim.Rule{{Name: "a", Filter: sim.CorrelationFilter{Label: &label}}, {Name: "b", Filter: sim.FalseFilter{}}}},
		}}))
	got, err := admin.Properties(t.Context(), "events/all/Subscriptions/ours")
	require.NoError(t, err)
	require.Equal(t, servicebus.QueueProperties{
		LockDuration: 45 * time.Second, MaxDeliveryCount: 20, TimeToLive: 26 * time.Hour, DeadLettersExpired: true, DetectsDuplicates: true,
		DuplicateWindow: time.Hour, Status: "Active", MaxSizeBytes: 2 << 30, MaxMessageBytes: 1 << 20, Rules: 1,
	}, got)
	for name, rules := range map[string]int{"short": 0, "picky": 1} {
		got, err = admin.Properties(t.Context(), "events/all/subscriptions/"+name)
		require.NoError(t, err)
		require.Equal(t, rules, got.Rules, name)
	}
	counts, err := admin.Counts(t.Context(), "events/all/Subscriptions/ours")
	require.NoError(t, err)
	require.Equal(t, servicebus.QueueCounts{MaxSizeBytes: 2 << 30}, counts)
	for _, missing := range []string{"events/all/Subscriptions/none", "none/Subscriptions/ours"} {
		_, err = admin.Properties(t.Context(), missing)
		require.ErrorIs(t, err, worker.ErrNotFound, missing)
		_, err = admin.Counts(t.Context(), missing)
		require.ErrorIs(t, err, worker.ErrNotFound, missing)
	}
}

func TestAnErrorOfTheAdministrationAPIHasAMeaningAndNoAddress(t *testing.T) {
	t.Parallel()
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte("<Error><Code>1</Code><Detail>canary</Detail></Error>"))
		})
	}
	for name, tc := range map[string]struct {
		handler http.Handler
		want    error
		text    string
	}{
		"no right":        {status(http.StatusUnauthorized), worker.ErrUnauthorized, ""},
		"not this right":  {status(http.StatusForbidden), worker.ErrUnauthorized, ""},
		"a fault":         {status(http.StatusNotImplemented), nil, "answered 501"},
		"busy for long":   {status(http.StatusTooManyRequests), nil, "answered 429"},
		"nonsense":        {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("canary")) }), nil, "cannot be used"},
		"half a document": {document(`<QueueDescription/>`), nil, ""},
		"a bad duration":  {document(`<QueueDescription><LockDuration>canary</LockDuration></QueueDescription>`), nil, "LockDuration"},
		"a closed door":   {http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), worker.ErrConnectionLost, ""},
		"another way":     {http.RedirectHandler("http://127.0.0.1:1/canary", http.StatusFound), nil, "cannot be used"},
		"an empty service": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`<feed><title>Publicly Listed Services</title></feed>`))
		}), worker.ErrNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			admin := against(t, tc.handler)
			_, err := admin.Properties(t.Context(), "orders")
			if name == "half a document" {
				require.NoError(t, err)
				_, err = admin.Counts(t.Context(), "orders")
			}
			require.Error(t, err)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			}
			require.ErrorContains(t, err, tc.text)
			if name != "a bad duration" {
				require.NotContains(t, err.Error(), "canary")
			}
			for _, part := range []string{"http", "127.0.0.1", "hunter2", "api-version"} {
				require.NotContains(t, strings.ReplaceAll(err.Error(), "HTTP status", ""), part)
			}
		})
	}
}

func document(description string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<entry xmlns="http://www.w3.org/2005/Atom"><title>q</title><content>` + description + `</content></entry>`))
	})
}

func TestAnAdministrationAPIThatDoesNotAnswerIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	leave := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-leave }))
	defer server.Close()
	defer close(leave)
	admin, err := servicebus.OpenAdmin(servicebus.AdminOptions{ConnectionString: secret.New(emulator), Endpoint: server.URL, CallTimeout: 200 * time.Millisecond})
	require.NoError(t, err)
	defer admin.Close()
	_, err = admin.Counts(t.Context(), "orders")
	require.ErrorIs(t, err, worker.ErrTimeout)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = admin.Counts(ctx, "orders")
	require.ErrorIs(t, err, context.Canceled)
}

func TestAThrottledAdministrationAPIIsAskedAgain(t *testing.T) {
	t.Parallel()
	broker, err := sim.New(sim.Options{Queues: []sim.Queue{{Name: "orders"}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Close()) })
	var n atomic.Int32
	admin := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		broker.AdministrationHandler().ServeHTTP(w, r)
	}))
	_, err = admin.Properties(t.Context(), "orders")
	require.NoError(t, err)
}

// traveller notes where requests go and answers none.
type traveller struct{ went atomic.Pointer[http.Request] }

func (tr *traveller) RoundTrip(r *http.Request) (*http.Response, error) {
	tr.went.Store(r)
	return nil, net.ErrClosed
}

type credential struct{}

func (credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestWhereTheAdministrationAPIIs(t *testing.T) {
	t.Parallel()
	const real = "Endpoint=sb://ns.example.com/;SharedAccessKeyName=n;SharedAccessKey=k"
	for name, tc := range map[string]struct {
		o          servicebus.AdminOptions
		want, host string
	}{
		"the namespace":                  {servicebus.AdminOptions{ConnectionString: secret.New(real)}, "https://ns.example.com/q", "ns.example.com"},
		"the namespace, by credential":   {servicebus.AdminOptions{Host: "ns.example.com", Credential: credential{}}, "https://ns.example.com/q", "ns.example.com"},
		"an emulator's usual port":       {servicebus.AdminOptions{ConnectionString: secret.New(emulator)}, "http://127.0.0.1:5300/q", "127.0.0.1:1"},
		"an emulator's, by its name":     {servicebus.AdminOptions{ConnectionString: secret.New("Endpoint=sb://emulator;SharedAccessKeyName=n;SharedAccessKey=k;usedevelopmentemulator=TRUE")}, "http://emulator:5300/q", "emulator"},
		"an emulator's of another port":  {servicebus.AdminOptions{ConnectionString: secret.New(emulator), Endpoint: "http://127.0.0.1:9/"}, "http://127.0.0.1:9/q", "127.0.0.1:1"},
		"a way in front of the service":  {servicebus.AdminOptions{ConnectionString: secret.New(real), Endpoint: "https://proxy.example.com:444"}, "https://proxy.example.com:444/q", "ns.example.com"},
		"a way, by credential":           {servicebus.AdminOptions{Host: "ns.example.com", Credential: credential{}, Endpoint: "https://proxy.example.com"}, "https://proxy.example.com/q", "ns.example.com"},
		"an emulator that is none, said": {servicebus.AdminOptions{ConnectionString: secret.New(real + ";UseDevelopmentEmulator=false")}, "https://ns.example.com/q", "ns.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := &traveller{}
			tc.o.Transport, tc.o.CallTimeout = tr, time.Second
			admin, err := servicebus.OpenAdmin(tc.o)
			require.NoError(t, err)
			_, err = admin.Properties(t.Context(), "q")
			require.Error(t, err)
			r := tr.went.Load()
			require.Equal(t, tc.want, r.URL.Scheme+"://"+r.URL.Host+r.URL.Path)
			require.Equal(t, tc.host, r.Host)
			require.NotEmpty(t, r.Header.Get("Authorization"))
			require.Contains(t, r.Header.Get("User-Agent"), "signalbox")
		})
	}
}

func TestAdminOptions(t *testing.T) {
	t.Parallel()
	for text, o := range map[string]servicebus.AdminOptions{
		"neither":               {},
		"both":                  {ConnectionString: secret.New(emulator), Host: "h"},
		"an address like":       {ConnectionString: secret.New(emulator), Endpoint: "localhost:5300"},
		"an address like https": {ConnectionString: secret.New(emulator), Endpoint: "http://user:hunter2@localhost"},
		"like https://host":     {ConnectionString: secret.New(emulator), Endpoint: "http://localhost/admin"},
		"only an emulator's":    {ConnectionString: secret.New("Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=hunter2"), Endpoint: "http://h"},
		"is http":               {Host: "h", Credential: credential{}, Endpoint: "http://h"},
		"cannot be used":        {ConnectionString: secret.New("Endpoint=hunter2")},
	} {
		_, err := servicebus.OpenAdmin(o)
		require.ErrorContains(t, err, text)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
