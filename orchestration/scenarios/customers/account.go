package customers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func (c customers) csu(ch orchestration.Channel) Accounts { return c.Accounts(ch) }

// findAccount looks by binding, then by what was last learned under the e-mail address, then by searching for it. Of
// several accounts it takes the best, so that every run picks the same. An address that the CSU would refuse is refused first.
func (c customers) findAccount(ctx context.Context, r *run) (bool, error) {
	if _, err := c.wanted(ctx, r); err != nil {
		return false, err
	}
	if r.Binding != "" {
		if r.Binding != r.State.Account { // promoted meanwhile, or bound to another: what was learned of the one is not true of it
			r.State = learned{Account: r.Binding}
		}
		return true, nil
	}
	is, replaced, err := c.hinted(ctx, r)
	if err != nil {
		return false, err
	}
	if is.AccountNumber != "" {
		if !r.State.Created || is.AccountNumber != r.State.Account { // else it was this run that made it, and says so
			r.State.take(is)
		}
		return true, nil
	}
	accounts, err := c.searched(ctx, r, replaced)
	if err != nil || len(accounts) == 0 {
		return false, err
	}
	made := r.State.Account
	if r.State.Created && !slices.ContainsFunc(accounts, numbered(made)) { // looked at once more; the search does not show it yet
		accounts = append(accounts, csuclient.Customer{AccountNumber: made, IsAsync: r.State.Provisional, PartyNumber: r.State.Party})
	}
	slices.SortFunc(accounts, func(a, b csuclient.Customer) int {
		return cmp.Or(compareBool(a.IsAsync, b.IsAsync), strings.Compare(a.AccountNumber, b.AccountNumber))
	})
	if len(accounts) > 1 {
		r.Report(fault.DuplicateAccount, duplicates(len(accounts), accounts[0].AccountNumber, accounts[1].AccountNumber))
	}
	if made != accounts[0].AccountNumber {
		r.State.take(accounts[0])
	}
	return true, nil
}

// take begins anew with an account that was found.
func (l *learned) take(is csuclient.Customer) {
	*l = learned{Account: is.AccountNumber, Provisional: is.IsAsync, Party: is.Party(), read: is}
}

// searched gives the accounts that the search shows for the e-mail address, as they are now: a search may show who had the
// address a while ago. own are not looked at. While it shows none, one that was replaced, or that it shows and nobody can read, is
// waited for: the account that has the address is about to be shown, and must be neither made nor overlooked.
func (c customers) searched(ctx context.Context, r *run, replaced string, own ...string) (accounts []csuclient.Customer, err error) {
	hits, err := c.csu(r.Channel).FindCustomersByEmail(ctx, r.In.Email)
	if err != nil {
		return nil, err
	}
	unread := ""
	for _, h := range hits {
		if slices.Contains(own, h.AccountNumber) {
			continue
		}
		is, err := c.read(ctx, r.Channel, h.AccountNumber)
		switch {
		case err != nil:
			return nil, err
		case is.AccountNumber == "" && provisional(h):
			replaced = h.AccountNumber
		case is.AccountNumber == "":
			unread = h.AccountNumber
		case is.Email.Same(r.In.Email) && !slices.Contains(own, is.AccountNumber):
			accounts = append(accounts, is)
		}
	}
	switch {
	case len(accounts) > 0:
		return accounts, nil
	case replaced != "":
		return nil, c.unpromoted(replaced, r.Event)
	case unread != "":
		return nil, unreadable(unread)
	}
	return nil, nil
}

// unreadable says that the search and the accounts themselves disagree, which passes unless a person must see to it.
func unreadable(account string) error {
	return &fault.Error{Kind: fault.Transient, Class: "not_found", Detail: fmt.Sprintf(
		"the search shows account %s for the customer's e-mail address, but it cannot be read", account)}
}

func numbered(account string) func(csuclient.Customer) bool {
	return func(is csuclient.Customer) bool { return is.AccountNumber == account }
}

func duplicates(n int, used, other string) string {
	return fmt.Sprintf("%d accounts have the customer's e-mail address; %s is used, %s and others should be merged or blocked", n, used, other)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// hinted is the account last learned under the e-mail address, if it still has it: searching lags behind a create. Its account
// number is empty if there is none. replaced is a provisional one that is there no more while nobody knows yet what took its place.
func (c customers) hinted(ctx context.Context, r *run) (is csuclient.Customer, replaced string, err error) {
	account := r.Hints[0]
	if account == "" {
		return csuclient.Customer{}, "", nil
	}
	is, err = c.read(ctx, r.Channel, account)
	if err == nil && is.AccountNumber == "" && csuclient.Provisional(account) {
		var resolved mapping.Target
		resolved, err = c.Bindings.Resolve(ctx, mapping.Target{Kind: r.Entity().Kind, Scope: r.Entity().Scope, ID: account})
		if err != nil || resolved.ID == account {
			return csuclient.Customer{}, account, err
		}
		is, err = c.read(ctx, r.Channel, resolved.ID)
	}
	if err != nil || !is.Email.Same(r.In.Email) {
		return csuclient.Customer{}, "", err
	}
	return is, "", nil
}

// read gives an account as it is now; its account number is empty if it is not there.
func (c customers) read(ctx context.Context, ch orchestration.Channel, account string) (csuclient.Customer, error) {
	is, err := c.csu(ch).ReadCustomer(ctx, account)
	if errors.Is(err, csuclient.ErrNotFound) {
		return csuclient.Customer{}, nil
	}
	return is, err
}

func (c customers) create(ctx context.Context, r *run) error {
	want, err := c.wanted(ctx, r)
	if err != nil {
		return err
	}
	made, err := c.csu(r.Channel).CreateCustomer(ctx, fromChannel(want, r.Channel))
	if err != nil {
		return err
	}
	r.State = learned{Account: made.AccountNumber, Created: true, Provisional: made.IsAsync, Party: made.Party()}
	return nil
}
