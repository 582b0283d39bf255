package csuclient_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

func TestPricesAreExactAndInTheOrderAskedFor(t *testing.T) {
	onSim(t, sells(120), func(t *testing.T, u unit) {
		require.NoError(t, u.sim.PutPriceRules(csu.PriceRule{ID: "a", Kind: csu.Agreement, Product: secondProduct, Price: "2.0333"},
			csu.PriceRule{ID: "d", Kind: csu.Discount, Product: secondProduct, Percent: "50", Affiliation: 77}))
		q := csuclient.PriceQuery{Products: []int64{secondProduct, 5, firstProduct, secondProduct}, Affiliations: []int64{77}, Discounts: true}
		got, err := u.channel.ActivePrices(t.Context(), q)
		require.NoError(t, err)
		require.Len(t, got, 2)
		require.Equal(t, []int64{secondProduct, firstProduct}, []int64{got[0].ProductID, got[1].ProductID})
		p := got[0]
		require.Equal(t, []string{"P000002", "USD", "ea", "2.07", "2.0333", "2.0333", "1.0133", "1.02"},
			[]string{p.ItemID, p.Currency, p.Unit, p.Base.String(), p.Agreement.String(), p.Adjusted.String(), p.Contextual.String(), p.Discount.String()})
		require.Equal(t, []int64{5}, q.Missing(got), "who was left out can be seen")
		q.Affiliations, q.Discounts = nil, false
		got, err = u.channel.ActivePrices(t.Context(), q)
		require.NoError(t, err)
		require.Equal(t, "2.0333", got[0].Contextual.String())
	})
}

func TestPricesOfManyAreAskedForInChunksForOneMoment(t *testing.T) {
	onSim(t, sells(120), func(t *testing.T, u unit) {
		var ids []int64
		for i := range int64(120) {
			ids = append(ids, firstProduct+i)
		}
		q := csuclient.PriceQuery{Products: ids, Customer: "000001", At: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
		got, err := u.channel.ActivePrices(t.Context(), q)
		require.NoError(t, err)
		require.Len(t, got, 120)
		require.Empty(t, q.Missing(got))
		require.EqualValues(t, 3, u.asked(csu.OpActivePrices))
		none, err := u.channel.ActivePrices(t.Context(), csuclient.PriceQuery{})
		require.NoError(t, err)
		require.Empty(t, none)
		require.EqualValues(t, 3, u.asked(csu.OpActivePrices))

		u.inject(t, csu.Fault{Kind: csu.Throttle, Operation: csu.OpActivePrices})
		_, err = u.channel.ActivePrices(t.Context(), q)
		requireKind(t, fault.Throttled, err)
	})
}

func TestPricesAreAskedForAsTheMetadataNamesIt(t *testing.T) {
	t.Parallel()
	s := newStub(t, false, saysJSON(200, `{"RecordId":7,"value":[]}`), nil)
	_, err := s.channel.ActivePrices(t.Context(), csuclient.PriceQuery{Products: []int64{9}, At: time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC), Customer: "005001", Affiliations: []int64{3}})
	require.NoError(t, err)
	asked := s.received()[1]
	require.Equal(t, "/Commerce/Products/GetActivePrices?api-version=7.3&$top=1", asked.uri)
	require.JSONEq(t, `{"projectDomain":{"ChannelId":7,"CatalogId":0},"productIds":[9],"activeDate":"2026-01-15T00:00:00Z","customerId":"005001",
		"affiliationLoyaltyTiers":[{"AffiliationId":3,"AffiliationTypeValue":0}],"includeSimpleDiscountsInContextualPrice":false}`, strings.TrimSpace(asked.body))
}
