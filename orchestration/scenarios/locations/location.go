package locations

import (
	"cmp"
	"context"
	_ "embed" // the schema
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// LocationType tells sinks of a store or a warehouse (location.schema.json).
const LocationType = "signalbox.location.v1"

//go:embed location.schema.json
var locationSchema []byte

// tells are the types of what sinks are told.
func tells() []orchestration.Telling {
	return []orchestration.Telling{{Name: LocationType, Kind: "location", Order: orchestration.State, Schema: locationSchema}, feed.Tells()}
}

// Location is a store or a warehouse.
type Location struct {
	ID            string         `json:"id"`      // store/NUMBER or warehouse/CODE
	Present       bool           `json:"present"` // false: it is not there any more
	Kind          string         `json:"kind"`    // store or warehouse
	Number        string         `json:"number"`  // headquarters' own
	Name          string         `json:"name,omitempty"`
	Warehouse     string         `json:"warehouse,omitempty"` // by which stock is told
	Address       *Address       `json:"address,omitempty"`
	Position      *Position      `json:"position,omitempty"`
	Pickup        *bool          `json:"pickup,omitempty"` // absent: the CSU does not tell
	Ships         *bool          `json:"ships,omitempty"`
	DeliveryModes []Mode         `json:"deliveryModes,omitempty"` // by which orders get from there to customers
	Hours         map[string]Day `json:"hours,omitempty"`         // by day of the week; a day that is not there is closed
	Contacts      []Contact      `json:"contacts,omitempty"`
}

// Address is where it is.
type Address struct {
	Text     string `json:"text,omitempty"`
	Street   string `json:"street,omitempty"`
	City     string `json:"city,omitempty"`
	District string `json:"district,omitempty"`
	County   string `json:"county,omitempty"`
	State    string `json:"state,omitempty"`
	Zip      string `json:"zip,omitempty"`
	Country  string `json:"country,omitempty"`
}

// Position is in degrees.
type Position struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// Mode is a way in which orders get to customers.
type Mode struct {
	Code        string `json:"code"`
	Description string `json:"description,omitempty"`
	Pickup      bool   `json:"pickup,omitempty"`
}

// Day is when a store is open, by its own clock, as 15:04.
type Day struct {
	Open  string `json:"open"`
	Close string `json:"close"`
}

// Contact is how it is reached.
type Contact struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// atOnce is how many locations a page has: for each store, its hours are a call.
const atOnce = 25

// readPage reads some of the locations.
func (l locations) readPage(ctx context.Context, r *run) (bool, error) {
	if err := feed.Known(r.Channel, r.In.Sinks); err != nil {
		return false, err
	}
	if err := r.State.Keep(ctx, l.Memory, feedOf(r)); err != nil {
		return false, err
	}
	csu := l.Places(r.Channel)
	stores, err := csu.Locations(ctx)
	if err != nil {
		return false, err
	}
	modes, err := l.modes(ctx, csu)
	if err != nil {
		return false, err
	}
	page := after(r.State.Store, stores)
	var records []feed.Record
	for _, s := range page {
		one, err := storeOf(ctx, csu, s, modes)
		if err != nil {
			return false, err
		}
		records = append(records, one.record())
	}
	if r.State.Done = len(page) < atOnce; !r.State.Done {
		r.State.Store = page[atOnce-1].Number
	} else {
		more, err := warehousesOf(ctx, csu, stores)
		if err != nil {
			return false, err
		}
		records = append(records, more...)
	}
	if r.State.Page, err = feed.Compare(ctx, l.Memory, feedOf(r), records, nil); err != nil {
		return false, err
	}
	if r.In.Full {
		r.State.Page.Resend()
	}
	return true, r.State.Page.Doubt(ctx, l.Memory, feedOf(r))
}

// after gives the stores behind the one of a number, as many as a page has. A place in the list would be another's once a store before it is gone.
func after(number string, stores []csuclient.Location) []csuclient.Location {
	left := slices.DeleteFunc(slices.Clone(stores), func(s csuclient.Location) bool { return s.Number <= number })
	slices.SortFunc(left, func(a, b csuclient.Location) int { return cmp.Compare(a.Number, b.Number) })
	return left[:min(atOnce, len(left))]
}

// present are the ids of all that is there.
func present(ctx context.Context, csu Places) (map[string]bool, error) {
	stores, err := csu.Locations(ctx)
	if err != nil {
		return nil, err
	}
	others, err := warehousesOf(ctx, csu, stores)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, s := range stores {
		there[storeID(s)] = true
	}
	for _, w := range others {
		there[w.ID] = true
	}
	return there, nil
}

func storeID(s csuclient.Location) string { return "store/" + s.Number }

// modes are those of the channel.
func (l locations) modes(ctx context.Context, csu Places) ([]Mode, error) {
	unit, err := csu.OrgUnit(ctx)
	if err != nil {
		return nil, err
	}
	all, err := csu.DeliveryModes(ctx, false)
	if err != nil {
		return nil, err
	}
	var out []Mode
	for _, m := range all {
		out = append(out, Mode{m.Code, m.Description, m.Code == unit.PickupMode})
	}
	slices.SortFunc(out, func(a, b Mode) int { return cmp.Compare(a.Code, b.Code) })
	return out, nil
}

func storeOf(ctx context.Context, csu Places, s csuclient.Location, modes []Mode) (Location, error) {
	out := Location{ID: storeID(s), Present: true, Kind: "store", Number: s.Number, Name: s.Name, Warehouse: s.Warehouse, Pickup: s.Pickup, Ships: s.Ships,
		Address: &Address{s.Address, strings.TrimSpace(s.Street + " " + s.Building), s.City, s.District, s.County, s.State, s.ZipCode, s.Country}}
	if s.Latitude != 0 || s.Longitude != 0 {
		out.Position = &Position{s.Latitude, s.Longitude}
	}
	for _, m := range modes {
		does := s.Ships
		if m.Pickup {
			does = s.Pickup
		}
		if does == nil || *does {
			out.DeliveryModes = append(out.DeliveryModes, m)
		}
	}
	for _, c := range s.Contacts {
		out.Contacts = append(out.Contacts, Contact{kindOf(c.Type), c.Value})
	}
	week, err := csu.StoreHours(ctx, s.Number)
	if errors.Is(err, csuclient.ErrNotFound) { // it has none
		return out, nil
	}
	out.Hours = hoursOf(week)
	return out, err
}

// kindOf names a kind of contact; one that has no name here keeps its number.
func kindOf(t csuclient.ContactType) string {
	switch t {
	case csuclient.PhoneContact:
		return "phone"
	case csuclient.EmailContact:
		return "email"
	}
	return strconv.Itoa(int(t))
}

func hoursOf(week [7]csuclient.StoreDay) map[string]Day {
	hours := map[string]Day{}
	for day, h := range week {
		if !h.Closed {
			hours[strings.ToLower(time.Weekday(day).String())] = Day{clock(h.Open), clock(h.Close)}
		}
	}
	return hours
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// warehousesOf are those that are no store's.
func warehousesOf(ctx context.Context, csu Places, stores []csuclient.Location) (records []feed.Record, err error) {
	all, err := csu.Warehouses(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range all {
		if !slices.ContainsFunc(stores, func(s csuclient.Location) bool { return s.Warehouse == w.Code }) {
			records = append(records, Location{ID: "warehouse/" + w.Code, Present: true, Kind: "warehouse", Number: w.Code, Name: w.Name, Warehouse: w.Code}.record())
		}
	}
	return records, nil
}

func (l Location) record() feed.Record {
	data, err := json.Marshal(l)
	if err != nil {
		panic(err) // text and numbers
	}
	return feed.Record{ID: l.ID, Data: data}
}

// goneLocation is told of what is not there any more.
func goneLocation(id string) feed.Record {
	kind, number, _ := strings.Cut(id, "/")
	return Location{ID: id, Kind: kind, Number: number}.record()
}
