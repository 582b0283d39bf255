package csu

import (
	"cmp"
	"math"
	"net/http"
	"slices"
)

// Store is a place where orders are picked up or shipped from.
type Store struct {
	Number          string // key of the OrgUnit, and what PickUpStoreId names
	Name            string
	Warehouse       string
	AddressRecordID int64 // what a pickup's DeliveryAddress names
	Street, City    string
	State, ZipCode  string
	Country         string // ISO 3166-1 alpha-3
	Latitude        float64
	Longitude       float64
	Pickup, Ships   bool
}

// DefaultStores are those of a simulator that was told none.
func DefaultStores() []Store {
	return []Store{
		{"STORE1", "Downtown", "STORE1", firstRecordID - 300, "1 Main Street", "Houston", "TX", "77002", "USA", 29.76, -95.37, true, true},
		{"STORE2", "Galleria", "STORE2", firstRecordID - 299, "2 Post Oak", "Houston", "TX", "77056", "USA", 29.74, -95.46, true, false},
		{"STORE3", "Seattle", "STORE3", firstRecordID - 298, "3 Pine Street", "Seattle", "WA", "98101", "USA", 47.61, -122.33, false, true},
	}
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
	return orgUnitRow{s.Number, firstRecordID - 700 + int64(at), s.Warehouse, s.Number, s.Name, c.channel.withDefaults().Currency, s.address(),
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
	OrgUnitNumber       string   `json:"OrgUnitNumber"`
	OrgUnitName         string   `json:"OrgUnitName"`
	InventoryLocationID string   `json:"InventoryLocationId"`
	PostalAddressID     int64    `json:"PostalAddressId"`
	Address             string   `json:"Address"`
	Street              string   `json:"Street"`
	City                string   `json:"City"`
	State               string   `json:"State"`
	Zip                 string   `json:"Zip"`
	Country             string   `json:"Country"`
	Latitude            float64  `json:"Latitude"`
	Longitude           float64  `json:"Longitude"`
	Distance            float64  `json:"Distance"`
	IsPickupLocation    bool     `json:"IsPickupLocation"`
	IsShippingLocation  bool     `json:"IsShippingLocation"`
	Contacts            []string `json:"Contacts"`
}

func locationOf(s Store, distance float64) locationRow {
	return locationRow{s.Number, s.Name, s.Warehouse, s.AddressRecordID, str(s.address(), "FullAddress"), s.Street, s.City, s.State, s.ZipCode, s.Country,
		s.Latitude, s.Longitude, distance, s.Pickup, s.Ships, []string{}}
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
	rows := []locationRow{}
	for _, s := range c.sim.options().Stores {
		if matches(str(criteria, "OrgUnitNumber"), s.Number) && matches(str(criteria, "OrgUnitName"), s.Name) &&
			s.offers(num(criteria, "DeliveryModeTypeFilterValue")) && (len(warehouses) == 0 || slices.Contains(warehouses, any(s.Warehouse))) {
			rows = append(rows, locationOf(s, 0))
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
	radius, mile := dec(area, "Radius").InexactFloat64(), 3958.8 // radii of the earth
	if num(area, "DistanceUnitValue") == 1 {
		mile = 6371
	}
	rows := []locationRow{}
	for _, s := range c.sim.options().Stores {
		distance := mile * angle(dec(area, "Latitude").InexactFloat64(), dec(area, "Longitude").InexactFloat64(), s.Latitude, s.Longitude)
		if s.offers(num(body, "deliveryModeTypeFilter")) && (radius == 0 || distance <= radius) {
			rows = append(rows, locationOf(s, math.Round(distance*100)/100))
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

// storeHours answers OrgUnits/GetStoreHours: every day from 9 to 18 o'clock.
func (c *call) storeHours() (reply, *apiError) {
	if !slices.ContainsFunc(c.sim.options().Stores, func(s Store) bool { return s.Number == c.args["storeNumber"] }) {
		return reply{}, invalid(idStoreNumber, "there is no such store")
	}
	hours := map[string]any{}
	for _, day := range []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"} {
		hours[day+"OpenTime"], hours[day+"CloseTime"], hours["IsClosedOn"+day] = opens*3600, closes*3600, false
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
