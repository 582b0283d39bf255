package csuclient_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// pipes is a listener without a network, so that server and client fit inside a synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// watcher is an Observer that remembers.
type watcher struct {
	csuclient.NoObserver
	mu       sync.Mutex
	requests []csuclient.Request
	inFlight int
	tokens   int
}

func (w *watcher) Request(r csuclient.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, r)
}

func (w *watcher) InFlight(delta int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight += delta
}

func (w *watcher) TokenRefreshed(bool, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens++
}

func (w *watcher) results() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, r := range w.requests {
		out = append(out, r.Operation+" "+r.Result)
	}
	return out
}

// unit is the simulator with a client on it, in virtual time.
type unit struct {
	sim     *csu.Simulator
	client  *csuclient.Client
	channel *csuclient.Channel
	seen    *watcher
}

// onSim runs a test in a bubble; change may alter both sides' options.
func onSim(t *testing.T, change func(*csu.Options, *csuclient.Options), test func(t *testing.T, u unit)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, seen := newPipes(), &watcher{}
		simOpts := csu.Options{}
		opts := csuclient.Options{
			BaseURL: "http://csu.test", TokenURL: "http://csu.test/tenant/oauth2/token", Resource: "https://csu.test",
			AllowPlainHTTP: true, ClientID: csu.DefaultClientID, ClientSecret: secret.New(csu.DefaultClientSecret),
			Observer: seen, Transport: csuclient.Transport{DialContext: p.DialContext},
		}
		if change != nil {
			change(&simOpts, &opts)
		}
		sim := csu.New(simOpts)
		server := &http.Server{Handler: sim.Handler()}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(p) }()
		client, err := csuclient.New(opts)
		require.NoError(t, err)
		t.Cleanup(func() {
			client.Close()
			sim.Close()
			_ = server.Close()
			<-served
			if seen.inFlight != 0 {
				t.Errorf("%d requests still counted as under way", seen.inFlight)
			}
		})
		test(t, unit{sim, client, client.Channel(csu.DefaultOUN), seen})
	})
}

func (u unit) inject(t *testing.T, f csu.Fault) string {
	t.Helper()
	id, err := u.sim.Inject(f)
	require.NoError(t, err)
	return id
}

var jane = csuclient.Customer{
	Type: csuclient.Person, FirstName: pii.New("Jane"), LastName: pii.New("O'Hara"), Email: pii.NewEmail("jane@example.test"),
	Language: "en-us", CurrencyCode: "USD",
	Addresses: []csuclient.Address{{Street: pii.New("1 Main St"), City: pii.New("Houston"), State: pii.New("TX"),
		ZipCode: pii.New("77001"), Country: "USA", Type: csuclient.AddressHome, IsPrimary: true}},
	Contacts: []csuclient.Contact{{Type: csuclient.EmailContact, Value: pii.New("jane@example.test"), IsPrimary: true, IsOptedInMarketing: true}},
}

// requireKind checks an error's kind; faultOf gives the failure as well.
func requireKind(t *testing.T, want fault.Kind, err error) {
	t.Helper()
	_ = faultOf(t, want, err)
}

func faultOf(t *testing.T, want fault.Kind, err error) *fault.Error {
	t.Helper()
	require.Error(t, err)
	f := fault.As(err)
	require.Equal(t, want.String(), f.Kind.String(), "%v", err)
	require.NotEmpty(t, f.Operation)
	require.NotEmpty(t, f.Class)
	return f
}

func TestACustomerIsCreatedFoundReadAndChanged(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		ctx := t.Context()
		require.NoError(t, u.client.Probe(ctx))
		made, err := u.channel.CreateCustomer(ctx, jane)
		require.NoError(t, err)
		require.NotEmpty(t, made.AccountNumber)

		found, err := u.channel.FindCustomersByEmail(ctx, pii.NewEmail("JANE@example.test"))
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, made.AccountNumber, found[0].AccountNumber)

		name := pii.New("Janet")
		require.NoError(t, u.channel.UpdateCustomer(ctx, made.AccountNumber, csuclient.CustomerChanges{FirstName: &name}))
		read, err := u.channel.ReadCustomer(ctx, made.AccountNumber)
		require.NoError(t, err)
		require.Equal(t, "Janet", read.FirstName.Reveal())
		require.Equal(t, "O'Hara", read.LastName.Reveal())
		require.Len(t, read.Addresses, 1)
		require.Equal(t, "1 Main St", read.Addresses[0].Street.Reveal())
		require.NotZero(t, read.Addresses[0].RecordID)
		require.True(t, read.Contacts[0].IsOptedInMarketing)

		_, err = u.channel.ReadCustomer(ctx, "it's not/there")
		require.ErrorIs(t, err, csuclient.ErrNotFound)
		require.Equal(t, 1, u.seen.tokens)
		require.Equal(t, []string{"GetEnvironmentConfiguration ok", "Customers.Create ok", "Customers.SearchByFields ok",
			"Customers.Update ok", "Customers.Read ok", "Customers.Read not_found"}, u.seen.results())
	})
}

