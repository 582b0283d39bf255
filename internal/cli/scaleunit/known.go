package scaleunit

import (
	"context"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// tableCalls is what reading a list takes at most, as a rule: a page with all of it, and an empty one behind it.
const tableCalls = 2

// Listed says whether the CSU lists what there is of a kind.
func Listed(kind string) bool {
	switch kind {
	case mapping.KindStore, mapping.KindWarehouse, mapping.KindDeliveryMode, mapping.KindPaymentMethod, mapping.KindCountry:
		return true
	}
	return false
}

// Known lists the ids that a channel has of a Listed kind; none when the CSU shows the list to nobody like us.
func (u *Unit) Known(ctx context.Context, ch orchestration.Channel, kind string) (ids map[string]bool, err error) {
	ids = map[string]bool{}
	needs := tableCalls
	if kind == mapping.KindDeliveryMode {
		needs++
	}
	err = u.Ask(ctx, ch, needs, func(ctx context.Context, csu *csuclient.Channel) error {
		all, err := listed(ctx, csu, ch, kind)
		for _, id := range all {
			if id != "" {
				ids[id] = true
			}
		}
		return err
	})
	return ids, err
}

func listed(ctx context.Context, csu *csuclient.Channel, ch orchestration.Channel, kind string) (ids []string, err error) {
	switch kind {
	case mapping.KindStore:
		stores, err := csu.Stores(ctx, csuclient.StoresAll, true)
		for _, s := range stores {
			ids = append(ids, s.Number)
		}
		return ids, err
	case mapping.KindWarehouse:
		all, err := csu.Warehouses(ctx) // not the stores', since a warehouse need not be of a store
		if csuclient.Refused(err) || fault.KindOf(err) == fault.Permanent {
			return nil, nil // as the client has it of the lists that it keeps
		}
		for _, w := range all {
			ids = append(ids, w.Code)
		}
		return ids, err
	case mapping.KindDeliveryMode:
		modes, err := csu.DeliveryModes(ctx, true)
		if err != nil || len(modes) == 0 { // refused: the mode of pickups alone is no list
			return nil, err
		}
		for _, m := range modes {
			ids = append(ids, m.Code)
		}
		unit, err := csu.OrgUnit(ctx) // which has the mode of pickups, that the list may lack
		return append(ids, unit.PickupMode), err
	case mapping.KindPaymentMethod:
		types, err := csu.TenderTypes(ctx, true)
		for _, t := range types {
			ids = append(ids, t.ID)
		}
		return ids, err
	case mapping.KindCountry:
		language := ch.Language
		if language == "" {
			language = "en-us"
		}
		countries, err := csu.Countries(ctx, language, true)
		for _, c := range countries {
			ids = append(ids, c.ID)
		}
		return ids, err
	}
	return nil, nil
}
