package csu

import (
	"encoding/json"
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
