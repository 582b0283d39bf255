package csu

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"time"
)

// Store is a place where orders are picked up or shipped from.
type Store struct {
	Number          string  `json:"number"` // key of the OrgUnit, and what PickUpStoreId names
	Name            string  `json:"name"`
	Warehouse       string  `json:"warehouse"`
	AddressRecordID int64   `json:"addressRecordId"` // what a pickup's DeliveryAddress names
	Street          string  `json:"street,omitempty"`
	City            string  `json:"city,omitempty"`
	State           string  `json:"state,omitempty"`
	ZipCode         string  `json:"zipCode,omitempty"`
	Country         string  `json:"country,omitempty"` // ISO 3166-1 alpha-3
	Latitude        float64 `json:"latitude,omitempty"`
	Longitude       float64 `json:"longitude,omitempty"`
	Pickup          bool    `json:"pickup,omitempty"`
	Ships           bool    `json:"ships,omitempty"`

	Site     string         `json:"site,omitempty"`
	Contacts []StoreContact `json:"contacts,omitempty"`
	Hours    []StoreDay     `json:"hours,omitempty"` // days that are not among them are closed; none: every day from 9 to 18 o'clock
}

// StoreContact is how a store is reached.
type StoreContact struct {
	Type    int    `json:"type"` // ContactInfoType: 1 phone, 2 e-mail, 3 address on the web
	Value   string `json:"value"`
	Primary bool   `json:"primary,omitempty"`
	Private bool   `json:"private,omitempty"` // not for customers
}

// StoreDay is when a store is open, in seconds since midnight.
type StoreDay struct {
	Day   time.Weekday `json:"day"` // 0 is Sunday
	Open  int          `json:"open"`
	Close int          `json:"close"`
}

// DefaultStores are those of a simulator that was told none.
func DefaultStores() []Store {
	return []Store{
		{Number: "STORE1", Name: "Downtown", Warehouse: "STORE1", AddressRecordID: firstRecordID - 300, Street: "1 Main Street", City: "Houston", State: "TX", ZipCode: "77002",
			Country: "USA", Latitude: 29.76, Longitude: -95.37, Pickup: true, Ships: true},
		{Number: "STORE2", Name: "Galleria", Warehouse: "STORE2", AddressRecordID: firstRecordID - 299, Street: "2 Post Oak", City: "Houston", State: "TX", ZipCode: "77056",
			Country: "USA", Latitude: 29.74, Longitude: -95.46, Pickup: true},
		{Number: "STORE3", Name: "Seattle", Warehouse: "STORE3", AddressRecordID: firstRecordID - 298, Street: "3 Pine Street", City: "Seattle", State: "WA", ZipCode: "98101",
			Country: "USA", Latitude: 47.61, Longitude: -122.33, Ships: true},
	}
}

// PutStores adds stores, or replaces those with the same numbers.
func (s *Simulator) PutStores(stores ...Store) {
	s.Configure(func(o *Options) {
		o.Stores = slices.Clone(o.Stores)
		for _, st := range stores {
			if at := slices.IndexFunc(o.Stores, func(was Store) bool { return was.Number == st.Number }); at >= 0 {
				o.Stores[at] = st
				continue
			}
			o.Stores = append(o.Stores, st)
		}
	})
}

// RemoveStores closes stores for good, and says how many were there.
func (s *Simulator) RemoveStores(numbers ...string) (n int) {
	s.Configure(func(o *Options) {
		o.Stores = slices.DeleteFunc(slices.Clone(o.Stores), func(st Store) bool {
			if slices.Contains(numbers, st.Number) {
				n++
				return true
			}
			return false
		})
	})
	return n
}

func (s Store) address() map[string]any {
	a := map[string]any{"RecordId": number(s.AddressRecordID), "Name": s.Name, "Street": s.Street, "City": s.City, "State": s.State,
		"ZipCode": s.ZipCode, "ThreeLetterISORegionName": s.Country}
	a["FullAddress"] = fullAddress(a)
	return a
}

// store finds a store for whoever holds the lock.
func (c *call) store(number string) (Store, bool) {
	at := slices.IndexFunc(c.sim.opts.Stores, func(s Store) bool { return s.Number == number })
	if number == "" || at < 0 {
		return Store{}, false
	}
	return c.sim.opts.Stores[at], true
}

// warehouse is the channel's own.
func (c *call) warehouse() string { return cmp.Or(c.channel.Warehouse, c.channel.OUN) }

// refusePickup checks what a pickup names, for whoever holds the lock.
func (c *call) refusePickup(spec map[string]any) *apiError {
	s, known := c.store(str(spec, "PickUpStoreId"))
	if !known || !s.Pickup {
		return cartError(idStoreNumber, "there is no such store for pickup")
	}
	address, _ := spec["DeliveryAddress"].(map[string]any)
	if num(address, "RecordId") == 0 {
		return cartError(idPickupAddress, "the store's address has no record id")
	}
	if num(address, "RecordId") != s.AddressRecordID {
		return cartError(idShippingAddress, "the address is not the store's")
	}
	return c.refuseTimeslot(s, spec)
}

