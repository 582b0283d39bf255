package csuclient

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// Location is a store or a warehouse that customers may know of.
type Location struct {
	Number    string  `json:"OrgUnitNumber"`
	Name      string  `json:"OrgUnitName"`
	ChannelID int64   `json:"ChannelId"`
	Warehouse string  `json:"InventoryLocationId"`
	Site      string  `json:"InventorySiteId"`
	AddressID int64   `json:"PostalAddressId"` // record id of its address, which a pickup names
	Address   string  `json:"Address"`         // all of it, formatted
	Street    string  `json:"Street"`
	Building  string  `json:"StreetNumber"`
	City      string  `json:"City"`
	District  string  `json:"DistrictName"`
	County    string  `json:"County"`
	State     string  `json:"State"`
	ZipCode   string  `json:"Zip"`
	Country   string  `json:"Country"`
	Latitude  float64 `json:"Latitude"` // in degrees; both zero: not known
	Longitude float64 `json:"Longitude"`

	// Pickup and Ships are newer than the metadata of 9.23; nil: the scale unit does not tell.
	Pickup   *bool             `json:"IsPickupLocation"`
	Ships    *bool             `json:"IsShippingLocation"`
	Contacts []LocationContact `json:"Contacts"` // none that is private
}

// LocationContact is how a location is reached.
type LocationContact struct {
	Type      ContactType `json:"ContactTypeValue"`
	Value     string      `json:"Locator"`
	Extension string      `json:"LocatorExtension"`
	Primary   bool        `json:"IsPrimary"`
	Private   bool        `json:"IsPrivate"`
}

// Locations lists all of them, as they are now.
func (ch *Channel) Locations(ctx context.Context) ([]Location, error) {
	body := map[string]any{"orgUnitLocationSearchCriteria": map[string]int{"DeliveryModeTypeFilterValue": StoresAll}}
	all, err := pagesBy(func(a, b Location) bool { return a.Number == b.Number }, func(skip int) ([]Location, error) {
		return list[Location](ctx, ch, call{op: opStores, method: http.MethodPost, path: "OrgUnits/SearchOrgUnitLocations", query: page(skip), body: body})
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Contacts = slices.DeleteFunc(all[i].Contacts, func(c LocationContact) bool { return c.Private })
	}
	return all, nil
}

// StoreDay is when a store is open on a day of the week, by its own clock.
type StoreDay struct {
	Closed bool
	Open   time.Duration // since midnight
	Close  time.Duration
}

// StoreHours gives the regular hours of a store, by time.Weekday. A day of which the CSU tells no times is closed.
func (ch *Channel) StoreHours(ctx context.Context, number string) (week [7]StoreDay, err error) {
	if number == "" {
		return week, opStoreHours.bug("no store to ask of")
	}
	var got struct {
		Regular map[string]any `json:"RegularStoreHours"`
	}
	err = ch.client.do(ctx, call{
		op: opStoreHours, method: http.MethodGet, path: fmt.Sprintf("OrgUnits/GetStoreHours(storeNumber=%s)", literal(number)), oun: ch.oun,
		read: func(a *answer) *fault.Error {
			if f := a.decode(opStoreHours, &got); f != nil {
				return f
			}
			if got.Regular == nil {
				return opStoreHours.unreadable(a, "the answer has no hours")
			}
			return nil
		},
	})
	if err != nil {
		return week, err
	}
	for day := range week {
		week[day] = storeDay(got.Regular, time.Weekday(day).String())
	}
	return week, nil
}

func storeDay(hours map[string]any, day string) StoreDay {
	open, opens := hours[day+"OpenTime"].(float64)
	shut, closes := hours[day+"CloseTime"].(float64)
	if closed, _ := hours["IsClosedOn"+day].(bool); closed || !opens || !closes {
		return StoreDay{Closed: true}
	}
	return StoreDay{Open: time.Duration(open) * time.Second, Close: time.Duration(shut) * time.Second}
}

// Warehouse is where goods are.
type Warehouse struct {
	Code string `json:"InventLocation"`
	Name string `json:"Name"`
}

// Warehouses lists those of the channel's legal entity.
func (ch *Channel) Warehouses(ctx context.Context) ([]Warehouse, error) {
	return pages(func(skip int) ([]Warehouse, error) {
		return list[Warehouse](ctx, ch, call{op: opWarehouses, method: http.MethodGet, path: "Warehouses", query: page(skip)})
	})
}
