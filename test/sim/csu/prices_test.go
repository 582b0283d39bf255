package csu

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

const may = "2026-05-01T00:00:00Z"

// active asks for prices; more are members of the body.
func (c *client) active(ids, more string) []map[string]any {
	c.t.Helper()
	got := c.do("POST", "Products/GetActivePrices?$top=200", `{"projectDomain":{"ChannelId":9007199254739993,"CatalogId":0},"productIds":[`+ids+`],"activeDate":"`+may+`"`+more+`}`)
	require.Equal(c.t, 200, got.status, got.raw)
	return entries(got.body, "value")
}

// steps are the five amounts of a row.
func steps(row map[string]any) (out []string) {
	for _, name := range []string{"BasePrice", "TradeAgreementPrice", "AdjustedPrice", "CustomerContextualPrice", "DiscountAmount"} {
		out = append(out, dec(row, name).String())
	}
	return out
}

func TestAPriceGoesThroughItsRulesInTurn(t *testing.T) {
	t.Parallel()
	day := func(text string) time.Time { at, _ := time.Parse(time.DateOnly, text); return at }
	c := overPipe(t, Options{Products: []Product{{RecordID: p0, ItemID: "A", Unit: "ea", Price: "20"}}})
	require.NoError(t, c.sim.PutPriceRules(
		PriceRule{ID: "agreed", Kind: Agreement, Product: p0, Price: "18"},
		PriceRule{ID: "adjusted", Kind: Adjustment, Product: p0, Price: "19.50", Until: day("2026-05-02")},
		PriceRule{ID: "over", Kind: Adjustment, Product: p0, Price: "1", Until: day("2026-05-01")},
		PriceRule{ID: "later", Kind: Adjustment, Product: p0, Price: "2", From: day("2026-05-02")},
		PriceRule{ID: "hers", Kind: Agreement, Product: p0, Price: "15", Customer: "000001"},
		PriceRule{ID: "members", Kind: Adjustment, Product: p0, Price: "14", Affiliation: 77},
		PriceRule{ID: "tenth", Kind: Discount, Product: p0, Percent: "10"},
		PriceRule{ID: "hers-too", Kind: Discount, Product: p0, Percent: "50", Customer: "000001"}))
	id := fmt.Sprint(p0)
	for more, want := range map[string][]string{
		``: {"20", "18", "19.5", "19.5", "0"},
		`,"includeSimpleDiscountsInContextualPrice":true`:                       {"20", "18", "19.5", "17.55", "1.95"},
		`,"affiliationLoyaltyTiers":[{"AffiliationId":77}]`:                     {"20", "18", "19.5", "14", "5.5"},
		`,"customerId":"000001","includeSimpleDiscountsInContextualPrice":true`: {"20", "18", "19.5", "9.75", "9.75"},
		`,"customerId":"000002","affiliationLoyaltyTiers":[]`:                   {"20", "18", "19.5", "19.5", "0"},
	} {
		require.Equal(t, want, steps(c.active(id, more)[0]), more)
	}
	row := c.active(id, `,"includeSimpleDiscountsInContextualPrice":true`)[0]
	require.Equal(t, json.Number("17.5500000000000000"), row["CustomerContextualPrice"], "with as many digits as the real one shows")
	require.Equal(t, []any{"USD", "ea", may, "tenth"}, []any{row["CurrencyCode"], row["UnitOfMeasure"], row["ValidFrom"], entries(row, "DiscountLines")[0]["OfferId"]})
	require.Equal(t, 3, c.sim.RemovePriceRules("adjusted", "tenth", "agreed", "no such"))
	require.True(t, c.sim.SetPrice(p0, "7"))
	require.False(t, c.sim.SetPrice(1, "7"))
	require.Equal(t, []string{"7", "7", "7", "7", "0"}, steps(c.active(id, "")[0]))
}

