package orders

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
)

// way is how a line gets to whom, as the CSU is to have it.
type way struct {
	mode      string
	shipTo    *csuclient.Address
	store     string
	warehouse string
	pickup    bool // at store; otherwise it is sent, from store if there is one
	from, to  *time.Time
}

// ways finds out how the order's header and each of its lines are delivered. What the CSU or headquarters would refuse later is refused
// here, with the field's pointer.
func (o orders) ways(ctx context.Context, r *run) (header way, lines []way, err error) {
	if header, err = o.way(ctx, r, "/delivery", r.In.Delivery); err != nil {
		return way{}, nil, err
	}
	for i, l := range r.In.Lines {
		w := header
		if l.Delivery != nil {
			if w, err = o.way(ctx, r, fmt.Sprintf("/lines/%d/delivery", i), l.Delivery); err != nil {
				return way{}, nil, err
			}
		}
		lines = append(lines, w)
	}
	return header, lines, nil
}

func (o orders) way(ctx context.Context, r *run, pointer string, d *Delivery) (way, error) {
	if d == nil {
		return way{}, nil
	}
	mode, known := r.Channel.DeliveryMode(d.Mode)
	if d.Mode != "" && !known {
		return way{}, wrong(pointer+"/mode", fmt.Sprintf("is not in the delivery_modes of channel %s; add it there, or correct it at the source", r.Channel.Name))
	}
	if d.Pickup != nil {
		return o.pickup(ctx, r, pointer, d, mode)
	}
	if d.Mode == "" {
		return way{}, wrong(pointer+"/mode", "is missing: say how the goods are sent")
	}
	w := way{mode: mode}
	if d.Address != nil {
		w.shipTo = d.Address.address()
		if err := o.place(ctx, r, pointer+"/address", w.shipTo); err != nil {
			return way{}, err
		}
	}
	if d.ShipFrom != "" {
		s, err := FindStore(ctx, o.csu(r.Channel), r.Channel, pointer+"/shipFrom", d.ShipFrom, csuclient.StoresThatShip)
		if err != nil {
			return way{}, err
		}
		w.store, w.warehouse = s.Number, s.Warehouse
	}
	return w, nil
}

// pickup is at a store, to whose address headquarters delivers: the address is named by its record.
func (o orders) pickup(ctx context.Context, r *run, pointer string, d *Delivery, mode string) (way, error) {
	switch at := d.Pickup; {
	case d.Address != nil:
		return way{}, wrong(pointer+"/address", "is given beside a pickup; goods are either sent or fetched")
	case d.ShipFrom != "":
		return way{}, wrong(pointer+"/shipFrom", "is given beside a pickup; goods are either sent or fetched")
	case (at.From == nil) != (at.To == nil):
		return way{}, wrong(pointer+"/pickup", "has one end of a time slot; give from and to, or neither")
	case at.From != nil && !at.From.Before(*at.To):
		return way{}, wrong(pointer+"/pickup/to", "is not after from")
	}
	if mode == "" {
		unit, err := o.csu(r.Channel).OrgUnit(ctx)
		if err != nil {
			return way{}, err
		}
		if mode = unit.PickupMode; mode == "" {
			return way{}, wrong(pointer+"/mode", "is missing, and headquarters has no mode of delivery for pickups of the channel; give one, or set it up")
		}
	}
	s, err := FindStore(ctx, o.csu(r.Channel), r.Channel, pointer+"/pickup/store", d.Pickup.Store, csuclient.StoresToPickUp)
	if err != nil {
		return way{}, err
	}
	if s.AddressID == 0 {
		return way{}, wrong(pointer+"/pickup/store", "has no address in headquarters, which a pickup needs; give it one there, then replay")
	}
	return way{mode: mode, store: s.Number, warehouse: s.Warehouse, pickup: true, from: d.Pickup.From, to: d.Pickup.To,
		shipTo: &csuclient.Address{RecordID: s.AddressID, Country: s.Country, Type: csuclient.AddressDelivery}}, nil
}

// Stores lists the stores of a channel.
type Stores interface {
	Stores(ctx context.Context, that int, fresh bool) ([]csuclient.Store, error)
}

// FindStore finds a store that does what is asked for, by its number or as the channel's table of stores calls it.
func FindStore(ctx context.Context, csu Stores, ch orchestration.Channel, pointer, source string, that int) (csuclient.Store, error) {
	number, known := ch.Store(source)
	if !known {
		return csuclient.Store{}, wrong(pointer, fmt.Sprintf("is not in the stores of channel %s; add it there, or correct it at the source", ch.Name))
	}
	var numbers []string
	for _, fresh := range []bool{false, true} { // a person may have set the store up and replayed the event
		all, err := csu.Stores(ctx, that, fresh)
		if err != nil {
			return csuclient.Store{}, err
		}
		if i := slices.IndexFunc(all, func(s csuclient.Store) bool { return s.Number == number }); i >= 0 {
			return all[i], nil
		}
		numbers = nil
		for _, s := range all {
			numbers = append(numbers, s.Number)
		}
	}
	does := map[int]string{csuclient.StoresToPickUp: "where orders are picked up", csuclient.StoresThatShip: "that ships orders", csuclient.StoresAll: "that there is"}[that]
	return csuclient.Store{}, wrong(pointer, fmt.Sprintf("names store %s, which is none %s for channel %s; there %s", number, does, ch.Name, thereAre(numbers)))
}

func thereAre(numbers []string) string {
	const most = 50
	switch {
	case len(numbers) == 0:
		return "are none"
	case len(numbers) > most:
		return fmt.Sprintf("are %s and %d others", strings.Join(numbers[:most], ", "), len(numbers)-most)
	}
	return "are " + strings.Join(numbers, ", ")
}

// place holds an address against the CSU's tables. Where it has none, it takes what it is given, and so do we.
func (o orders) place(ctx context.Context, r *run, pointer string, a *csuclient.Address) error {
	countries, err := o.csu(r.Channel).Countries(ctx, cmp.Or(r.Channel.Language, "en-us"), false)
	if err != nil {
		return err
	}
	if len(countries) > 0 && !slices.ContainsFunc(countries, func(c csuclient.Country) bool { return strings.EqualFold(c.ID, a.Country) }) {
		return wrong(pointer+"/country", "is no country or region that the CSU knows; correct it, or add it in headquarters, then replay")
	}
	if a.State.IsZero() {
		return nil
	}
	states, err := o.csu(r.Channel).States(ctx, a.Country, false)
	if err != nil || len(states) == 0 {
		return err
	}
	if !slices.ContainsFunc(states, func(s csuclient.State) bool { return strings.EqualFold(s.ID, a.State.Reveal()) }) {
		return wrong(pointer+"/state", "is no state that the CSU knows of its country; use its id, such as "+states[0].ID)
	}
	return nil
}
