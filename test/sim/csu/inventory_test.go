package csu

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stock asks for the availability of products; more are members of the criteria.
func (c *client) stock(ids, more string) (rows, totals []map[string]any) {
	c.t.Helper()
	got := c.do("POST", "Products/GetEstimatedAvailability", `{"searchCriteria":{"ProductIds":[`+ids+`]`+more+`}}`)
	require.Equal(c.t, 200, got.status, got.raw)
	return entries(got.body, "ProductWarehouseInventoryAvailabilities"), entries(got.body, "AggregatedProductInventoryAvailabilities")
}

func each(rows []map[string]any, names ...string) (out []string) {
	for _, row := range rows {
		var cells []string
		for _, name := range names {
			if n, ok := row[name].(json.Number); ok {
				cells = append(cells, dec(map[string]any{"n": n}, "n").String())
				continue
			}
			cells = append(cells, fmt.Sprint(row[name]))
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out
}

func TestStockIsToldForEachWarehouseAndInSum(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.sim.SetStock(p0, "STORE1", "3")
	c.sim.PutStock(Stock{Product: p0, Warehouse: "STORE2", Quantity: "10", Reserved: "10", Ordered: "4"}, Stock{Product: p0, Warehouse: "STORE3", Quantity: "0"})
	rows, totals := c.stock(fmt.Sprint(p0, ",5"), "")
	require.Equal(t, []string{"HOUSTON 100 100 AVAIL AVAIL", "STORE1 3 3 LOW LOW", "STORE2 0 4 OOS LOW", "STORE3 0 0 OOS OOS"},
		each(rows, "InventLocationId", "PhysicalAvailable", "TotalAvailable", "PhysicalAvailableInventoryLevelCode", "TotalAvailableInventoryLevelCode"))
	require.Equal(t, []string{"103 107 AVAIL 107"}, each(totals, "PhysicalAvailableQuantity", "TotalAvailableQuantity", "TotalAvailableInventoryLevelCode", "MaximumPurchasableTotalAvailableQuantity"))
	require.Equal(t, []any{"usrt", "ea", true}, []any{rows[0]["DataAreaId"], rows[0]["UnitOfMeasure"], rows[0]["IsInventoryAvailabilityQuantityReturned"]})
}

func TestOfWhichWarehousesCanBeSaid(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	for more, want := range map[string]string{
		`,"DefaultWarehouseOnly":true`:     "HOUSTON",
		`,"DeliveryModeTypeFilterValue":1`: "HOUSTON STORE1 STORE3",
		`,"DeliveryModeTypeFilterValue":2`: "STORE1 STORE2",
		`,"SearchArea":{"Latitude":29.76,"Longitude":-95.37,"Radius":50,"DistanceUnitValue":1}`:                                     "STORE1 STORE2",
		`,"SearchArea":{"Latitude":29.76,"Longitude":-95.37,"Radius":50,"IsUnbounded":true},"FilterByChannelFulfillmentGroup":true`: "STORE1 STORE2 STORE3",
	} {
		rows, _ := c.stock(fmt.Sprint(p0), more)
		require.Equal(t, want, strings.Join(each(rows, "InventLocationId"), " "), more)
	}
	got := c.do("POST", "Products/GetEstimatedProductWarehouseAvailability", fmt.Sprintf(`{"productWarehouses":[{"ProductId":%d,"InventLocationId":"STORE2","DataAreaId":"usrt"},{"ProductId":%d,"InventLocationId":"MOON"},{"ProductId":5,"InventLocationId":"STORE2"}]}`, p0, p0))
	require.Equal(t, []string{"STORE2 100"}, each(entries(got.body, "ProductWarehouseInventoryAvailabilities"), "InventLocationId", "TotalAvailable"))
	require.Len(t, entries(got.body, "AggregatedProductInventoryAvailabilities"), 1)
	require.Equal(t, false, c.do("GET", "GetInventoryConfiguration()", "").body["UseInventoryVisibilityServiceAsDataSource"])
}

func TestQuantitiesMayBeKeptBackOrWithheld(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{InventoryBuffer: "4"})
	c.sim.SetStock(p0, DefaultOUN, "3")
	c.sim.SetStock(p1, DefaultOUN, "6")
	for mode, want := range map[QuantityOutput][]string{
		QuantityAsIs:       {"true 3 0 OOS", "true 6 2 LOW"},
		QuantityLessBuffer: {"true -1 0 OOS", "true 2 2 LOW"},
		QuantityWithheld:   {"false 0 0 OOS", "false 0 0 LOW"},
	} {
		c.sim.Configure(func(o *Options) { o.QuantityOutput = mode })
		rows, totals := c.stock(fmt.Sprint(p0, ",", p1), `,"DefaultWarehouseOnly":true`)
		require.Equal(t, want, each(rows, "IsInventoryAvailabilityQuantityReturned", "TotalAvailable", "MaximumPurchasableTotalAvailableQuantity", "TotalAvailableInventoryLevelCode"))
		require.Equal(t, want[1][strings.Index(want[1], " ")+1:], each(totals, "TotalAvailableQuantity", "MaximumPurchasableTotalAvailableQuantity", "TotalAvailableInventoryLevelCode")[1])
	}
}

func TestWhatIsOrderedComesOffTheStock(t *testing.T) {
	inBubble(t, Options{OrderSync: 5 * time.Second, Stock: []Stock{{Product: 22565423118, Warehouse: DefaultOUN, Quantity: "9"}},
		Products: []Product{{RecordID: 22565423118, ItemID: "A", Unit: "ea", Price: "1"}}}, func(t *testing.T, c *client) {
		require.Equal(t, 201, c.upload(anOrder).status)
		told := func() []string {
			rows, _ := c.stock("22565423118", `,"DefaultWarehouseOnly":true`)
			return each(rows, "PhysicalInventory", "PhysicalReserved", "UnpostedOnlineOrderedQuantity", "TotalAvailable")
		}
		require.Equal(t, []string{"9 0 2 7"}, told())
		<-time.After(6 * time.Second)
		require.Equal(t, []string{"9 2 0 7"}, told(), "headquarters has reserved it")
		require.Equal(t, 200, c.do("POST", "SalesOrders/RequestCancellation", `{"salesOrdersLookupCriteria":{"SalesOrderLookups":[{"SalesId":"SO-000001"}]}}`).status)
		<-time.After(6 * time.Second)
		require.Equal(t, []string{"9 0 0 9"}, told())
	})
}

func TestTooManyRecordsAreRefused(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{InventoryLimit: 9})
	for body, want := range map[string]string{
		`{"searchCriteria":{"ProductIds":[1,2,3]}}`:                       "InventoryAvailableQuantitiesRecordsExceedLimit",
		`{"searchCriteria":{"ProductIds":[1,2]}}`:                         "",
		`{"searchCriteria":{"ProductIds":[]}}`:                            "RequiredValueNotFound",
		`{"searchCriteria":{"ProductIds":["1"]}}`:                         "ODataModelError",
		`{"searchCriteria":{"ProductIds":[1],"Warehouse":"X"}}`:           "BadRequest",
		`{"searchCriteria":{"ProductIds":[1],"SearchArea":{"Miles":1}}}`:  "BadRequest",
		`{"searchCriteria":{"ProductIds":[1],"QuantityUnitTypeValue":3}}`: "InvalidRequest",
		`{"criteria":{}}`: "BadRequest",
	} {
		got := c.do("POST", "Products/GetEstimatedAvailability", body)
		require.Equal(t, want, strings.TrimPrefix(got.errorID(), serverID), body)
	}
	for body, want := range map[string]string{
		`{}`: "MissingRequiredArgument", `{"productWarehouses":[{"ProductId":1}]}`: "RequiredValueNotFound", `{"productWarehouses":[{"Product":1}]}`: "BadRequest",
	} {
		got := c.do("POST", "Products/GetEstimatedProductWarehouseAvailability", body)
		require.Equal(t, want, strings.TrimPrefix(got.errorID(), serverID), body)
	}
	c.sim.Configure(func(o *Options) { o.InventoryLimit = 100_000 })
	require.Equal(t, 400, c.do("POST", "Products/GetEstimatedAvailability", `{"searchCriteria":{"ProductIds":[`+strings.Repeat("1,", 100)+`2]}}`).status)
}

func TestAdminSetsStock(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, 200, admin(t, c.sim, "POST", "/stock", `{"product":68719490000,"warehouse":"STORE1","quantity":5}`, nil))
	require.Equal(t, 200, admin(t, c.sim, "POST", "/stock", `{"product":68719490000,"warehouse":"STORE1","quantity":7,"ordered":1}`, nil))
	var all []Stock
	admin(t, c.sim, "GET", "/stock", "", &all)
	require.Equal(t, []Stock{{Product: p0, Warehouse: "STORE1", Quantity: "7", Ordered: "1"}}, all)
	for _, body := range []string{`{"product":1,"warehouse":"A"}`, `{"product":1,"quantity":1}`, `{"product":1,"warehouse":"A","quantity":1,"reserved":"x"}`} {
		require.Equal(t, 400, admin(t, c.sim, "POST", "/stock", body, nil), body)
	}
}
