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
		r.State.Account, r.State.Provisional, r.State.Party = is.AccountNumber, is.IsAsync, is.Party()
		return is.AccountNumber != "", err
	}
	hits, err := c.csu(r.Channel).FindCustomersByEmail(ctx, r.In.Email)
	if err != nil || len(hits) == 0 {
		return false, err
	}
	made := r.State.Account
	if r.State.Created && !slices.ContainsFunc(hits, is(made)) { // looked at once more; the search does not show it yet
		hits = append(hits, csuclient.GlobalCustomer{AccountNumber: made, IsAsync: r.State.Provisional, PartyNumber: r.State.Party})
	}
	best := pick(r, hits)
	if made != best.AccountNumber {
		r.State = learned{Account: best.AccountNumber, Provisional: best.IsAsync, Party: best.PartyNumber}
	}
	return true, nil
}

func is(account string) func(csuclient.GlobalCustomer) bool {
	return func(h csuclient.GlobalCustomer) bool { return h.AccountNumber == account }
}

// pick takes the best of the accounts that have the e-mail address, a permanent one before a provisional one, then by number,
// and reports that there are others.
func pick(r *run, hits []csuclient.GlobalCustomer) csuclient.GlobalCustomer {
	slices.SortFunc(hits, func(a, b csuclient.GlobalCustomer) int {
		return cmp.Or(compareBool(a.IsAsync, b.IsAsync), strings.Compare(a.AccountNumber, b.AccountNumber))
	})
	if len(hits) > 1 {
		r.Report(fault.DuplicateAccount, duplicates(hits))
	}
	return hits[0]
}

func duplicates(hits []csuclient.GlobalCustomer) string {
	return fmt.Sprintf("%d accounts have the customer's e-mail address; %s is used, %s and others should be merged or blocked",
		len(hits), hits[0].AccountNumber, hits[1].AccountNumber)
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
