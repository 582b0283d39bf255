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
	is, err := c.read(ctx, r)
	if err != nil {
		return false, err
	}
	want, err := c.customer(ctx, r)
	if err != nil {
		return false, err
	}
	r.State.changes = changes(is, want)
	if err := c.yield(ctx, r, is); err != nil {
		return false, err
	}
	if r.State.changes.Email != nil {
		if err := c.emailFree(ctx, r); err != nil {
			return false, err
		}
	}
	return r.State.changes.IsEmpty(), nil
}

// read reads the account. A provisional one may have got its permanent number since it was bound, and is then gone: the account is
// found by the e-mail address, or waited for.
func (c customers) read(ctx context.Context, r *run) (csuclient.Customer, error) {
	is, err := c.CSU(r.Channel).ReadCustomer(ctx, r.State.Account)
	switch {
	case err == nil:
		if is.AccountNumber != r.State.Account { // the CSU led us on to the permanent one
			r.State.promoted(is.AccountNumber)
		}
		return is, nil
	case !errors.Is(err, csuclient.ErrNotFound) || !csuclient.Provisional(r.State.Account):
		return is, err
	}
	hits, err := c.CSU(r.Channel).FindCustomersByEmail(ctx, r.In.Email)
	if err != nil {
		return is, err
	}
	hits = slices.DeleteFunc(hits, func(h csuclient.GlobalCustomer) bool { return h.IsAsync })
	if len(hits) == 0 {
		return is, errNotPromoted
	}
	r.State.promoted(chosen(hits).AccountNumber)
	return c.CSU(r.Channel).ReadCustomer(ctx, r.State.Account)
}

// promoted notes the permanent account number that takes the place of a provisional one.
func (l *learned) promoted(account string) {
	l.Was, l.Account, l.Provisional = l.Account, account, false
}

// errNotPromoted is what an event waits for while headquarters has not numbered an account.
var errNotPromoted = &fault.Error{Kind: fault.Dependency, Waits: fault.ForPromotion, Reason: fault.MissingDependency,
	Detail: "headquarters has not given the customer a permanent account number; run its job that synchronises customers from async mode and distribution job 1010, then replay"}

// yield leaves alone what a source of more authority says: where such a source is bound to the account, too, this one's event only
// fills what is empty.
func (c customers) yield(ctx context.Context, r *run, is csuclient.Customer) error {
	own := slices.Index(r.Channel.Authority, r.Event.Source)
	if own == 0 || len(r.Channel.Authority) == 0 || r.State.changes.IsEmpty() {
		return nil
	}
	refs, err := c.Bindings.Sources(ctx, mapping.Target{Kind: r.Entity().Kind, Scope: r.Entity().Scope, ID: r.State.Account})
	if err != nil && !errors.Is(err, mapping.ErrNotBound) {
		return &fault.Error{Kind: fault.Transient, Operation: "read who is bound to the account", Class: "network", Err: err}
	}
	for _, ref := range refs {
		rank := slices.Index(r.Channel.Authority, ref.Source)
		if rank >= 0 && (own < 0 || rank < own) {
			filled := onlyMissing(is, r.State.changes)
			r.State.Withheld = !equalChanges(filled, r.State.changes)
			r.State.changes = filled
			return nil
		}
	}
	return nil
}

// emailFree refuses to give an account the e-mail address of another: the CSU would take it, and then two have one. An
// account made lately is known by what was learned under the address; a search may not show it yet.
func (c customers) emailFree(ctx context.Context, r *run) error {
	other, err := c.hinted(ctx, r)
	if err != nil {
		return err
	}
	if other.AccountNumber != "" && other.AccountNumber != r.State.Account {
		return taken(other.AccountNumber, r.State.Account)
	}
	hits, err := c.CSU(r.Channel).FindCustomersByEmail(ctx, r.In.Email)
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

// update changes the account. A provisional one may get its permanent number between the look and this call: then it is looked for
// anew.
func (c customers) update(ctx context.Context, r *run) error {
	err := c.CSU(r.Channel).UpdateCustomer(ctx, r.State.Account, r.State.changes)
	if errors.Is(err, csuclient.ErrNotFound) && csuclient.Provisional(r.State.Account) {
		f := *fault.As(err)
		f.Kind, f.Reason, f.Detail = fault.Conflict, "", "the provisional account was converted meanwhile"
		return &f
	}
	return err
}
