package customers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// sameAlready compares the account with the event and keeps what differs for the update right behind it.
func (c customers) sameAlready(ctx context.Context, r *run) (bool, error) {
	is, err := c.current(ctx, r)
	if err != nil {
		return false, err
	}
	r.State.email = is.Email
	want, err := c.wanted(ctx, r)
	if err != nil {
		return false, err
	}
	r.State.changes, r.State.withheld, err = c.allowed(ctx, r, is, changes(is, want))
	if err != nil {
		return false, err
	}
	if r.State.changes.Email != nil {
		if err := c.emailFree(ctx, r); err != nil {
			return false, err
		}
	}
	if r.State.changes.IsEmpty() {
		return true, nil
	}
	if is.IsAsync { // the CSU may refuse to change it, or take the change and lose it in the conversion
		return false, c.unpromoted(r.State.Account, r.Event)
	}
	return false, nil
}

// current reads the account, under its permanent number if it was promoted while the event waited.
func (c customers) current(ctx context.Context, r *run) (csuclient.Customer, error) {
	if r.Binding != "" && r.State.Was == "" {
		r.State.Account = r.Binding // what was learned before the wait may be provisional
	}
	if is := r.State.read; is.AccountNumber == r.State.Account && is.AccountNumber != "" {
		r.State.read = csuclient.Customer{}
		return is, nil
	}
	csu, account := c.csu(r.Channel), r.State.Account
	is, err := csu.ReadCustomer(ctx, account)
	if errors.Is(err, csuclient.ErrNotFound) && csuclient.Provisional(account) {
		var permanent string
		if permanent, err = c.successorOf(ctx, r, account); err != nil {
			return csuclient.Customer{}, err
		}
		is, err = csu.ReadCustomer(ctx, permanent)
	}
	if err != nil {
		return csuclient.Customer{}, err
	}
	if is.AccountNumber != account {
		r.State.Was, r.State.Account = account, is.AccountNumber
	}
	r.State.Provisional, r.State.Party = is.IsAsync, is.Party()
	return is, nil
}

// successorOf finds the account that took the place of a provisional one which is not there any more. Another run may have found
// it. Else it is searched for by the event's e-mail address, but only if that is the one under which the provisional account was
// made or found: under a changed one there is somebody else, if anybody.
func (c customers) successorOf(ctx context.Context, r *run, provisional string) (string, error) {
	resolved, err := c.Bindings.Resolve(ctx, mapping.Target{Kind: r.Entity().Kind, Scope: r.Entity().Scope, ID: provisional})
	if err != nil || resolved.ID != provisional {
		return resolved.ID, err
	}
	if r.Binding == "" || r.Hints[0] == provisional {
		found, err := c.successor(ctx, r.Channel, gone{account: provisional, party: r.State.Party, email: r.In.Email}, r.Report)
		if err != nil || found != "" {
			return found, err
		}
	}
	return "", c.unpromoted(provisional, r.Event)
}

// emailFree refuses to give an account the e-mail address of another: the CSU would take it, and then two have one. An
// account made lately is known by what was learned under the address; a search may not show it yet.
func (c customers) emailFree(ctx context.Context, r *run) error {
	own := []string{r.State.Account, r.State.Was}
	other, replaced, err := c.hinted(ctx, r)
	if err != nil {
		return err
	}
	if other.AccountNumber != "" && !slices.Contains(own, other.AccountNumber) {
		return taken(other.AccountNumber, r.State.Account)
	}
	if slices.Contains(own, replaced) {
		replaced = ""
	}
	others, err := c.searched(ctx, r, replaced, own...)
	if err != nil || len(others) == 0 {
		return err
	}
	return taken(others[0].AccountNumber, r.State.Account)
}

func taken(other, bound string) error {
	return fault.New(fault.Permanent, fault.MappingConflict, fmt.Sprintf(
		"the customer's new e-mail address belongs to account %s, while this customer is bound to %s; decide which is right, then replay", other, bound))
}

func (c customers) update(ctx context.Context, r *run) error {
	r.State.Updated = true
	return c.csu(r.Channel).UpdateCustomer(ctx, r.State.Account, r.State.changes)
}
