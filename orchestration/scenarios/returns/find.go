package returns

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// most is how many returns of an order are read: each costs a call.
const most = 50

// find looks for the return among those of its order. If it is not there, it works out what is to be uploaded.
func (o returns) find(ctx context.Context, r *run) (bool, error) {
	if err := r.In.check(); err != nil {
		return false, err
	}
	original, err := o.original(ctx, r)
	if err != nil {
		return false, err
	}
	var earlier []csuclient.SalesOrder
	for n := 1; n <= most; n++ {
		reference := place(r, n)
		is, err := o.csu(r.Channel).FindOrder(ctx, reference)
		switch {
		case errors.Is(err, csuclient.ErrNotFound):
			r.State.want, err = o.wanted(ctx, r, reference, original, earlier)
			return false, err
		case err != nil:
			return false, err
		case is.ID == transaction(r):
			return true, o.same(r, is)
		case is.Status != csuclient.OrderCanceled:
			earlier = append(earlier, is)
		}
	}
	return false, orders.Wrong("/order", fmt.Sprintf("has %d returns already; take this one in headquarters", most))
}

// place is the channel reference of the n-th return of the order.
func place(r *run, n int) string {
	return r.TokenOf(orders.Ref(r.In.Order), fmt.Sprintf("return %d", n))
}

// original is the order that goods come back of, which must be one that the channel's database shows to an application.
func (o returns) original(ctx context.Context, r *run) (csuclient.SalesOrder, error) {
	is, err := orders.Landed(ctx, o.lookup, o.csu(r.Channel), r, r.In.Order, r.In.Reference)
	switch {
	case err != nil:
		return is, err
	case is.ID == "":
		return is, orders.Wrong("/order", "was not placed by signalbox.order.placed.v1, or the CSU does not show it to our role (any more), so its lines cannot be read here; "+
			"give the reference that signalbox.order.relayed.v1 told, or take the return in a store or in headquarters")
	case is.Status == csuclient.OrderCanceled || is.Status == csuclient.OrderLost:
		return is, orders.Wrong("/order", "is cancelled in headquarters; nothing comes back of it")
	case is.Currency != r.In.Currency:
		return is, orders.Wrong("/currency", fmt.Sprintf("is not %s, in which the order was placed", is.Currency))
	}
	return is, nil
}

// same holds a return that is there against the event: a return is taken once.
func (o returns) same(r *run, is csuclient.SalesOrder) error {
	var fields []string
	say := func(same bool, pointer string, args ...any) {
		if !same {
			fields = append(fields, fmt.Sprintf(pointer, args...))
		}
	}
	if len(is.Lines) == len(r.In.Lines) {
		for i, l := range r.In.Lines {
			say(is.Lines[i].ReturnOfLine.Equal(decimal.NewFromInt(int64(l.Line))), "/lines/%d/line", i)
			say(is.Lines[i].Quantity.Neg().Equal(l.Quantity), "/lines/%d/quantity", i)
		}
	} else {
		fields = append(fields, "/lines")
	}
	say(is.Total.Neg().Equal(r.In.Total), "/total")
	say(len(is.Payments) == 0 || len(is.Payments) == len(r.In.Refunds), "/refunds") // a scale unit may keep payments to itself
	if len(fields) > 0 {
		return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Pointer: fields[0],
			Detail: "the return has been uploaded already, and differs in " + strings.Join(fields, ", ") + "; what comes back besides is another return, with a number of its own"}
	}
	r.State.Transaction, r.State.Reference = is.ID, is.Reference
	return nil
}