type orgUnitRow struct {
	OrgUnitNumber         string         `json:"OrgUnitNumber"`
	RecordID              int64          `json:"RecordId"`
	InventoryLocationID   string         `json:"InventoryLocationId"`
	OMOperatingUnitNumber string         `json:"OMOperatingUnitNumber"`
	OrgUnitName           string         `json:"OrgUnitName"`
	Currency              string         `json:"Currency"`
	OrgUnitAddress        map[string]any `json:"OrgUnitAddress"`
	OrgUnitFullAddress    string         `json:"OrgUnitFullAddress"`
	Latitude              float64        `json:"Latitude"`
	Longitude             float64        `json:"Longitude"`
}

func (c *call) orgUnitRow(s Store, at int) orgUnitRow {
	return orgUnitRow{s.Number, storeChannel(at), s.Warehouse, s.Number, s.Name, c.channel.withDefaults().Currency, s.address(),
		str(s.address(), "FullAddress"), s.Latitude, s.Longitude}
}

// getOrgUnit answers GET OrgUnits('number').
func (c *call) getOrgUnit() (reply, *apiError) {
	for i, s := range c.sim.options().Stores {
		if s.Number == c.key {
			return reply{status: http.StatusOK, body: c.orgUnitRow(s, i)}, nil
		}
	}
	return reply{}, &apiError{http.StatusNotFound, typeValidation, idObjectNotFound, "there is no such store", nil}
}

// searchOrgUnits answers OrgUnits/Search.
func (c *call) searchOrgUnits() (reply, *apiError) {
	criteria, err := c.criteriaOf("storeSearchCriteria")
	if err != nil {
		return reply{}, err
	}
	rows := []orgUnitRow{}
	for i, s := range c.sim.options().Stores {
		if matches(str(criteria, "StoreNumber"), s.Number) && matches(str(criteria, "InventoryLocationId"), s.Warehouse) {
			rows = append(rows, c.orgUnitRow(s, i))
		}
	}
	return pageOf(c, "OrgUnit", rows)
}

func matches(wanted, is string) bool { return wanted == "" || wanted == is }

type locationRow struct {
	OrgUnitNumber       string       `json:"OrgUnitNumber"`
	OrgUnitName         string       `json:"OrgUnitName"`
	ChannelID           int64        `json:"ChannelId"`
	InventoryLocationID string       `json:"InventoryLocationId"`
	InventorySiteID     string       `json:"InventorySiteId"`
	PostalAddressID     int64        `json:"PostalAddressId"`
	Address             string       `json:"Address"`
	Street              string       `json:"Street"`
	City                string       `json:"City"`
	State               string       `json:"State"`
	Zip                 string       `json:"Zip"`
	Country             string       `json:"Country"`
	Latitude            float64      `json:"Latitude"`
	Longitude           float64      `json:"Longitude"`
	Distance            float64      `json:"Distance"`
	OpenFrom            int          `json:"OpenFrom"`
	OpenTo              int          `json:"OpenTo"`
	IsPickupLocation    bool         `json:"IsPickupLocation"`
	IsShippingLocation  bool         `json:"IsShippingLocation"`
	Contacts            []contactRow `json:"Contacts"`
}

type contactRow struct {
	ChannelID        int64  `json:"ChannelId"`
	Locator          string `json:"Locator"`
	LocatorExtension string `json:"LocatorExtension"`
	ContactTypeValue int    `json:"ContactTypeValue"`
	IsPrimary        bool   `json:"IsPrimary"`
	IsPrivate        bool   `json:"IsPrivate"`
}

// location is a row of a store; its channel's record id is the one of the OrgUnit.
func (o Options) location(at int, distance float64) locationRow {
	s, channel := o.Stores[at], storeChannel(at)
	row := locationRow{OrgUnitNumber: s.Number, OrgUnitName: s.Name, ChannelID: channel, InventoryLocationID: s.Warehouse, InventorySiteID: s.Site,
		PostalAddressID: s.AddressRecordID, Address: str(s.address(), "FullAddress"), Street: s.Street, City: s.City, State: s.State, Zip: s.ZipCode, Country: s.Country,
		Latitude: s.Latitude, Longitude: s.Longitude, Distance: distance, IsPickupLocation: s.Pickup, IsShippingLocation: s.Ships, Contacts: []contactRow{}}
	if today, open := s.day(time.Now().Weekday()); open {
		row.OpenFrom, row.OpenTo = today.Open, today.Close
	}
	for _, k := range s.Contacts {
		row.Contacts = append(row.Contacts, contactRow{channel, k.Value, "", k.Type, k.Primary, k.Private})
	}
	return row
}

