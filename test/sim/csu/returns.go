package csu

import (
	"slices"

	"github.com/shopspring/decimal"
)

// isReturn says whether a cart's line names what it brings back.
func isReturn(l map[string]any) bool {
	return str(l, "ReturnTransactionId") != "" || str(l, "ReturnInventTransId") != ""
}

// returnLine gives a line that comes back the price and the discount it was sold with, for whoever holds the lock; the id of what is
// wrong is empty when nothing is.
func (c *call) returnLine(k *cart, l map[string]any, keyed bool) string {
	quantity := dec(l, "Quantity")
	switch {
	case !isReturn(l):
		return idSalePositive
	case !quantity.IsNegative():
		return idReturnNegative
	case keyed:
		return idReturnPrice
	}
	from, sold, why := c.soldLine(l)
	if why != "" {
		return why
	}
	for _, other := range k.lines() {
		if id := str(other, "ReturnTransactionId"); id != "" && id != from.id() {
			return idReturnMany
		}
	}
	bought := dec(sold, "Quantity")
	if quantity.Neg().GreaterThan(bought.Sub(c.returned(from, sold)).Sub(inCart(k, l, sold))) {
		return idReturnTooMuch
	}
	l["ReturnTransactionId"], l["ReturnLineNumber"] = from.id(), sold["LineNumber"]
	l["ItemId"], l["UnitOfMeasureSymbol"], l["Price"], l["OriginalPrice"] = sold["ItemId"], sold["UnitOfMeasureSymbol"], sold["Price"], sold["Price"]
	l["DiscountAmount"], l["DiscountLines"] = money(dec(sold, "DiscountAmount").Mul(quantity).Div(bought)), []any{}
	return ""
}

// soldLine finds the line that comes back, by transaction and number or by headquarters' own id of it.
func (c *call) soldLine(l map[string]any) (*order, map[string]any, string) {
	c.sim.landDue(c.received)
	return c.sim.soldLine(l)
}

func (s *Simulator) soldLine(l map[string]any) (*order, map[string]any, string) {
	if id := str(l, "ReturnInventTransId"); id != "" {
		for _, o := range s.store.orders.byID {
			for _, sold := range o.lines() {
				if str(sold, "InventoryTransactionId") == id {
					return o, sold, ""
				}
			}
		}
		return nil, nil, idReturnLine
	}
	o, known := s.store.orders.byID[str(l, "ReturnTransactionId")]
	switch {
	case !known:
		return nil, nil, idOrderNotFound
	case num(o.members, "StatusValue") == statusCanceled:
		return nil, nil, idOrderVoided
	}
	for _, sold := range o.lines() {
		if dec(sold, "LineNumber").Equal(dec(l, "ReturnLineNumber")) && dec(sold, "Quantity").IsPositive() {
			return o, sold, ""
		}
	}
	return nil, nil, idReturnLine
}

// returned is how much of a line has come back, in orders of any kind.
func (c *call) returned(from *order, sold map[string]any) decimal.Decimal {
	sum := decimal.Zero
	for _, o := range c.sim.store.orders.byID {
		if num(o.members, "StatusValue") == statusCanceled {
			continue
		}
		for _, l := range o.lines() {
			if str(l, "ReturnTransactionId") == from.id() && dec(l, "ReturnLineNumber").Equal(dec(sold, "LineNumber")) {
				sum = sum.Sub(dec(l, "Quantity"))
			}
		}
	}
	return sum
}

// unfit is what headquarters' validation finds wrong with what an order brings back, when it lands: the scale unit itself checks nothing
// of an upload. Empty: nothing.
func (s *Simulator) unfit(o *order) string {
	back := map[string]decimal.Decimal{}
	for _, l := range o.lines() {
		quantity := dec(l, "Quantity")
		if !isReturn(l) && quantity.IsNegative() {
			return idSalePositive
		}
		if !isReturn(l) {
			continue
		}
		if !quantity.IsNegative() || dec(l, "NetAmount").IsPositive() {
			return idReturnNegative
		}
		from, sold, why := s.soldLine(l)
		if why != "" {
			return why
		}
		line := from.id() + " " + dec(sold, "LineNumber").String()
		if back[line] = back[line].Sub(quantity); back[line].GreaterThan(dec(sold, "Quantity").Sub(s.landedBack(from, sold))) {
			return idReturnTooMuch
		}
	}
	return ""
}

