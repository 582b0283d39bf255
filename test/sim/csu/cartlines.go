package csu

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/shopspring/decimal"
)

// addCartLines answers Carts('id')/AddCartLines: all lines or none.
func (c *call) addCartLines() (reply, *apiError) {
	return c.changeLines(c.addLines)
}

// updateCartLines answers Carts('id')/UpdateCartLines: sent members change, the rest stays.
func (c *call) updateCartLines() (reply, *apiError) {
	return c.changeLines(c.updateLines)
}

func (c *call) changeLines(change func(*cart, []map[string]any) *apiError) (reply, *apiError) {
	body, err := c.parameters("cartLines", "cartVersion")
	if err != nil {
		return reply{}, err
	}
	version, err := versionOf(body)
	if err != nil {
		return reply{}, err
	}
	lines, err := objects(body, "cartLines", cartLineMembers)
	if err != nil {
		return reply{}, err
	}
	return c.changeCart(version, func(k *cart) *apiError { return change(k, lines) })
}

// removeCartLines answers Carts('id')/RemoveCartLines.
func (c *call) removeCartLines() (reply, *apiError) {
	body, err := c.parameters("cartLineIds", "cartVersion")
	if err != nil {
		return reply{}, err
	}
	version, err := versionOf(body)
	if err != nil {
		return reply{}, err
	}
	ids, err := words(body, "cartLineIds")
	if err != nil {
		return reply{}, err
	}
	return c.changeCart(version, func(k *cart) *apiError {
		for _, id := range ids {
			if k.line(id) == nil {
				return cartError(idObjectNotFound, "there is no such line")
			}
		}
		k.members["CartLines"] = slices.DeleteFunc(k.members["CartLines"].([]any), func(l any) bool {
			return slices.Contains(ids, str(l.(map[string]any), "LineId"))
		})
		return nil
	})
}

// addLines adds lines to a cart, for whoever holds the lock.
func (c *call) addLines(k *cart, sent []map[string]any) *apiError {
	var wrong []validationResult
	for i, s := range sent {
		l := map[string]any{}
		if id := c.takeLine(k, l, s, true); id != "" {
			wrong = append(wrong, wrongLine(idLineAdd, id, i))
			continue
		}
		l["LineId"], l["LineNumber"] = c.sim.newLineID(), number(nextLineNumber(k))
		k.members["CartLines"] = append(k.members["CartLines"].([]any), l)
	}
	return wrongLines(wrong)
}

func (c *call) updateLines(k *cart, sent []map[string]any) *apiError {
	var wrong []validationResult
	seen := map[string]bool{}
	for i, s := range sent {
		id := str(s, "LineId")
		if seen[id] {
			return cartError(idDuplicatedLines, "a line is changed twice")
		}
		seen[id] = true
		l := k.line(id)
		if l == nil {
			wrong = append(wrong, wrongLine(idLineUpdate, idObjectNotFound, i))
			continue
		}
		if product := num(s, "ProductId"); product != 0 && product != num(l, "ProductId") {
			wrong = append(wrong, wrongLine(idLineUpdate, idReadOnly, i))
			continue
		}
		if why := c.takeLine(k, l, s, false); why != "" {
			wrong = append(wrong, wrongLine(idLineUpdate, why, i))
		}
	}
	return wrongLines(wrong)
}

// wrongLine says which line failed; why is in the context, for the id only names the operation.
func wrongLine(id, why string, at int) validationResult {
	return failed(id, why, fmt.Sprintf("CartLines[%d]", at), "the line is not valid")
}

func wrongLines(wrong []validationResult) *apiError {
	if len(wrong) == 0 {
		return nil
	}
	return cartError(idLines, "one or more lines are not valid", wrong...)
}

func nextLineNumber(k *cart) int64 {
	last := int64(0)
	for _, l := range k.lines() {
		last = max(last, num(l, "LineNumber"))
	}
	return last + 1
}

// takeLine puts what was sent into a line and gives it its price; the id of what is wrong is empty when nothing is.
func (c *call) takeLine(k *cart, l, sent map[string]any, adding bool) string {
	sent = maps.Clone(sent)
	maps.DeleteFunc(sent, func(name string, _ any) bool { return !slices.Contains(cartLineSent, name) })
	if adding && sent["Quantity"] == nil {
		sent["Quantity"] = number(1)
	}
	keyed := yes(sent, "IsPriceKeyedIn")
	price, given := toDecimal(sent["Price"])
	delete(sent, "Price")
	maps.Copy(l, sent)
	product, known := c.sim.opts.sold(num(l, "ProductId"), c.oun)
	quantity := dec(l, "Quantity")
	switch {
	case !known && num(l, "ProductId") == 0 && str(l, "ItemId") != "":
		if product, known = c.productOfItem(str(l, "ItemId")); !known {
			return idProductNotFound
		}
		l["ProductId"] = number(product.RecordID)
	case !known:
		return idProductNotFound
	}
	switch {
	case product.Blocked:
		return idProductBlocked
	case quantity.IsZero(), quantity.Abs().GreaterThan(maxQuantity):
		return idInvalidQuantity
	case str(l, "UnitOfMeasureSymbol") != "" && str(l, "UnitOfMeasureSymbol") != product.Unit:
		return idInvalidUnit
	case quantity.IsNegative() || isReturn(l):
		return c.returnLine(k, l, keyed)
	case keyed && !c.sim.opts.KeyedPrices:
		return idPriceNotAllowed
	case keyed && (!given || price.IsNegative()):
		return idMustKeyPrice
	}
	l["ItemId"], l["UnitOfMeasureSymbol"] = product.ItemID, product.Unit
	if str(l, "Description") == "" {
		l["Description"] = product.Name
	}
	l["OriginalPrice"] = product.Price
	switch {
	case keyed:
		l["Price"], l["IsPriceKeyedIn"] = json.Number(price.String()), true
	case adding || !yes(l, "IsPriceKeyedIn"):
		l["Price"] = product.Price
	}
	if l["DiscountLines"] == nil {
		l["DiscountLines"] = []any{}
	}
	return ""
}

// maxQuantity is the most of a line (inferred: it is a setting of the channel).
var maxQuantity = decimal.NewFromInt(10_000)

func (c *call) productOfItem(item string) (Product, bool) {
	at := slices.IndexFunc(c.sim.opts.Products, func(p Product) bool { return p.ItemID == item })
	if at < 0 {
		return Product{}, false
	}
	return c.sim.opts.Products[at], true
}
