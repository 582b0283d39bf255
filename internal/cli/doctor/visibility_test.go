package doctor_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/cli/doctor"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/inventoryvisibility"
	sim "github.com/signalbox/signalbox/test/sim/inventoryvisibility"
)

// counter is an Inventory Visibility that tests change, behind a server, and the configuration that uses it.
type counter struct {
	t   *testing.T
	sim *sim.Simulator
	cfg *config.Config
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{t: t, sim: sim.New(sim.Options{}), cfg: settings()}
	server := httptest.NewServer(c.sim.Handler())
	t.Cleanup(func() { c.sim.Close(); server.Close() })
	c.cfg.Inventory = config.Inventory{Source: config.SourceVisibility, Visibility: config.Visibility{URL: server.URL, TokenURL: server.URL + sim.TokenPath,
		SecurityURL: server.URL + sim.SecurityPath, ClientID: sim.DefaultClientID, ClientSecret: secret.New(sim.DefaultClientSecret), Environment: sim.DefaultEnvironment,
		Warehouses: []string{"USRT/1/HOUSTON", "usrt/2/SEATTLE", "dert/1/BERLIN"}}}
	return c
}

// examined looks with a client of its own, as each run of doctor has.
func (c *counter) examined() doctor.Report {
	c.t.Helper()
	v := c.cfg.Inventory.Visibility
	client, err := inventoryvisibility.New(inventoryvisibility.Options{BaseURL: v.URL, TokenURL: v.TokenURL, SecurityURL: v.SecurityURL, ClientID: v.ClientID,
		ClientSecret: v.ClientSecret, Environment: v.Environment, Timeout: 5 * time.Second})
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, client.Close()) }()
	return examine(c.t, doctor.Visibility(c.cfg, client))
}

func TestInventoryVisibilityIsAskedOfEachLegalEntityAndReservesNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	r := c.examined()
	require.Empty(t, said(r))
	var about []string
	for _, f := range r.Findings {
		about = append(about, f.Check+" "+f.About)
	}
	require.Equal(t, []string{"visibility.token ", "visibility.reach USRT", "visibility.reach dert", "visibility.warehouses main"}, about)
	require.Equal(t, []int{1, 1, 2, 0, 0}, []int{c.sim.Asked(sim.OpToken), c.sim.Asked(sim.OpSecurityToken), c.sim.Asked(sim.OpQuery), c.sim.Asked(sim.OpReserve), c.sim.Asked(sim.OpUnreserve)})

	c.cfg.Channels[0].LegalEntity = "frrt"
	require.Equal(t, []string{"warn visibility.warehouses main: inventory.visibility.warehouses has none of legal entity frrt"}, said(c.examined()))
	c.cfg.Inventory = config.Inventory{Source: config.SourceCSU}
	require.Empty(t, examine(t, doctor.Visibility(c.cfg, nil)).Findings, "who does not use it hears nothing of it")
}

func TestEachFailureOfInventoryVisibilitySaysWhatToDoNext(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change   func(v *config.Visibility)
		fault    sim.Fault
		what, do string
		code     int
	}{
		"Entra cannot be reached": {func(v *config.Visibility) { v.TokenURL = "http://127.0.0.1:1/x" }, sim.Fault{},
			"fail visibility.token : no token: Entra.Token network: Entra refuses connections", "the host of inventory.visibility.token_url", exit.Unreachable},
		"Entra knows another secret": {func(v *config.Visibility) { v.ClientSecret = secret.New("tulip") }, sim.Fault{},
			"fail visibility.token : no token: Entra.Token unauthorized: Entra gives no token", "inventory.visibility.client_secret", exit.Failed},
		"the security service cannot be reached": {func(v *config.Visibility) { v.SecurityURL = "http://127.0.0.1:1/x" }, sim.Fault{},
			"fail visibility.token : no token: SecurityService.Token network: the security service refuses connections", "the host of inventory.visibility.security_url", exit.Unreachable},
		"another environment": {func(v *config.Visibility) { v.Environment = "11111111-2222-3333-4444-555555555555" }, sim.Fault{},
			"fail visibility.token : no token: SecurityService.Token unauthorized: the security service gives no token", "and inventory.visibility.environment; the application must be registered", exit.Failed},
		"the service cannot be reached": {func(v *config.Visibility) { v.URL = "http://127.0.0.1:1" }, sim.Fault{},
			"fail visibility.reach usrt: InventoryVisibility.OnHand network: Inventory Visibility refuses connections", "the host of inventory.visibility.url", exit.Unreachable},
		"no right": {nil, sim.Fault{Kind: sim.Forbid, Operation: sim.OpQuery},
			"fail visibility.reach usrt: InventoryVisibility.OnHand 403", "give the application its role", exit.Failed},
		"a token that it does not take": {nil, sim.Fault{Kind: sim.Unauthorized, Operation: sim.OpQuery},
			"fail visibility.reach usrt: InventoryVisibility.OnHand 401", "give the application its role", exit.Failed},
		"nothing at its address": {func(v *config.Visibility) { v.URL += "/elsewhere" }, sim.Fault{},
			"fail visibility.reach usrt: InventoryVisibility.OnHand 404", "correct inventory.visibility.url", exit.Failed},
		"other dimensions": {nil, sim.Fault{Kind: sim.Error, Status: 400, Operation: sim.OpQuery},
			"fail visibility.reach usrt: InventoryVisibility.OnHand 400", "the names of dimensions", exit.Failed},
		"it is busy": {nil, sim.Fault{Kind: sim.Throttle, Operation: sim.OpQuery, RetryAfter: "seconds"},
			"warn visibility.reach usrt: InventoryVisibility.OnHand 429", "try again later", exit.Done},
		"it fails": {nil, sim.Fault{Kind: sim.Error, Operation: sim.OpQuery},
			"fail visibility.reach usrt: InventoryVisibility.OnHand 500", "try again", exit.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCounter(t)
			c.cfg.Inventory.Visibility.Warehouses = []string{"usrt/1/HOUSTON"}
			if tc.change != nil {
				tc.change(&c.cfg.Inventory.Visibility)
			}
			if tc.fault.Kind != "" {
				_, err := c.sim.Inject(tc.fault)
				require.NoError(t, err)
			}
			r := c.examined()
			require.Len(t, said(r), 1)
			require.True(t, strings.HasPrefix(said(r)[0], tc.what), said(r)[0])
			var do string
			for _, f := range r.Findings {
				if f.Status != doctor.OK {
					do = f.Do
				}
			}
			require.Contains(t, do, tc.do)
			code := exit.Done
			if err := r.Verdict(); err != nil {
				code = exit.From(err).Code
			}
			require.Equal(t, tc.code, code)
			require.NotContains(t, strings.Join(said(r), " ")+do, "http://")
			require.NotContains(t, strings.Join(said(r), " ")+do, "tulip")
		})
	}
}
