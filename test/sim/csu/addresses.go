package csu

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Limits are the longest values, in characters, that are accepted. The real ones are set by headquarters and not
// documented; the defaults are inferred from its usual field sizes.
type Limits struct {
	Name    int // of a customer; default 100
	Email   int // default 255
	Phone   int // default 255
	Street  int // default 250
	County  int // id and name; default 60
	Address int // every other part of an address; default 60
}

func (l Limits) withDefaults() Limits {
	for field, otherwise := range map[*int]int{
		&l.Name: 100, &l.Email: 255, &l.Phone: 255, &l.Street: 250, &l.County: 60, &l.Address: 60,
	} {
		if *field <= 0 {
			*field = otherwise
		}
	}
	return l
}

// Kinds of contact in AddressTypeValue.
const (
	contactPhone = 1
	contactEmail = 2
)

// validation collects what is wrong with a customer that was sent. None of it needs what is stored.
type validation struct {
	limits  Limits
	tables  tables
	results []validationResult
}

func (v *validation) add(id, where, member, message string) {
	v.results = append(v.results, failed(id, where, member, message))
}

func (v *validation) length(m map[string]any, where string, limit int, id string, names ...string) {
	for _, name := range names {
		if utf8.RuneCountInString(str(m, name)) > limit {
			v.add(id, where, name, "the value is too long")
		}
	}
}

func (v *validation) email(m map[string]any, where, name string) {
	v.length(m, where, v.limits.Email, idEmailLength, name)
	local, domain, found := strings.Cut(str(m, name), "@")
	if str(m, name) != "" && (!found || local == "" || domain == "" || strings.ContainsAny(str(m, name), " \t\r\n") || strings.Contains(domain, "@")) {
		v.add(idInvalidEmail, where, name, "the e-mail address is not valid")
	}
}

// validate checks a sent customer. Members that were not sent are only missed on create.
func (c *call) validate(body map[string]any, creating bool) []validationResult {
	opts := c.sim.options()
	v := &validation{limits: opts.Limits, tables: opts.places}
	v.length(body, "Customer", v.limits.Name, idNameLength, "Name", "FirstName", "MiddleName", "LastName")
	v.length(body, "Customer", v.limits.Phone, idPhoneLength, "Phone", "Cellphone")
	v.email(body, "Customer", "Email")
	v.email(body, "Customer", "ReceiptEmail")
	if kind := num(body, "CustomerTypeValue"); kind < 0 || kind > 2 {
		v.add(idInvalidFormat, "Customer", "CustomerTypeValue", "the customer type is not known")
	} else if creating {
		v.names(body, kind == 2)
	}
	v.addresses(entries(body, "Addresses"))
	v.contacts(entries(body, "Contacts"))
	return v.results
}

// names wants a name of some kind (inferred: no document says which members are mandatory).
func (v *validation) names(body map[string]any, organization bool) {
	if str(body, "Name") != "" || !organization && (str(body, "FirstName") != "" || str(body, "LastName") != "") {
		return
	}
	v.add(idRequired, "Customer", "Name", "a customer needs a name")
}

func (v *validation) addresses(sent []map[string]any) {
	primaries := 0
	for _, a := range sent {
		if yes(a, "Deactivate") || empty(a) {
			continue
		}
		if yes(a, "IsPrimary") {
			primaries++
		}
		_, given := a["ThreeLetterISORegionName"]
		if _, ok := countryOf(str(a, "ThreeLetterISORegionName")); !ok && (given || num(a, "RecordId") == 0) {
			v.add(idInvalidCountry, "Address", "ThreeLetterISORegionName", "the country or region is missing or not known")
		}
		v.places(a)
		v.length(a, "Address", v.limits.Street, idStreetLength, "Street")
		v.length(a, "Address", v.limits.County, idCountyLength, "County", "CountyName")
		v.length(a, "Address", v.limits.Address, idAddressLength,
			"Name", "StreetNumber", "BuildingCompliment", "Postbox", "City", "DistrictName", "State", "StateName", "ZipCode")
	}
	if primaries > 1 {
		v.add(idPrimaryAddresses, "Customer", "Addresses", "more than one address is primary")
	}
}

// places holds state and zip code against the tables of the address's country. A change that does not repeat the country is
// not checked (inferred).
func (v *validation) places(a map[string]any) {
	country := str(a, "ThreeLetterISORegionName")
	if country == "" {
		return
	}
	if !v.tables.allowsState(country, str(a, "State")) {
		v.add(idInvalidState, "Address", "State", "the state or province is not known")
	}
	if !v.tables.allowsZipCode(country, str(a, "State"), str(a, "ZipCode")) {
		v.add(idInvalidZipCode, "Address", "ZipCode", "the zip or postal code is not known")
	}
}

