package csu

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCreateAnswersWithTheEntity(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Channels: []Channel{{OUN: DefaultOUN, Currency: "EUR"}}})
	got := c.create(`{"AccountNumber":"","FirstName":"Ana","LastName":"Example","Email":"Ana@Example.test","CreditLimit":140.8900000000000000,
		"Unknown":1,"@odata.type":"#x","CreditLimit@odata.type":"#Decimal","TitleRecordId":9007199254740993}`)
	require.Equal(t, 201, got.status, got.raw)
	require.Equal(t, c.base+"/Commerce/Customers('000001')", strings.NewReplacer("%27", "'").Replace(got.header.Get("Location")))
	customer := Customer(got.body)
	require.Equal(t, "000001", customer.AccountNumber())
	require.Equal(t, "Ana@Example.test", customer.Email(), "kept as it came")
	require.Equal(t, "Ana Example", customer["Name"])
	require.Equal(t, "EUR", customer["CurrencyCode"])
	require.Equal(t, json.Number("1"), customer["CustomerTypeValue"])
	require.Equal(t, json.Number("140.8900000000000000"), customer["CreditLimit"])
	require.Equal(t, json.Number("9007199254740993"), customer["TitleRecordId"])
	require.NotContains(t, customer, "Unknown")
	require.Greater(t, num(customer, "RecordId"), int64(1)<<40)
	require.NotEqual(t, num(customer, "RecordId"), int64(float64(num(customer, "RecordId"))), "floating point loses it")
	require.Equal(t, customer, c.read("000001"))
}

func TestAClientMayNotChooseTheAccountNumber(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, "000001", c.create(`{"AccountNumber":"MINE","Name":"x"}`).body["AccountNumber"])
	require.Equal(t, "000002", c.create(`{"AccountNumber":"000001","Name":"x"}`).body["AccountNumber"])
}

func TestNothingMakesEmailUnique(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, 201, c.create(ana).status)
	require.Equal(t, 201, c.create(`{"Name":"Other","Email":"ANA@example.test"}`).status)
	require.Equal(t, map[string][]string{"ana@example.test": {"000001", "000002"}}, c.sim.DuplicateEmails())
	require.Equal(t, []string{"000001", "000002"}, c.found("Email", "ana@EXAMPLE.test"))
}

func TestPatchChangesWhatWasSent(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, 201, c.create(`{"FirstName":"Ana","LastName":"Example","Email":"a@example.test","Phone":"1","VatNumber":"V",
		"Addresses":[{"ThreeLetterISORegionName":"USA","City":"Houston"}]}`).status)
	before := c.read("000001")

	got := c.patch("000001", `{"AccountNumber":"000001","Phone":"2","VatNumber":null,"RecordId":7}`)
	require.Equal(t, 204, got.status)
	require.Empty(t, got.raw)

	want := clone(map[string]any(before))
	want["Phone"], want["VatNumber"] = "2", nil
	require.Equal(t, Customer(want), c.read("000001"))
}

func TestPatchAnswersWithTheEntityWhenPreferred(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(ana)
	got := c.patch("000001", `{"LastName":"Other"}`, "Prefer", "odata.track-changes, return=representation")
	require.Equal(t, 200, got.status)
	require.Equal(t, "return=representation", got.header.Get("Preference-Applied"))
	require.Equal(t, "Ana Other", got.body["Name"])
}

func TestPatchRefusals(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(ana)
	missing := c.patch("000009", `{"Phone":"2"}`)
	require.Equal(t, 404, missing.status)
	require.Equal(t, "CustomerNotFound", missing.errorID())
	require.Equal(t, "PropertyUpdateNotAllowed", c.patch("000001", `{"AccountNumber":"000002"}`).errorID())
	require.Equal(t, idModelError, c.patch("000001", `{"AccountNumber":null}`).errorID())
	require.Len(t, c.sim.Ledger(), 1)
}

