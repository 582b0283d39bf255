package customers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// customer is the event as the CSU would know it, with the channel's defaults and with places that are in its own tables. The
// CSU would refuse an address in a place that it does not know; here the event fails before the call, with the place in it.
func (c customers) customer(ctx context.Context, r *run) (csuclient.Customer, error) {
	want := r.In.customer(r.Channel)
	for i := range want.Addresses {
		at := fmt.Sprintf("/addresses/%d", i)
		country, err := c.country(ctx, r, want.Addresses[i].Country, at+"/country")
		if err != nil {
			return want, err
		}
		want.Addresses[i].Country = country
		if want.Addresses[i].State, err = c.state(ctx, r, country, want.Addresses[i].State, at+"/state"); err != nil {
			return want, err
		}
	}
	return want, nil
}

// country is the CSU's own id of a country. A scale unit without a table is not asked.
func (c customers) country(ctx context.Context, r *run, iso3, pointer string) (string, error) {
	known, err := inTable(func(fresh bool) ([]csuclient.Country, error) {
		return c.CSU(r.Channel).Countries(ctx, cmp.Or(r.Channel.Language, "en-us"), fresh)
	}, func(row csuclient.Country) bool { return strings.EqualFold(row.ID, iso3) })
	switch {
	case err != nil:
		return "", err
	case known.none:
		return iso3, nil
	case !known.found:
		return "", unplaced(pointer, "names a country that the CSU does not have; add it in headquarters, or correct the source")
	}
	return known.row.ID, nil
}

// state is the CSU's own id of a state: sources write ids, in any case of letters, and names. A country without a table of states
// takes what it is given.
func (c customers) state(ctx context.Context, r *run, country string, said pii.Text, pointer string) (pii.Text, error) {
	if said.IsZero() {
		return said, nil
	}
	text := strings.TrimSpace(said.Reveal())
	var rows []csuclient.State
	table := func(fresh bool) (_ []csuclient.State, err error) {
		rows, err = c.CSU(r.Channel).States(ctx, country, fresh)
		return rows, err
	}
	known, err := inTable(table, func(row csuclient.State) bool {
		return strings.EqualFold(row.ID, text) || strings.EqualFold(row.Name, text)
	})
	switch {
	case err != nil:
		return said, err
	case known.none:
		return said, nil
	case !known.found:
		return said, unplaced(pointer, "names a state that the CSU does not have for "+country+"; it takes "+idsOf(rows))
	}
	return pii.New(known.row.ID), nil
}

type lookedUp[T any] struct {
	row   T
	found bool
	none  bool // there is no table
}

// inTable looks a row up in a table that is kept, and once more in a fresh one before it says that there is none: headquarters may
// have been filled since.
func inTable[T any](table func(fresh bool) ([]T, error), is func(T) bool) (l lookedUp[T], err error) {
	for _, fresh := range []bool{false, true} {
		rows, err := table(fresh)
		if err != nil {
			return l, err
		}
		if l.none = len(rows) == 0; l.none {
			return l, nil
		}
		if i := slices.IndexFunc(rows, is); i >= 0 {
			l.row, l.found = rows[i], true
			return l, nil
		}
	}
	return l, nil
}

func unplaced(pointer, what string) error {
	return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Pointer: pointer, Detail: pointer + " " + what}
}

// shownIDs is how many ids a description lists.
const shownIDs = 60

func idsOf(rows []csuclient.State) string {
	ids := make([]string, 0, len(rows))
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	slices.Sort(ids)
	if len(ids) > shownIDs {
		ids = append(ids[:shownIDs], "…")
	}
	return strings.Join(ids, ", ")
}
