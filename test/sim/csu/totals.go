package csu

import (
	"encoding/json"

	"github.com/shopspring/decimal"
)

var hundred = decimal.NewFromInt(100)

// toDecimal reads a JSON number exactly.
func toDecimal(v any) (decimal.Decimal, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return decimal.Zero, false
	}
	d, err := decimal.NewFromString(n.String())
	return d, err == nil
}

// money rounds to the smallest unit, half away from zero (inferred: no document states the rounding), with two digits shown.
func money(d decimal.Decimal) json.Number { return json.Number(d.Round(2).StringFixed(2)) }

// sums are what the lines and charges of a cart come to.
type sums struct{ price, discount, net, included, added, charge, shipping, items decimal.Decimal }

func (t sums) total() decimal.Decimal { return t.net.Add(t.added).Add(t.charge) }

// price computes every amount of a cart anew, as the real service does after each change.
func (c *call) price(k *cart) {
	c.discount(k)
	c.chargeDelivery(k)
	var t sums
	taxes := []any{}
	for _, l := range k.lines() {
		c.priceLine(l, &t)
	}
	ofLines := t.included
	for _, charge := range entries(k.members, "ChargeLines") {
		amount := dec(charge, "CalculatedAmount")
		included, added := c.taxOf(amount)
		charge["TaxAmount"] = money(included.Add(added))
		t.charge, t.included, t.added = t.charge.Add(amount), t.included.Add(included), t.added.Add(added)
		if yes(charge, "IsShipping") {
			t.shipping = t.shipping.Add(amount)
		}
	}
	if rate := c.rate(); rate.IsPositive() {
		taxes = append(taxes, map[string]any{"TaxId": taxCode, "TaxAmount": money(t.included.Add(t.added))})
	}
	paid := decimal.Zero
	for _, tender := range entries(k.members, "TenderLines") {
		if num(tender, "StatusValue") != tenderVoided {
			paid = paid.Add(dec(tender, "Amount"))
		}
	}
	due := t.total().Sub(paid)
	m := k.members
	m["NetPrice"], m["DiscountAmount"], m["TaxAmount"] = money(t.price), money(t.discount), money(t.included.Add(t.added))
	m["SubtotalAmount"], m["SubtotalAmountWithoutTax"] = money(t.net), money(t.net.Sub(ofLines))
	m["ChargeAmount"], m["ShippingChargeAmount"], m["OtherChargeAmount"] = money(t.charge), money(t.shipping), money(t.charge.Sub(t.shipping))
	m["TotalAmount"], m["AmountPaid"], m["AmountDue"] = money(t.total()), money(paid), money(due)
	m["TotalItems"], m["IsRequiredAmountPaid"] = json.Number(t.items.String()), due.IsZero()
	m["IsDiscountFullyCalculated"], m["HasTaxCalculationTriggered"], m["HasChargeCalculationTriggered"] = true, true, true
	m["IsTaxIncludedInPrice"], m["TaxViewLines"], m["MerchantProperties"] = c.channel.PriceIncludesTax, taxes, c.merchants()
}

// taxCode is the one tax there is.
const taxCode = "SALESTAX"

// priceLine computes a line whose price and discount are known and adds it to the sums.
func (c *call) priceLine(l map[string]any, t *sums) {
	quantity := dec(l, "Quantity")
	extended := dec(l, "Price").Mul(quantity).Round(2)
	off := dec(l, "DiscountAmount")
	net := extended.Sub(off)
	included, added := c.taxOf(net)
	l["ExtendedPrice"], l["NetPrice"], l["LineDiscount"] = money(extended), money(extended), money(off)
	l["TaxAmount"], l["TotalAmount"], l["NetAmountWithoutTax"] = money(included.Add(added)), money(net.Add(added)), money(net.Sub(included))
	l["TaxRatePercent"], l["TaxLines"] = json.Number(c.rate().String()), []any{}
	if c.rate().IsPositive() {
		l["TaxLines"] = []any{map[string]any{"TaxCode": taxCode, "Percentage": json.Number(c.rate().String()), "Amount": money(included.Add(added)),
			"TaxBasis": money(net.Sub(included)), "IsIncludedInPrice": c.channel.PriceIncludesTax, "SaleLineNumber": l["LineNumber"]}}
	}
	t.price, t.discount, t.net = t.price.Add(extended), t.discount.Add(off), t.net.Add(net)
	t.included, t.added, t.items = t.included.Add(included), t.added.Add(added), t.items.Add(quantity)
}

// rate is the channel's tax in percent; of a document that is only calculated there is none.
func (c *call) rate() decimal.Decimal {
	d, _ := toDecimal(c.channel.TaxPercent)
	return d
}

// taxOf splits off the tax that an amount includes, or says what is added to it.
func (c *call) taxOf(amount decimal.Decimal) (included, added decimal.Decimal) {
	if c.channel.PriceIncludesTax {
		return amount.Mul(c.rate()).Div(hundred.Add(c.rate())).Round(2), decimal.Zero
	}
	return decimal.Zero, amount.Mul(c.rate()).Div(hundred).Round(2)
}

// calculateDocument answers CalculateSalesDocument: prices and discounts of a cart that is not kept. Taxes and charges are not
// computed, and a coupon that is none is passed over.
func (c *call) calculateDocument() (reply, *apiError) {
	body, err := c.parameters("salesDocument")
	if err != nil {
		return reply{}, err
	}
	object, ok := body["salesDocument"].(map[string]any)
	if !ok {
		return reply{}, badRequest(idMissingArgument, "salesDocument is missing")
	}
	document, err := cartMembers.take("salesDocument", object)
	if err == nil {
		err = cartLineMembers.takeAll("CartLines", document["CartLines"])
	}
	if err != nil {
		return reply{}, err
	}
	if str(document, "Id") == "" {
		return reply{}, invalid(idRequired, "Id is required")
	}
	sent := entries(document, "CartLines")
	document["CartLines"], document["ChargeLines"], document["TenderLines"] = []any{}, []any{}, []any{}
	k := &cart{members: document}
	c.channel.TaxPercent, c.document = "", true
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	if err := c.addLines(k, sent); err != nil {
		return reply{}, err
	}
	c.keepCoupons(k)
	c.price(k)
	document["@odata.context"] = c.origin() + "$metadata#Carts/$entity"
	return reply{status: 200, body: document}, nil
}
