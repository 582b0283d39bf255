package csu

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// admin calls the admin handler and decodes its answer.
func admin(t *testing.T, sim *Simulator, method, path, body string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	sim.AdminHandler().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	if into != nil {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), into), w.Body.String())
	}
	return w.Code
}

func TestAdminShowsWhatHappened(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(ana)
	c.create(ana)

	var ledger []Effect
	require.Equal(t, 200, admin(t, c.sim, "GET", "/ledger", "", &ledger))
	require.Equal(t, c.sim.Ledger(), ledger)
	var customers []map[string]any
	admin(t, c.sim, "GET", "/customers", "", &customers)
	require.Equal(t, "000002", customers[1]["AccountNumber"])
	var duplicates map[string][]string
	admin(t, c.sim, "GET", "/duplicates", "", &duplicates)
	require.Equal(t, c.sim.DuplicateEmails(), duplicates)
	var stats Stats
	admin(t, c.sim, "GET", "/stats", "", &stats)
	require.Equal(t, c.sim.Stats(), stats)

	require.Equal(t, 200, admin(t, c.sim, "POST", "/reset", "", nil))
	admin(t, c.sim, "GET", "/ledger", "", &ledger)
	require.Empty(t, ledger)
}

func TestAdminSetsFaults(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	var made struct{ ID string }
	require.Equal(t, 201, admin(t, c.sim, "POST", "/faults", `{"kind":"commit-then-drop","operation":"CreateCustomer","next":3}`, &made))
	require.Error(t, c.create(ana).err)
	var faults []Fault
	admin(t, c.sim, "GET", "/faults", "", &faults)
	require.Equal(t, []Fault{{ID: made.ID, Kind: CommitThenDrop, Operation: OpCreateCustomer, Next: 2, Point: PointAnswer}}, faults)
	require.Equal(t, 200, admin(t, c.sim, "DELETE", "/faults/"+made.ID, "", nil))
	require.Equal(t, 404, admin(t, c.sim, "DELETE", "/faults/"+made.ID, "", nil))
	require.Equal(t, 201, c.create(ana).status)

	admin(t, c.sim, "POST", "/faults", `{"kind":"error","for":"1h"}`, nil)
	require.Equal(t, 500, c.create(ana).status)
	require.Equal(t, 200, admin(t, c.sim, "DELETE", "/faults", "", nil))
	require.Equal(t, 201, c.create(ana).status)
}

func TestAdminRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	sim := New(Options{})
	defer sim.Close()
	for _, body := range []string{``, `[]`, `{"kind":"explode"}`, `{"kind":"drop","nxet":1}`, `{"kind":"latency","delay":"soon"}`} {
		var problem struct{ Error string }
		require.Equal(t, http.StatusBadRequest, admin(t, sim, "POST", "/faults", body, &problem), body)
		require.NotEmpty(t, problem.Error)
	}
	for _, body := range []string{`{"searchLag":"-1s"}`, `{"errorShape":"xml"}`, `{"refuseScheme":"basic"}`, `{"lag":"1s"}`, `{"cartIdle":"-1s"}`, `{"inventoryLimit":0}`, `{"quantityOutput":"some"}`, `{"sessionLife":"-1s"}`, `{"conversion":"-1s"}`, `{"hqDown":"yes"}`} {
		require.Equal(t, http.StatusBadRequest, admin(t, sim, "POST", "/settings", body, nil), body)
	}
}

