package csuclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

func TestStockIsToldForEachWarehouseAndForAll(t *testing.T) {
	onSim(t, sells(3), func(t *testing.T, u unit) {
		u.sim.PutStock(csu.Stock{Product: firstProduct, Warehouse: "STORE2", Quantity: "3.5", Reserved: "1", Ordered: "10"})
		got, err := u.channel.Availability(t.Context(), csuclient.AvailabilityQuery{Products: []int64{firstProduct, 5, firstProduct}, That: csuclient.StoresToPickUp})
		require.NoError(t, err)
		require.Len(t, got.Rows, 2)
		require.Len(t, got.Totals, 1)
		at := got.Rows[1]
		require.Equal(t, []string{"STORE2", "usrt", "ea", "3.5", "1", "10", "2.5", "12.5", "12.5", "LOW", "Low stock", "AVAIL"},
			[]string{at.Warehouse, at.LegalEntity, at.Unit, at.OnHand.String(), at.Reserved.String(), at.Incoming.String(), at.Physical.String(), at.Total.String(), at.MostTotal.String(),
				at.PhysicalLevel, at.PhysicalMeaning, at.TotalLevel})
		require.Equal(t, []string{"102.5", "112.5", "AVAIL"}, []string{got.Totals[0].Physical.String(), got.Totals[0].Total.String(), got.Totals[0].TotalLevel})

		own, err := u.channel.Availability(t.Context(), csuclient.AvailabilityQuery{Products: []int64{firstProduct}, OwnOnly: true})
		require.NoError(t, err)
		require.Equal(t, csu.DefaultOUN, own.Rows[0].Warehouse)
		require.Len(t, own.Rows, 1)
		named, err := u.channel.Availability(t.Context(), csuclient.AvailabilityQuery{Products: []int64{firstProduct, secondProduct}, Warehouses: []string{"STORE2", "STORE3"}})
		require.NoError(t, err)
		require.Len(t, named.Rows, 4)
		require.Equal(t, "2.5", named.Rows[0].Physical.String())
		counts, err := u.channel.ReadInventory(t.Context())
		require.NoError(t, err)
		require.False(t, counts.VisibilityService)
	})
}

func TestQuantitiesThatAreWithheldAreNotTakenForNone(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.QuantityOutput = csu.QuantityWithheld }, func(t *testing.T, u unit) {
		got, err := u.channel.Availability(t.Context(), csuclient.AvailabilityQuery{Products: []int64{firstProduct}})
		require.NoError(t, err)
		require.True(t, got.Rows[0].Withheld)
		require.True(t, got.Totals[0].Withheld, "which the sum itself does not say")
		require.Equal(t, "AVAIL", got.Totals[0].TotalLevel)
	})
}

func TestTooManyRecordsAreAskedForInHalves(t *testing.T) {
	var ids []int64
	for i := range int64(120) {
		ids = append(ids, firstProduct+i)
	}
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.Products, o.InventoryLimit = csu.MakeProducts(120), 60 }, func(t *testing.T, u unit) {
		got, err := u.channel.Availability(t.Context(), csuclient.AvailabilityQuery{Products: ids})
		require.NoError(t, err)
		require.Len(t, got.Rows, 480)
		require.Len(t, got.Totals, 120)
		for i, total := range got.Totals {
			require.Equal(t, ids[i], total.ProductID)
		}
		u.sim.Configure(func(o *csu.Options) { o.InventoryLimit = 3 })
		_, err = u.channel.Availability(t.Context(), csuclient.AvailabilityQuery{Products: ids[:2]})
		requireKind(t, fault.Permanent, err)
	})
}

func TestAnAnswerWithoutRowsIsNotTakenForNoStock(t *testing.T) {
	t.Parallel()
	s := newStub(t, false, saysJSON(200, `{"value":[]}`), nil)
	_, err := s.channel.Availability(t.Context(), csuclient.AvailabilityQuery{Products: []int64{1}})
	requireKind(t, fault.Transient, err)
}
