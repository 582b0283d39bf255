package csu

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"
)

// ChargeCode is a kind of charge that a cart may have.
type ChargeCode struct {
	Code, Description string
	Shipping          bool
}

// DefaultChargeCodes are those of a simulator that was told none; FREIGHT is what delivery modes charge.
func DefaultChargeCodes() []ChargeCode {
	return []ChargeCode{{freight, "Freight", true}, {"HANDLING", "Handling", false}}
}

const (
	freight      = "FREIGHT"
	moduleRetail = 3 // ChargeModule
	chargeManual = 0 // ChargeType
	chargeAuto   = 2
)

// addCharge answers Carts('id')/AddCharge.
func (c *call) addCharge() (reply, *apiError) {
	body, err := c.parameters("moduleTypeValue", "chargeCode", "amount")
	if err != nil {
		return reply{}, err
	}
	amount, err := c.chargeAmount(body)
	if err != nil {
		return reply{}, err
	}
	return c.changeCart(nil, func(k *cart) *apiError { return c.charge(k, str(body, "chargeCode"), amount, number(0)) })
}

// addCartLineCharge answers Carts('id')/AddCartLineCharge. The charge stands among those of the header with its line's number
// (inferred).
func (c *call) addCartLineCharge() (reply, *apiError) {
	body, err := c.parameters("cartLineId", "moduleTypeValue", "chargeCode", "amount")
	if err != nil {
		return reply{}, err
	}
	amount, err := c.chargeAmount(body)
	if err != nil {
		return reply{}, err
	}
	return c.changeCart(nil, func(k *cart) *apiError {
		l := k.line(str(body, "cartLineId"))
		if l == nil {
			return cartError(idObjectNotFound, "there is no such line")
		}
		of, _ := l["LineNumber"].(json.Number)
		return c.charge(k, str(body, "chargeCode"), amount, of)
	})
}

func (c *call) chargeAmount(body map[string]any) (amount decimal.Decimal, err *apiError) {
	if !integer32.accepts(body["moduleTypeValue"]) || body["moduleTypeValue"] == nil {
		return amount, badRequest(idMissingArgument, "moduleTypeValue is missing")
	}
	amount, given := toDecimal(body["amount"])
	if !given {
		return amount, badRequest(idMissingArgument, "amount is missing")
	}
	return amount, nil
}

func (c *call) charge(k *cart, code string, amount decimal.Decimal, line json.Number) *apiError {
	at := slices.IndexFunc(c.sim.opts.ChargeCodes, func(known ChargeCode) bool { return known.Code == code })
	if at < 0 {
		return cartError(idChargeCode, "there is no such charge code")
	}
	c.appendCharge(k, c.sim.opts.ChargeCodes[at], amount, line, chargeManual)
	return nil
}

func (c *call) appendCharge(k *cart, of ChargeCode, amount decimal.Decimal, line json.Number, kind int64) {
	list, _ := k.members["ChargeLines"].([]any)
	k.members["ChargeLines"] = append(list, map[string]any{
		"ChargeLineId": fmt.Sprintf("%032x", c.sim.store.nextID()), "ChargeCode": of.Code, "Description": of.Description, "IsShipping": of.Shipping,
		"ModuleTypeValue": number(moduleRetail), "ChargeTypeValue": number(kind), "ChargeMethodValue": number(0), "Value": money(amount),
		"CalculatedAmount": money(amount), "CurrencyCode": c.channel.withDefaults().Currency, "SaleLineNumber": line, "IsRefundable": true,
	})
}

// chargeDelivery computes the automatic charges: once for each delivery mode that a line goes by and that costs something.
func (c *call) chargeDelivery(k *cart) {
	list, _ := k.members["ChargeLines"].([]any)
	k.members["ChargeLines"] = slices.DeleteFunc(list, func(e any) bool { return num(e.(map[string]any), "ChargeTypeValue") == chargeAuto })
	if c.document {
		return
	}
	var seen []string
	for _, l := range k.lines() {
		code := str(l, "DeliveryMode")
		mode, known := c.deliveryMode(code)
		cost, _ := toDecimal(mode.Charge)
		if !known || isReturn(l) || slices.Contains(seen, code) || cost.IsZero() {
			continue
		}
		seen = append(seen, code)
		c.appendCharge(k, ChargeCode{freight, "Freight", true}, cost, number(0), chargeAuto)
	}
}

// chargeCodes answers Carts/GetChargeCodes().
func (c *call) chargeCodes() (reply, *apiError) {
	rows := []map[string]any{}
	for _, known := range c.sim.options().ChargeCodes {
		rows = append(rows, map[string]any{"Code": known.Code, "Description": known.Description, "IsShipping": known.Shipping, "IsRefundable": true, "ModuleTypeValue": moduleRetail})
	}
	return pageOf(c, "ChargeCode", rows)
}
