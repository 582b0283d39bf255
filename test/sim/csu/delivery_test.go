package csu

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (c *client) deliverLine(k Cart, spec string) answerOf {
	return c.tryAct(k.ID(), "UpdateLineDeliverySpecifications", `{"lineDeliverySpecifications":[{"LineId":"`+str(k.Lines()[0], "LineId")+`","DeliverySpecification":`+spec+`}]}`)
}

func TestALineIsPickedUpOrShippedFromAStore(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	k := c.newCart(first, 1)
	pickup := fmt.Sprintf(`{"DeliveryModeId":"60","DeliveryPreferenceTypeValue":2,"PickUpStoreId":"STORE1","DeliveryAddress":{"RecordId":%d}}`, DefaultStores()[0].AddressRecordID)
	a := c.deliverLine(k, pickup)
	require.Equal(t, 200, a.status, a.raw)
	line := entries(a.body, "CartLines")[0]
	require.Equal(t, []any{"60", "STORE1", "STORE1"}, []any{line["DeliveryMode"], line["FulfillmentStoreId"], line["WarehouseId"]})
	a = c.deliverLine(k, `{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":1,"ShipFromStoreId":"STORE3","DeliveryAddress":`+home+`}`)
	line = entries(a.body, "CartLines")[0]
	require.Equal(t, []any{"99", "STORE3", "STORE3"}, []any{line["DeliveryMode"], line["FulfillmentStoreId"], line["WarehouseId"]})
	a = c.deliverLine(k, `{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":1,"DeliveryAddress":`+home+`}`)
	line = entries(a.body, "CartLines")[0]
	require.Equal(t, []any{"", DefaultOUN}, []any{line["FulfillmentStoreId"], line["WarehouseId"]})
	a = c.deliverLine(k, `{"DeliveryModeId":"90","DeliveryPreferenceTypeValue":3,"ElectronicDeliveryEmailAddress":"a@example.test"}`)
	require.Equal(t, "a@example.test", entries(a.body, "CartLines")[0]["ElectronicDeliveryEmail"])
	a = c.deliverLine(k, pickup)
	require.Equal(t, 200, c.pay(a.body, "1.00").status)
}

func TestWhatCannotBeDeliveredIsRefusedByName(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{DeliveryModes: append(DefaultDeliveryModes(), DeliveryMode{Code: "70", Countries: []string{"CAN"}})})
	k := c.newCart(first, 1)
	for spec, want := range map[string]string{
		`{"DeliveryModeId":"none","DeliveryPreferenceTypeValue":1,"DeliveryAddress":` + home + `}`:                                                   "InvalidDeliveryMode",
		`{"DeliveryModeId":"60","DeliveryPreferenceTypeValue":1,"DeliveryAddress":` + home + `}`:                                                     "InvalidDeliveryMode",
		`{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":4}`:                                                                                    "InvalidDeliveryPreferenceType",
		`{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":1}`:                                                                                    "InvalidShippingAddress",
		`{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":1,"DeliveryAddress":{"City":"Houston","State":"XX","ThreeLetterISORegionName":"USA"}}`: "InvalidShippingAddress",
		`{"DeliveryModeId":"70","DeliveryPreferenceTypeValue":1,"DeliveryAddress":` + home + `}`:                                                     "UnableToFindDeliveryOptions",
		`{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":1,"RequestedDeliveryDate":"2001-01-01T00:00:00Z","DeliveryAddress":` + home + `}`:      "InvalidShippingDate",
		`{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":1,"ShipFromStoreId":"STORE2","DeliveryAddress":` + home + `}`:                          "InvalidStoreNumber",
		`{"DeliveryModeId":"60","DeliveryPreferenceTypeValue":2,"PickUpStoreId":"none"}`:                                                             "InvalidStoreNumber",
		`{"DeliveryModeId":"60","DeliveryPreferenceTypeValue":2,"PickUpStoreId":"STORE3"}`:                                                           "InvalidStoreNumber",
		`{"DeliveryModeId":"60","DeliveryPreferenceTypeValue":2,"PickUpStoreId":"STORE1"}`:                                                           "MissingRecordIdForStorePickUpAddress",
		`{"DeliveryModeId":"60","DeliveryPreferenceTypeValue":2,"PickUpStoreId":"STORE1","DeliveryAddress":{"RecordId":7}}`:                          "InvalidShippingAddress",
		`{"DeliveryModeId":"90","DeliveryPreferenceTypeValue":3}`:                                                                                    "InvalidEmailAddress",
	} {
		a := c.deliverLine(k, spec)
		requireRefused(t, 400, want, a)
	}
	wrong := c.deliverLine(k, `{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":1,"DeliveryAddress":{"City":"Houston","State":"XX","ThreeLetterISORegionName":"USA"}}`)
	require.Equal(t, []string{"InvalidStateProvince"}, wrong.validationIDs())
	requireRefused(t, 400, "ObjectNotFound", c.tryAct(k.ID(), "UpdateLineDeliverySpecifications", `{"lineDeliverySpecifications":[{"LineId":"none","DeliverySpecification":{}}]}`))
	c.sim.Configure(func(o *Options) { o.DeliveryModes = []DeliveryMode{{Code: "99"}} })
	requireRefused(t, 400, "PickupModeOfDeliveryNotConfiguredOnHeadquarters", c.deliverLine(k, `{"DeliveryModeId":"60","DeliveryPreferenceTypeValue":2,"PickUpStoreId":"STORE1"}`))
}