func (v *validation) contacts(sent []map[string]any) {
	primaries := map[int64]int{}
	for _, contact := range sent {
		kind := num(contact, "AddressTypeValue")
		switch kind {
		case contactPhone:
			v.length(contact, "Contact", v.limits.Phone, idPhoneLength, "Value")
		case contactEmail:
			v.email(contact, "Contact", "Value")
		}
		if yes(contact, "IsPrimary") {
			if primaries[kind]++; primaries[kind] == 2 {
				v.add(idPrimaryContacts, "Customer", "Contacts", "more than one contact of a kind is primary")
			}
		}
	}
}

// countryOf turns a three-letter country code into the two-letter one.
func countryOf(iso3 string) (iso2 string, ok bool) {
	region, err := language.ParseRegion(iso3)
	if err != nil || !region.IsCountry() || region.ISO3() != iso3 {
		return "", false
	}
	return region.String(), true
}

// empty says that an entry carries no value; flags and ids are none.
func empty(entry map[string]any) bool {
	for _, value := range entry {
		if text, ok := value.(string); ok && text != "" {
			return false
		}
	}
	return num(entry, "RecordId") == 0
}

func fullAddress(a map[string]any) string {
	region := strings.TrimSpace(str(a, "State") + " " + str(a, "ZipCode"))
	lines := []string{str(a, "Street"), str(a, "City"), region, str(a, "ThreeLetterISORegionName")}
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), "\n")
}

// mergeAddresses merges what was sent into what is stored, and completes it.
func (s *store) mergeAddresses(stored, body map[string]any) ([]any, *apiError) {
	one := func(map[string]any) int64 { return 0 }
	return s.merge(entries(stored, "Addresses"), entries(body, "Addresses"), one, func(a, _ map[string]any) {
		a["IsAsyncAddress"] = yes(stored, "IsAsyncCustomer") // until headquarters has it
		if iso2, ok := countryOf(str(a, "ThreeLetterISORegionName")); ok {
			a["TwoLetterISORegionName"] = iso2
		}
	})
}

// mergeContacts does the same for contacts. A primary contact that was sent becomes the main e-mail or phone, unless
// that was sent as well (the metadata says "derived from contacts"; how is inferred).
func (s *store) mergeContacts(next, body map[string]any) ([]any, *apiError) {
	kind := func(contact map[string]any) int64 { return num(contact, "AddressTypeValue") }
	return s.merge(entries(next, "Contacts"), entries(body, "Contacts"), kind, func(contact, sent map[string]any) {
		name := map[int64]string{contactPhone: "Phone", contactEmail: "Email"}[kind(contact)]
		_, given := body[name]
		_, value := sent["Value"]
		_, primary := sent["IsPrimary"]
		if name != "" && !given && (value || primary) && yes(contact, "IsPrimary") {
			next[name] = contact["Value"]
		}
	})
}

// merge is by RecordId: a known one changes the members that were sent, 0 or none makes a new entry, Deactivate removes,
// the rest stays (inferred: the semantics are not documented). At most one entry of a kind stays primary, the last sent.
// Complete is called for each entry that was made or changed, with what was sent of it.
func (s *store) merge(stored, sent []map[string]any, kind func(map[string]any) int64, complete func(entry, sent map[string]any)) ([]any, *apiError) {
	for _, change := range sent {
		if num(change, "RecordId") == 0 {
			if yes(change, "Deactivate") || empty(change) {
				continue
			}
			change = clone(change)
			change["RecordId"] = number(s.nextID())
			stored = append(stored, change)
		}
		at := slices.IndexFunc(stored, func(e map[string]any) bool { return num(e, "RecordId") == num(change, "RecordId") })
		if at < 0 {
			return nil, invalid(idObjectNotFound, "an entry with that RecordId does not exist")
		}
		if yes(change, "Deactivate") {
			stored = slices.Delete(stored, at, at+1)
			continue
		}
		maps.Copy(stored[at], change)
		complete(stored[at], change)
		if yes(stored[at], "IsPrimary") {
			for i, other := range stored {
				if i != at && kind(other) == kind(stored[at]) && yes(other, "IsPrimary") {
					other["IsPrimary"] = false
				}
			}
		}
	}
	out := make([]any, len(stored))
	for i, e := range stored {
		out[i] = e
	}
	return out, nil
}
