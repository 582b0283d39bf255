package csu

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAStoreHasItsOwnHoursAndContacts(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, c *client) { // a bubble begins on a Saturday
		c.sim.PutStores(Store{Number: "STORE1", Name: "Downtown", Warehouse: "W1", Site: "S1", Hours: []StoreDay{{time.Saturday, 36000, 50400}},
			Contacts: []StoreContact{{Type: 1, Value: "+1 555 0100", Primary: true}}}, Store{Number: "NEW", Warehouse: "W9"})
		hours := func(store string) map[string]any {
			return object(c.do("GET", "OrgUnits/GetStoreHours(storeNumber='"+store+"')", "").body, "RegularStoreHours")
		}
		require.Equal(t, []any{int64(36000), int64(50400), false, true}, []any{num(hours("STORE1"), "SaturdayOpenTime"), num(hours("STORE1"), "SaturdayCloseTime"),
			hours("STORE1")["IsClosedOnSaturday"], hours("STORE1")["IsClosedOnSunday"]})
		require.Equal(t, []any{int64(32400), false}, []any{num(hours("NEW"), "SundayOpenTime"), hours("NEW")["IsClosedOnSunday"]})
		require.Equal(t, 400, c.do("GET", "OrgUnits/GetStoreHours(storeNumber='NONE')", "").status)

		row := entries(c.do("POST", "OrgUnits/SearchOrgUnitLocations", `{"orgUnitLocationSearchCriteria":{"OrgUnitNumber":"STORE1"}}`).body, "value")[0]
		require.Equal(t, []any{int64(36000), "S1", "W1", "+1 555 0100"}, []any{num(row, "OpenFrom"), row["InventorySiteId"], row["InventoryLocationId"], entries(row, "Contacts")[0]["Locator"]})
		require.Equal(t, 1, c.sim.RemoveStores("STORE3", "NONE"))
		require.Equal(t, []any{"STORE1", "STORE2", "NEW"}, c.rows("OrgUnits/SearchOrgUnitLocations", `{"orgUnitLocationSearchCriteria":{}}`, "OrgUnitNumber"))
	})
}

func TestAdminOpensAndClosesStores(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, 200, admin(t, c.sim, "POST", "/stores", `{"stores":[{"number":"NEW","warehouse":"W9","hours":[{"day":1,"open":3600,"close":7200}]}]}`, nil))
	require.Equal(t, 200, admin(t, c.sim, "DELETE", "/stores?number=STORE1&number=STORE2", "", nil))
	var stores []Store
	admin(t, c.sim, "GET", "/stores", "", &stores)
	require.Equal(t, []string{"STORE3", "NEW"}, []string{stores[0].Number, stores[1].Number})
	require.Equal(t, 400, admin(t, c.sim, "POST", "/stores", `{"stores":[{"number":"NEW"}]}`, nil))
}