// landedBack is how much of a line headquarters knows to have come back.
func (s *Simulator) landedBack(from *order, sold map[string]any) decimal.Decimal {
	sum := decimal.Zero
	for _, o := range s.store.orders.byID {
		if str(o.members, "SalesId") == "" || num(o.members, "StatusValue") == statusCanceled {
			continue
		}
		for _, l := range o.lines() {
			if str(l, "ReturnTransactionId") == from.id() && dec(l, "ReturnLineNumber").Equal(dec(sold, "LineNumber")) {
				sum = sum.Sub(dec(l, "Quantity"))
			}
		}
	}
	return sum
}

// inCart is how much of a line comes back by other lines of the cart.
func inCart(k *cart, but, sold map[string]any) decimal.Decimal {
	sum := decimal.Zero
	for _, l := range k.lines() {
		if id := str(l, "LineId"); isReturn(l) && id != str(but, "LineId") && dec(l, "ReturnLineNumber").Equal(dec(sold, "LineNumber")) {
			sum = sum.Sub(dec(l, "Quantity"))
		}
	}
	return sum
}

// refuseReturns checks at checkout what may have changed since the lines were added.
func (c *call) refuseReturns(k *cart) *apiError {
	returns, sales := 0, 0
	for _, l := range k.lines() {
		if !isReturn(l) {
			sales++
			continue
		}
		returns++
		from, sold, why := c.soldLine(l)
		if why == "" && dec(l, "Quantity").Neg().GreaterThan(dec(sold, "Quantity").Sub(c.returned(from, sold)).Sub(inCart(k, l, sold))) {
			why = idReturnTooMuch
		}
		if why != "" {
			return cartError(why, "the line cannot come back")
		}
	}
	if returns > 0 && sales > 0 && c.sim.opts.NoMixedReturns {
		return cartError(idReturnsMixed, "sales and returns do not go together")
	}
	return nil
}

// refuseRefund checks money that goes back: by the way it came, or by one that the return policy allows for it.
func (c *call) refuseRefund(k *cart, p *payment) *apiError {
	originals := c.refundable(k)
	if yes(p.sent, "IsLinkedRefund") {
		for _, paid := range originals {
			if str(paid, "TransactionId") != str(p.sent, "LinkedPaymentTransactionId") || !dec(paid, "LineNumber").Equal(dec(p.sent, "LinkedPaymentLineNumber")) {
				continue
			}
			if p.amount.Add(p.before).Neg().GreaterThan(dec(paid, "RefundableAmount")) {
				return paymentError(idRefundTooMuch, "the refund is more than what is left of the payment")
			}
			p.original = paid
		}
		if p.original == nil {
			return paymentError(idLinkedPayment, "there is no such payment to refund")
		}
	}
	for _, paid := range originals {
		t, _ := c.tenderType(str(paid, "TenderTypeId"))
		if len(t.Refunds) == 0 || p.original != nil {
			continue
		}
		if !slices.Contains(t.Refunds, p.tender.ID) {
			return paymentError(idReturnPolicy, "the return policy does not allow the tender type")
		}
	}
	if p.tender.Operation == PayCard && p.original == nil {
		return c.refuseCard(p.sent)
	}
	return nil
}

// refundable are the payments of what the cart brings back.
func (c *call) refundable(k *cart) (paid []map[string]any) {
	for _, l := range k.lines() {
		if o := c.sim.store.orders.byID[str(l, "ReturnTransactionId")]; o != nil && isReturn(l) {
			return entries(o.members, "TenderLines")
		}
	}
	return nil
}