// storeChannel is the record id of a store's channel.
func storeChannel(at int) int64 { return firstRecordID - 700 + int64(at) }

// day is when the store is open on a day of the week, if it is.
func (s Store) day(wanted time.Weekday) (StoreDay, bool) {
	if len(s.Hours) == 0 {
		return StoreDay{wanted, opens * 3600, closes * 3600}, true
	}
	for _, d := range s.Hours {
		if d.Day == wanted {
			return d, true
		}
	}
	return StoreDay{}, false
}

// offers says whether a store does what DeliveryModeTypeFilter asks for: 0 anything, 1 shipping, 2 pickup.
func (s Store) offers(filter int64) bool {
	return filter == 0 || filter == 1 && s.Ships || filter == 2 && s.Pickup
}

// searchLocations answers OrgUnits/SearchOrgUnitLocations.
func (c *call) searchLocations() (reply, *apiError) {
	criteria, err := c.criteriaOf("orgUnitLocationSearchCriteria")
	if err != nil {
		return reply{}, err
	}
	warehouses, _ := criteria["InventoryLocationIds"].([]any)
	rows, o := []locationRow{}, c.sim.options()
	for i, s := range o.Stores {
		if matches(str(criteria, "OrgUnitNumber"), s.Number) && matches(str(criteria, "OrgUnitName"), s.Name) &&
			s.offers(num(criteria, "DeliveryModeTypeFilterValue")) && (len(warehouses) == 0 || slices.Contains(warehouses, any(s.Warehouse))) {
			rows = append(rows, o.location(i, 0))
		}
	}
	return pageOf(c, "OrgUnitLocation", rows)
}

// locationsByArea answers OrgUnits/GetOrgUnitLocationsByArea, the nearest first. A radius of 0 is none.
func (c *call) locationsByArea() (reply, *apiError) {
	body, err := c.parameters("searchArea", "deliveryModeTypeFilter")
	if err != nil {
		return reply{}, err
	}
	area, ok := body["searchArea"].(map[string]any)
	if !ok {
		return reply{}, badRequest(idMissingArgument, "searchArea is missing")
	}
	rows, o := []locationRow{}, c.sim.options()
	for i, s := range o.Stores {
		if distance, inside := s.within(area); inside && s.offers(num(body, "deliveryModeTypeFilter")) {
			rows = append(rows, o.location(i, distance))
		}
	}
	slices.SortFunc(rows, func(a, b locationRow) int { return cmp.Compare(a.Distance, b.Distance) })
	return pageOf(c, "OrgUnitLocation", rows)
}

// angle between two places, in radians.
func angle(lat1, lon1, lat2, lon2 float64) float64 {
	const degree = math.Pi / 180
	a := math.Pow(math.Sin((lat2-lat1)*degree/2), 2) + math.Cos(lat1*degree)*math.Cos(lat2*degree)*math.Pow(math.Sin((lon2-lon1)*degree/2), 2)
	return 2 * math.Asin(math.Min(1, math.Sqrt(a)))
}

// storeHours answers OrgUnits/GetStoreHours. A closed day has no times (inferred).
func (c *call) storeHours() (reply, *apiError) {
	stores := c.sim.options().Stores
	at := slices.IndexFunc(stores, func(s Store) bool { return s.Number == c.args["storeNumber"] })
	if at < 0 {
		return reply{}, invalid(idStoreNumber, "there is no such store")
	}
	hours := map[string]any{"ExtensionProperties": []any{}}
	for day := time.Sunday; day <= time.Saturday; day++ {
		is, open := stores[at].day(day)
		hours[day.String()+"OpenTime"], hours[day.String()+"CloseTime"], hours["IsClosedOn"+day.String()] = is.Open, is.Close, !open
	}
	return reply{status: http.StatusOK, body: map[string]any{"RegularStoreHours": hours}}, nil
}

// warehouses answers GET Warehouses: the channel's and the stores'.
func (c *call) warehouses() (reply, *apiError) {
	rows := []map[string]any{{"InventLocation": c.warehouse(), "Name": c.warehouse()}}
	for _, s := range c.sim.options().Stores {
		if s.Warehouse != c.warehouse() {
			rows = append(rows, map[string]any{"InventLocation": s.Warehouse, "Name": s.Name})
		}
	}
	return pageOf(c, "Warehouse", rows)
}

// criteriaOf is an action's one parameter, an object.
func (c *call) criteriaOf(name string) (map[string]any, *apiError) {
	body, err := c.parameters(name)
	if err != nil {
		return nil, err
	}
	object, ok := body[name].(map[string]any)
	if !ok {
		return nil, badRequest(idMissingArgument, name+" is missing")
	}
	return object, nil
}
