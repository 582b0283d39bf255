package csu

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProductsAreReadByTheirIds(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Products: MakeProducts(3)})
	got := c.do("POST", "Products/GetByIds", `{"channelId":5637143576,"productIds":[68719490002,1,68719490000,68719490002]}`)
	require.Equal(t, 200, got.status, got.raw)
	rows, _ := got.body["value"].([]any)
	require.Len(t, rows, 2, "in the order asked for, each once")
	first, _ := rows[0].(map[string]any)
	require.Equal(t, []any{json.Number("68719490002"), "P000003", "ea", json.Number("3.14")}, []any{first["RecordId"], first["ItemId"], first["DefaultUnitOfMeasure"], first["Price"]})
	for _, body := range []string{`{"productIds":[1]}`, `{"channelId":1}`, `{"channelId":1,"productIds":["a"]}`, `{"channelId":1,"productIds":[],"more":1}`} {
		require.Equal(t, 400, c.do("POST", "Products/GetByIds", body).status, body)
	}
}

func TestProductsAreLookedUpByTheirItems(t *testing.T) {
	t.Parallel()
	products := MakeProducts(150)
	products[1] = MakeVariants(products[1], []string{"Red"}, []string{"M", "L"})
	products[2].Channels = []string{"ELSEWHERE"}
	c := overPipe(t, Options{Products: products})
	look := func(query, clauses string) []any {
		return c.rows("Products/GetByLookupClauses"+query, `{"channelId":1,"productLookupClauses":[`+clauses+`]}`, "ProductNumber")
	}
	dimension := products[1].Variants[1].dimensionID()
	require.Equal(t, []any{"P000004", "P000002", "P000002 : L : Red"}, look("", `{"ItemId":"P000004"},{"ItemId":"none"},{"ItemId":"P000002"},{"ItemId":"P000003"},
		{"ItemId":"P000002","InventDimensionId":"`+dimension+`"},{"ItemId":"P000002","InventDimensionId":"none"},{"ItemId":"P000004"},{"Barcode":"4006381333931"}`))
	require.Equal(t, []any{json.Number("3"), json.Number("5")}, c.rows("Products/GetByLookupClauses",
		`{"channelId":1,"productLookupClauses":[{"ItemId":"P000002"},{"ItemId":"P000002","InventDimensionId":"`+dimension+`"}]}`, "ProductTypeValue"))
	var many []string
	for _, p := range products[3:] {
		many = append(many, `{"ItemId":"`+p.ItemID+`"}`)
	}
	require.Len(t, look("", strings.Join(many, ",")), 100, "what is more is cut off")
	require.Equal(t, []any{"P000007", "P000008"}, look("?$top=2&$skip=3", strings.Join(many, ",")))
	c.sim.Configure(func(o *Options) { o.Unnumbered = true })
	require.Equal(t, []any{nil}, look("", `{"ItemId":"P000004"}`))
	require.Equal(t, []any{nil}, c.rows("Products/SearchByCriteria", `{"searchCriteria":{"SearchCondition":"P000004"}}`, "ProductNumber"))
	require.Equal(t, []any{"P000004"}, c.rows("Products/Search", `{"productSearchCriteria":{"SearchCondition":"P000004"}}`, "ProductNumber"))
	for _, body := range []string{`{"productLookupClauses":[]}`, `{"channelId":1}`, `{"channelId":1,"productLookupClauses":[{}]}`, `{"channelId":1,"productLookupClauses":[{"Item":"x"}]}`} {
		require.Equal(t, 400, c.do("POST", "Products/GetByLookupClauses", body).status, body)
	}
}
