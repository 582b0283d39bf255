package csuclient

import (
	"context"
	"net/http"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// CheckedOut is the Code of the Conflict by which the CSU says that a cart has become an order.
const CheckedOut = "CartAlreadyCheckedOut"

// CheckOut makes an order of a cart, under the cart's id, and takes its payments. Write the id down before.
//
// A Conflict says that the cart has another version, is being checked out, or has been: the Code is CheckedOut for the last. After an Ambiguous error, and after ErrNotFound in a repeat, look for the order, and never check out another cart for it. A
// refused payment is Permanent.
func (ch *Channel) CheckOut(ctx context.Context, id string, c Checkout) (SalesOrder, error) {
	var got SalesOrder
	if id == "" || c.Version <= 0 || c.ReceiptEmail.IsZero() {
		return got, opCartsCheckout.bug("a checkout needs a cart, its version, and an e-mail address")
	}
	err := ch.client.do(ctx, call{
		op: opCartsCheckout, method: http.MethodPost, path: entity("Carts", id) + "/Checkout", oun: ch.oun,
		body:    newCheckout(c),
		planned: map[string]string{"Id": id, "ChannelReferenceId": Planned},
		read:    func(a *answer) *fault.Error { return a.orderOf(opCartsCheckout, id, &got) },
	})
	return whole(got, err)
}

// orderOf reads one order, which must be the one of the transaction id.
func (a *answer) orderOf(op operation, id string, o *SalesOrder) *fault.Error {
	if f := a.decode(op, o); f != nil {
		return f
	}
	if o.ID != id {
		return op.unreadable(a, "the answer is not the order of the cart")
	}
	return nil
}

// FindOrderByTransaction gives the order of a transaction id, as the channel's own database has it; errors.Is(err, ErrNotFound) if
// there is none. Documents reserve it to employees and customers, so it may be Blocked; CustomerOrders may not.
func (ch *Channel) FindOrderByTransaction(ctx context.Context, id string) (SalesOrder, error) {
	var got SalesOrder
	if id == "" {
		return got, opOrdersByTransaction.bug("no transaction to look for")
	}
	err := ch.client.do(ctx, call{
		op: opOrdersByTransaction, method: http.MethodGet, oun: ch.oun,
		path: "SalesOrders/GetSalesOrderDetailsByTransactionId(transactionId=" + literal(id) + ",searchLocationValue=1)",
		read: func(a *answer) *fault.Error {
			if a.status == http.StatusNoContent {
				return opOrdersByTransaction.notFound(a.status)
			}
			return a.orderOf(opOrdersByTransaction, id, &got)
		},
	})
	return whole(got, err)
}

// CustomerOrders lists the latest orders of a customer, of channel and headquarters together, which the CSU has to ask. It is not sorted.
func (ch *Channel) CustomerOrders(ctx context.Context, account string) ([]SalesOrder, error) {
	if account == "" {
		return nil, opOrdersHistory.bug("no customer to ask of")
	}
	const latest = "&$top=50"
	return list[SalesOrder](ctx, ch, call{op: opOrdersHistory, method: http.MethodPost, path: entity("Customers", account) + "/GetOrderHistory", query: latest, body: struct{}{}})
}

// The codes of refused cancellations.
const (
	CodeCancelAsked    = "AsynchronousOrderCancellationWorkflowAlreadyExists" // Conflict: it was asked for already
	CodeCancelNotValid = "SalesOrderNotValidForCancellationRequest"           // Permanent: it has gone too far
	CodeCancelTarget   = "InvalidAsynchronousCancellationTargetOrder"         // Permanent: it is none that is cancelled so
)

// CancelOrder asks headquarters to cancel an order by its sales id. It is done later: read the order's status. One that was asked for
// already is a Conflict, one that cannot be cancelled any more Permanent; see Code.
func (ch *Channel) CancelOrder(ctx context.Context, salesID string) error {
	if salesID == "" {
		return opOrdersCancel.bug("no order to cancel")
	}
	type lookup struct {
		Type    string `json:"@odata.type"`
		SalesID string `json:"SalesId"`
	}
	body := map[string]any{"salesOrdersLookupCriteria": map[string]any{
		"SalesOrderLookups": []lookup{{"#Microsoft.Dynamics.Commerce.Runtime.DataModel.SalesOrderLookupBySalesId", salesID}}}}
	return ch.client.do(ctx, call{
		op: opOrdersCancel, method: http.MethodPost, path: "SalesOrders/RequestCancellation", oun: ch.oun, body: body,
		read: func(*answer) *fault.Error { return nil },
	})
}
