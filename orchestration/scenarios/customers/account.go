package customers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// findAccount looks by binding, then by what was last learned under the e-mail address, then by searching for it. Of
// several accounts it takes the lowest, so that every run picks the same.
func (c customers) findAccount(ctx context.Context, r *run) (bool, error) {
	if r.Binding != "" {
		r.State.Account = r.Binding
		return true, nil
	}
	if account, err := c.hinted(ctx, r); err != nil || account != "" {
		r.State.Account = account
		return account != "", err
	}
	hits, err := c.csu(r.Channel).FindCustomersByEmail(ctx, r.In.Email)
	if err != nil || len(hits) == 0 {
		return false, err
	}
	accounts := make([]string, 0, len(hits)+1)
	for _, h := range hits {
		accounts = append(accounts, h.AccountNumber)
	}
	if made := r.State.Account; r.State.Created && !slices.Contains(accounts, made) { // looked at once more; the search does not show it yet
		accounts = append(accounts, made)
		slices.Sort(accounts)
	}
	if len(accounts) > 1 {
		r.Report(fault.DuplicateAccount, fmt.Sprintf("%d accounts have the customer's e-mail address; %s is used, %s and others should be merged or blocked",
			len(accounts), accounts[0], accounts[1]))
	}
	if r.State.Account != accounts[0] {
		r.State = learned{Account: accounts[0]}
	}
	return true, nil
}

// hinted is the account last learned under the e-mail address, if it still has it: searching lags behind a create.
func (c customers) hinted(ctx context.Context, r *run) (string, error) {
	hint := r.Hints[0]
	if hint == "" {
		return "", nil
	}
	got, err := c.csu(r.Channel).ReadCustomer(ctx, hint)
	switch {
	case errors.Is(err, csuclient.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case !got.Email.Same(r.In.Email):
		return "", nil
	}
	return hint, nil
}

func (c customers) create(ctx context.Context, r *run) error {
	made, err := c.csu(r.Channel).CreateCustomer(ctx, r.In.customer(r.Channel))
	if err != nil {
		return err
	}
	r.State.Account, r.State.Created = made.AccountNumber, true
	return nil
}

// sameAlready compares the account with the event and keeps what differs for the update right behind it.
func (c customers) sameAlready(ctx context.Context, r *run) (bool, error) {
	is, err := c.csu(r.Channel).ReadCustomer(ctx, r.State.Account)
	if err != nil {
		return false, err
	}
	r.State.changes = changes(is, r.In.customer(r.Channel))
	if r.State.changes.Email != nil {
		if err := c.emailFree(ctx, r); err != nil {
			return false, err
		}
	}
	return r.State.changes.IsEmpty(), nil
}

// emailFree refuses to give an account the e-mail address of another: the CSU would take it, and then two have one. An
// account made lately is known by what was learned under the address; a search may not show it yet.
func (c customers) emailFree(ctx context.Context, r *run) error {
	other, err := c.hinted(ctx, r)
	if err != nil {
		return err
	}
	if other != "" && other != r.State.Account {
		return taken(other, r.State.Account)
	}
	hits, err := c.csu(r.Channel).FindCustomersByEmail(ctx, r.In.Email)
	if err != nil {
		return err
	}
	for _, h := range hits {
		if h.AccountNumber != r.State.Account {
			return taken(h.AccountNumber, r.State.Account)
		}
	}
	return nil
}

func taken(other, bound string) error {
	return fault.New(fault.Permanent, fault.MappingConflict, fmt.Sprintf(
		"the customer's new e-mail address belongs to account %s, while this customer is bound to %s; decide which is right, then replay", other, bound))
}

func (c customers) update(ctx context.Context, r *run) error {
	return c.csu(r.Channel).UpdateCustomer(ctx, r.State.Account, r.State.changes)
}
