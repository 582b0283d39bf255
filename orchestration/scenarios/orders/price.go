package orders

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
)

// priced refuses an order that the CSU makes another sum of: the shopper has agreed to what the event says. It names the first line that
// differs, since that is what a person will ask.
func priced(r *run, k csuclient.Cart) error {
	if within(k.Total, r.In.Total, tolerance(r)) {
		return nil
	}
	if err := linesPriced(r, k.Lines); err != nil {
		return err
	}
	places, err := Places(r.In.Currency)
	if err != nil {
		return err
	}
	return wrong("/total", fmt.Sprintf("says %s %s, while the CSU makes it %s: lines %s after discount, taxes %s, charges %s; correct what is wrong of them, in headquarters or at the source",
		r.In.Total.StringFixed(places), r.In.Currency, k.Total.StringFixed(places), k.Subtotal.StringFixed(places), k.Tax.StringFixed(places), k.Charge.StringFixed(places)))
}

// linesPriced compares line by line, after discount and without taxes.
func linesPriced(r *run, lines []csuclient.CartLine) error {
	places, err := Places(r.In.Currency)
	if err != nil {
		return err
	}
	net := func(price, quantity, discount decimal.Decimal) decimal.Decimal {
		return price.Mul(quantity).Round(places).Sub(discount)
	}
	for i, l := range lines {
		if i == len(r.In.Lines) {
			break
		}
		in := r.In.Lines[i]
		said, is := net(in.Price, in.Quantity, in.Discount), net(l.Price, l.Quantity, l.Discount)
		if !within(said, is, tolerance(r)) {
			return wrong(fmt.Sprintf("/lines/%d/price", i), fmt.Sprintf("and discount come to %s %s, while the CSU makes them %s: a price of %s, a discount of %s; correct what is wrong of them, in headquarters or at the source",
				said.StringFixed(places), r.In.Currency, is.StringFixed(places), l.Price, l.Discount))
		}
	}
	return nil
}

// checkPrices has the CSU price the lines of an order that is about to be uploaded, where the channel says so. Nothing is kept of it.
func (o orders) checkPrices(ctx context.Context, r *run, want csuclient.SalesOrder) error {
	if !r.Channel.CheckPrices {
		return nil
	}
	lines := make([]csuclient.CartLine, len(want.Lines))
	for i, l := range want.Lines {
		lines[i] = csuclient.CartLine{ProductID: l.ProductID, Unit: l.Unit, Quantity: l.Quantity}
	}
	k, err := o.csu(r.Channel).PriceCart(ctx, csuclient.NewCart{ID: want.ID, CustomerID: want.CustomerID, Lines: lines}, r.In.Coupons)
	if err != nil {
		return err
	}
	return linesPriced(r, k.Lines)
}
