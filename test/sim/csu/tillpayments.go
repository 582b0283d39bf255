package csu

import "slices"

// addTenderLine answers Carts('id')/AddTenderLine, which is for employees: the cart is paid bit by bit.
func (c *call) addTenderLine() (reply, *apiError) {
	body, err := c.parameters("cartTenderLine", "cartVersion")
	if err != nil {
		return reply{}, err
	}
	version, err := versionOf(body)
	if err != nil {
		return reply{}, err
	}
	sent, ok := body["cartTenderLine"].(map[string]any)
	if !ok {
		return reply{}, badRequest(idMissingArgument, "cartTenderLine is missing")
	}
	line, err := cartTenderMembers.take("cartTenderLine", sent)
	if err != nil {
		return reply{}, err
	}
	return c.changeCart(version, func(k *cart) *apiError {
		t, known := c.tenderType(str(line, "TenderTypeId"))
		if !known {
			return tenderError(idTenderType, "there is no such tender type")
		}
		p := payment{tender: t, sent: line, amount: dec(line, "Amount")}
		if err := c.refusePayment(k, &p); err != nil {
			return err
		}
		list, _ := k.members["TenderLines"].([]any)
		k.members["TenderLines"] = append(list, c.pay(p, k.id(), len(list)))
		return nil
	})
}

// voidTenderLine answers Carts('id')/VoidTenderLine.
func (c *call) voidTenderLine() (reply, *apiError) {
	body, err := c.parameters("tenderLineId", "reasonCodeLines", "isPreprocessed", "forceVoid")
	if err != nil {
		return reply{}, err
	}
	return c.changeCart(nil, func(k *cart) *apiError {
		lines := entries(k.members, "TenderLines")
		at := slices.IndexFunc(lines, func(l map[string]any) bool { return str(l, "TenderLineId") == str(body, "tenderLineId") })
		if at < 0 {
			return cartError(idObjectNotFound, "there is no such tender line")
		}
		if num(lines[at], "StatusValue") != tenderVoided {
			c.giveBack(lines[at])
		}
		lines[at]["StatusValue"] = number(tenderVoided)
		return nil
	})
}
