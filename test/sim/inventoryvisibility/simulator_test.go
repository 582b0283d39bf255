package inventoryvisibility_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	sim "github.com/signalbox/signalbox/test/sim/inventoryvisibility"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller speaks to a simulator over a socket, as whoever reads Microsoft's pages would.
type caller struct {
	t   *testing.T
	sim *sim.Simulator
	url string
}

func newCaller(t *testing.T) *caller {
	t.Helper()
	s := sim.New(sim.Options{})
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() { s.Close(); server.Close() })
	n := decimal.NewFromInt
	s.Put(sim.Stock{Organization: "usrt", Product: "P1", Site: "1", Location: "HOUSTON", OnHand: n(10), Reserved: n(2), Ordered: n(5)},
		sim.Stock{Organization: "usrt", Product: "P1", Site: "2", Location: "SEATTLE", OnHand: n(3)},
		sim.Stock{Organization: "usrt", Product: "SHIRT", Site: "1", Location: "HOUSTON", Dimensions: map[string]string{"colorId": "Red"}, OnHand: n(4)},
		sim.Stock{Organization: "usrt", Product: "SHIRT", Site: "1", Location: "HOUSTON", Dimensions: map[string]string{"colorId": "Blue"}, OnHand: n(-1)})
	return &caller{t, s, server.URL}
}

// post gives the status and the answer, or no status where the connection was dropped.
func (c *caller) post(path, contentType, body, token string) (int, any) {
	c.t.Helper()
	r, err := http.NewRequest(http.MethodPost, c.url+path, strings.NewReader(body))
	require.NoError(c.t, err)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Api-Version", "1.0")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	var answer any
	require.NoError(c.t, json.NewDecoder(bytes.NewReader(text)).Decode(&answer))
	return resp.StatusCode, answer
}

func (c *caller) entra(secret string) (int, string) {
	c.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {sim.DefaultClientID}, "client_secret": {secret}, "scope": {"0cdb527f-a8d1-4bf8-9436-b352c68682b2/.default"}}
	return tokenOf(c.post(sim.TokenPath, "application/x-www-form-urlencoded", form.Encode(), ""))
}

func (c *caller) security(assertion, environment string) (int, string) {
	c.t.Helper()
	wish, err := json.Marshal(map[string]string{"grant_type": "client_credentials", "client_assertion_type": "aad_app", "client_assertion": assertion,
		"scope": "https://inventoryservice.operations365.dynamics.com/.default", "context": environment, "context_type": "finops-env"})
	require.NoError(c.t, err)
	return tokenOf(c.post(sim.SecurityPath, "application/json", string(wish), ""))
}

func tokenOf(status int, answer any) (int, string) {
	got, _ := answer.(map[string]any)
	token, _ := got["access_token"].(string)
	return status, token
}

func (c *caller) token() string {
	c.t.Helper()
	_, assertion := c.entra(sim.DefaultClientSecret)
	status, token := c.security(assertion, sim.DefaultEnvironment)
	require.Equal(c.t, http.StatusOK, status)
	return token
}

func (c *caller) onHand(operation, body, token string) (int, any) {
	c.t.Helper()
	return c.post("/api/environment/"+sim.DefaultEnvironment+"/onhand/"+operation, "application/json", body, token)
}

func TestATokenIsHadInTwoStepsAndNeitherCanBeLeftOut(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	status, _ := c.entra("tulip")
	require.Equal(t, http.StatusUnauthorized, status)
	status, assertion := c.entra(sim.DefaultClientSecret)
	require.Equal(t, http.StatusOK, status)
	status, _ = c.security(assertion, "another")
	require.Equal(t, http.StatusForbidden, status, "it is registered for one environment")
	status, _ = c.security("made up", sim.DefaultEnvironment)
	require.Equal(t, http.StatusUnauthorized, status)
	const query = `{"filters":{"organizationId":["usrt"],"productId":["P1"],"siteId":["1"],"locationId":["HOUSTON"]},"groupByValues":[]}`
	for token, want := range map[string]int{"": http.StatusUnauthorized, assertion: http.StatusUnauthorized, c.token(): http.StatusOK} {
		status, _ = c.onHand("indexquery", query, token)
		require.Equal(t, want, status, "Entra's own token is none of the service's")
	}
	token := c.token()
	c.sim.Revoke()
	status, _ = c.onHand("indexquery", query, token)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = c.post("/api/environment/another/onhand/indexquery", "application/json", query, token)
	require.Equal(t, http.StatusNotFound, status)
}

