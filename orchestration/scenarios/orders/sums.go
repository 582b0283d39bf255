package orders

import (
	"fmt"

	"github.com/shopspring/decimal"
	"golang.org/x/text/currency"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// sums fills in the amounts that follow from others, and holds the total against them: the CSU takes any amounts, and headquarters
// finds out days later, in its validation of transactions, that they do not agree.
//
//	net of a line = price × quantity, rounded half away from zero to the currency's smallest unit, − discount
//	total = nets + charges, and taxes unless the prices include them
func (p Placed) sums(o *csuclient.SalesOrder) error {
	places, err := Places(p.Currency)
	if err != nil {
		return err
	}
	if err := p.exact(places); err != nil {
		return err
	}
	for i, l := range p.Lines {
		line := &o.Lines[i]
		line.Net = l.Price.Mul(l.Quantity).Round(places).Sub(l.Discount)
		line.Total = line.Net
		if !p.TaxIncluded {
			line.Total = line.Net.Add(l.Tax)
		}
		if line.Net.IsNegative() {
			return wrong(fmt.Sprintf("/lines/%d/discount", i), "is more than price and quantity come to")
		}
		o.Net, o.Discount, o.Tax = o.Net.Add(line.Net), o.Discount.Add(l.Discount), o.Tax.Add(l.Tax)
	}
	for _, c := range p.Charges {
		o.Charge, o.Tax = o.Charge.Add(c.Amount), o.Tax.Add(c.Tax)
	}
	o.Total = o.Net.Add(o.Charge)
	if !p.TaxIncluded {
		o.Total = o.Total.Add(o.Tax)
	}
	if !o.Total.Equal(p.Total) {
		return wrong("/total", fmt.Sprintf("says %s %s, while lines, charges and taxes come to %s; correct what is wrong of them at the source",
			p.Total.StringFixed(places), p.Currency, o.Total.StringFixed(places)))
	}
	return nil
}

// Places is how many digits behind the point a currency's smallest unit has.
func Places(code string) (int32, error) {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 0, wrong("/currency", "is no currency of ISO 4217")
	}
	scale, _ := currency.Standard.Rounding(unit)
	return int32(scale), nil
}

// exact refuses amounts that nobody can pay, such as 9.999 USD, which a source that counts in binary fractions would send. A price may
// be finer: it is of one.
func (p Placed) exact(places int32) error {
	check := func(pointer string, d decimal.Decimal) error {
		if !d.Equal(d.Truncate(places)) {
			return wrong(pointer, fmt.Sprintf("has more than the %d digits behind the point that %s has", places, p.Currency))
		}
		return nil
	}
	for i, l := range p.Lines {
		for name, d := range map[string]decimal.Decimal{"discount": l.Discount, "tax": l.Tax} {
			if err := check(fmt.Sprintf("/lines/%d/%s", i, name), d); err != nil {
				return err
			}
		}
	}
	for i, c := range p.Charges {
		for name, d := range map[string]decimal.Decimal{"amount": c.Amount, "tax": c.Tax} {
			if err := check(fmt.Sprintf("/charges/%d/%s", i, name), d); err != nil {
				return err
			}
		}
	}
	return check("/total", p.Total)
}

// Wrong refuses an event for what one field says.
func Wrong(pointer, why string) error { return wrong(pointer, why) }

func wrong(pointer, why string) error {
	return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Pointer: pointer, Detail: pointer + " " + why}
}
