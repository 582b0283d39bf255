package drift

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/cli/scaleunit"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// customers asks for accounts, and for those that the channel's database does not list once more, each by itself.
func (v *verifying) customers(ctx context.Context, ch orchestration.Channel, some []mapping.Entry) error {
	accounts := make([]string, len(some))
	for i, e := range some {
		accounts[i] = e.Target.ID
	}
	found := map[string]csuclient.Customer{}
	err := v.CSU.Ask(ctx, ch, 1, func(ctx context.Context, csu *csuclient.Channel) error {
		read, err := csu.ReadCustomers(ctx, accounts)
		for _, c := range read {
			found[c.AccountNumber] = c
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range some {
		is, listed := found[e.Target.ID]
		if !listed {
			is, err = v.customer(ctx, ch, e.Target.ID)
		}
		switch {
		case errors.Is(err, csuclient.ErrNotFound) && csuclient.Provisional(e.Target.ID):
			v.drift(e, "the CSU has no such provisional account any more: headquarters has given it a number, or has not taken it")
		case errors.Is(err, csuclient.ErrNotFound):
			v.drift(e, "the CSU has no such account")
		case errors.Is(err, scaleunit.ErrSpent):
		case err != nil:
			return err
		case is.Blocked:
			v.drift(e, "the account is blocked")
		case is.IsAsync:
			v.pending(e)
		default:
			v.there(e)
		}
		err = nil
	}
	return nil
}

func (v *verifying) customer(ctx context.Context, ch orchestration.Channel, account string) (is csuclient.Customer, err error) {
	err = v.CSU.Ask(ctx, ch, 1, func(ctx context.Context, csu *csuclient.Channel) error {
		is, err = csu.ReadCustomer(ctx, account)
		return err
	})
	return is, err
}

// products asks for record ids.
func (v *verifying) products(ctx context.Context, ch orchestration.Channel, some []mapping.Entry) error {
	var ids []int64
	for _, e := range some {
		if id, err := strconv.ParseInt(e.Target.ID, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	found := map[int64]csuclient.Product{}
	if len(ids) > 0 {
		err := v.CSU.Ask(ctx, ch, 2, func(ctx context.Context, csu *csuclient.Channel) (err error) { // the first needs the channel's own id
			found, err = csu.Products(ctx, ids)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, e := range some {
		id, err := strconv.ParseInt(e.Target.ID, 10, 64)
		_, there := found[id]
		switch {
		case err != nil:
			v.drift(e, "it is no record id of a product")
		case !there:
			v.drift(e, "channel "+ch.Name+" has no such product")
		default:
			v.there(e)
		}
	}
	return nil
}

// one asks for a binding by itself.
func (v *verifying) one(ctx context.Context, ch orchestration.Channel, e mapping.Entry) error {
	switch {
	case e.Ref.Kind == mapping.KindOrder:
		return v.order(ctx, ch, e)
	case e.Ref.Kind == mapping.KindReturn:
		return v.transaction(ctx, ch, e)
	case scaleunit.Listed(e.Ref.Kind):
		return v.listed(ctx, ch, e)
	}
	return errCannotBeAsked
}

// order asks for an order by the reference that it was placed under, which is made from its source and its id there; one that the CSU
// has numbered itself by its transaction id.
func (v *verifying) order(ctx context.Context, ch orchestration.Channel, e mapping.Entry) error {
	if e.Ref.ID == "" {
		return v.transaction(ctx, ch, e)
	}
	cart := orchestration.EntityToken(e.Ref, ch.LegalEntity, orders.CartPurpose)
	var is csuclient.SalesOrder
	err := v.CSU.Ask(ctx, ch, 1, func(ctx context.Context, csu *csuclient.Channel) (err error) {
		is, err = csu.FindOrder(ctx, orchestration.EntityToken(e.Ref, ch.LegalEntity, orders.ReferencePurpose))
		return err
	})
	if errors.Is(err, csuclient.ErrNotFound) && (e.Target.ID == cart || ch.UsesCarts()) {
		is, err = v.byTransaction(ctx, ch, cart)
	}
	switch {
	case errors.Is(err, csuclient.ErrNotFound):
		v.drift(e, "the CSU does not show it (any more): a channel keeps its orders for a time, and one that came to D365 another way has another reference")
	case err != nil:
		return err
	case is.SalesID == e.Target.ID:
		v.there(e)
	case is.ID == e.Target.ID: // an event of our own, which waits in the broker, brings headquarters' sales id
		v.pending(e)
	default:
		v.drift(e, fmt.Sprintf("the CSU says that it is %s (transaction %s)", shown(is.SalesID), shown(is.ID)))
	}
	return nil
}

// transaction asks for what is bound to a transaction id.
func (v *verifying) transaction(ctx context.Context, ch orchestration.Channel, e mapping.Entry) error {
	if !csuclient.Provisional(e.Target.ID) { // a sales id, which is no way to ask
		return errCannotBeAsked
	}
	_, err := v.byTransaction(ctx, ch, e.Target.ID)
	switch {
	case errors.Is(err, csuclient.ErrNotFound):
		v.drift(e, "the CSU does not show it (any more)")
	case err != nil:
		return err
	default:
		v.there(e)
	}
	return nil
}

// byTransaction asks by transaction id, which not every role may: whoever was refused once does not ask again.
func (v *verifying) byTransaction(ctx context.Context, ch orchestration.Channel, id string) (is csuclient.SalesOrder, err error) {
	const operation = "by transaction"
	if v.refused[operation] {
		return is, errCannotBeAsked
	}
	err = v.CSU.Ask(ctx, ch, 1, func(ctx context.Context, csu *csuclient.Channel) error {
		is, err = csu.FindOrderByTransaction(ctx, id)
		return err
	})
	if csuclient.Refused(err) {
		v.refused[operation] = true
		return is, errCannotBeAsked
	}
	return is, err
}

// listed looks reference data up in the channel's lists, each of which is read once.
func (v *verifying) listed(ctx context.Context, ch orchestration.Channel, e mapping.Entry) error {
	g := group{e.Ref.Kind, ch.Name}
	ids, read := v.known[g]
	if !read {
		var err error
		if ids, err = v.CSU.Known(ctx, ch, e.Ref.Kind); err != nil {
			return err
		}
		v.known[g] = ids
	}
	switch {
	case len(ids) == 0:
		return errCannotBeAsked
	case ids[e.Target.ID]:
		v.there(e)
	default:
		v.drift(e, "channel "+ch.Name+" has no such "+e.Ref.Kind)
	}
	return nil
}

// shown is an id that the CSU gave.
func shown(id string) string {
	switch {
	case id == "":
		return "none"
	case !mapping.Storable(id):
		return "[masked]"
	}
	return id
}
