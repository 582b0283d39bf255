package customers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// wanted is the event as the CSU would know it, its addresses by the CSU's own tables. It is worked out once for as long as the
// event is in hand, and kept nowhere: it is the event's data.
func (c customers) wanted(ctx context.Context, r *run) (csuclient.Customer, error) {
	if r.In.wanted == nil {
		want, err := c.asKnown(ctx, r)
		if err != nil {
			return csuclient.Customer{}, err
		}
		r.In.wanted = &want
	}
	want := *r.In.wanted
	want.Addresses = slices.Clone(want.Addresses)
	return want, nil
}

func (c customers) asKnown(ctx context.Context, r *run) (csuclient.Customer, error) {
	want := r.In.customer()
	for i := range want.Addresses {
		a := &want.Addresses[i]
		if a.Deactivate && a.Country == "" {
			continue
		}
		err := c.place(ctx, r, fmt.Sprintf("/addresses/%d", i), a)
		if err != nil && (!a.Deactivate || fault.KindOf(err) != fault.Permanent) { // one that goes need not be right
			return csuclient.Customer{}, err
		}
	}
	return want, nil
}

// place holds an address's country and state against the CSU's tables. A state's name becomes its id. Where the CSU has no table,
// it takes what it is given, and so do we.
func (c customers) place(ctx context.Context, r *run, pointer string, a *csuclient.Address) error {
	country, err := c.country(ctx, r, a.Country)
	if err != nil {
		return err
	}
	if country == "" {
		return unknownPlace(pointer+"/country", "is no country or region that the CSU knows; correct it, or add it in headquarters, then replay")
	}
	if a.State.IsZero() {
		return nil
	}
	states, i, err := upToDate(func(fresh bool) ([]csuclient.State, error) { return c.csu(r.Channel).States(ctx, country, fresh) },
		func(all []csuclient.State) int { return stateNamed(all, a.State.Reveal()) })
	if err != nil || len(states) == 0 {
		return err
	}
	if i >= 0 {
		a.State = pii.New(states[i].ID)
		return nil
	}
	return unknownPlace(pointer+"/state", "is no state that the CSU knows of its country; use one of "+list(states)+", or the name of one")
}

// country is the CSU's id of a country, empty if it knows no such country. Without a table of countries it is the code itself.
func (c customers) country(ctx context.Context, r *run, iso3 string) (string, error) {
	known, i, err := upToDate(func(fresh bool) ([]csuclient.Country, error) {
		return c.csu(r.Channel).Countries(ctx, cmp.Or(r.Channel.Language, "en-us"), fresh)
	}, func(all []csuclient.Country) int {
		for i := range all {
			if all[i].ID == iso3 { // as nearly always
				return i
			}
		}
		iso2 := ""
		if region, err := language.ParseRegion(iso3); err == nil {
			iso2 = region.String()
		}
		return slices.IndexFunc(all, func(known csuclient.Country) bool {
			return strings.EqualFold(known.ID, iso3) || known.ISO != "" && (strings.EqualFold(known.ISO, iso3) || strings.EqualFold(known.ISO, iso2))
		})
	})
	switch {
	case err != nil || len(known) == 0:
		return iso3, err
	case i < 0:
		return "", nil
	}
	return known[i].ID, nil
}

// upToDate gives a table and the row that is looked for, -1 if it is not in it. The table is a fresh one then: a person may have
// added the row and replayed the event.
func upToDate[T any](table func(fresh bool) ([]T, error), find func([]T) int) (rows []T, i int, err error) {
	for _, fresh := range []bool{false, true} {
		if rows, err = table(fresh); err != nil || len(rows) == 0 {
			return rows, -1, err
		}
		if i = find(rows); i >= 0 {
			break
		}
	}
	return rows, i, nil
}

// stateNamed finds a state by its id or its name, whatever their case, spaces and accents; an id goes before a name. An ISO 3166-2 code
// ends in the id. What is written as the table has it is found without comparing every name letter by letter: it is each event's
// address.
func stateNamed(states []csuclient.State, text string) int {
	for i := range states {
		if states[i].ID == text {
			return i
		}
	}
	by := func(match func(csuclient.State) bool) int { return slices.IndexFunc(states, match) }
	if i := by(func(s csuclient.State) bool { return strings.EqualFold(s.ID, text) }); i >= 0 {
		return i
	}
	text = plain(text)
	if i := by(func(s csuclient.State) bool { return strings.EqualFold(s.ID, text) }); i >= 0 {
		return i
	}
	_, behind, iso := strings.Cut(text, "-")
	return by(func(s csuclient.State) bool {
		return iso && strings.EqualFold(behind, s.ID) || strings.EqualFold(s.Name, text) || text == plain(s.ID) || text == plain(s.Name)
	})
}

// plain is text in lower case, without accents and needless spaces.
func plain(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.Join(strings.Fields(text), " ")) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// list names the ids there are, in so far as a sentence holds them.
func list(states []csuclient.State) string {
	const most = 100
	var ids []string
	for _, s := range states {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	if len(ids) > most {
		return strings.Join(ids[:most], ", ") + " and others"
	}
	return strings.Join(ids, ", ")
}

// unknownPlace is a rule of ours: the event keeps its schema, but contradicts what the CSU knows. It names no value of the event.
func unknownPlace(pointer, what string) error {
	return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Class: "invalid", Pointer: pointer, Detail: pointer + " " + what}
}