func TestWhatHasNoPriceIsLeftOutWithoutAWord(t *testing.T) {
	t.Parallel()
	products := MakeProducts(120)
	products[1].Activates = time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)
	products[2].Blocks = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	products[3] = MakeVariants(products[3], []string{"Red", "Blue"}, []string{"S"})
	products[3].Variants[1].Price = "99"
	c := overPipe(t, Options{Products: products})
	ids := []any{}
	for _, row := range c.active("68719490004,5,68719490001,68719490002,68719490000", "") {
		ids = append(ids, num(row, "ProductId"))
	}
	require.Equal(t, []any{p0 + 4, p0}, ids, "in the order asked for")

	var all []string
	for i := range 120 {
		all = append(all, fmt.Sprint(p0+int64(i)))
	}
	require.Len(t, c.active(strings.Join(all, ","), ""), mostIDs-2, "and what is more than a hundred")

	rows := c.active("68719490003,68719600301", `,"includeVariantPriceRange":true`)
	require.Equal(t, []string{"4.21", "99"}, []string{dec(rows[0], "MinVariantPrice").String(), dec(rows[0], "MaxVariantPrice").String()})
	require.Equal(t, []any{"DIM68719600301", "99"}, []any{rows[1]["InventoryDimensionId"], dec(rows[1], "BasePrice").String()})
	require.True(t, c.sim.SetPrice(68719600301, "98"))
	require.True(t, dec(c.active("68719600301", "")[0], "BasePrice").Equal(decimal.NewFromInt(98)))
}

func TestPricesAreStrict(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	domain := `"projectDomain":{"ChannelId":9007199254739993,"CatalogId":0}`
	for body, want := range map[string]string{
		`{"productIds":[1],"activeDate":"` + may + `"}`:                                               "MissingRequiredArgument",
		`{` + domain + `,"activeDate":"` + may + `"}`:                                                 "MissingRequiredArgument",
		`{` + domain + `,"productIds":[1]}`:                                                           "MissingRequiredArgument",
		`{` + domain + `,"productIds":[1],"activeDate":"today"}`:                                      "ODataModelError",
		`{` + domain + `,"productIds":["1"],"activeDate":"` + may + `"}`:                              "ODataModelError",
		`{` + domain + `,"productIds":[1],"activeDate":"` + may + `","quantity":1}`:                   "BadRequest",
		`{` + domain + `,"productIds":[1],"activeDate":"` + may + `","customerId":1}`:                 "ODataModelError",
		`{` + domain + `,"productIds":[1],"activeDate":"` + may + `","priceLookupContext":{}}`:        "AmbiguousParameters",
		`{"projectDomain":{"ChannelId":5,"CatalogId":0},"productIds":[1],"activeDate":"` + may + `"}`: "CrossStoreGetActivePriceNotSupportedInOnlineChannel",
	} {
		got := c.do("POST", "Products/GetActivePrices", body)
		require.Equal(t, []any{400, want}, []any{got.status, strings.TrimPrefix(got.errorID(), serverID)}, body)
	}
}

func TestAdminSetsPrices(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, 200, admin(t, c.sim, "POST", "/prices", `{"product":68719490000,"price":9.90}`, nil))
	require.Equal(t, 200, admin(t, c.sim, "POST", "/prices/rules", `{"id":"a","kind":"agreement","product":68719490000,"price":8,"from":"2026-01-01T00:00:00Z"}`, nil))
	require.Equal(t, []string{"9.9", "8", "8", "8", "0"}, steps(c.active("68719490000", "")[0]))
	var rules []PriceRule
	admin(t, c.sim, "GET", "/prices/rules", "", &rules)
	require.Len(t, rules, 1)
	require.Equal(t, 200, admin(t, c.sim, "DELETE", "/prices/rules?id=a", "", nil))
	require.Empty(t, c.sim.PriceRules())
	require.Equal(t, 404, admin(t, c.sim, "POST", "/prices", `{"product":1,"price":9.90}`, nil))
	for _, body := range []string{`{"id":"a","kind":"gift","product":1}`, `{"kind":"discount","product":1,"percent":5}`, `{"id":"a","kind":"discount","product":1,"percent":101}`, `{"id":"a","kind":"adjustment","product":1}`} {
		require.Equal(t, 400, admin(t, c.sim, "POST", "/prices/rules", body, nil), body)
	}
}
