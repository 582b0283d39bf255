package returns

import (
	"context"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// wanted is the return as the CSU is to have it: an order of the original's customer whose lines are negative and name what they bring back.
func (o returns) wanted(ctx context.Context, r *run, reference string, original csuclient.SalesOrder, earlier []csuclient.SalesOrder) (csuclient.SalesOrder, error) {
	in, want := r.In, csuclient.SalesOrder{
		ID: transaction(r), Reference: reference, CustomerID: original.CustomerID, ReceiptEmail: original.ReceiptEmail,
		Currency: original.Currency, Placed: r.Event.Time, TaxIncluded: original.TaxIncluded,
	}
	if in.RequestedAt != nil {
		want.Placed = *in.RequestedAt
	}
	if err := in.amounts(&want, original, earlier); err != nil {
		return want, err
	}
	unit, err := o.csu(r.Channel).OrgUnit(ctx)
	if err != nil {
		return want, err
	}
	want.ChannelID = unit.ChannelID
	if in.Method == inStore {
		if err := o.takenIn(ctx, r, want.Lines); err != nil {
			return want, err
		}
	}
	want.Payments, err = o.refunds(ctx, r, original, earlier)
	return want, err
}

// takenIn lets the goods come back to the stock of a store.
func (o returns) takenIn(ctx context.Context, r *run, lines []csuclient.SalesLine) error {
	s, err := orders.FindStore(ctx, o.csu(r.Channel), r.Channel, "/store", r.In.Store, csuclient.StoresAll)
	if err != nil {
		return err
	}
	for i := range lines {
		lines[i].Store, lines[i].Warehouse = s.Number, s.Warehouse
	}
	return nil
}
