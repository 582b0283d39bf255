package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/inventoryvisibility"
)

func TestInventoryVisibilityIsNotAskedUnlessItIsWanted(t *testing.T) {
	t.Parallel()
	c, err := Load(Sources{Env: enough()})
	require.NoError(t, err)
	require.False(t, c.UsesVisibility())
	require.False(t, c.Reserves())
}

func TestEveryProblemOfInventoryVisibilityIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"SIGNALBOX_INVENTORY_SOURCE", "SIGNALBOX_ORDERS_RESERVE"} {
		_, err := Load(Sources{Env: enough(key + "=visibility")})
		for _, missing := range []string{"url", "token_url", "security_url", "client_id", "client_secret", "environment", "warehouses"} {
			require.ErrorContains(t, err, "inventory.visibility."+missing+" (default): is missing, and Inventory Visibility is used")
		}
	}
	_, err := Load(Sources{Env: enough("SIGNALBOX_INVENTORY_SOURCE=sap", "SIGNALBOX_ORDERS_RESERVE=yes", "SIGNALBOX_ORDERS_WHEN_SHORT=wait", "SIGNALBOX_ORDERS_RESERVE_AT=MOON",
		"SIGNALBOX_INVENTORY_VISIBILITY_URL=http://iv.example.com", "SIGNALBOX_INVENTORY_VISIBILITY_TOKEN_URL=https://login.example.com/t?x=1", "SIGNALBOX_INVENTORY_VISIBILITY_SECURITY_URL=ftp://x",
		"SIGNALBOX_INVENTORY_VISIBILITY_ENVIRONMENT=a b", "SIGNALBOX_INVENTORY_VISIBILITY_WAREHOUSES=HOUSTON,u/1/A,u/1/a", "SIGNALBOX_INVENTORY_VISIBILITY_AVAILABLE=total")})
	for _, says := range []string{
		`inventory.source (SIGNALBOX_INVENTORY_SOURCE): "sap" is no choice; use csu or visibility`, `orders.reserve (SIGNALBOX_ORDERS_RESERVE): "yes" is no choice`,
		`orders.when_short (SIGNALBOX_ORDERS_WHEN_SHORT): "wait" is no choice; use refuse or go_on`, `orders.reserve_at (SIGNALBOX_ORDERS_RESERVE_AT): "MOON" is not in inventory.visibility.warehouses`,
		`inventory.visibility.url (SIGNALBOX_INVENTORY_VISIBILITY_URL): is plain http to another machine`, `token_url (SIGNALBOX_INVENTORY_VISIBILITY_TOKEN_URL): holds a query`,
		`security_url (SIGNALBOX_INVENTORY_VISIBILITY_SECURITY_URL): is no https`, `environment (SIGNALBOX_INVENTORY_VISIBILITY_ENVIRONMENT): is no id of an environment`,
		`"HOUSTON" is no warehouse`, `"u/1/a" stands there twice`, `available (SIGNALBOX_INVENTORY_VISIBILITY_AVAILABLE): is no measure`,
	} {
		require.ErrorContains(t, err, says)
	}
}

func TestTheWarehousesOfALegalEntityAreFound(t *testing.T) {
	t.Parallel()
	c, err := Load(Sources{Env: enough("SIGNALBOX_INVENTORY_VISIBILITY_WAREHOUSES=USRT/1/HOUSTON,USRT/2/SEATTLE,DEMF/1/HOUSTON")})
	require.NoError(t, err)
	l := c.Inventory.Visibility.Layout()
	require.Len(t, l.At("usrt"), 2, "case does not count")
	require.Equal(t, []inventoryvisibility.Warehouse{{Organization: "USRT", Place: inventoryvisibility.Place{Site: "2", Location: "SEATTLE"}}}, l.At("USRT", "seattle", "MOON"))
	require.Empty(t, l.At("other"))
	require.Equal(t, map[string]string{"colorId": "Red"}, l.Dimensions(inventoryvisibility.Variant{Color: "Red"}))
	require.True(t, strings.HasPrefix(Measure("iv.availabletoreserve").Name, "available"))
}
