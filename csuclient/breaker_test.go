package csuclient_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// circuits keeps them for one process; a pause is over at once.
type circuits struct {
	mu    sync.Mutex
	open  []csuclient.Circuit
	ended []csuclient.ProbeEnd
}

func (c *circuits) Trip(_ context.Context, circuit, cause string) ([]csuclient.Circuit, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, csuclient.Circuit{Name: circuit, Cause: cause})
	return slices.Clone(c.open), csuclient.TurnedOpen, nil
}

func (c *circuits) Ask(context.Context, string) ([]csuclient.Circuit, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.open), true, nil
}

func (c *circuits) Probed(_ context.Context, circuit string, ended csuclient.ProbeEnd, _ string) ([]csuclient.Circuit, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, ended)
	if ended == csuclient.ProbeServed {
		c.open = slices.DeleteFunc(c.open, func(o csuclient.Circuit) bool { return o.Name == circuit })
	}
	return slices.Clone(c.open), "", nil
}

func (c *circuits) Look(context.Context) ([]csuclient.Circuit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.open), nil
}

func (c *circuits) names() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.open {
		all = append(all, o.Name)
	}
	return all
}

// guarded is a client behind a breaker that runs until the test ends.
func guarded(t *testing.T, answer http.HandlerFunc, probe func(context.Context) error, change func(*csuclient.Options)) (*stub, *circuits) {
	t.Helper()
	store := &circuits{}
	b := csuclient.NewBreaker(csuclient.BreakerOptions{Store: store, Probe: probe, Every: 50 * time.Millisecond})
	s := newStub(t, false, answer, func(o *csuclient.Options) {
		o.Breaker = b
		if change != nil {
			change(o)
		}
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return s, store
}

// keep makes calls for longer than failures may be an accident, or until a circuit is open.
func (s *stub) keep(t *testing.T, store *circuits) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end) && len(store.names()) == 0; <-tick.C {
		_, err := s.channel.ReadCustomer(t.Context(), "000001")
		require.Error(t, err)
	}
}

func healthy(context.Context) error { return nil }

func TestAnOperationThatFailsTimeAndAgainIsLeftAloneUntilItWorks(t *testing.T) {
	t.Parallel()
	var works sync.Map
	s, store := guarded(t, func(w http.ResponseWriter, r *http.Request) {
		if _, yes := works.Load("yes"); yes {
			saysJSON(200, accountOne)(w, r)
			return
		}
		says(500, "text/html", "<html>")(w, r)
	}, healthy, nil)
	s.keep(t, store)
	require.Equal(t, []string{"Customers.Read"}, store.names(), "not the CSU as a whole: a probe was served")

	before := len(s.received())
	_, err := s.channel.ReadCustomer(t.Context(), "000001") // a probe
	require.Equal(t, fault.Transient, fault.KindOf(err))
	require.Len(t, s.received(), before+1)
	works.Store("yes", true)
	require.Eventually(t, func() bool {
		_, err := s.channel.ReadCustomer(t.Context(), "000001")
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, store.names())
}

func TestWhenAProbeFailsTooTheWholeCSUIsLeftAlone(t *testing.T) {
	t.Parallel()
	down := &fault.Error{Kind: fault.Transient, Class: "server_error", Status: 500}
	s, store := guarded(t, says(500, "text/html", "<html>"), func(context.Context) error { return down }, nil)
	s.keep(t, store)
	require.Equal(t, []string{csuclient.CircuitCSU}, store.names())
	before := len(s.received())
	_, err := s.channel.FindCustomersByParty(t.Context(), "P-1")
	require.Equal(t, fault.Throttled, fault.KindOf(err), "another operation's call, and it costs no attempt")
	require.Equal(t, fault.ForCircuit, fault.As(err).Waits)
	require.Len(t, s.received(), before, "nothing was sent")
}

// full refuses every call.
type full struct{}

func (full) Acquire(context.Context, csuclient.Cost) (func(csuclient.Load), error) {
	return nil, &fault.Error{Kind: fault.Throttled, Class: "throttled", Wait: time.Second}
}
func (full) ClosedUntil() time.Time { return time.Time{} }
func (full) HeldBy() string         { return csuclient.SourceRate }

func TestAProbeThatOurOwnBudgetRefusesSaysNothing(t *testing.T) {
	t.Parallel()
	s, store := guarded(t, saysJSON(200, accountOne), healthy, func(o *csuclient.Options) { o.Budget = full{} })
	_, _, err := store.Trip(t.Context(), "Customers.Read", csuclient.CauseErrors)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := s.channel.ReadCustomer(t.Context(), "000001")
		require.Error(t, err)
		store.mu.Lock()
		defer store.mu.Unlock()
		return len(store.ended) > 0
	}, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, csuclient.ProbeUnsaid, store.ended[0])
	require.Equal(t, []string{"Customers.Read"}, store.names())
	require.Empty(t, s.received())
}

// Tokens that cannot be had are a matter of the CSU as a whole, or of nothing: no call is named Token.
func TestTokensHaveNoCircuitOfTheirOwn(t *testing.T) {
	t.Parallel()
	tokens := httptest.NewServer(says(500, "text/plain", "no"))
	t.Cleanup(tokens.Close)
	s, store := guarded(t, saysJSON(200, accountOne), healthy, func(o *csuclient.Options) { o.TokenURL = tokens.URL })
	s.keep(t, store)
	require.Empty(t, store.names(), "the probe got one")

	s, store = guarded(t, saysJSON(200, accountOne), func(context.Context) error {
		return &fault.Error{Kind: fault.Transient, Class: "server_error", Err: errors.New("no token")}
	}, func(o *csuclient.Options) { o.TokenURL = tokens.URL })
	s.keep(t, store)
	require.Equal(t, []string{csuclient.CircuitCSU}, store.names())
}
