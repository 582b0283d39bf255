package csuclient

import (
	"context"
	"net/http"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// UploadOrder gives the CSU an order that is finished: it neither computes nor checks an amount. What it does with an Id that it has
// is not documented; it may refuse, which is a Conflict, or answer with what it has. So look first, by FindOrder, and look again
// after an Ambiguous error.
func (ch *Channel) UploadOrder(ctx context.Context, o SalesOrder) (SalesOrder, error) {
	var got SalesOrder
	if o.ID == "" || o.Reference == "" || len(o.Reference) > LongestReference {
		return got, opOrdersCreate.bug("an order needs an id, and a reference that the CSU does not cut off")
	}
	body := newOrder(o)
	err := ch.client.do(ctx, call{
		op: opOrdersCreate, method: http.MethodPost, path: "SalesOrders", oun: ch.oun, body: body, planned: body,
		read: func(a *answer) *fault.Error { return a.order(opOrdersCreate, o.Reference, &got) },
	})
	return whole(got, err)
}

// FindOrder gives the order of a channel reference id, as the channel's own database has it; errors.Is(err, ErrNotFound) if there is
// none. It shows an order at once, and its SalesID when headquarters has it. It is the one look at orders that the role of an
// application has.
func (ch *Channel) FindOrder(ctx context.Context, reference string) (SalesOrder, error) {
	var got SalesOrder
	if reference == "" {
		return got, opOrdersFind.bug("no reference to look for")
	}
	err := ch.client.do(ctx, call{
		op: opOrdersFind, method: http.MethodPost, path: "SalesOrders/GetOrderByChannelReferenceLookupCriteria", oun: ch.oun,
		body: wireOrderSearch{wireOrderCriteria{ChannelReferenceID: reference, SearchLocationValue: searchLocal}},
		read: func(a *answer) *fault.Error {
			if a.status == http.StatusNoContent {
				return opOrdersFind.notFound(a.status)
			}
			return a.order(opOrdersFind, reference, &got)
		},
	})
	return whole(got, err)
}

// order reads one order, which must be the one of the reference.
func (a *answer) order(op operation, reference string, o *SalesOrder) *fault.Error {
	if f := a.decode(op, o); f != nil {
		return f
	}
	if o.ID == "" || o.Reference != reference {
		return op.unreadable(a, "the answer is not the order of the reference")
	}
	return nil
}
