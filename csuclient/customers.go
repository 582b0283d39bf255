package csuclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
)

const (
	searchPage  = 20 // hits asked for at once
	searchPages = 5  // pages looked at before a search that is not exact is given up
)

// Channel makes calls for one operating unit: the CSU takes channel, currency and legal entity from it.
type Channel struct {
	client *Client
	oun    string
}

// Channel binds calls to an operating unit number.
func (c *Client) Channel(oun string) *Channel { return &Channel{client: c, oun: oun} }

// Format prints the operating unit alone.
func (ch Channel) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "csuclient.Channel(%s)", ch.oun)
}

// Probe finds out whether calls would work at all: a token, and the cheapest call that needs one.
func (c *Client) Probe(ctx context.Context) error {
	_, err := (&Channel{client: c}).ReadEnvironment(ctx)
	return err
}

// ReadEnvironment says which CSU answers for the channel.
func (ch *Channel) ReadEnvironment(ctx context.Context) (Environment, error) {
	var env Environment
	err := ch.client.do(ctx, call{
		op: opEnvironment, method: http.MethodGet, path: "GetEnvironmentConfiguration()", oun: ch.oun,
		read: func(a *answer) *fault.Error { return a.decode(opEnvironment, &env) },
	})
	return whole(env, err)
}

// FindCustomersByEmail gives the accounts whose e-mail is this one, compared in full and without regard to case, by
// account number. The search may lag behind a create and, on some scale units, answers to parts of an address.
func (ch *Channel) FindCustomersByEmail(ctx context.Context, email pii.Email) ([]GlobalCustomer, error) {
	if email.Canonical() == "" {
		return nil, opCustomersSearch.bug("no e-mail to search for")
	}
	exact, whole, err := ch.search(ctx, searchByEmail(email), func(h GlobalCustomer) bool { return h.Email.Same(email) })
	if err == nil && len(exact) == 0 && !whole { // "not there" would be a guess, and a create after it a second account
		return nil, opCustomersSearch.fault(fault.Permanent, classInvalid, "the search by e-mail is not exact and has too many hits")
	}
	return exact, err
}

// FindCustomersByParty gives the accounts of a party number, by account number. No document says that the search knows party
// numbers, so "none" means nothing.
func (ch *Channel) FindCustomersByParty(ctx context.Context, party string) ([]GlobalCustomer, error) {
	if party == "" {
		return nil, opCustomersSearch.bug("no party number to search for")
	}
	exact, _, err := ch.search(ctx, searchByParty(party), func(h GlobalCustomer) bool { return h.PartyNumber == party })
	return exact, err
}

// search gives the accounts among the hits that fit, by account number, and whether all hits were seen.
func (ch *Channel) search(ctx context.Context, body wireSearch, fits func(GlobalCustomer) bool) (found []GlobalCustomer, whole bool, err error) {
	seen := make(map[string]bool)
	for page := range searchPages {
		hits, err := ch.searchPage(ctx, body, page)
		if err != nil {
			return nil, false, err
		}
		news := false
		for _, h := range hits {
			if seen[h.AccountNumber] {
				continue
			}
			seen[h.AccountNumber], news = true, true
			if h.AccountNumber != "" && fits(h) { // without account: a party that is no customer here
				found = append(found, h)
			}
		}
		if whole = len(hits) < searchPage || !news; whole {
			break
		}
	}
	slices.SortFunc(found, func(a, b GlobalCustomer) int { return strings.Compare(a.AccountNumber, b.AccountNumber) })
	return found, whole, nil
}

func (ch *Channel) searchPage(ctx context.Context, body wireSearch, page int) ([]GlobalCustomer, error) {
	query := fmt.Sprintf("&$top=%d", searchPage)
	if page > 0 {
		query += fmt.Sprintf("&$skip=%d", page*searchPage)
	}
	return list[GlobalCustomer](ctx, ch, call{op: opCustomersSearch, method: http.MethodPost, path: "Customers/SearchByFields", query: query, body: body})
}

