package inventoryvisibility_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/inventoryvisibility"
	"github.com/signalbox/signalbox/orchestration/fault"
	sim "github.com/signalbox/signalbox/test/sim/inventoryvisibility"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	one = inventoryvisibility.Place{Site: "1", Location: "HOUSTON"}
	two = inventoryvisibility.Place{Site: "2", Location: "SEATTLE"}
)

func n(v int64) decimal.Decimal { return decimal.NewFromInt(v) }

// onSim is a client of a service of its own, over sockets.
func onSim(t *testing.T, change ...func(*inventoryvisibility.Options)) (*sim.Simulator, *inventoryvisibility.Client) {
	t.Helper()
	s := sim.New(sim.Options{})
	server := httptest.NewServer(s.Handler())
	o := inventoryvisibility.Options{BaseURL: server.URL, TokenURL: server.URL + sim.TokenPath, SecurityURL: server.URL + sim.SecurityPath,
		ClientID: sim.DefaultClientID, ClientSecret: secret.New(sim.DefaultClientSecret), Environment: sim.DefaultEnvironment, Timeout: 5 * time.Second}
	for _, f := range change {
		f(&o)
	}
	c, err := inventoryvisibility.New(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		s.Close()
		server.Close()
	})
	s.Put(sim.Stock{Organization: "usrt", Product: "P1", Site: "1", Location: "HOUSTON", OnHand: n(10), Reserved: n(2), Ordered: n(5)},
		sim.Stock{Organization: "usrt", Product: "P1", Site: "2", Location: "SEATTLE", OnHand: n(3)},
		sim.Stock{Organization: "usrt", Product: "SHIRT", Site: "1", Location: "HOUSTON", Dimensions: map[string]string{"ColorId": "Red"}, OnHand: n(4)},
		sim.Stock{Organization: "usrt", Product: "SHIRT", Site: "1", Location: "HOUSTON", Dimensions: map[string]string{"ColorId": "Blue"}, OnHand: n(-1)},
		sim.Stock{Organization: "demf", Product: "P1", Site: "1", Location: "HOUSTON", OnHand: n(99)})
	return s, c
}

func ask(places ...inventoryvisibility.Place) inventoryvisibility.Query {
	return inventoryvisibility.Query{Organization: "usrt", Products: []string{"P1", "SHIRT", "P-NOT"}, Places: places, GroupBy: []string{"colorId"}}
}

func said(rows []inventoryvisibility.OnHand) (out []string) {
	for _, r := range rows {
		out = append(out, fmt.Sprint(r.Product, r.Dimensions["colorid"], " ", r.Place, " ", r.Quantity("iv", "availableToReserve"), " ", r.Quantity("IV", "totalavailable"), " ", r.Quantity("fno", "physicalInvent")))
	}
	return out
}

func TestWhatThereIsIsReadByPlaceAndDimension(t *testing.T) {
	t.Parallel()
	s, c := onSim(t)
	rows, err := c.OnHand(t.Context(), ask(one))
	require.NoError(t, err)
	here := []string{"P1 {1 HOUSTON} 8 13 10", "SHIRTRed {1 HOUSTON} 4 4 4", "SHIRTBlue {1 HOUSTON} -1 -1 -1"}
	require.Equal(t, here, said(rows), "an index query; the other legal entity's is not there, and what is negative is")
	rows, err = c.OnHand(t.Context(), ask(one, two))
	require.NoError(t, err)
	require.ElementsMatch(t, append(here, "P1 {2 SEATTLE} 3 3 3"), said(rows), "an exact query: no site has the other's location")
	require.Equal(t, []int{1, 1, 2}, []int{s.Asked(sim.OpToken), s.Asked(sim.OpSecurityToken), s.Asked(sim.OpQuery)}, "the token is kept")
	require.Zero(t, rows[0].Quantity("iv", "never-heard-of").Sign())

	_, err = c.OnHand(t.Context(), inventoryvisibility.Query{Organization: "usrt", Places: []inventoryvisibility.Place{one}})
	require.Equal(t, fault.Bug, fault.As(err).Reason, "no products would mean all of them")
}

func wish(id string, quantity int64) inventoryvisibility.Reservation {
	return inventoryvisibility.Reservation{ID: id, Organization: "usrt", Product: "P1", Place: one, Quantity: n(quantity), QuantitySource: "iv", Modifier: "softReservOrdered", Check: true}
}

func freeing(id, reservation string, quantity int64) inventoryvisibility.Release {
	return inventoryvisibility.Release{ID: id, Organization: "usrt", ReservationID: reservation, Place: one, Quantity: n(quantity)}
}

