package csu

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// firstRecordID is odd and over 2^53: whoever reads record ids as floating point gets another one.
const firstRecordID = 1<<53 + 1

// Customer is an account as a read by key shows it, member names as in the metadata. Numbers are json.Number.
type Customer map[string]any

// AccountNumber is the key.
func (c Customer) AccountNumber() string { return str(c, "AccountNumber") }

// Email is the main e-mail address, as it came.
func (c Customer) Email() string { return str(c, "Email") }

// Addresses lists the postal addresses.
func (c Customer) Addresses() []map[string]any { return entries(c, "Addresses") }

// Contacts lists phone and e-mail contacts.
func (c Customer) Contacts() []map[string]any { return entries(c, "Contacts") }

// store is the channel database: accounts by number and the search index.
type store struct {
	customers   map[string]*record
	byEmail     map[string]map[string]bool // folded e-mail → accounts that have or had it, for the index
	pending     []*record                  // provisional accounts, the one that is converted next first
	conversions []Conversion
	moved       map[string]string // the account that took a provisional one's place, by the latter's number
	orders      orders
	carts       map[string]*cart
	couponsUsed map[string]int             // checkouts by coupon
	slotsTaken  map[string]int             // orders by store and slot
	spent       map[string]decimal.Decimal // by gift and loyalty card
	publishing  publishing
	lastID      int64
	lastAccount int
	lastParty   int
}

// record is one account and what the search index knows of it.
type record struct {
	account string
	members map[string]any
	indexed []indexed // the one that searches see first, then those still to come

	provisional bool
	since       time.Time // provisional: when the time to its conversion began
}

func newStore() store {
	return store{customers: map[string]*record{}, byEmail: map[string]map[string]bool{}, moved: map[string]string{}, orders: newOrders(),
		carts: map[string]*cart{}, couponsUsed: map[string]int{}, slotsTaken: map[string]int{}, spent: map[string]decimal.Decimal{}, publishing: newPublishing(),
		lastID: firstRecordID - 1}
}

func (s *store) nextAccount() string {
	s.lastAccount++
	return fmt.Sprintf("%06d", s.lastAccount)
}

func (s *store) nextParty() string {
	s.lastParty++
	return fmt.Sprintf("%09d", s.lastParty)
}

func (s *store) nextID() int64 {
	s.lastID++
	return s.lastID
}

// serverOwned members are set here and ignored when a client sends them (AccountNumber has a rule of its own).
var serverOwned = map[string]bool{
	"AccountNumber": true, "RecordId": true, "DirectoryPartyRecordId": true, "PartyNumber": true,
	"CreatedDateTime": true, "IsAsyncCustomer": true, "NewCustomerPartyNumber": true,
}

// createCustomer answers POST Customers.
func (c *call) createCustomer() (reply, *apiError) {
	body, err := c.customerBody()
	if err != nil {
		return reply{}, err
	}
	if err := aggregate(c.validate(body, true)); err != nil {
		return reply{}, err
	}
	c.fillFromChannel(body)
	customer, effect, err := c.commit(func(s *store, now time.Time) (*record, *apiError) {
		// A real-time call that fails makes no error: the customer is created asynchronously instead.
		return s.create(body, now, c.sim.opts.AsyncCustomers || c.headquartersAway())
	})
	if err != nil {
		return reply{}, err
	}
	return reply{
		status: http.StatusCreated,
		header: map[string]string{"Location": c.origin() + "Customers(" + quoteKey(customer.AccountNumber()) + ")"},
		body:   c.entity(customer),
		effect: effect,
	}, nil
}

// byNumbers are the accounts of those numbers, for whoever holds the lock.
func (s *Simulator) byNumbers(numbers []any) []Customer {
	s.convertDue(time.Now())
	out := []Customer{}
	seen := map[*record]bool{}
	for _, n := range numbers {
		account, _ := n.(string)
		if rec, known := s.lookUp(account); known && !seen[rec] {
			seen[rec] = true
			out = append(out, rec.view())
		}
	}
	return out
}

// getCustomer answers GET Customers('acc'). What the real service answers for an unknown key is not documented (inferred).
func (c *call) getCustomer() (reply, *apiError) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	c.sim.convertDue(time.Now())
	rec, known := c.sim.lookUp(c.key)
	if !known {
		return reply{}, customerNotFound()
	}
	return reply{status: http.StatusOK, body: c.entity(rec.view())}, nil
}

// updateCustomer answers PATCH Customers('acc'): sent members change, null clears, the rest stays.
func (c *call) updateCustomer() (reply, *apiError) {
	body, err := c.customerBody()
	if err != nil {
		return reply{}, err
	}
	if account := str(body, "AccountNumber"); account != "" && account != c.key {
		return reply{}, invalid(idReadOnly, "AccountNumber cannot be changed")
	}
	if err := aggregate(c.validate(body, false)); err != nil {
		return reply{}, err
	}
	customer, effect, err := c.commit(func(s *store, _ time.Time) (*record, *apiError) { return c.change(s, body) })
	if err != nil {
		return reply{}, err
	}
	if !wantsRepresentation(c.r) {
		return reply{status: http.StatusNoContent, effect: effect}, nil
	}
	return reply{
		status: http.StatusOK,
		header: map[string]string{"Preference-Applied": "return=representation"},
		body:   c.entity(customer),
		effect: effect,
	}, nil
}

