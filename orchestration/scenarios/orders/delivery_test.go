package orders

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// town is a shelf with stores, and an order's run for it.
func town(in Placed) (orders, *shelf, *run) {
	houston := csuclient.Store{Number: "HOUSTON", Warehouse: "HOUSTON-WH", AddressID: 68719477999, Country: "USA"}
	s := &shelf{unit: csuclient.OrgUnit{ChannelID: 7, PickupMode: "60"},
		stores: map[int][]csuclient.Store{csuclient.StoresToPickUp: {houston, {Number: "SEATTLE"}}, csuclient.StoresThatShip: {houston}},
		tenders: []csuclient.TenderType{{ID: "1", Operation: csuclient.PayCash}, {ID: "3", Operation: csuclient.PayCard}, {ID: "4", Operation: csuclient.PayAccount},
			{ID: "8", Operation: csuclient.PayGiftCard}, {ID: "9", Operation: csuclient.PayGiftCard}},
		countries: []csuclient.Country{{ID: "USA"}}, states: []csuclient.State{{ID: "WA", Name: "Washington"}}}
	o := orders{Parts{Orders: func(orchestration.Channel) Orders { return s }}, &refusal{}}
	return o, s, &run{In: in, Channel: orchestration.Channel{Name: "web", ServiceAccounts: []string{"account-1"}}}
}

var slot = [2]time.Time{time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)}

func TestEachLineIsSentOrFetchedAsItSays(t *testing.T) {
	t.Parallel()
	home := &Address{Street: pii.New("1 Harbour Street"), City: pii.New("Redmond"), State: pii.New("wa"), Country: "USA"}
	o, _, r := town(Placed{Delivery: &Delivery{Mode: "standard", Address: home}, Lines: []Line{
		{},
		{Delivery: &Delivery{Mode: "standard", Address: home, ShipFrom: "shop-7"}},
		{Delivery: &Delivery{Pickup: &Pickup{Store: "shop-7"}}},
		{Delivery: &Delivery{Mode: "curbside", Pickup: &Pickup{Store: "shop-7", From: &slot[0], To: &slot[1]}}},
	}})
	r.Channel.Stores, r.Channel.DeliveryModes = []string{"shop-7=HOUSTON"}, []string{"standard=99", "curbside=61"}
	header, lines, err := o.ways(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, way{mode: "99", shipTo: home.address()}, header)
	atStore := &csuclient.Address{RecordID: 68719477999, Country: "USA", Type: csuclient.AddressDelivery}
	require.Equal(t, []way{
		header,
		{mode: "99", shipTo: home.address(), store: "HOUSTON", warehouse: "HOUSTON-WH"},
		{mode: "60", shipTo: atStore, store: "HOUSTON", warehouse: "HOUSTON-WH", pickup: true},
		{mode: "61", shipTo: atStore, store: "HOUSTON", warehouse: "HOUSTON-WH", pickup: true, from: &slot[0], to: &slot[1]},
	}, lines)
}

func TestADeliveryThatCannotBeIsRefusedBeforeTheCallWithItsField(t *testing.T) {
	t.Parallel()
	for want, tc := range map[string]struct {
		d      Delivery
		change func(*shelf, *run)
	}{
		"/delivery/mode is missing: say how the goods are sent": {d: Delivery{Address: &Address{Country: "USA"}}},
		"/delivery/mode is not in the delivery_modes of channel web; add it there, or correct it at the source": {d: Delivery{Mode: "owl"},
			change: func(_ *shelf, r *run) { r.Channel.DeliveryModes = []string{"standard=99"} }},
		"/delivery/mode is missing, and headquarters has no mode of delivery for pickups of the channel; give one, or set it up": {d: Delivery{Pickup: &Pickup{Store: "HOUSTON"}},
			change: func(s *shelf, _ *run) { s.unit.PickupMode = "" }},
		"/delivery/address is given beside a pickup; goods are either sent or fetched":                                               {d: Delivery{Pickup: &Pickup{Store: "HOUSTON"}, Address: &Address{}}},
		"/delivery/shipFrom is given beside a pickup; goods are either sent or fetched":                                              {d: Delivery{Pickup: &Pickup{Store: "HOUSTON"}, ShipFrom: "HOUSTON"}},
		"/delivery/pickup has one end of a time slot; give from and to, or neither":                                                  {d: Delivery{Pickup: &Pickup{Store: "HOUSTON", To: &slot[1]}}},
		"/delivery/pickup/to is not after from":                                                                                      {d: Delivery{Pickup: &Pickup{Store: "HOUSTON", From: &slot[1], To: &slot[0]}}},
		"/delivery/pickup/store names store X, which is none where orders are picked up for channel web; there are HOUSTON, SEATTLE": {d: Delivery{Pickup: &Pickup{Store: "X"}}},
		"/delivery/pickup/store has no address in headquarters, which a pickup needs; give it one there, then replay":                {d: Delivery{Pickup: &Pickup{Store: "SEATTLE"}}},
		"/delivery/pickup/store is not in the stores of channel web; add it there, or correct it at the source": {d: Delivery{Pickup: &Pickup{Store: "HOUSTON"}},
			change: func(_ *shelf, r *run) { r.Channel.Stores = []string{"a=b"} }},
		"/delivery/shipFrom names store SEATTLE, which is none that ships orders for channel web; there are HOUSTON": {d: Delivery{Mode: "99", ShipFrom: "SEATTLE"}},
		"/delivery/address/country is no country or region that the CSU knows; correct it, or add it in headquarters, then replay": {
			d: Delivery{Mode: "99", Address: &Address{Country: "XKX"}}},
		"/delivery/address/state is no state that the CSU knows of its country; use its id, such as WA": {
			d: Delivery{Mode: "99", Address: &Address{Country: "USA", State: pii.New("Bavaria")}}},
	} {
		o, s, r := town(Placed{Delivery: &tc.d, Lines: []Line{{}}})
		if tc.change != nil {
			tc.change(s, r)
		}
		_, _, err := o.ways(t.Context(), r)
		require.Error(t, err, want)
		f := fault.As(err)
		require.Equal(t, []any{fault.BusinessRule, want}, []any{f.Reason, f.Detail})
		require.Contains(t, want, f.Pointer)
	}
}

func TestAStoreThatWasSetUpMeanwhileIsFoundAtTheReplay(t *testing.T) {
	t.Parallel()
	o, s, r := town(Placed{Delivery: &Delivery{Pickup: &Pickup{Store: "X"}}, Lines: []Line{{}}})
	_, _, err := o.ways(t.Context(), r)
	require.Error(t, err)
	require.Equal(t, 1, s.asked)
}
