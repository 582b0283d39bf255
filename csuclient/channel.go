package csuclient

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// TenderTypes lists the ways to pay that the channel knows. Kept for an hour; a fresh list was read within the last minute.
func (ch *Channel) TenderTypes(ctx context.Context, fresh bool) ([]TenderType, error) {
	return ch.client.tenderTypes.get(ctx, opTenderTypes, ch.oun, fresh, func(ctx context.Context) ([]TenderType, error) {
		return pages(func(skip int) ([]TenderType, error) {
			return list[TenderType](ctx, ch, call{op: opTenderTypes, method: http.MethodGet, path: "GetTenderTypes()", query: page(skip)})
		})
	})
}

// ReadCardTypes lists the cards that the channel takes.
func (ch *Channel) ReadCardTypes(ctx context.Context) ([]CardType, error) {
	return pages(func(skip int) ([]CardType, error) {
		return list[CardType](ctx, ch, call{op: opCardTypes, method: http.MethodPost, path: "GetCardTypes", query: page(skip), body: struct{}{}})
	})
}

// ReadGiftCard asks headquarters what a gift card has left; errors.Is(err, ErrNotFound) if it is not known, or its pin is wrong.
func (ch *Channel) ReadGiftCard(ctx context.Context, number, pin pii.Text) (GiftCard, error) {
	var got GiftCard
	if number.IsZero() {
		return got, opGiftCard.bug("no gift card to ask of")
	}
	err := ch.client.do(ctx, call{
		op: opGiftCard, method: http.MethodPost, path: "GetGiftCard", oun: ch.oun, body: newGiftCard(number, pin),
		read: func(a *answer) *fault.Error { return a.decode(opGiftCard, &got) },
	})
	return whole(got, err)
}

// DeliveryMode is a way in which lines get to their customers.
type DeliveryMode struct {
	Code        string `json:"Code"`
	Description string `json:"Description"`
}

// DeliveryModes lists those of the channel. Kept as TenderTypes.
func (ch *Channel) DeliveryModes(ctx context.Context, fresh bool) ([]DeliveryMode, error) {
	return ch.client.deliveryModes.get(ctx, opDeliveryModes, ch.oun, fresh, func(ctx context.Context) ([]DeliveryMode, error) {
		return pages(func(skip int) ([]DeliveryMode, error) {
			return list[DeliveryMode](ctx, ch, call{op: opDeliveryModes, method: http.MethodGet, path: "GetDeliveryOptions()", query: page(skip)})
		})
	})
}

// DeliveryOption is a delivery mode with what it costs.
type DeliveryOption struct {
	DeliveryMode
	Charge decimal.Decimal `json:"TotalChargeAmount"`
}

// DeliveryOptions lists how lines of a cart get to an address. That none does is Permanent, with the code UnableToFindDeliveryOptions.
func (ch *Channel) DeliveryOptions(ctx context.Context, id string, to Address, lines []string) ([]DeliveryOption, error) {
	if id == "" {
		return nil, opCartsOptions.bug("no cart to ask of")
	}
	body := map[string]any{"shippingAddress": newAddress(to), "cartLineIds": lines, "filterOption": 0}
	return list[DeliveryOption](ctx, ch, call{op: opCartsOptions, method: http.MethodPost, path: entity("Carts", id) + "/GetDeliveryOptions", query: page(0), body: body})
}

// Store is a place where orders are picked up or shipped from.
type Store struct {
	Number    string  `json:"OrgUnitNumber"`
	Name      string  `json:"OrgUnitName"`
	Warehouse string  `json:"InventoryLocationId"`
	AddressID int64   `json:"PostalAddressId"` // record id of its address, which a pickup names
	Country   string  `json:"Country"`
	Distance  float64 `json:"Distance"` // from where it was searched, in the unit of the search
}

// What stores are asked for.
const (
	StoresAll      = 0
	StoresThatShip = 1
	StoresToPickUp = 2
)

// Stores lists the stores that do what is asked for. Kept as TenderTypes.
func (ch *Channel) Stores(ctx context.Context, that int, fresh bool) ([]Store, error) {
	return ch.client.stores.get(ctx, opStores, fmt.Sprint(ch.oun, " ", that), fresh, func(ctx context.Context) ([]Store, error) {
		body := map[string]any{"orgUnitLocationSearchCriteria": map[string]int{"DeliveryModeTypeFilterValue": that}}
		return pages(func(skip int) ([]Store, error) {
			return list[Store](ctx, ch, call{op: opStores, method: http.MethodPost, path: "OrgUnits/SearchOrgUnitLocations", query: page(skip), body: body})
		})
	})
}

// StoresNear lists those within so many kilometres of a place, the nearest first.
func (ch *Channel) StoresNear(ctx context.Context, latitude, longitude, kilometres float64, that int) ([]Store, error) {
	const inKilometres = 1
	body := map[string]any{"deliveryModeTypeFilter": that,
		"searchArea": map[string]any{"Latitude": latitude, "Longitude": longitude, "Radius": kilometres, "DistanceUnitValue": inKilometres}}
	return list[Store](ctx, ch, call{op: opStoresNear, method: http.MethodPost, path: "OrgUnits/GetOrgUnitLocationsByArea", query: page(0), body: body})
}

// Timeslot is when orders may be picked up.
type Timeslot struct {
	From     time.Time `json:"StartDateTime"`
	To       time.Time `json:"EndDateTime"`
	Capacity int       `json:"AvailableCapacity"` // orders that it still takes
}

// Timeslots lists those of a store for a pickup mode within a time. The path of this operation is not documented: a scale unit that
// serves it elsewhere answers ErrNotFound.
func (ch *Channel) Timeslots(ctx context.Context, store, mode string, from, to time.Time) ([]Timeslot, error) {
	body := map[string]any{"pickupTimeslotAvailabilitySearchCriteria": map[string]any{"StoreId": store, "DeliveryModeCode": mode, "StartDate": from.UTC(), "EndDate": to.UTC()}}
	return list[Timeslot](ctx, ch, call{op: opTimeslots, method: http.MethodPost, path: "OrgUnits/GetPickupTimeslots", query: page(0), body: body})
}