func TestWhatIsReservedIsReservedOnceAndFreedOnce(t *testing.T) {
	t.Parallel()
	s, c := onSim(t)
	got, err := c.Reserve(t.Context(), []inventoryvisibility.Reservation{wish("a", 6), wish("b", 3)})
	require.NoError(t, err)
	require.NotEmpty(t, got[0].ReservationID)
	require.Equal(t, inventoryvisibility.Reserved{ID: "b"}, got[1], "8 were there")
	again, err := c.Reserve(t.Context(), []inventoryvisibility.Reservation{wish("a", 6)})
	require.NoError(t, err)
	require.Equal(t, got[:1], again, "a repeat is the same")
	require.Equal(t, "6", s.SoftReserved("P1", "HOUSTON").String())
	for range 2 {
		require.NoError(t, c.Unreserve(t.Context(), []inventoryvisibility.Release{freeing("free-a", got[0].ReservationID, 6)}))
		require.Equal(t, "0", s.SoftReserved("P1", "HOUSTON").String())
	}
	f := fault.As(c.Unreserve(t.Context(), []inventoryvisibility.Release{freeing("free-x", "unknown", 6)}))
	require.Equal(t, fault.Permanent, f.Kind)
}

func TestWhatAFailureMeans(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault       sim.Fault
		read, write fault.Kind
		wait        time.Duration
	}{
		"too many, seconds":          {sim.Fault{Kind: sim.Throttle, Wait: 7 * time.Second}, fault.Throttled, fault.Throttled, 7 * time.Second},
		"too many, a date":           {sim.Fault{Kind: sim.Throttle, Wait: 9 * time.Second, RetryAfter: "date"}, fault.Throttled, fault.Throttled, 9 * time.Second},
		"busy, and says until when":  {sim.Fault{Kind: sim.Error, Status: 503, RetryAfter: "seconds"}, fault.Throttled, fault.Ambiguous, 0},
		"busy":                       {sim.Fault{Kind: sim.Error, Status: 503}, fault.Transient, fault.Ambiguous, 0},
		"failed":                     {sim.Fault{Kind: sim.Error}, fault.Transient, fault.Ambiguous, 0},
		"a gateway's page":           {sim.Fault{Kind: sim.Error, Status: 502}, fault.Transient, fault.Ambiguous, 0},
		"did not get it all":         {sim.Fault{Kind: sim.Error, Status: 408}, fault.Transient, fault.Ambiguous, 0},
		"dropped":                    {sim.Fault{Kind: sim.Drop}, fault.Transient, fault.Ambiguous, 0},
		"refused":                    {sim.Fault{Kind: sim.Error, Status: 400}, fault.Permanent, fault.Permanent, 0},
		"not you":                    {sim.Fault{Kind: sim.Forbid}, fault.Blocked, fault.Blocked, 0},
		"who are you, again":         {sim.Fault{Kind: sim.Unauthorized}, fault.Blocked, fault.Blocked, 0},
		"nothing here":               {sim.Fault{Kind: sim.Error, Status: 404}, fault.Blocked, fault.Blocked, 0},
		"elsewhere":                  {sim.Fault{Kind: sim.Error, Status: 307}, fault.Blocked, fault.Blocked, 0},
		"no token of Entra's":        {sim.Fault{Kind: sim.Error, Status: 401, Operation: sim.OpToken}, fault.Blocked, fault.Blocked, 0},
		"Entra is down":              {sim.Fault{Kind: sim.Error, Operation: sim.OpToken}, fault.Transient, fault.Transient, 0},
		"Entra asks to wait":         {sim.Fault{Kind: sim.Throttle, Operation: sim.OpToken, Wait: 3 * time.Second}, fault.Throttled, fault.Throttled, 3 * time.Second},
		"no token of the service's":  {sim.Fault{Kind: sim.Error, Status: 403, Operation: sim.OpSecurityToken}, fault.Blocked, fault.Blocked, 0},
		"another region's service":   {sim.Fault{Kind: sim.Error, Status: 307, Operation: sim.OpSecurityToken}, fault.Blocked, fault.Blocked, 0},
		"the security service drops": {sim.Fault{Kind: sim.Drop, Operation: sim.OpSecurityToken}, fault.Transient, fault.Transient, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, write := range []bool{false, true} {
				s, c := onSim(t)
				switch { // that of the service, not of its tokens
				case tc.fault.Operation != "" || tc.fault.Kind == "":
				case write:
					tc.fault.Operation = sim.OpReserve
					defer func() { tc.fault.Operation = "" }()
				}
				f := tc.fault
				if f.Operation == "" {
					f.Operation = sim.OpQuery
				}
				_, err := s.Inject(f)
				require.NoError(t, err)
				want := tc.read
				if write {
					want = tc.write
					_, err = c.Reserve(t.Context(), []inventoryvisibility.Reservation{wish("a", 1)})
				} else {
					_, err = c.OnHand(t.Context(), ask(one))
				}
				got := fault.As(err)
				require.NotNil(t, got)
				require.Equal(t, want, got.Kind, "write %v: %v", write, err)
				require.NotEmpty(t, got.Class)
				if tc.wait > 0 {
					require.InDelta(t, tc.wait.Seconds(), got.Wait.Seconds(), 2)
				}
				for _, leak := range []string{"http", "127.0.0.1", "on purpose", sim.DefaultClientSecret} {
					require.NotContains(t, err.Error(), leak)
				}
				if want == fault.Permanent {
					require.Equal(t, fault.CsuRejected, got.Reason)
				}
			}
		})
	}
}