func TestAnAnswerThatNeverCameLeavesAWriteAmbiguous(t *testing.T) {
	for name, f := range map[string]csu.Fault{
		"dropped after the commit":         {Kind: csu.CommitThenDrop},
		"502 from a gateway, committed":    {Kind: csu.CommitThenError, Status: 502},
		"dropped before the commit":        {Kind: csu.Drop},
		"500":                              {Kind: csu.Error, Status: 500},
		"503 without advice":               {Kind: csu.Error, Status: 503},
		"503 with Retry-After":             {Kind: csu.Error, Status: 503, RetryAfter: csu.RetryAfterSeconds, Wait: 7 * time.Second},
		"408":                              {Kind: csu.Error, Status: 408},
		"slower than the write's own time": {Kind: csu.Latency, Point: csu.PointReceived, Delay: 101 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			onSim(t, nil, func(t *testing.T, u unit) {
				f.Operation, f.Next = "CreateCustomer", 1
				u.inject(t, f)
				_, err := u.channel.CreateCustomer(t.Context(), jane)
				requireKind(t, fault.Ambiguous, err)

				f.Operation = "GetCustomer"
				if f.Kind == csu.CommitThenDrop || f.Kind == csu.CommitThenError {
					return
				}
				time.Sleep(10 * time.Second)
				u.inject(t, f)
				_, err = u.channel.ReadCustomer(t.Context(), "1")
				want := fault.Transient
				if f.RetryAfter != "" {
					want = fault.Throttled
				}
				requireKind(t, want, err)
			})
		})
	}
}

func TestAWriteWhoseAnswerWasLostIsFoundByLooking(t *testing.T) {
	for _, f := range []csu.Fault{{Kind: csu.CommitThenDrop}, {Kind: csu.CommitThenError, Status: 502}} {
		onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.SearchLag = 3 * time.Second }, func(t *testing.T, u unit) {
			f.Operation, f.Next = "CreateCustomer", 1
			u.inject(t, f)
			_, err := u.channel.CreateCustomer(t.Context(), jane)
			requireKind(t, fault.Ambiguous, err)
			found, err := u.channel.FindCustomersByEmail(t.Context(), jane.Email)
			require.NoError(t, err)
			require.Empty(t, found, "the search lags")
			time.Sleep(3 * time.Second)
			found, err = u.channel.FindCustomersByEmail(t.Context(), jane.Email)
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Len(t, u.sim.Customers(), 1, "nothing was repeated")
		})
	}
}

func TestA429WithoutAdvicePausesAllTheSame(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		require.NoError(t, u.client.Probe(t.Context()))
		u.inject(t, csu.Fault{Kind: csu.Throttle, Rate: 0.001, RetryAfter: csu.RetryAfterNone, Next: 2})
		require.NoError(t, u.client.Probe(t.Context()))
		_, err := u.channel.CreateCustomer(t.Context(), jane)
		f := faultOf(t, fault.Throttled, err)
		require.Equal(t, 429, f.Status)
		require.Zero(t, f.Wait)
		began := time.Now()
		_, err = u.channel.CreateCustomer(t.Context(), jane) // waits for the gate, within MaxWait
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(began), time.Second)
		require.Len(t, u.sim.Customers(), 1)
	})
}

func TestBothFormsOfRetryAfterMoveTheGate(t *testing.T) {
	for _, form := range []csu.RetryAfter{csu.RetryAfterSeconds, csu.RetryAfterDate} {
		t.Run(string(form), func(t *testing.T) {
			onSim(t, nil, func(t *testing.T, u unit) {
				require.NoError(t, u.client.Probe(t.Context()))
				u.inject(t, csu.Fault{Kind: csu.Throttle, Rate: 0.001, Next: 2, RetryAfter: form, Wait: 20 * time.Second})
				_, _ = u.channel.ReadCustomer(t.Context(), "1") // takes the only token of the bucket
				_, err := u.channel.CreateCustomer(t.Context(), jane)
				f := faultOf(t, fault.Throttled, err)
				require.Equal(t, 429, f.Status)
				require.InDelta(t, 20, f.Wait.Seconds(), 1)

				_, err = u.channel.ReadCustomer(t.Context(), "1")
				f = faultOf(t, fault.Throttled, err)
				require.Zero(t, f.Status, "the gate refuses, the CSU is not asked")
				require.InDelta(t, 20, f.Wait.Seconds(), 3)

				time.Sleep(f.Wait)
				_, err = u.channel.CreateCustomer(t.Context(), jane)
				require.NoError(t, err)
				require.Len(t, u.sim.Customers(), 1)
			})
		})
	}
}