func TestValidation(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Limits: Limits{Name: 10, Email: 20, Phone: 10, Street: 10, County: 10, Address: 10}})
	long := strings.Repeat("ä", 11)
	for name, tc := range map[string]struct {
		body string
		want []string
	}{
		"a customer needs a name":      {`{"Email":"a@b.test"}`, []string{"RequiredValueNotFound"}},
		"an organization needs Name":   {`{"CustomerTypeValue":2,"LastName":"x"}`, []string{"RequiredValueNotFound"}},
		"an unknown type":              {`{"CustomerTypeValue":9,"Name":"x"}`, []string{"InvalidFormat"}},
		"a long name":                  {`{"LastName":"` + long + `"}`, []string{"CustomerNameExceedsMaximumLength"}},
		"length counts characters":     {`{"LastName":"ääääääääää"}`, nil},
		"a long phone":                 {`{"Name":"x","Phone":"` + long + `"}`, []string{"CustomerPhoneNumberExceedsMaximumLength"}},
		"a long e-mail":                {`{"Name":"x","Email":"a@` + long + long + `.test"}`, []string{"CustomerEmailExceedsMaximumLength"}},
		"not an e-mail":                {`{"Name":"x","Email":"nobody"}`, []string{"InvalidEmailAddress"}},
		"no e-mail at all":             {`{"Name":"x","Email":""}`, nil},
		"a bad e-mail contact":         {`{"Name":"x","Contacts":[{"AddressTypeValue":2,"Value":"a@b@c"}]}`, []string{"InvalidEmailAddress"}},
		"no country":                   {`{"Name":"x","Addresses":[{"City":"y"}]}`, []string{"InvalidCountryRegion"}},
		"an unknown country":           {`{"Name":"x","Addresses":[{"ThreeLetterISORegionName":"QQQ"}]}`, []string{"InvalidCountryRegion"}},
		"a country of two letters":     {`{"Name":"x","Addresses":[{"ThreeLetterISORegionName":"US"}]}`, []string{"InvalidCountryRegion"}},
		"a known country":              {`{"Name":"x","Addresses":[{"ThreeLetterISORegionName":"NLD"}]}`, nil},
		"an empty address is skipped":  {`{"Name":"x","Addresses":[{"IsPrimary":true,"City":""}]}`, nil},
		"a removed address is skipped": {`{"Name":"x","Addresses":[{"City":"y","Deactivate":true}]}`, nil},
		"long address parts": {`{"Name":"x","Addresses":[{"ThreeLetterISORegionName":"USA","Street":"` + long + `","County":"` + long + `","ZipCode":"` + long + `"}]}`,
			[]string{"StreetLengthExceeded", "CountyLengthExceeded", "AddressLengthExceeded"}},
		"two primary addresses": {`{"Name":"x","Addresses":[{"ThreeLetterISORegionName":"USA","IsPrimary":true},{"ThreeLetterISORegionName":"USA","IsPrimary":true}]}`,
			[]string{"MultiplePrimaryAddresses"}},
		"two primary contacts of a kind": {`{"Name":"x","Contacts":[{"AddressTypeValue":1,"Value":"1","IsPrimary":true},{"AddressTypeValue":1,"Value":"2","IsPrimary":true}]}`,
			[]string{"MultiplePrimaryCustomerContactsNotAllowed"}},
		"one primary contact of each kind": {`{"Name":"x","Contacts":[{"AddressTypeValue":1,"Value":"1","IsPrimary":true},{"AddressTypeValue":2,"Value":"a@b.test","IsPrimary":true}]}`, nil},
		"several failures at once":         {`{"Email":"nobody","Addresses":[{"City":"y"}]}`, []string{"InvalidEmailAddress", "RequiredValueNotFound", "InvalidCountryRegion"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.create(tc.body)
			if tc.want == nil {
				require.Equal(t, 201, got.status, got.raw)
				return
			}
			require.Equal(t, 400, got.status, got.raw)
			require.Equal(t, "DataValidationException", got.body["TypeName"])
			require.Equal(t, "AggregateValidationError", got.errorID())
			require.Equal(t, tc.want, got.validationIDs())
			require.NotContains(t, got.raw, "nobody", "an error repeats no value")
		})
	}
}

func TestCustomersAreCopies(t *testing.T) {
	t.Parallel()
	sim := New(Options{})
	defer sim.Close()
	account, err := sim.AddCustomer(map[string]any{"Name": "x", "Addresses": []any{map[string]any{"ThreeLetterISORegionName": "USA"}}})
	require.NoError(t, err)
	require.Equal(t, "000001", account)
	sim.Customers()[0].Addresses()[0]["City"] = "elsewhere"
	require.NotContains(t, sim.Customers()[0].Addresses()[0], "City")
	require.Empty(t, sim.Ledger(), "what a test put there is no effect")
	_, err = sim.AddCustomer(map[string]any{"Name": 1})
	require.Error(t, err)
}
