package csu

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// SearchMode says how a search term matches; how the real service does it is not documented. Case never counts.
type SearchMode int

// The modes.
const (
	SearchExact     SearchMode = iota // the whole value
	SearchSubstring                   // any part of it
)

// indexed is what the search index knows of an account from a moment on.
type indexed struct {
	from time.Time
	row  globalCustomer
}

// globalCustomer is a row of a search result.
type globalCustomer struct {
	PartyNumber         string      `json:"PartyNumber"`
	RecordID            json.Number `json:"RecordId"`
	IsAsyncCustomer     bool        `json:"IsAsyncCustomer"`
	AccountNumber       string      `json:"AccountNumber"`
	FullName            string      `json:"FullName"`
	FullAddress         string      `json:"FullAddress"`
	Phone               string      `json:"Phone"`
	Email               string      `json:"Email"`
	CustomerTypeValue   int64       `json:"CustomerTypeValue"`
	Images              any         `json:"Images"`
	ExtensionProperties any         `json:"ExtensionProperties"`
}

// criterion is one term on one field.
type criterion struct {
	field string
	term  string // folded
}

// searchFields are the names of the extensible enumeration. Of their numbers only two are documented.
var searchFields = map[string]int64{"Default": 0, "Email": 3, "AccountNumber": -1, "Address": -1, "LoyaltyCardNumber": -1, "Name": -1, "PhoneNumber": -1}

// fold is how values are compared.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// index notes what searches will see of a record from a moment on.
func (s *store) index(rec *record, view Customer, from time.Time) {
	address := ""
	for i, a := range view.Addresses() {
		if i == 0 || yes(a, "IsPrimary") {
			address = str(a, "FullAddress")
		}
	}
	id, _ := view["RecordId"].(json.Number)
	rec.indexed = append(rec.indexed, indexed{from: from, row: globalCustomer{
		PartyNumber: cmp.Or(str(view, "PartyNumber"), str(view, "NewCustomerPartyNumber")), RecordID: id, IsAsyncCustomer: rec.provisional, AccountNumber: rec.account, FullName: str(view, "Name"),
		FullAddress: address, Phone: str(view, "Phone"), Email: view.Email(), CustomerTypeValue: num(view, "CustomerTypeValue"),
		Images: view["Images"], ExtensionProperties: view["ExtensionProperties"],
	}})
	email := fold(view.Email())
	if s.byEmail[email] == nil {
		s.byEmail[email] = map[string]bool{}
	}
	s.byEmail[email][rec.account] = true
}

// visible is what a search at that moment sees of a record; older knowledge is forgotten on the way.
func (r *record) visible(now time.Time) (indexed, bool) {
	for i := len(r.indexed) - 1; i >= 0; i-- {
		if !r.indexed[i].from.After(now) {
			r.indexed = r.indexed[i:]
			return r.indexed[0], true
		}
	}
	return indexed{}, false
}

// searchByFields answers POST Customers/SearchByFields.
func (c *call) searchByFields() (reply, *apiError) {
	criteria, err := c.criteria()
	if err != nil {
		return reply{}, err
	}
	return pageOf(c, "GlobalCustomer", c.sim.find(criteria))
}

func (s *Simulator) find(criteria []criterion) []globalCustomer {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.convertDue(now)
	rows := []globalCustomer{}
	for _, account := range s.candidates(criteria) {
		rec, there := s.store.customers[account]
		if !there { // a provisional account that was converted
			continue
		}
		seen, ok := rec.visible(now)
		if ok && seen.matchesAll(criteria, s.opts.SearchMode) {
			rows = append(rows, seen.row)
		}
	}
	return rows
}

// candidates narrows an exact search by e-mail, the one that a fleet makes all day, to the accounts that ever had it.
func (s *Simulator) candidates(criteria []criterion) []string {
	if s.opts.SearchMode == SearchExact {
		for _, c := range criteria {
			if c.field == "Email" {
				return slices.Sorted(maps.Keys(s.store.byEmail[c.term]))
			}
		}
	}
	return slices.Sorted(maps.Keys(s.store.customers))
}

// matchesAll joins several criteria with "and" (inferred).
func (x indexed) matchesAll(criteria []criterion, mode SearchMode) bool {
	for _, c := range criteria {
		if !slices.ContainsFunc(x.values(c.field), func(value string) bool {
			value = fold(value)
			return value == c.term || mode == SearchSubstring && strings.Contains(value, c.term)
		}) {
			return false
		}
	}
	return true
}

func (x indexed) values(field string) []string {
	switch field {
	case "AccountNumber":
		return []string{x.row.AccountNumber}
	case "Address":
		return []string{x.row.FullAddress}
	case "Email":
		return []string{x.row.Email}
	case "Name":
		return []string{x.row.FullName}
	case "PhoneNumber":
		return []string{x.row.Phone}
	case "Default":
		return []string{x.row.AccountNumber, x.row.PartyNumber, x.row.Email, x.row.FullName, x.row.Phone} // inferred
	}
	return nil // nobody has a loyalty card here
}

// criteria decodes the action's one parameter.
func (c *call) criteria() ([]criterion, *apiError) {
	body, err := c.object()
	if err != nil {
		return nil, err
	}
	const parameter = "CustomerSearchByFieldCriteria"
	if err := strictMembers("the request", body, parameter); err != nil {
		return nil, err
	}
	object, ok := body[parameter].(map[string]any)
	if !ok {
		return nil, badRequest(idMissingArgument, parameter+" is missing")
	}
	if err := strictMembers(parameter, object, "Criteria", "DataLevelValue"); err != nil {
		return nil, err
	}
	if !integer32.accepts(object["DataLevelValue"]) {
		return nil, badRequest(idModelError, "DataLevelValue is not an integer")
	}
	var out []criterion
	for _, entry := range entries(object, "Criteria") {
		one, err := parseCriterion(entry)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	if len(out) == 0 {
		return nil, invalid(idRequired, "a search needs a criterion")
	}
	return out, nil
}

func parseCriterion(entry map[string]any) (criterion, *apiError) {
	if err := strictMembers("Criteria", entry, "SearchTerm", "SearchField", "ExtensionProperties"); err != nil {
		return criterion{}, err
	}
	field, _ := entry["SearchField"].(map[string]any)
	if err := strictMembers("SearchField", field, "Name", "Value"); err != nil {
		return criterion{}, err
	}
	term := fold(str(entry, "SearchTerm"))
	if term == "" || field == nil {
		return criterion{}, invalid(idRequired, "a criterion needs a SearchTerm and a SearchField")
	}
	name := str(field, "Name")
	if name == "" && field["Value"] != nil {
		name = map[int64]string{0: "Default", 3: "Email"}[num(field, "Value")]
	}
	if _, known := searchFields[name]; !known {
		return criterion{}, badRequest(idModelError, "SearchField is not known")
	}
	return criterion{field: name, term: term}, nil
}