func TestATokenThatEndsUnderwayIsReplacedOnce(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		require.NoError(t, u.client.Probe(t.Context()))
		u.sim.RevokeTokens()
		_, err := u.channel.CreateCustomer(t.Context(), jane)
		require.NoError(t, err)
		require.Len(t, u.sim.Customers(), 1)
		require.Equal(t, 2, u.seen.tokens)
		require.Equal(t, []string{"GetEnvironmentConfiguration ok", "Customers.Create unauthorized", "Customers.Create ok"}, u.seen.results())
	})
}

func TestAnIdleHourCostsARefreshAndNoRefusal(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		require.NoError(t, u.client.Probe(t.Context()))
		time.Sleep(56 * time.Minute) // inside the last five minutes: the old token still serves
		require.NoError(t, u.client.Probe(t.Context()))
		synctest.Wait()
		require.Equal(t, 2, u.seen.tokens)
		time.Sleep(2 * time.Hour)
		require.NoError(t, u.client.Probe(t.Context()))
		require.NotContains(t, u.seen.results(), "GetEnvironmentConfiguration unauthorized")
	})
}

func TestWhatAFreshTokenDoesNotHealIsBlocked(t *testing.T) {
	for name, tc := range map[string]struct {
		fault    csu.Fault
		requests int
		code     string
	}{
		"401": {csu.Fault{Kind: csu.Unauthorized}, 2, ""},
		"403": {csu.Fault{Kind: csu.Forbid}, 1, "AuthorizationFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			onSim(t, nil, func(t *testing.T, u unit) {
				u.inject(t, tc.fault)
				_, err := u.channel.CreateCustomer(t.Context(), jane)
				f := faultOf(t, fault.Blocked, err)
				require.Len(t, u.seen.results(), tc.requests)
				if tc.code != "" {
					require.Equal(t, tc.code, f.Code)
				}
				require.Equal(t, "unauthorized", f.Class)
			})
		})
	}
}

func TestAWrongSecretIsBlocked(t *testing.T) {
	onSim(t, func(_ *csu.Options, o *csuclient.Options) { o.ClientSecret = secret.New("wrong") }, func(t *testing.T, u unit) {
		_, err := u.channel.CreateCustomer(t.Context(), jane)
		f := faultOf(t, fault.Blocked, err)
		require.Equal(t, "Token", f.Operation)
		require.Equal(t, "invalid_client", f.Code)
		require.Regexp(t, `^AADSTS\d+: `, f.Detail)
	})
}

func TestAnUnknownChannelIsBlocked(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		_, err := u.client.Channel("NOWHERE").CreateCustomer(t.Context(), jane)
		f := faultOf(t, fault.Blocked, err)
		require.Equal(t, "InvalidChannel", f.Code)
	})
}

func TestARefusalByARuleIsPermanentAndNamesTheMember(t *testing.T) {
	for _, shape := range []csu.ErrorShape{csu.ShapeCommerce, csu.ShapeOData} {
		onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.ErrorShape = shape }, func(t *testing.T, u unit) {
			c := jane
			c.Addresses = []csuclient.Address{{Street: pii.New("1 Main St"), Country: "NOPE"}}
			_, err := u.channel.CreateCustomer(t.Context(), c)
			f := faultOf(t, fault.Permanent, err)
			require.Equal(t, fault.CsuRejected, f.Reason)
			require.NotEmpty(t, f.Code)
			require.Empty(t, u.sim.Customers())
		})
	}
}

func TestACallerThatGivesUpLeavesAWriteAmbiguousAndAReadNot(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.Latency = 20 * time.Second }, func(t *testing.T, u unit) {
		lost := errors.New("lease lost")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(30*time.Second, func() { cancel(lost) })
		require.NoError(t, u.client.Probe(ctx)) // 20 s
		_, err := u.channel.CreateCustomer(ctx, jane)
		requireKind(t, fault.Ambiguous, err)
		require.ErrorIs(t, err, lost)
		require.ErrorIs(t, err, context.Canceled)

		_, err = u.channel.CreateCustomer(ctx, jane)
		requireKind(t, fault.Transient, err) // never sent
		require.ErrorIs(t, err, lost)
	})
}

func TestASearchThatIsNotExactIsChecked(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.SearchMode = csu.SearchSubstring }, func(t *testing.T, u unit) {
		for range 25 {
			_, err := u.sim.AddCustomer(map[string]any{"Email": "mary-jane@example.test"})
			require.NoError(t, err)
		}
		account, err := u.sim.AddCustomer(map[string]any{"Email": "Jane@Example.test"})
		require.NoError(t, err)
		found, err := u.channel.FindCustomersByEmail(t.Context(), jane.Email)
		require.NoError(t, err)
		require.Len(t, found, 1, "on the second page")
		require.Equal(t, account, found[0].AccountNumber)

		for range 100 {
			_, err := u.sim.AddCustomer(map[string]any{"Email": "big@example.test"})
			require.NoError(t, err)
		}
		_, err = u.channel.FindCustomersByEmail(t.Context(), pii.NewEmail("ig@example.test"))
		requireKind(t, fault.Permanent, err)
	})
}
