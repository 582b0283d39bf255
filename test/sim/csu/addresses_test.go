package csu

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// cities maps the cities of a customer's addresses to their record ids.
func cities(c Customer) map[string]int64 {
	out := map[string]int64{}
	for _, a := range c.Addresses() {
		out[str(a, "City")] = num(a, "RecordId")
	}
	return out
}

func TestAddressesMergeByRecordID(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(`{"Name":"x","Addresses":[
		{"ThreeLetterISORegionName":"USA","City":"Houston","Street":"Main","IsPrimary":true},
		{"ThreeLetterISORegionName":"NLD","City":"Delft","RecordId":0}]}`)
	before := cities(c.read("000001"))
	require.Len(t, before, 2)
	require.Greater(t, before["Delft"], int64(1)<<40)

	got := c.patch("000001", fmt.Sprintf(`{"Addresses":[
		{"RecordId":%d,"City":"Dallas","Street":null},
		{"RecordId":%d,"Deactivate":true},
		{"ThreeLetterISORegionName":"FRA","City":"Paris"}]}`, before["Houston"], before["Delft"]))
	require.Equal(t, 204, got.status, got.raw)

	addresses := c.read("000001").Addresses()
	require.Len(t, addresses, 2)
	require.Equal(t, before["Houston"], num(addresses[0], "RecordId"))
	require.Equal(t, "Dallas", addresses[0]["City"])
	require.Nil(t, addresses[0]["Street"])
	require.Equal(t, "USA", addresses[0]["ThreeLetterISORegionName"], "what was not sent stays")
	require.Equal(t, true, addresses[0]["IsPrimary"])
	require.Equal(t, "Dallas\nUSA", addresses[0]["FullAddress"])
	require.Equal(t, "FR", addresses[1]["TwoLetterISORegionName"])
}

func TestANewPrimaryAddressReplacesTheOld(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(`{"Name":"x","Addresses":[{"ThreeLetterISORegionName":"USA","City":"Houston","IsPrimary":true}]}`)
	require.Equal(t, 204, c.patch("000001", `{"Addresses":[{"ThreeLetterISORegionName":"USA","City":"Dallas","IsPrimary":true}]}`).status)
	addresses := c.read("000001").Addresses()
	require.Equal(t, []any{false, true}, []any{addresses[0]["IsPrimary"], addresses[1]["IsPrimary"]})
}

func TestAnUnknownRecordIDChangesNothing(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(`{"Name":"x"}`)
	before := c.read("000001")
	got := c.patch("000001", `{"Phone":"1","Addresses":[{"ThreeLetterISORegionName":"USA","City":"Houston"},{"RecordId":5,"City":"Delft"}]}`)
	require.Equal(t, 400, got.status)
	require.Equal(t, "ObjectNotFound", got.errorID())
	require.Equal(t, before, c.read("000001"))
}

func TestAKnownAddressMayNotLoseItsCountry(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(`{"Name":"x","Addresses":[{"ThreeLetterISORegionName":"USA","City":"Houston"}]}`)
	id := cities(c.read("000001"))["Houston"]
	got := c.patch("000001", fmt.Sprintf(`{"Addresses":[{"RecordId":%d,"ThreeLetterISORegionName":null}]}`, id))
	require.Equal(t, []string{"InvalidCountryRegion"}, got.validationIDs())
}

func TestContactsMergeAndGiveTheMainEmail(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(`{"Name":"x","Contacts":[{"AddressTypeValue":2,"Value":"a@example.test","IsPrimary":true},{"AddressTypeValue":1,"Value":"1","IsPrimary":true}]}`)
	customer := c.read("000001")
	require.Equal(t, "a@example.test", customer.Email())
	require.Equal(t, "1", customer["Phone"])
	id := num(customer.Contacts()[0], "RecordId")

	c.patch("000001", `{"Email":"b@example.test"}`)
	c.patch("000001", fmt.Sprintf(`{"Contacts":[{"RecordId":%d,"IsOptedInMarketing":true}]}`, id))
	customer = c.read("000001")
	require.Equal(t, "b@example.test", customer.Email(), "consent alone does not bring the old address back")
	require.Equal(t, true, customer.Contacts()[0]["IsOptedInMarketing"])
	require.Equal(t, json.Number("2"), customer.Contacts()[0]["AddressTypeValue"])

	c.patch("000001", `{"Contacts":[{"AddressTypeValue":2,"Value":"c@example.test","IsPrimary":true}]}`)
	customer = c.read("000001")
	require.Equal(t, "c@example.test", customer.Email())
	require.Equal(t, false, customer.Contacts()[0]["IsPrimary"])
	require.Equal(t, true, customer.Contacts()[1]["IsPrimary"], "a phone contact is of another kind")
	require.Equal(t, []string{"000001"}, c.found("Email", "c@example.test"))
	require.Empty(t, c.found("Email", "a@example.test"))
}
