package csuclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// numbered sells products whose numbers are not all their items, a master of two variants, and one that only another channel sells.
func numbered(o *csu.Options, _ *csuclient.Options) {
	o.Products = csu.MakeProducts(120)
	o.Products[1] = csu.MakeVariants(o.Products[1], []string{"Red"}, []string{"M", "L"})
	o.Products[2].Number = "SHOE-1"
	o.Products[3].Channels = []string{"ELSEWHERE"}
}

func TestItemsAreLookedUpFiftyWithOneCall(t *testing.T) {
	onSim(t, numbered, func(t *testing.T, u unit) {
		var items []string
		for _, p := range csu.MakeProducts(121) {
			items = append(items, p.ItemID)
		}
		found, err := u.channel.ProductsOfItems(t.Context(), items)
		require.NoError(t, err)
		require.Len(t, found, 119, "one is not there, and one not in the assortment")
		require.Equal(t, []csuclient.NumberedProduct{
			{ID: firstProduct, Number: "P000001", ItemID: "P000001"},
			{ID: firstProduct + 1, Number: "P000002", ItemID: "P000002", Master: true},
			{ID: firstProduct + 2, Number: "SHOE-1", ItemID: "P000003"},
		}, found[:3])
		require.Equal(t, []string{"OrgUnits.GetOrgUnitConfiguration ok", "Products.GetByLookupClauses ok", "Products.GetByLookupClauses ok", "Products.GetByLookupClauses ok"}, u.seen.results())
		_, err = u.channel.ProductsOfItems(t.Context(), []string{"a", ""})
		require.Equal(t, fault.Bug, fault.As(err).Reason)
	})
}

func TestASearchByKeywordIsPagedAndFuzzy(t *testing.T) {
	onSim(t, numbered, func(t *testing.T, u unit) {
		var numbers []string
		for skip := 0; ; skip += 4 {
			page, err := u.channel.SearchProducts(t.Context(), "p00001", skip, 4)
			require.NoError(t, err)
			for _, p := range page {
				numbers = append(numbers, p.Number)
			}
			if len(page) < 4 {
				break
			}
		}
		require.Equal(t, []string{"P000010", "P000011", "P000012", "P000013", "P000014", "P000015", "P000016", "P000017", "P000018", "P000019"}, numbers)
		found, err := u.channel.SearchProducts(t.Context(), "SHOE-1", 0, 4)
		require.NoError(t, err)
		require.Equal(t, []csuclient.NumberedProduct{{ID: firstProduct + 2, Number: "SHOE-1", ItemID: "P000003"}}, found)
		for _, bad := range []struct {
			keyword   string
			skip, top int
		}{{"", 0, 1}, {"x", -1, 1}, {"x", 0, 0}, {"x", 0, 100_000}} {
			_, err := u.channel.SearchProducts(t.Context(), bad.keyword, bad.skip, bad.top)
			require.Equal(t, fault.Bug, fault.As(err).Reason)
		}
	})
}

func TestAnOldScaleUnitSaysNumbersOfWholeProductsAlone(t *testing.T) {
	onSim(t, func(o *csu.Options, c *csuclient.Options) { numbered(o, c); o.Unnumbered = true }, func(t *testing.T, u unit) {
		found, err := u.channel.ProductsOfItems(t.Context(), []string{"P000003"})
		require.NoError(t, err)
		require.Equal(t, []csuclient.NumberedProduct{{ID: firstProduct + 2, ItemID: "P000003"}}, found)
		found, err = u.channel.SearchProducts(t.Context(), "SHOE-1", 0, 4)
		require.NoError(t, err)
		require.Empty(t, found[0].Number)
		found, err = u.channel.NumbersOf(t.Context(), []int64{firstProduct + 2, firstProduct + 1, firstProduct + 3})
		require.NoError(t, err)
		require.Equal(t, []csuclient.NumberedProduct{
			{ID: firstProduct + 2, Number: "SHOE-1", ItemID: "P000003"},
			{ID: firstProduct + 1, Number: "P000002", ItemID: "P000002", Master: true},
			{ID: 68719600100, Number: "P000002 : M : Red", ItemID: "P000002"},
			{ID: 68719600101, Number: "P000002 : L : Red", ItemID: "P000002"},
		}, found)
	})
}
