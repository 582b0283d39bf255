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

// wanted is the event as the CSU would know it, its addresses by the CSU's own tables. It is
// asked for again wherever it is needed, because the tables are at hand and the event's data must not be kept.
func (c customers) wanted(ctx context.Context, r *run) (csuclient.Customer, error) {
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
	states, err := upToDate(func(fresh bool) ([]csuclient.State, error) { return c.csu(r.Channel).States(ctx, country, fresh) },
		func(s csuclient.State) bool { return names(s, a.State.Reveal()) })
	if err != nil || len(states) == 0 {
		return err
	}
	for _, match := range []func(csuclient.State) bool{
		func(s csuclient.State) bool { return strings.EqualFold(s.ID, plain(a.State.Reveal())) }, // an id goes before a name
		func(s csuclient.State) bool { return names(s, a.State.Reveal()) },
	} {
		if i := slices.IndexFunc(states, match); i >= 0 {
			a.State = pii.New(states[i].ID)
			return nil
		}
	}
	return unknownPlace(pointer+"/state", "is no state that the CSU knows of its country; use one of "+list(states)+", or the name of one")
}

// country is the CSU's id of a country, empty if it knows no such country. Without a table of countries it is the code itself.
func (c customers) country(ctx context.Context, r *run, iso3 string) (string, error) {
	iso2 := ""
	if region, err := language.ParseRegion(iso3); err == nil {
		iso2 = region.String()
	}
	match := func(known csuclient.Country) bool {
		return strings.EqualFold(known.ID, iso3) || known.ISO != "" && (strings.EqualFold(known.ISO, iso3) || strings.EqualFold(known.ISO, iso2))
	}
	known, err := upToDate(func(fresh bool) ([]csuclient.Country, error) {
		return c.csu(r.Channel).Countries(ctx, cmp.Or(r.Channel.Language, "en-us"), fresh)
	}, match)
	if err != nil || len(known) == 0 {
		return iso3, err
	}
	if i := slices.IndexFunc(known, match); i >= 0 {
		return known[i].ID, nil
	}
	return "", nil
}

// upToDate gives a table, a fresh one if what is looked for is not in it: a person may have added it and replayed the event.
func upToDate[T any](table func(fresh bool) ([]T, error), has func(T) bool) ([]T, error) {
	rows, err := table(false)
	if err != nil || len(rows) == 0 || slices.ContainsFunc(rows, has) {
		return rows, err
	}
	return table(true)
}

// names says whether text is the id or the name of a state, whatever its case and accents. An ISO 3166-2 code ends in the id.
func names(s csuclient.State, text string) bool {
	text = plain(text)
	if _, behind, ok := strings.Cut(text, "-"); ok && strings.EqualFold(behind, s.ID) {
		return true
	}
	return text == plain(s.ID) || text == plain(s.Name)
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