func TestAnExpressOrderPaysFreightOnce(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	k := c.newCart(first, 1, second, 1)
	express := `{"deliverySpecification":{"DeliveryModeId":"11","DeliveryPreferenceTypeValue":1,"DeliveryAddress":` + home + `}}`
	for range 2 {
		k = c.act(k.ID(), "UpdateDeliverySpecification", express)
		require.Equal(t, []any{json.Number("14.90"), json.Number("14.90"), json.Number("17.97")}, []any{k["ChargeAmount"], k["ShippingChargeAmount"], k["TotalAmount"]})
	}
	k = c.ship(k)
	require.Equal(t, json.Number("0.00"), k["ChargeAmount"])
}

func TestTheWaysToDeliverAreListed(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{DeliveryModes: append(DefaultDeliveryModes(), DeliveryMode{Code: "70", Countries: []string{"CAN"}})})
	k := c.newCart(first, 1)
	codes := func(a answerOf) (out []string) {
		require.Equal(t, 200, a.status, a.raw)
		for _, row := range entries(a.body, "value") {
			out = append(out, str(row, "Code"))
		}
		return out
	}
	line := str(k.Lines()[0], "LineId")
	require.Equal(t, []string{"99", "11", "60", "90"}, codes(c.tryAct(k.ID(), "GetDeliveryOptions?$top=1000", `{"shippingAddress":`+home+`,"cartLineIds":["`+line+`"],"filterOption":0}`)))
	require.Equal(t, []string{"99", "11"}, codes(c.tryAct(k.ID(), "GetDeliveryOptions", `{"shippingAddress":`+home+`,"cartLineIds":[],"filterOption":1}`)))
	require.Equal(t, []string{"60"}, codes(c.tryAct(k.ID(), "GetDeliveryOptions", `{"shippingAddress":{},"cartLineIds":[],"filterOption":4}`)))
	require.Equal(t, []string{"99", "11", "60", "90", "70"}, codes(c.do("GET", "GetDeliveryOptions()", "")))
	rows := entries(c.tryAct(k.ID(), "GetLineDeliveryOptions", `{"lineShippingAddresses":[{"LineId":"`+line+`","ShippingAddress":`+home+`}],"filterOption":0}`).body, "value")
	require.Equal(t, line, rows[0]["SalesLineId"])
	require.Len(t, entries(rows[0], "DeliveryOptions"), 4)
	requireRefused(t, 400, "InvalidShippingAddress", c.tryAct(k.ID(), "GetDeliveryOptions", `{"shippingAddress":{"City":"x","ThreeLetterISORegionName":"ZZZ"}}`))
	require.Len(t, entries(c.tryAct(k.ID(), "GetDeliveryPreferences", `{}`).body, "CartLineDeliveryPreferences"), 1)
	unit := c.do("POST", "OrgUnits/GetOrgUnitConfiguration", `{}`)
	require.Equal(t, []any{"60", "90"}, []any{unit.body["PickupDeliveryModeCode"], unit.body["EmailDeliveryModeCode"]})
}

