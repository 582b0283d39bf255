package returns

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// share is what a part of a line comes to of an amount of the whole line: of what was bought, before had come back, and with this part
// after has. Both are rounded half away from zero to the currency's smallest unit, and the part is the difference. So the parts of a line
// come to the whole, to the cent, in whatever parts it comes back, and the last one gets the rest.
func share(whole, before, after, bought decimal.Decimal, places int32) decimal.Decimal {
	so := func(much decimal.Decimal) decimal.Decimal { return whole.Mul(much).Div(bought).Round(places) }
	return so(after).Sub(so(before))
}

// taken is how much of a line of the order earlier returns have taken.
func taken(earlier []csuclient.SalesOrder, original string, line decimal.Decimal) decimal.Decimal {
	sum := decimal.Zero
	for _, o := range earlier {
		for _, l := range o.Lines {
			if l.ReturnOf == original && l.ReturnOfLine.Equal(line) {
				sum = sum.Sub(l.Quantity)
			}
		}
	}
	return sum
}

// amounts fills in the lines of what comes back, and the sums that follow, all of them negative; what they come to is held against the
// event's total.
func (q Requested) amounts(back *csuclient.SalesOrder, original csuclient.SalesOrder, earlier []csuclient.SalesOrder) error {
	places, err := orders.Places(q.Currency)
	if err != nil {
		return err
	}
	for i, l := range q.Lines {
		sold, found := soldAs(original, l.Line)
		if !found {
			return orders.Wrong(fmt.Sprintf("/lines/%d/line", i), fmt.Sprintf("is no line of the order, which has %d", len(original.Lines)))
		}
		before := taken(earlier, original.ID, sold.Number)
		after := before.Add(l.Quantity)
		if left := sold.Quantity.Sub(decimal.Max(before, sold.Returned)); l.Quantity.GreaterThan(left) {
			return orders.Wrong(fmt.Sprintf("/lines/%d/quantity", i), fmt.Sprintf("is more than the %s that are left of the %s bought", left, sold.Quantity))
		}
		part := func(whole decimal.Decimal) decimal.Decimal {
			return share(whole, before, after, sold.Quantity, places).Neg()
		}
		line := csuclient.SalesLine{Number: decimal.NewFromInt(int64(i + 1)), ProductID: sold.ProductID, ItemID: sold.ItemID, Unit: sold.Unit, Quantity: l.Quantity.Neg(), Price: sold.Price,
			Discount: part(sold.Discount), Tax: part(sold.Tax), Net: part(sold.Net), Warehouse: sold.Warehouse, ReturnOf: original.ID, ReturnOfLine: sold.Number}
		line.Total = line.Net
		if !original.TaxIncluded {
			line.Total = line.Net.Add(line.Tax)
		}
		if l.Reason != "" {
			line.Reasons = []csuclient.Reason{{Code: l.Reason}}
		}
		back.Lines = append(back.Lines, line)
		back.Net, back.Discount, back.Tax, back.Total = back.Net.Add(line.Net), back.Discount.Add(line.Discount), back.Tax.Add(line.Tax), back.Total.Add(line.Total)
	}
	if !back.Total.Neg().Equal(q.Total) {
		return orders.Wrong("/total", fmt.Sprintf("says %s %s, while what comes back was sold for %s; correct it at the source: each part of a line is rounded so that all of them come to the line",
			q.Total, q.Currency, back.Total.Neg().StringFixed(places)))
	}
	return nil
}

// soldAs finds a line of the order that has sold something.
func soldAs(original csuclient.SalesOrder, number int) (csuclient.SalesLine, bool) {
	for _, l := range original.Lines {
		if l.Number.Equal(decimal.NewFromInt(int64(number))) && l.Quantity.IsPositive() {
			return l, true
		}
	}
	return csuclient.SalesLine{}, false
}