func TestAQueryAnswersByPlaceAndByTheDimensionsThatWereAskedFor(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	token := c.token()
	rows := func(operation, filters, more string) (said []string) {
		status, answer := c.onHand(operation, `{"filters":{"organizationId":["usrt"],`+filters+`},`+more+`}`, token)
		require.Equal(t, http.StatusOK, status)
		for _, row := range answer.([]any) {
			r := row.(map[string]any)
			text, err := json.Marshal([]any{r["productId"], r["dimensions"], r["quantities"].(map[string]any)["iv"].(map[string]any)["availabletoreserve"]})
			require.NoError(t, err)
			said = append(said, string(text))
		}
		return said
	}
	const here = `"productId":["P1","SHIRT","NONE"],"siteId":["1"],"locationId":["HOUSTON"]`
	require.Equal(t, []string{`["P1",{"locationid":"HOUSTON","siteid":"1"},8]`, `["SHIRT",{"locationid":"HOUSTON","siteid":"1"},3]`},
		rows("indexquery", here, `"groupByValues":[],"returnNegative":true`), "what is not there has no row")
	require.Equal(t, []string{`["P1",{"locationid":"HOUSTON","siteid":"1"},8]`, `["SHIRT",{"ColorId":"Red","locationid":"HOUSTON","siteid":"1"},4]`},
		rows("indexquery", here, `"groupByValues":["colorId"]`), "what is negative is left out unless asked for")
	require.Len(t, rows("exactquery", `"productId":["P1"],"dimensions":["siteId","locationId"],"values":[["1","HOUSTON"],["2","SEATTLE"],["1","SEATTLE"]]`, `"groupByValues":[]`), 2)
	for _, body := range []string{`{}`, `[]`, `{"filters":{"organizationId":["usrt","demf"],"productId":[],"siteId":["1"],"locationId":["X"]}}`, `{"filters":{"organizationId":["usrt"],"productId":["P1"]}}`} {
		status, _ := c.onHand("indexquery", body, token)
		require.Equal(t, http.StatusBadRequest, status, body)
	}
}

const wish = `{"id":"a","organizationId":"usrt","productId":"P1","dimensions":{"siteId":"1","locationId":"HOUSTON"},"quantityDataSource":"iv","modifier":"softReservOrdered","quantity":6,"ifCheckAvailForReserv":true}`

func TestAReservationIsCountedOnceAndFreesNoMoreThanItHas(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	token := c.token()
	status, first := c.onHand("reserve", wish, token)
	require.Equal(t, http.StatusOK, status)
	_, again := c.onHand("reserve", wish, token)
	require.Equal(t, first, again, "a repeat is answered like the first")
	status, short := c.onHand("reserve/bulk", "["+strings.Replace(wish, `"a"`, `"b"`, 1)+"]", token)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "fail", short.([]any)[0].(map[string]any)["processingStatus"], "2 are left")
	require.Equal(t, "6", c.sim.SoftReserved("P1", "HOUSTON").String())

	free := `{"id":"f","organizationId":"usrt","reservationId":"` + first.(map[string]any)["reservationId"].(string) + `","dimensions":{"siteId":"1","locationId":"HOUSTON"},"OffsetQty":8}`
	_, freed := c.onHand("unreserve", free, token)
	require.Equal(t, []any{"partialSuccess", "2"}, []any{freed.(map[string]any)["processingStatus"], freed.(map[string]any)["totalInvalidOffsetQtyByReservId"]})
	require.True(t, c.sim.SoftReserved("P1", "HOUSTON").IsZero())
	require.Len(t, c.sim.Reservations(), 1)
	status, _ = c.onHand("unreserve", strings.Replace(free, `"HOUSTON"`, `"SEATTLE"`, 1), token)
	require.Equal(t, http.StatusBadRequest, status, "of another place")
}

func TestAFaultComesBeforeTheEffectUnlessItSaysCommit(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	token := c.token()
	for kind, want := range map[sim.Kind]struct {
		status int
		made   bool
	}{
		sim.Drop: {0, false}, sim.Error: {500, false}, sim.Throttle: {429, false}, sim.Unauthorized: {401, false}, sim.Forbid: {403, false},
		sim.CommitThenDrop: {0, true}, sim.CommitThenError: {502, true},
	} {
		id, err := c.sim.Inject(sim.Fault{Kind: kind, Operation: sim.OpReserve, Next: 1})
		require.NoError(t, err)
		before := len(c.sim.Reservations())
		status, _ := c.onHand("reserve", strings.NewReplacer(`"a"`, `"`+string(kind)+`"`, `6`, `1`).Replace(wish), token)
		require.Equal(t, want.status, status, kind)
		require.Equal(t, want.made, len(c.sim.Reservations()) > before, kind)
		c.sim.Clear(id)
	}
	for _, f := range []sim.Fault{{Kind: "tulip"}, {Kind: sim.Error, Operation: "Tulip"}, {Kind: sim.Error, OUN: "HOUSTON"}} {
		_, err := c.sim.Inject(f)
		require.Error(t, err)
	}
}

func TestTheAdminPortDoesWhatTheMethodsDo(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	admin := httptest.NewServer(c.sim.AdminHandler())
	defer admin.Close()
	resp, err := http.Post(admin.URL+"/stock", "application/json", strings.NewReader(`[{"organization":"usrt","product":"NEW","site":"1","location":"HOUSTON","onHand":7}]`))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	token := c.token()
	status, _ := c.onHand("reserve", strings.Replace(wish, `"P1"`, `"NEW"`, 1), token)
	require.Equal(t, http.StatusOK, status)
	resp, err = http.Get(admin.URL + "/reservations")
	require.NoError(t, err)
	defer resp.Body.Close()
	var all []sim.Reservation
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&all))
	require.Equal(t, []string{"a", "NEW", "6"}, []string{all[0].ID, all[0].Product, all[0].Left.String()})
}

func TestCloseLetsGoWhatIsHeldWithoutItsEffect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sim.New(sim.Options{})
		_, err := s.Inject(sim.Fault{Kind: sim.Hold, Point: "received"})
		require.NoError(t, err)
		gone := make(chan any)
		go func() {
			defer func() { gone <- recover() }()
			s.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, sim.TokenPath, strings.NewReader("x")))
		}()
		time.Sleep(time.Hour) // of the bubble's time
		s.Close()
		require.Equal(t, http.ErrAbortHandler, <-gone)
	})
}
