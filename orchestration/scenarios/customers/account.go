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
// several accounts it takes the lowest, so that every run picks the same. Before it says that there is none, it has the event as
// the CSU would know it: what no account could be made of is found by looking.
func (c customers) findAccount(ctx context.Context, r *run) (bool, error) {
	if r.Binding != "" {
		r.State.Account, r.State.Provisional = r.Binding, csuclient.Provisional(r.Binding)
		return true, nil
	}
	hint, err := c.hinted(ctx, r)
	if err != nil {
		return false, err
	}
	if hint.AccountNumber != "" {
		r.State.took(hint.AccountNumber, hint.IsAsync, hint.Party())
		return true, nil
	}
	found, err := c.search(ctx, r)
	if found || err != nil {
		return found, err
	}
	r.State.want, err = c.customer(ctx, r)
	return false, err
}

// took notes an account that was found or made.
func (l *learned) took(account string, isAsync bool, party string) {
	l.Account, l.Provisional, l.Party = account, isAsync, ""
	if isAsync {
		l.Party = party
	}
}

// search looks for the event's e-mail address among the accounts.
func (c customers) search(ctx context.Context, r *run) (bool, error) {
	hits, err := c.CSU(r.Channel).FindCustomersByEmail(ctx, r.In.Email)
	if err != nil || len(hits) == 0 {
		return false, err
	}
	if made := r.State; made.Created && !slices.ContainsFunc(hits, func(h csuclient.GlobalCustomer) bool { return h.AccountNumber == made.Account }) {
		// looked at once more; the search does not show it yet
		hits = append(hits, csuclient.GlobalCustomer{AccountNumber: made.Account, IsAsync: made.Provisional, PartyNumber: made.Party})
	}
	best := chosen(hits)
	if len(hits) > 1 {
		other := hits[slices.IndexFunc(hits, func(h csuclient.GlobalCustomer) bool { return h.AccountNumber != best.AccountNumber })]
		r.Report(fault.DuplicateAccount, fmt.Sprintf("%d accounts have the customer's e-mail address; %s is used, %s and others should be merged or blocked",
			len(hits), best.AccountNumber, other.AccountNumber))
	}
	if r.State.Account != best.AccountNumber {
		r.State = learned{}
		r.State.took(best.AccountNumber, best.IsAsync, best.PartyNumber)
	}
	return true, nil
}

// chosen is the account of several that every run picks: a permanent one before a provisional one, then the lowest number.
func chosen(hits []csuclient.GlobalCustomer) csuclient.GlobalCustomer {
	return slices.MinFunc(hits, func(a, b csuclient.GlobalCustomer) int {
		switch {
		case a.IsAsync == b.IsAsync && a.AccountNumber < b.AccountNumber, !a.IsAsync && b.IsAsync:
			return -1
		case a.IsAsync == b.IsAsync && a.AccountNumber == b.AccountNumber:
			return 0
		}
		return 1
	})
}

// hinted is the account last learned under the e-mail address, if it still has it: searching lags behind a create. None: the zero
// Customer.
func (c customers) hinted(ctx context.Context, r *run) (csuclient.Customer, error) {
	hint := r.Hints[0]
	if hint == "" {
		return csuclient.Customer{}, nil
	}
	got, err := c.CSU(r.Channel).ReadCustomer(ctx, hint)
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
	made, err := c.CSU(r.Channel).CreateCustomer(ctx, r.State.want)
	if err != nil {
		return err
	}
	r.State.took(made.AccountNumber, made.IsAsync, made.Party())
	r.State.Created = true
	return nil
}