func TestStoresAreFoundByNumberNameAndArea(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	numbers := func(a answerOf) (out []string) {
		require.Equal(t, 200, a.status, a.raw)
		for _, row := range entries(a.body, "value") {
			out = append(out, str(row, "OrgUnitNumber"))
		}
		return out
	}
	require.Equal(t, []string{"STORE2", "STORE1"}, numbers(c.do("POST", "OrgUnits/GetOrgUnitLocationsByArea",
		`{"searchArea":{"Latitude":29.741,"Longitude":-95.459,"Radius":50,"DistanceUnitValue":0},"deliveryModeTypeFilter":0}`)), "the nearest first")
	require.Equal(t, []string{"STORE3"}, numbers(c.do("POST", "OrgUnits/GetOrgUnitLocationsByArea", `{"searchArea":{"Latitude":47.6,"Longitude":-122.3,"Radius":5,"DistanceUnitValue":1},"deliveryModeTypeFilter":1}`)))
	require.Equal(t, []string{"STORE1", "STORE2"}, numbers(c.do("POST", "OrgUnits/SearchOrgUnitLocations", `{"orgUnitLocationSearchCriteria":{"DeliveryModeTypeFilterValue":2}}`)))
	require.Equal(t, []string{"STORE3"}, numbers(c.do("POST", "OrgUnits/SearchOrgUnitLocations", `{"orgUnitLocationSearchCriteria":{"InventoryLocationIds":["STORE3"]}}`)))
	require.Equal(t, []string{"STORE2"}, numbers(c.do("POST", "OrgUnits/Search", `{"storeSearchCriteria":{"StoreNumber":"STORE2"}}`)))
	require.Equal(t, "Downtown", c.do("GET", "OrgUnits('STORE1')", "").body["OrgUnitName"])
	requireRefused(t, 404, "ObjectNotFound", c.do("GET", "OrgUnits('none')", ""))
	require.Equal(t, json.Number("32400"), c.do("GET", "OrgUnits/GetStoreHours(storeNumber='STORE1')", "").body["RegularStoreHours"].(map[string]any)["MondayOpenTime"])
	require.Len(t, entries(c.do("GET", "Warehouses", "").body, "value"), 4)
}

func TestASlotIsOfferedUntilItIsFull(t *testing.T) {
	inBubble(t, Options{Timeslots: Timeslots{Interval: time.Hour, Capacity: 1, Days: 2, Lead: 10 * time.Hour}}, func(t *testing.T, c *client) {
		offered := func() []map[string]any {
			a := c.do("POST", "OrgUnits/GetPickupTimeslots", `{"pickupTimeslotAvailabilitySearchCriteria":{"StoreId":"STORE1","DeliveryModeCode":"60"}}`)
			require.Equal(t, 200, a.status, a.raw)
			return entries(a.body, "value")
		}
		slots := offered()
		require.Len(t, slots, 8+9, "the first hour is too soon")
		pickup := func(k Cart, from string) answerOf {
			return c.deliverLine(k, fmt.Sprintf(`{"DeliveryModeId":"60","DeliveryPreferenceTypeValue":2,"PickUpStoreId":"STORE1","DeliveryAddress":{"RecordId":%d},
				"PickupTimeslotStartDateTime":%q,"PickupTimeslotEndDateTime":%q}`, DefaultStores()[0].AddressRecordID, from, slots[0]["EndDateTime"]))
		}
		from := str(slots[0], "StartDateTime")
		early, late := c.newCart(first, 1), c.newCart(first, 1)
		require.Equal(t, 200, pickup(early, from).status)
		require.Equal(t, 200, pickup(late, from).status, "a slot is taken at checkout")
		requireRefused(t, 400, "NotValidPickupTimeslot", pickup(late, "2000-01-01T09:30:00Z"))
		require.Equal(t, 200, c.pay(early, "1.00").status)
		require.Len(t, offered(), 16)
		requireRefused(t, 400, "NotValidPickupTimeslot", c.pay(late, "1.00"))
		requireRefused(t, 400, "StoreIdDoesNotExist", c.do("POST", "OrgUnits/GetPickupTimeslots", `{"pickupTimeslotAvailabilitySearchCriteria":{"StoreId":"none"}}`))
	})
}
