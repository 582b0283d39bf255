package csuclient

import (
	"context"
	"net/http"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// CreateCart makes a cart. Look at the ID of what it gives: a scale unit may make its own. An id that is taken, by a cart or by what a
// cart has become, is a Conflict. After an
// Ambiguous error make another one: a cart that nobody checks out is forgotten.
func (ch *Channel) CreateCart(ctx context.Context, n NewCart) (Cart, error) {
	var got Cart
	id := n.ID
	if id == "" {
		id = Planned
	}
	err := ch.client.do(ctx, call{
		op: opCartsCreate, method: http.MethodPost, path: "Carts", oun: ch.oun, body: newCart(n), planned: plannedCart(id, 0),
		read: func(a *answer) *fault.Error { return a.cart(opCartsCreate, "", &got) },
	})
	return whole(got, err)
}

// ReadCart reads a cart; errors.Is(err, ErrNotFound) if there is none, or none any more.
func (ch *Channel) ReadCart(ctx context.Context, id string) (Cart, error) {
	var got Cart
	if id == "" {
		return got, opCartsRead.bug("no cart to read")
	}
	err := ch.client.do(ctx, call{
		op: opCartsRead, method: http.MethodGet, path: entity("Carts", id), oun: ch.oun,
		read: func(a *answer) *fault.Error {
			if a.status == http.StatusNoContent {
				return opCartsRead.notFound(a.status)
			}
			return a.cart(opCartsRead, id, &got)
		},
	})
	return whole(got, err)
}

// PriceCart gives prices and discounts of lines and coupons, without taxes and charges; nothing is kept. A coupon that does not hold is
// passed over.
func (ch *Channel) PriceCart(ctx context.Context, n NewCart, coupons []string) (Cart, error) {
	var got Cart
	document := newCart(n)
	if document.ID == "" {
		document.ID = "price" // any will do, and one there must be
	}
	document.Coupons = each(coupons, func(code string) wireCoupon { return wireCoupon{code} })
	err := ch.client.do(ctx, call{
		op: opCartsPrice, method: http.MethodPost, path: "CalculateSalesDocument", oun: ch.oun, body: wireDocument{document},
		read: func(a *answer) *fault.Error { return a.decode(opCartsPrice, &got) },
	})
	return whole(got, err)
}

// UpdateCart changes the header of a cart. A version that is not the cart's is a Conflict, here and everywhere below: read the cart, and
// look whether somebody else changed it or an earlier attempt did.
func (ch *Channel) UpdateCart(ctx context.Context, id string, version int64, c CartChanges) (Cart, error) {
	var got Cart
	if id == "" || version <= 0 {
		return got, opCartsUpdate.bug("no cart, or no version of it")
	}
	err := ch.client.do(ctx, call{
		op: opCartsUpdate, method: http.MethodPatch, path: entity("Carts", id), oun: ch.oun,
		body:    wireCartChanges{Version: version, CustomerID: c.CustomerID, LoyaltyCardID: c.LoyaltyCard, Comment: revealed(c.Comment)},
		planned: plannedCart(id, version),
		read: func(a *answer) *fault.Error {
			if a.status == http.StatusNoContent { // legal, whatever was preferred
				got = Cart{ID: id, Version: version + 1}
				return nil
			}
			return a.cart(opCartsUpdate, id, &got)
		},
	})
	return whole(got, err)
}

// CopyCart makes a checkout cart of a cart, with an id of its own.
func (ch *Channel) CopyCart(ctx context.Context, id string) (Cart, error) {
	return ch.changeCart(ctx, opCartsCopy, id, 0, "Copy", map[string]int{"targetCartType": checkoutCart}, "")
}

// AddCartLines adds lines, all or none; the CSU gives each its id. A repeat doubles them unless the version says that it is one.
func (ch *Channel) AddCartLines(ctx context.Context, id string, version int64, lines []CartLine) (Cart, error) {
	return ch.changeLines(ctx, opCartsAddLines, id, version, "AddCartLines", lines)
}

// UpdateCartLines changes quantity and keyed price of lines by their ids, all or none.
func (ch *Channel) UpdateCartLines(ctx context.Context, id string, version int64, lines []CartLine) (Cart, error) {
	return ch.changeLines(ctx, opCartsUpdateLines, id, version, "UpdateCartLines", lines)
}

func (ch *Channel) changeLines(ctx context.Context, op operation, id string, version int64, action string, lines []CartLine) (Cart, error) {
	if version <= 0 || len(lines) == 0 {
		return Cart{}, op.bug("no line, or no version of the cart")
	}
	return ch.changeCart(ctx, op, id, version, action, wireCartLines{each(lines, newCartLine), version}, id)
}

// RemoveCartLines takes lines out by their ids.
func (ch *Channel) RemoveCartLines(ctx context.Context, id string, lines []string) (Cart, error) {
	return ch.changeCart(ctx, opCartsRemoveLines, id, 0, "RemoveCartLines", wireLineIDs{lines}, id)
}

// AddCoupons puts coupons on a cart, all or none. One that the cart has already is no error.
func (ch *Channel) AddCoupons(ctx context.Context, id string, codes []string) (Cart, error) {
	return ch.changeCart(ctx, opCartsCoupons, id, 0, "AddCoupons", wireCoupons{codes}, id)
}

// RemoveCoupons takes coupons off a cart. One that it does not have is passed over.
func (ch *Channel) RemoveCoupons(ctx context.Context, id string, codes []string) (Cart, error) {
	return ch.changeCart(ctx, opCartsUncoupon, id, 0, "RemoveCoupons", wireCoupons{codes}, id)
}

// AddCharge puts a charge on a cart as a whole. A repeat puts it on once more: look at Cart.Charges first.
func (ch *Channel) AddCharge(ctx context.Context, id string, c Charge) (Cart, error) {
	const retail = 3 // ChargeModule
	return ch.changeCart(ctx, opCartsCharge, id, 0, "AddCharge", wireCharge{retail, c.Code, exact(c.Amount)}, id)
}

// SetDelivery says how the whole cart is delivered. It may be repeated.
func (ch *Channel) SetDelivery(ctx context.Context, id string, d Delivery) (Cart, error) {
	return ch.changeCart(ctx, opCartsDelivery, id, 0, "UpdateDeliverySpecification", wireDelivery{newSpecification(d)}, id)
}

// SetLineDeliveries says how lines are delivered, each in its own way, all or none. It may be repeated.
func (ch *Channel) SetLineDeliveries(ctx context.Context, id string, lines []LineDelivery) (Cart, error) {
	body := wireLineDeliveries{each(lines, func(l LineDelivery) wireLineDelivery { return wireLineDelivery{l.LineID, newSpecification(l.Delivery)} })}
	return ch.changeCart(ctx, opCartsLineDelivery, id, 0, "UpdateLineDeliverySpecifications", body, id)
}

// changeCart calls an action that answers with the whole cart: the one of the id want, or any if that is empty.
func (ch *Channel) changeCart(ctx context.Context, op operation, id string, version int64, action string, body any, want string) (Cart, error) {
	var got Cart
	if id == "" {
		return got, op.bug("no cart to change")
	}
	err := ch.client.do(ctx, call{
		op: op, method: http.MethodPost, path: entity("Carts", id) + "/" + action, oun: ch.oun, body: body, planned: plannedCart(id, version),
		read: func(a *answer) *fault.Error { return a.cart(op, want, &got) },
	})
	return whole(got, err)
}

// plannedCart is the answer to a change that is only planned: what it comes to is not known.
func plannedCart(id string, version int64) any {
	return map[string]any{"Id": id, "Version": version + 1}
}

// cart reads a cart, which must be the one that was asked for.
func (a *answer) cart(op operation, id string, c *Cart) *fault.Error {
	if f := a.decode(op, c); f != nil {
		return f
	}
	if c.ID == "" || id != "" && c.ID != id {
		return op.unreadable(a, "the answer is not the cart")
	}
	return nil
}
