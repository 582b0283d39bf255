package csu

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows calls an action and gives a member of its rows.
func (c *client) rows(path, body, member string) (out []any) {
	c.t.Helper()
	method := "POST"
	if body == "" {
		method = "GET"
	}
	got := c.do(method, path, body)
	require.Equal(c.t, 200, got.status, got.raw)
	for _, row := range entries(got.body, "value") {
		out = append(out, row[member])
	}
	return out
}

func TestCountriesAreMoreThanOnePageAndSpeakTheLanguage(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	first := c.rows("GetCountryRegionsByLanguageId", `{"languageId":"de-de"}`, "CountryRegionId")
	require.Len(t, first, defaultTop)
	all := c.rows("GetCountryRegionsByLanguageId?$top=1000", `{"languageId":"de-de"}`, "ShortName")
	require.Greater(t, len(all), defaultTop)
	require.Contains(t, all, "Deutschland")
	require.Contains(t, c.rows("GetCountryRegionsByLanguageId?$top=1000", `{"languageId":"en-us"}`, "ISOCode"), "BR")
	require.Empty(t, c.rows("GetCountryRegionsByLanguageId", `{"languageId":"?"}`, "ISOCode"), "what is no language has no rows")
	require.Equal(t, 400, c.do("POST", "GetCountryRegionsByLanguageId", `{}`).status)
	require.Equal(t, 400, c.do("POST", "GetCountryRegionsByLanguageId", `{"languageId":"en-us","x":1}`).status)
}

func TestAnAddressFormatHasAStateWhereThereIsATableOfThem(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	got := c.do("POST", "GetCountryRegionsByLanguageId?$top=1000", `{"languageId":"en-us"}`)
	state := map[string]bool{}
	for _, row := range entries(got.body, "value") {
		for _, line := range entries(row, "AddressFormatLines") {
			if num(line, "AddressComponentNameValue") == componentState {
				state[str(row, "CountryRegionId")] = !yes(line, "Inactive")
			}
		}
	}
	require.True(t, state["BRA"])
	require.False(t, state["NLD"])
}

func TestStatesAreThoseOfTheCountry(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Len(t, c.rows("GetStateProvinces", `{"countryRegionId":"USA"}`, "StateId"), 51)
	require.Contains(t, c.rows("GetStateProvinces", `{"countryRegionId":"BRA"}`, "StateName"), "São Paulo")
	require.Empty(t, c.rows("GetStateProvinces", `{"countryRegionId":"NLD"}`, "StateId"))
}

func TestAnAddressIsHeldAgainstTheTablesOfItsCountry(t *testing.T) {
	t.Parallel()
	zips := []ZipCode{{Country: "USA", Code: "98052", State: "WA", City: "Redmond"}}
	for name, tc := range map[string]struct {
		opts    Options
		address string
		refused []string
	}{
		"a state of the country":                    {Options{}, `"State":"WA"`, nil},
		"whatever its case":                         {Options{}, `"State":"wa"`, nil},
		"a state of another country":                {Options{}, `"State":"QC"`, []string{"InvalidStateProvince"}},
		"a name where the id belongs":               {Options{}, `"State":"Washington"`, []string{"InvalidStateProvince"}},
		"none":                                      {Options{}, `"State":""`, nil},
		"none, and the tables are kept to strictly": {Options{StrictAddresses: true}, `"State":""`, []string{"InvalidStateProvince"}},
		"a country without a table":                 {Options{}, `"ThreeLetterISORegionName":"NLD","State":"VV"`, nil},
		"a country without a table, strictly":       {Options{StrictAddresses: true}, `"ThreeLetterISORegionName":"NLD","State":"VV"`, []string{"InvalidStateProvince"}},
		"a zip code without a table":                {Options{}, `"ZipCode":"nonsense"`, nil},
		"a zip code of the table":                   {Options{ZipCodes: zips}, `"State":"WA","ZipCode":"98052"`, nil},
		"a zip code of another state":               {Options{ZipCodes: zips}, `"State":"TX","ZipCode":"98052"`, []string{"InvalidZipPostalCode"}},
		"a zip code that the table does not have":   {Options{ZipCodes: zips}, `"ZipCode":"1"`, []string{"InvalidZipPostalCode"}},
		"tables of the test's own":                  {Options{States: []State{{"NLD", "UT", "Utrecht"}}}, `"ThreeLetterISORegionName":"NLD","State":"VV"`, []string{"InvalidStateProvince"}},
		"a removed address, whatever it says":       {Options{}, `"State":"XX","Deactivate":true`, nil},
		"both wrong, both said":                     {Options{ZipCodes: zips}, `"State":"XX","ZipCode":"1"`, []string{"InvalidStateProvince", "InvalidZipPostalCode"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := overPipe(t, tc.opts)
			address := `{"City":"x",` + tc.address + `}`
			if !strings.Contains(tc.address, "ThreeLetter") {
				address = `{"ThreeLetterISORegionName":"USA","City":"x",` + tc.address + `}`
			}
			got := c.create(`{"Name":"x","Addresses":[` + address + `]}`)
			if tc.refused == nil {
				require.Equal(t, 201, got.status, got.raw)
				return
			}
			require.Equal(t, "AggregateValidationError", got.errorID())
			require.Equal(t, tc.refused, got.validationIDs())
		})
	}
}

func TestWhatAChannelIsAndWhatThereIsToChooseFrom(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Channels: []Channel{{OUN: "ONE"}, {OUN: DefaultOUN, Currency: "EUR", Language: "de-at", LegalEntity: "atrt", Country: "AUT"}},
		ZipCodes: []ZipCode{{Country: "AUT", Code: "1010", City: "Wien"}}})
	got := c.do("POST", "OrgUnits/GetOrgUnitConfiguration", `{}`)
	require.Equal(t, 200, got.status, got.raw)
	require.Equal(t, []any{"EUR", "de-at", "atrt", "AUT", "AT"}, []any{got.body["Currency"], got.body["DefaultLanguageId"],
		got.body["InventLocationDataAreaId"], got.body["CountryRegionId"], got.body["ChannelCountryRegionISOCode"]})
	require.Equal(t, 400, c.do("POST", "OrgUnits/GetOrgUnitConfiguration", `{"x":1}`).status)
	require.Contains(t, c.rows("GetCustomerGroups()", "", "CustomerGroupNumber"), "30")
	require.Contains(t, c.rows("GetAddressPurposes()", "", "Name"), "Delivery")
	require.Equal(t, []any{"Wien"}, c.rows("GetAddressFromZipCode", `{"countryRegionId":"AUT","zipPostalCode":"1010"}`, "CityName"))
	require.Empty(t, c.rows("GetAddressFromZipCode", `{"countryRegionId":"AUT","zipPostalCode":"9999"}`, "CityName"))
	require.Equal(t, 400, c.do("GET", "GetCustomerGroups()", "", "OUN", "NOWHERE").status)
}
