package csu

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSearchByFields(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(ana)
	c.create(`{"Name":"Shop","CustomerTypeValue":2,"Email":"info@shop.test","Phone":"+311","Addresses":[{"ThreeLetterISORegionName":"NLD","City":"Delft"}]}`)
	for name, tc := range map[string]struct {
		field, term string
		want        []string
	}{
		"an e-mail, whatever its case": {"Email", "ana@example.TEST", []string{"000001"}},
		"part of an e-mail is no hit":  {"Email", "ana@example", []string{}},
		"a name":                       {"Name", "ana example", []string{"000001"}},
		"an account":                   {"AccountNumber", "000002", []string{"000002"}},
		"a phone":                      {"PhoneNumber", "+311", []string{"000002"}},
		"an address":                   {"Address", `Delft\nNLD`, []string{"000002"}},
		"any field":                    {"Default", "shop", []string{"000002"}},
		"nobody has a loyalty card":    {"LoyaltyCardNumber", "1", []string{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, c.found(tc.field, tc.term)) })
	}
}

func TestSearchRow(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	created := c.create(ana).body
	row := entries(c.search("Email", "ana@example.test").body, "value")[0]
	require.Equal(t, created["RecordId"], row["RecordId"])
	require.Equal(t, "Ana@Example.test", row["Email"])
	require.Equal(t, "Ana Example", row["FullName"])
	require.Equal(t, json.Number("1"), row["CustomerTypeValue"])
	require.Equal(t, []any{}, row["Images"])
}

func TestSubstringSearch(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{SearchMode: SearchSubstring})
	c.create(ana)
	require.Equal(t, []string{"000001"}, c.found("Email", "@EXAMPLE"))
}

func TestSearchRequests(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	for range 3 {
		c.create(ana)
	}
	const email = `{"SearchTerm":"ana@example.test","SearchField":{"Name":"Email","Value":3}}`
	for name, tc := range map[string]struct {
		query, body string
		status      int
		hits        int
	}{
		"all hits":                        {"", `{"CustomerSearchByFieldCriteria":{"Criteria":[` + email + `]}}`, 200, 3},
		"a field by its number":           {"", `{"CustomerSearchByFieldCriteria":{"Criteria":[{"SearchTerm":"ana@example.test","SearchField":{"Value":3}}]}}`, 200, 3},
		"$top":                            {"?$top=2", `{"CustomerSearchByFieldCriteria":{"Criteria":[` + email + `]}}`, 200, 2},
		"$skip":                           {"?$top=2&$skip=2", `{"CustomerSearchByFieldCriteria":{"Criteria":[` + email + `]}}`, 200, 1},
		"$skip beyond the end":            {"?$skip=9", `{"CustomerSearchByFieldCriteria":{"Criteria":[` + email + `]}}`, 200, 0},
		"a negative $top":                 {"?$top=-1", `{"CustomerSearchByFieldCriteria":{"Criteria":[` + email + `]}}`, 400, 0},
		"several criteria are joined":     {"", `{"CustomerSearchByFieldCriteria":{"Criteria":[` + email + `,{"SearchTerm":"000002","SearchField":{"Name":"AccountNumber"}}]}}`, 200, 1},
		"an annotation is let through":    {"", `{"@odata.type":"#x","CustomerSearchByFieldCriteria":{"Criteria":[` + email + `]}}`, 200, 3},
		"an unknown parameter":            {"", `{"CustomerSearchByFieldCriteria":{"Criteria":[` + email + `]},"top":1}`, 400, 0},
		"names are case-sensitive":        {"", `{"customerSearchByFieldCriteria":{"Criteria":[` + email + `]}}`, 400, 0},
		"an unknown member of a criteria": {"", `{"CustomerSearchByFieldCriteria":{"Criteria":[` + email + `],"Mode":1}}`, 400, 0},
		"no parameter":                    {"", `{}`, 400, 0},
		"no criterion":                    {"", `{"CustomerSearchByFieldCriteria":{"Criteria":[]}}`, 400, 0},
		"an empty term":                   {"", `{"CustomerSearchByFieldCriteria":{"Criteria":[{"SearchTerm":"","SearchField":{"Name":"Email"}}]}}`, 400, 0},
		"an unknown field":                {"", `{"CustomerSearchByFieldCriteria":{"Criteria":[{"SearchTerm":"x","SearchField":{"Name":"Mail"}}]}}`, 400, 0},
		"a text for the data level":       {"", `{"CustomerSearchByFieldCriteria":{"Criteria":[` + email + `],"DataLevelValue":"1"}}`, 400, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.do("POST", "Customers/SearchByFields"+tc.query, tc.body)
			require.Equal(t, tc.status, got.status, got.raw)
			require.Len(t, entries(got.body, "value"), tc.hits)
		})
	}
	counted := c.do("POST", "Customers/SearchByFields?$top=1&$count=true", `{"CustomerSearchByFieldCriteria":{"Criteria":[`+email+`]}}`)
	require.Equal(t, json.Number("3"), counted.body["@odata.count"])
}

func TestSearchLagsBehindWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{SearchLag: 3 * time.Second})
		c.create(ana)
		require.Equal(t, "Ana@Example.test", c.read("000001").Email(), "a read by key does not lag")
		time.Sleep(3*time.Second - time.Nanosecond)
		require.Empty(t, c.found("Email", "ana@example.test"))
		time.Sleep(time.Nanosecond)
		require.Equal(t, []string{"000001"}, c.found("Email", "ana@example.test"))

		c.patch("000001", `{"Email":"new@example.test"}`)
		require.Equal(t, []string{"000001"}, c.found("Email", "ana@example.test"), "the old value is found until the lag is over")
		require.Empty(t, c.found("Email", "new@example.test"))
		time.Sleep(3 * time.Second)
		require.Empty(t, c.found("Email", "ana@example.test"))
		require.Equal(t, []string{"000001"}, c.found("Email", "new@example.test"))
	})
}

func TestAShorterLagDoesNotBringOldValuesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{SearchLag: time.Minute})
		c.create(ana)
		c.sim.Configure(func(o *Options) { o.SearchLag = 0 })
		c.patch("000001", `{"Email":"new@example.test"}`)
		require.Equal(t, []string{"000001"}, c.found("Email", "new@example.test"))
		time.Sleep(10 * time.Minute)
		require.Empty(t, c.found("Email", "ana@example.test"))
	})
}
