package bindings

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/cli/scaleunit"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// searchCalls is what a search by e-mail takes at most, where it is not exact.
const searchCalls = 5

// look looks rows up: those that one call can ask for together, then each by itself. An error is one that the next call would meet too.
func (b *rebuilding) look(ctx context.Context, some []*row) error {
	for _, many := range []struct {
		are  func(*row) bool
		look func(context.Context, []*row) error
	}{
		{func(r *row) bool { return r.Kind == mapping.KindCustomer && r.Account != "" }, b.byAccount},
		{func(r *row) bool { return r.Kind == mapping.KindProduct && r.RecordID != "" }, b.byRecord},
		{func(r *row) bool { return r.Kind == mapping.KindProduct && r.RecordID == "" && r.ProductNumber != "" }, b.byNumber},
	} {
		var these []*row
		for _, r := range some {
			if r.open() && many.are(r) {
				these = append(these, r)
			}
		}
		for _, group := range byChannel(these) {
			if err := b.settle(many.look(ctx, group), group...); err != nil {
				return err
			}
		}
	}
	for _, r := range some {
		if !r.open() {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := b.settle(b.one(ctx, r), r); err != nil {
			return err
		}
	}
	return nil
}

// byChannel parts rows by the channel that is asked for them.
func byChannel(some []*row) (groups [][]*row) {
	for _, r := range some {
		at := slices.IndexFunc(groups, func(g []*row) bool { return g[0].channel.Name == r.channel.Name })
		if at < 0 {
			groups = append(groups, nil)
			at = len(groups) - 1
		}
		groups[at] = append(groups[at], r)
	}
	return groups
}

// settle answers rows that a call failed for by its own fault, and hands on what the next call would meet too.
func (b *rebuilding) settle(err error, some ...*row) error {
	result, what := NotAsked, "the calls that were allowed are spent"
	switch {
	case err == nil:
		return nil
	case errors.Is(err, scaleunit.ErrUnreached):
		return err
	case errors.Is(err, scaleunit.ErrSpent):
	case fault.KindOf(err) == fault.Permanent, csuclient.Refused(err):
		result, what = CannotLook, scaleunit.Said(err)
	default:
		return err
	}
	for _, r := range some {
		if r.open() {
			r.end(result, "", what)
		}
	}
	return nil
}

// one looks a row up by itself.
func (b *rebuilding) one(ctx context.Context, r *row) error {
	switch {
	case r.Kind == mapping.KindCustomer && r.Email != "":
		return b.byEmail(ctx, r)
	case r.Kind == mapping.KindOrder:
		return b.byReference(ctx, r)
	case r.Kind == mapping.KindProduct && r.ProductNumber != "":
		return b.byKeyword(ctx, r)
	case r.Kind == mapping.KindCustomer:
		r.end(Invalid, "", "a customer is looked up by email or account")
	case r.Kind == mapping.KindProduct:
		r.end(Invalid, "", "a product is looked up by product_number or record_id")
	default:
		r.end(CannotLook, "", "the CSU knows no "+r.Kind+" by what other systems call it; bind it with signalbox mapping import")
	}
	return nil
}

func (b *rebuilding) byAccount(ctx context.Context, some []*row) error {
	accounts := make([]string, len(some))
	for i, r := range some {
		accounts[i] = r.Account
	}
	found := map[string]csuclient.Customer{}
	err := b.CSU.Ask(ctx, some[0].channel, 1, func(ctx context.Context, csu *csuclient.Channel) error {
		read, err := csu.ReadCustomers(ctx, accounts)
		for _, c := range read {
			found[c.AccountNumber] = c
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range some {
		switch is, there := found[r.Account]; {
		case !there:
			r.end(NotFound, "", "the CSU has no account "+shown(r.Account))
		default:
			r.account(is)
		}
	}
	return nil
}

// account takes an account that was found; a provisional one is about to get another number.
func (r *row) account(is csuclient.Customer) {
	if is.IsAsync {
		r.end(CannotLook, is.AccountNumber, "its account is provisional; run it again when headquarters has given its number")
		return
	}
	r.found = is.AccountNumber
}

// byEmail searches, and reads what was found: a search may show who had the address a while ago.
func (b *rebuilding) byEmail(ctx context.Context, r *row) error {
	email := pii.NewEmail(r.Email)
	if !strings.Contains(r.Email, "@") || email.IsZero() {
		r.end(Invalid, "", "its email is no address")
		return nil
	}
	var accounts []string
	err := b.CSU.Ask(ctx, r.channel, searchCalls, func(ctx context.Context, csu *csuclient.Channel) error {
		hits, err := csu.FindCustomersByEmail(ctx, email)
		accounts = accounts[:0]
		for _, h := range hits {
			accounts = append(accounts, h.AccountNumber)
		}
		return err
	})
	var have []csuclient.Customer
	if err == nil && len(accounts) > 0 {
		err = b.CSU.Ask(ctx, r.channel, 1, func(ctx context.Context, csu *csuclient.Channel) error {
			read, err := csu.ReadCustomers(ctx, accounts)
			have = slices.DeleteFunc(read, func(c csuclient.Customer) bool { return !c.Email.Same(email) })
			return err
		})
	}
	switch {
	case err != nil:
		return err
	case len(have) == 0:
		r.end(NotFound, "", "the CSU has no account with that address")
	case len(have) > 1:
		numbers := make([]string, len(have))
		for i, c := range have {
			numbers[i] = shown(c.AccountNumber)
		}
		slices.Sort(numbers)
		r.end(Ambiguous, "", fmt.Sprintf("%d accounts have that address: %s; say which with account", len(have), strings.Join(numbers, ", ")))
	default:
		r.account(have[0])
	}
	return nil
}

// byReference finds an order: headquarters' sales id if it has one, else its transaction id, as runs bind it.
func (b *rebuilding) byReference(ctx context.Context, r *row) error {
	reference := r.Reference
	if reference == "" {
		reference = orchestration.EntityToken(r.ref(), r.channel.LegalEntity, orders.ReferencePurpose)
	}
	var is csuclient.SalesOrder
	err := b.CSU.Ask(ctx, r.channel, 1, func(ctx context.Context, csu *csuclient.Channel) (err error) {
		is, err = csu.FindOrder(ctx, reference)
		return err
	})
	if errors.Is(err, csuclient.ErrNotFound) && r.Reference == "" && r.channel.UsesCarts() { // the CSU has made the reference
		err = b.CSU.Ask(ctx, r.channel, 1, func(ctx context.Context, csu *csuclient.Channel) (err error) {
			is, err = csu.FindOrderByTransaction(ctx, orchestration.EntityToken(r.ref(), r.channel.LegalEntity, orders.CartPurpose))
			return err
		})
	}
	switch {
	case errors.Is(err, csuclient.ErrNotFound) && r.Reference == "":
		r.end(NotFound, "", "the CSU shows no order of the reference that Signalbox would have placed it under; give the reference if it has another")
	case errors.Is(err, csuclient.ErrNotFound):
		r.end(NotFound, "", "the CSU shows no order of that reference")
	case err != nil:
		return err
	case is.SalesID != "":
		r.found = is.SalesID
	default:
		r.found = is.ID
	}
	return nil
}

func (b *rebuilding) byRecord(ctx context.Context, some []*row) error {
	var ids []int64
	for _, r := range some {
		id, err := strconv.ParseInt(r.RecordID, 10, 64)
		if err != nil {
			r.end(Invalid, "", "its record_id is no number")
			continue
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	var found map[int64]csuclient.Product
	err := b.CSU.Ask(ctx, some[0].channel, 2, func(ctx context.Context, csu *csuclient.Channel) (err error) { // the first needs the channel's own id
		found, err = csu.Products(ctx, ids)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range some {
		id, _ := strconv.ParseInt(r.RecordID, 10, 64) // judged above
		switch _, there := found[id]; {
		case !r.open():
		case there:
			r.found = strconv.FormatInt(id, 10)
		default:
			r.end(NotFound, "", "channel "+r.channel.Name+" has no product "+r.RecordID)
		}
	}
	return nil
}