func customerNotFound() *apiError {
	return &apiError{http.StatusNotFound, typeValidation, idCustomerNotFound, "the customer was not found", nil}
}

// commit waits until the write is due and applies it, whether or not its client still listens.
func (c *call) commit(change func(*store, time.Time) (*record, *apiError)) (Customer, int64, *apiError) {
	if !c.wait(PointCommit) {
		return nil, 0, gone
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.generation != c.generation {
		return nil, 0, gone
	}
	now := time.Now()
	s.convertDue(now)
	rec, err := change(&s.store, now)
	if err != nil {
		return nil, 0, err
	}
	view := rec.view()
	s.store.index(rec, view, now.Add(s.opts.SearchLag))
	return view, s.record(c, rec.account, view.Email()), nil
}

// AddCustomer puts an account into the store without a request and without an effect in the ledger, for tests that
// begin with customers. Searches see it at once. The account number is the next one.
func (s *Simulator) AddCustomer(members map[string]any) (string, error) {
	c := &call{sim: s, r: &http.Request{Header: http.Header{"Content-Type": {"application/json"}}}}
	var err error
	if c.body, err = marshal(members); err != nil {
		return "", fmt.Errorf("csu: add customer: %w", err)
	}
	body, refused := c.customerBody()
	if refused != nil {
		return "", fmt.Errorf("csu: add customer: %s", refused.message)
	}
	c.fillFromChannel(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.convertDue(time.Now())
	rec, refused := s.store.create(body, time.Now(), false)
	if refused != nil {
		return "", fmt.Errorf("csu: add customer: %s", refused.message)
	}
	s.store.index(rec, rec.view(), time.Now())
	return rec.account, nil
}

// create makes an account: permanent, as headquarters numbers it, or provisional.
func (s *store) create(body map[string]any, now time.Time, provisional bool) (*record, *apiError) {
	rec := &record{members: map[string]any{"IsAsyncCustomer": provisional}, provisional: provisional, since: now}
	if err := s.apply(rec, body); err != nil {
		return nil, err
	}
	party := s.nextParty()
	if provisional {
		rec.account = uuid.NewString()
		rec.members["NewCustomerPartyNumber"] = party
		s.pending = append(s.pending, rec)
	} else {
		rec.account = s.nextAccount()
		rec.members["PartyNumber"] = party
	}
	rec.members["AccountNumber"] = rec.account
	rec.members["RecordId"] = number(s.nextID())
	rec.members["DirectoryPartyRecordId"] = number(s.nextID())
	rec.members["CreatedDateTime"] = now.UTC().Format(time.RFC3339)
	s.customers[rec.account] = rec
	return rec, nil
}

// change applies an update: to a permanent account through headquarters, to a provisional one if that is allowed.
func (c *call) change(s *store, body map[string]any) (*record, *apiError) {
	rec, known := c.sim.lookUp(c.key)
	switch {
	case !known:
		return nil, customerNotFound()
	case rec.provisional && !c.sim.opts.AsyncEdit:
		return nil, invalid(idAsyncUpdate, "the customer was created asynchronously and cannot be changed yet")
	case !rec.provisional && c.headquartersAway():
		return nil, headquartersUnreachable()
	}
	return rec, s.apply(rec, body)
}

// apply merges a body into a record, wholly or, on an error, not at all.
func (s *store) apply(rec *record, body map[string]any) *apiError {
	next := clone(rec.members)
	for name, value := range body {
		if !serverOwned[name] && name != "Addresses" && name != "Contacts" {
			next[name] = value
		}
	}
	var err *apiError
	if next["Addresses"], err = s.mergeAddresses(next, body); err != nil {
		return err
	}
	if next["Contacts"], err = s.mergeContacts(next, body); err != nil {
		return err
	}
	rec.members = next
	return nil
}

// fillFromChannel completes a new customer as the channel's default customer would.
func (c *call) fillFromChannel(body map[string]any) {
	ch := c.channel.withDefaults()
	for name, value := range map[string]string{"CurrencyCode": ch.Currency, "Language": ch.Language, "CustomerGroup": ch.CustomerGroup} {
		if str(body, name) == "" {
			body[name] = value
		}
	}
	if num(body, "CustomerTypeValue") == 0 {
		body["CustomerTypeValue"] = number(1)
	}
}

// view is the record as an answer shows it: a copy, with what the service derives.
func (r *record) view() Customer {
	out := clone(r.members)
	if str(out, "Name") == "" {
		parts := []string{str(out, "FirstName"), str(out, "MiddleName"), str(out, "LastName")}
		if name := strings.Join(strings.Fields(strings.Join(parts, " ")), " "); name != "" {
			out["Name"] = name
		}
	}
	for _, name := range []string{"Attributes", "CustomerAffiliations", "Images", "ExtensionProperties"} {
		if out[name] == nil {
			out[name] = []any{}
		}
	}
	for _, a := range entries(out, "Addresses") {
		a["FullAddress"] = fullAddress(a)
	}
	return out
}

func (c *call) entity(customer Customer) Customer {
	customer["@odata.context"] = c.origin() + "$metadata#Customers/$entity"
	return customer
}
