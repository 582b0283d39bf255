package customers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/csuclient"
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
		r.State.Account = r.Binding
		return true, nil
	}
	if is, err := c.hinted(ctx, r); err != nil || is.AccountNumber != "" {
		r.State.take(is)
		return is.AccountNumber != "", err
	}
	accounts, err := c.searched(ctx, r)
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
// address a while ago.
func (c customers) searched(ctx context.Context, r *run) (accounts []csuclient.Customer, err error) {
	hits, err := c.csu(r.Channel).FindCustomersByEmail(ctx, r.In.Email)
	if err != nil {
		return nil, err
	}
	replaced := ""
	for _, h := range hits {
		is, err := c.csu(r.Channel).ReadCustomer(ctx, h.AccountNumber)
		switch {
		case errors.Is(err, csuclient.ErrNotFound) && provisional(h):
			replaced = h.AccountNumber
		case err != nil:
			return nil, err
		case is.Email.Same(r.In.Email):
			accounts = append(accounts, is)
		}
	}
	if len(accounts) == 0 && replaced != "" { // it has a permanent account by now, which the search will show: not one to create
		return nil, c.unpromoted(replaced, r.Event)
	}
	return accounts, nil
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
// number is empty if there is none.
func (c customers) hinted(ctx context.Context, r *run) (csuclient.Customer, error) {
	if r.Hints[0] == "" {
		return csuclient.Customer{}, nil
	}
	return c.withEmail(ctx, r, r.Hints[0])
}

// withEmail reads an account if it is there and has the event's e-mail address now.
func (c customers) withEmail(ctx context.Context, r *run, account string) (csuclient.Customer, error) {
	got, err := c.csu(r.Channel).ReadCustomer(ctx, account)
	switch {
	case errors.Is(err, csuclient.ErrNotFound):
		return csuclient.Customer{}, nil
	case err != nil:
		return csuclient.Customer{}, err
	case !got.Email.Same(r.In.Email):
		return csuclient.Customer{}, nil
	}
	return got, nil
}

func (c customers) create(ctx context.Context, r *run) error {
	want, err := c.wanted(ctx, r)
	if err != nil {
		return err
	}
	made, err := c.csu(r.Channel).CreateCustomer(ctx, want)
	if err != nil {
		return err
	}
	r.State = learned{Account: made.AccountNumber, Created: true, Provisional: made.IsAsync, Party: made.Party()}
	return nil
}