func TestAdminChangesSettings(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	var got map[string]any
	require.Equal(t, 200, admin(t, c.sim, "POST", "/settings",
		`{"searchLag":"2s","tokenLifetime":"5m","latency":"1ms","commitDelay":"1ms","errorShape":"odata","searchMode":"substring","refuseScheme":"bearer",
		"asyncCustomers":true,"hqDown":true,"conversion":"3m","mergeConverted":true,"redirectConverted":true,"asyncEdit":true,"strictAddresses":true,"orderSync":"9s","repeatedUploads":true,
		"anonymous":true,"labRoles":true,"ownCartIDs":true,"cartIdle":"1h","keyedPrices":true,"orderNumberIsReference":true,"ordersInRealTime":true,"noMixedReturns":true,"sessionLife":"2m0s","oneSession":true,"unnumbered":true,"quantityOutput":"withheld","inventoryLimit":7}`, &got))
	require.Equal(t, map[string]any{
		"searchLag": "2s", "tokenLifetime": "5m0s", "latency": "1ms", "commitDelay": "1ms",
		"errorShape": "odata", "searchMode": "substring", "refuseScheme": "bearer", "asyncCustomers": true, "hqDown": true, "conversion": "3m0s",
		"mergeConverted": true, "redirectConverted": true, "asyncEdit": true, "strictAddresses": true, "orderSync": "9s", "repeatedUploads": true,
		"anonymous": true, "labRoles": true, "ownCartIDs": true, "cartIdle": "1h0m0s", "keyedPrices": true, "orderNumberIsReference": true,
		"ordersInRealTime": true, "unnumbered": true, "noMixedReturns": true, "sessionLife": "2m0s", "oneSession": true, "quantityOutput": "withheld", "inventoryLimit": 7.0,
	}, got)
	require.Equal(t, 200, admin(t, c.sim, "POST", "/settings", `{"refuseScheme":""}`, &got))
	require.Equal(t, "2s", got["searchLag"], "what is absent stays")
	require.Equal(t, 2*time.Second, c.sim.options().SearchLag)

	var revoked map[string]int
	admin(t, c.sim, "POST", "/tokens/revoke", "", &revoked)
	require.Equal(t, 1, revoked["revoked"])
	require.Equal(t, 401, c.create(ana).status)
}

func TestAdminTakesHeadquartersAwayAndConvertsAtOnce(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, 200, admin(t, c.sim, "POST", "/settings", `{"hqDown":true}`, nil))
	first, second := c.provisional(ana), c.provisional(`{"Name":"Bo"}`)
	var hq Headquarters
	require.Equal(t, 200, admin(t, c.sim, "GET", "/headquarters", "", &hq))
	require.Equal(t, Headquarters{Down: true, Provisional: []string{first, second}, Conversions: []Conversion{}}, hq)

	var done map[string]int
	require.Equal(t, 200, admin(t, c.sim, "POST", "/headquarters/convert?account="+second, "", &done))
	require.Equal(t, 1, done["converted"])
	require.Equal(t, "000001", c.sim.Headquarters().Conversions[0].Account)
	require.Equal(t, 200, admin(t, c.sim, "POST", "/headquarters/convert", "", &done))
	require.Equal(t, 1, done["converted"])
	require.Empty(t, c.sim.Headquarters().Provisional)
}

func TestAdminShowsCartsAndSeesToOrders(t *testing.T) {
	inBubble(t, Options{OrderSync: time.Second}, func(t *testing.T, c *client) {
		c.newCart(first, 1)
		c.inject(Fault{Kind: HQRefuses, Next: 1})
		require.Equal(t, 201, c.upload(anOrder).status)
		var carts, orders []map[string]any
		var refused []string
		var retried map[string]int
		admin(t, c.sim, "GET", "/carts", "", &carts)
		admin(t, c.sim, "GET", "/orders", "", &orders)
		admin(t, c.sim, "GET", "/orders/refused", "", &refused)
		require.Equal(t, []any{1, 1, []string{"web-1"}}, []any{len(carts), len(orders), refused})
		require.Equal(t, 400, admin(t, c.sim, "POST", "/orders/status", `{"id":"web-1","status":4}`, nil), "it has not landed")
		admin(t, c.sim, "POST", "/orders/retry?id=web-1", "", &retried)
		require.Equal(t, 1, retried["retried"])
		<-time.After(2 * time.Second)
		require.Equal(t, 200, admin(t, c.sim, "POST", "/orders/status", `{"id":"web-1","status":4}`, nil))
		require.EqualValues(t, "4", c.sim.SalesOrders()[0]["StatusValue"])
	})
}