// list makes a call whose answer is a collection.
func list[T any](ctx context.Context, ch *Channel, r call) ([]T, error) {
	var rows struct {
		Value *[]T `json:"value"`
	}
	r.oun = ch.oun
	r.read = func(a *answer) *fault.Error {
		if f := a.decode(r.op, &rows); f != nil {
			return f
		}
		if rows.Value == nil { // some other JSON must not read as "none"
			return r.op.unreadable(a, "the answer has no list of rows")
		}
		return nil
	}
	if err := ch.client.do(ctx, r); err != nil {
		return nil, err
	}
	return *rows.Value, nil
}

// ReadCustomer reads one customer; errors.Is(err, ErrNotFound) if there is none of that account number.
func (ch *Channel) ReadCustomer(ctx context.Context, account string) (Customer, error) {
	var got Customer
	if account == "" { // Customers('') means "me"
		return got, opCustomersRead.bug("no account number")
	}
	if account == Planned {
		return got, opCustomersRead.notFound(0)
	}
	err := ch.client.do(ctx, call{
		op: opCustomersRead, method: http.MethodGet, path: entity("Customers", account), oun: ch.oun,
		read: func(a *answer) *fault.Error {
			if a.status == http.StatusNoContent {
				return opCustomersRead.notFound(a.status)
			}
			if f := a.decode(opCustomersRead, &got); f != nil {
				return f
			}
			return a.known(opCustomersRead, got.AccountNumber)
		},
	})
	return whole(got, err)
}

// ReadCustomers reads the customers of those account numbers that are there, from the channel's own database.
func (ch *Channel) ReadCustomers(ctx context.Context, accounts []string) ([]Customer, error) {
	const local = 1 // of None 0, Local 1, Remote 2, All 3: remote is a call of headquarters
	if len(accounts) == 0 {
		return nil, nil
	}
	return list[Customer](ctx, ch, call{op: opCustomersByKeys, method: http.MethodPost, path: "Customers/GetByAccountNumbers",
		query: fmt.Sprintf("&$top=%d", len(accounts)), body: wireAccounts{accounts, local}})
}

// CreateCustomer creates a customer and gives what the CSU knows it by. The CSU takes any number of customers with one
// e-mail: look first, and look again after an Ambiguous error.
func (ch *Channel) CreateCustomer(ctx context.Context, c Customer) (Account, error) {
	var got Account
	planned := newCustomer(c)
	planned.AccountNumber = Planned
	err := ch.client.do(ctx, call{
		op: opCustomersCreate, method: http.MethodPost, path: "Customers", oun: ch.oun, body: newCustomer(c), planned: planned,
		read: func(a *answer) *fault.Error {
			if f := a.decode(opCustomersCreate, &got); f != nil {
				return f
			}
			return a.known(opCustomersCreate, got.AccountNumber)
		},
	})
	return whole(got, err)
}

// UpdateCustomer changes the members that are set. The last update wins: the CSU keeps no version of a customer.
func (ch *Channel) UpdateCustomer(ctx context.Context, account string, changes CustomerChanges) error {
	if account == "" {
		return opCustomersUpdate.bug("no account number")
	}
	if changes.IsEmpty() {
		return nil
	}
	return ch.client.do(ctx, call{
		op: opCustomersUpdate, method: http.MethodPatch, path: entity("Customers", account), oun: ch.oun,
		body: changedCustomer(account, changes),
		read: func(a *answer) *fault.Error {
			if len(bytes.TrimSpace(a.body)) > 0 && !json.Valid(a.body) { // a page of something in between
				return opCustomersUpdate.unreadable(a, "the answer could not be read")
			}
			return nil
		},
	})
}

// known says of an answer whether it names a customer: some other JSON must not read as one.
func (a *answer) known(op operation, account string) *fault.Error {
	if account == "" {
		return op.unreadable(a, "the answer has no account number")
	}
	return nil
}

// whole drops what was read before an error.
func whole[T any](v T, err error) (T, error) {
	if err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}
