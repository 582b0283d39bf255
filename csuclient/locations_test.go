package csuclient_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

func TestALocationIsReadInFullAndItsPrivateContactsAreNot(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		u.sim.RemoveStores("STORE1", "STORE3")
		store := csu.DefaultStores()[1]
		store.Site, store.Contacts = "CENTRAL", []csu.StoreContact{{Type: 1, Value: "+1 555 0100", Primary: true}, {Type: 2, Value: "manager@example.com", Private: true}}
		u.sim.PutStores(store)
		all, err := u.channel.Locations(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1)
		got := all[0]
		require.NotZero(t, got.ChannelID)
		require.Contains(t, got.Address, "2 Post Oak")
		yes, no := true, false
		require.Equal(t, csuclient.Location{Number: "STORE2", Name: "Galleria", ChannelID: got.ChannelID, Warehouse: "STORE2", Site: "CENTRAL", AddressID: store.AddressRecordID,
			Address: got.Address, Street: "2 Post Oak", City: "Houston", State: "TX", ZipCode: "77056", Country: "USA", Latitude: 29.74, Longitude: -95.46, Pickup: &yes, Ships: &no,
			Contacts: []csuclient.LocationContact{{Type: csuclient.PhoneContact, Value: "+1 555 0100", Primary: true}}}, got)
	})
}

func TestAllLocationsAreReadAsTheyAreNow(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		for i := range 1100 {
			u.sim.Configure(func(o *csu.Options) { o.Stores = append(o.Stores, csu.Store{Number: fmt.Sprint(i), Warehouse: "W"}) })
		}
		all, err := u.channel.Locations(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1103)
		u.sim.RemoveStores("7")
		all, err = u.channel.Locations(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1102, "they are not kept")
	})
}

func TestTheHoursOfAStoreAreByDayOfTheWeek(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		u.sim.PutStores(csu.Store{Number: "O'Hara", Warehouse: "W", Hours: []csu.StoreDay{{Day: time.Monday, Open: 36000, Close: 72000}}})
		week, err := u.channel.StoreHours(t.Context(), "O'Hara")
		require.NoError(t, err)
		require.Equal(t, csuclient.StoreDay{Open: 10 * time.Hour, Close: 20 * time.Hour}, week[time.Monday])
		require.Equal(t, csuclient.StoreDay{Closed: true}, week[time.Sunday])
		_, err = u.channel.StoreHours(t.Context(), "NONE")
		require.Equal(t, "InvalidStoreNumber", faultOf(t, fault.Permanent, err).Code)
		_, err = u.channel.StoreHours(t.Context(), "")
		require.Equal(t, fault.Bug, fault.As(err).Reason)
	})
	s := newStub(t, false, saysJSON(200, `{"RegularStoreHours":{"MondayOpenTime":null,"IsClosedOnMonday":false,"TuesdayOpenTime":1,"TuesdayCloseTime":2}}`), nil)
	week, err := s.channel.StoreHours(t.Context(), "1")
	require.NoError(t, err)
	require.Equal(t, csuclient.StoreDay{Closed: true}, week[time.Monday], "a day without times")
	require.Equal(t, csuclient.StoreDay{Open: time.Second, Close: 2 * time.Second}, week[time.Tuesday])
}

func TestWarehousesAreListed(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		all, err := u.channel.Warehouses(t.Context())
		require.NoError(t, err)
		require.Equal(t, []csuclient.Warehouse{{Code: "HOUSTON", Name: "HOUSTON"}, {Code: "STORE1", Name: "Downtown"}, {Code: "STORE2", Name: "Galleria"}, {Code: "STORE3", Name: "Seattle"}}, all)
	})
}