func TestATokenThatIsRefusedIsReplacedOnce(t *testing.T) {
	t.Parallel()
	s, c := onSim(t)
	_, err := c.OnHand(t.Context(), ask(one))
	require.NoError(t, err)
	s.Revoke()
	_, err = c.Reserve(t.Context(), []inventoryvisibility.Reservation{wish("a", 1)})
	require.NoError(t, err)
	require.Equal(t, []int{2, 2, 2}, []int{s.Asked(sim.OpToken), s.Asked(sim.OpSecurityToken), s.Asked(sim.OpReserve)})
	require.Len(t, s.Reservations(), 1)
}

func TestAnAnswerThatIsLostLeavesOneReservation(t *testing.T) {
	t.Parallel()
	for _, kind := range []sim.Kind{sim.CommitThenDrop, sim.CommitThenError} {
		s, c := onSim(t)
		_, err := s.Inject(sim.Fault{Kind: kind, Operation: sim.OpReserve, Next: 1})
		require.NoError(t, err)
		_, err = c.Reserve(t.Context(), []inventoryvisibility.Reservation{wish("a", 1)})
		require.Equal(t, fault.Ambiguous, fault.KindOf(err))
		got, err := c.Reserve(t.Context(), []inventoryvisibility.Reservation{wish("a", 1)})
		require.NoError(t, err)
		require.Len(t, s.Reservations(), 1)
		require.Equal(t, s.Reservations()[0].ReservationID, got[0].ReservationID)
	}
}

func TestARefusalHoldsBackTheNextRequests(t *testing.T) {
	t.Parallel()
	s, c := onSim(t)
	_, err := s.Inject(sim.Fault{Kind: sim.Throttle, Operation: sim.OpQuery, Wait: 30 * time.Second})
	require.NoError(t, err)
	for range 4 {
		_, err = c.OnHand(t.Context(), ask(one))
		require.Equal(t, fault.Throttled, fault.KindOf(err))
	}
	require.Equal(t, 1, s.Asked(sim.OpQuery))
}

func TestARunThatIsOverSendsNothingAndAPlanWritesNothing(t *testing.T) {
	t.Parallel()
	s, c := onSim(t)
	lost := errors.New("lost")
	_, err := c.Reserve(inventoryvisibility.WithCall(t.Context(), inventoryvisibility.Call{StillOurs: func() error { return lost }}), []inventoryvisibility.Reservation{wish("a", 1)})
	require.ErrorIs(t, err, lost)
	var planned []string
	plan := inventoryvisibility.WithCall(t.Context(), inventoryvisibility.Call{StillOurs: func() error { return lost }, Plan: func(operation string, _ []string) { planned = append(planned, operation) }})
	_, err = c.Reserve(plan, []inventoryvisibility.Reservation{wish("a", 1)})
	require.NoError(t, err)
	require.NoError(t, c.Unreserve(plan, []inventoryvisibility.Release{freeing("b", "r", 1)}))
	_, err = c.OnHand(plan, ask(one))
	require.NoError(t, err, "reads are made")
	require.Equal(t, []string{"InventoryVisibility.Reserve", "InventoryVisibility.Unreserve"}, planned)
	require.Empty(t, s.Reservations())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.OnHand(ctx, ask(one))
	require.ErrorIs(t, err, context.Canceled)
}

func TestEveryProblemOfTheOptionsIsNamed(t *testing.T) {
	t.Parallel()
	err := inventoryvisibility.Options{BaseURL: "http://iv.example.com", TokenURL: "https://u:p@x.example.com", SecurityURL: "https://x.example.com?a=b", Timeout: -1}.Validate()
	for _, field := range []string{"BaseURL", "TokenURL", "SecurityURL", "ClientID", "ClientSecret", "Environment", "Timeout"} {
		require.ErrorContains(t, err, field)
	}
	_, c := onSim(t)
	require.Equal(t, "inventoryvisibility.Client", strings.TrimSpace(fmt.Sprintf("%v", *c)))
}
