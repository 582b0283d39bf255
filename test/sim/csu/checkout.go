package csu

import (
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"time"
)

// checkout answers Carts('id')/Checkout: the cart becomes an order of the same id, or stays as it was.
func (c *call) checkout() (reply, *apiError) {
	body, err := c.parameters("receiptEmail", "tokenizedPaymentCard", "receiptNumberSequence", "cartTenderLines", "cartVersion")
	if err != nil {
		return reply{}, err
	}
	version, err := versionOf(body)
	if err != nil {
		return reply{}, err
	}
	var tenders []map[string]any
	if body["cartTenderLines"] != nil {
		if tenders, err = objects(body, "cartTenderLines", cartTenderMembers); err != nil {
			return reply{}, err
		}
	}
	if body["tokenizedPaymentCard"] != nil {
		return reply{}, paymentError(idTokenUnexpected, "cards are sent in cartTenderLines")
	}
	if err := c.beginCheckout(version); err != nil {
		return reply{}, err
	}
	view, effect, err := c.commitCheckout(str(body, "receiptEmail"), tenders)
	if err != nil {
		return reply{}, err
	}
	view["@odata.context"] = c.origin() + "$metadata#SalesOrders/$entity"
	return reply{status: http.StatusOK, body: view, effect: effect}, nil
}

// beginCheckout makes the cart read-only until commitCheckout is through with it.
func (c *call) beginCheckout(version *int64) *apiError {
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store.orders.byID[c.key] != nil {
		return cartError(idCheckedOut, "the cart has been checked out")
	}
	k, err := s.cartOf(c.key)
	switch {
	case err != nil:
		return err
	case k.checking:
		return cartError(idReadOnlyCart, "the cart is being checked out")
	case version != nil && *version != num(k.members, "Version"):
		return staleCart()
	}
	k.checking = true
	return nil
}

func (c *call) commitCheckout(email string, tenders []map[string]any) (SalesOrder, int64, *apiError) {
	waited := c.wait(PointCommit)
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if !waited || s.closed || s.generation != c.generation {
		return nil, 0, gone
	}
	k := s.store.carts[c.key]
	k.checking = false
	now := time.Now()
	s.landDue(now)
	if err := c.refuseCheckout(k, email); err != nil {
		return nil, 0, err
	}
	payments, err := c.refusePayments(k, tenders)
	if err != nil {
		return nil, 0, err
	}
	if _, declined := c.fault(Decline); declined && len(payments) > 0 {
		return nil, 0, paymentError(idDeclined, "the payment was declined")
	}
	if s.opts.OrdersInRealTime && c.headquartersAway() {
		return nil, 0, headquartersUnreachable()
	}
	o := c.orderOf(k, email, payments, now)
	s.store.orders.add(o)
	delete(s.store.carts, k.id())
	for _, coupon := range entries(k.members, "Coupons") {
		s.store.couponsUsed[str(coupon, "Code")]++
	}
	s.store.takeSlots(o.lines())
	if s.opts.OrdersInRealTime {
		s.land(o)
	} else if _, refused := c.fault(HQRefuses); refused {
		s.store.orders.refuse(o)
	}
	return o.view(), s.recordOrder(c, o), nil
}

// refuseCheckout is what the real service checks before payments, in its order.
func (c *call) refuseCheckout(k *cart, email string) *apiError {
	switch kind := num(k.members, "CartTypeValue"); {
	case kind != cartShopping && kind != cartCheckout:
		return cartError(idCartType, "a cart of this type is not checked out")
	case email == "":
		return invalid(idRequired, "receiptEmail is required")
	case !mailAddress(email):
		return invalid(idInvalidEmail, "the e-mail address is not valid")
	case len(k.lines()) == 0:
		return invalid(idRequired, "a cart needs a line")
	}
	for _, l := range k.lines() {
		if err := c.refuseLine(k, l); err != nil {
			return err
		}
	}
	return c.refuseReturns(k)
}

// refuseLine checks how a line is delivered; one that comes back needs nothing.
func (c *call) refuseLine(k *cart, l map[string]any) *apiError {
	if isReturn(l) {
		return nil
	}
	code := str(l, "DeliveryMode")
	if code == "" {
		code = str(k.members, "DeliveryMode")
	}
	mode, known := c.deliveryMode(code)
	switch {
	case code == "":
		return cartError(idNoDeliveryMode, "a line has no delivery mode")
	case !known:
		return cartError(idDeliveryMode, "the delivery mode is not known")
	case mode.Electronic:
		return nil
	case mode.Pickup:
		s, known := c.store(str(l, "FulfillmentStoreId"))
		if !known {
			return cartError(idStoreNumber, "there is no such store for pickup")
		}
		return c.refuseTimeslot(s, l)
	}
	address, _ := l["ShippingAddress"].(map[string]any)
	if len(address) == 0 {
		address, _ = k.members["ShippingAddress"].(map[string]any)
	}
	return c.refuseAddress(address, mode)
}

// orderOf makes the order of a cart, and takes the payments.
func (c *call) orderOf(k *cart, email string, payments []payment, now time.Time) *order {
	m, at := k.members, now.UTC().Format(time.RFC3339)
	reference := madeReference(k.id())
	if number := str(m, "OrderNumber"); number != "" && c.sim.opts.OrderNumberIsReference {
		reference = cut(number, longestReference)
	}
	lines, taxes := make([]any, 0, len(k.lines())), []any{}
	for _, l := range k.lines() {
		lines = append(lines, orderLine(k, l))
		taxes = append(taxes, l["TaxLines"].([]any)...)
	}
	tenders := make([]any, 0, len(payments))
	for _, kept := range entries(m, "TenderLines") {
		if num(kept, "StatusValue") != tenderVoided {
			tenders = append(tenders, kept)
		}
	}
	for i, p := range payments {
		tenders = append(tenders, c.pay(p, k.id(), i))
	}
	withTax := dec(m, "SubtotalAmount")
	if !c.channel.PriceIncludesTax {
		withTax = withTax.Add(dec(m, "TaxAmount"))
	}
	o := map[string]any{
		"Id": k.id(), "SalesId": "", "ChannelReferenceId": reference, "ReceiptId": "", "StatusValue": number(statusCreated), "TransactionTypeValue": number(pendingSalesOrder),
		"EntryStatusValue": number(0), "DocumentStatusValue": number(0), "PaymentStatusValue": number(1), "ChannelId": m["ChannelId"], "CustomerId": str(m, "CustomerId"), "ReceiptEmail": email,
		"CurrencyCode": c.channel.withDefaults().Currency, "CreatedDateTime": at, "BeginDateTime": m["BeginDateTime"], "BusinessDate": now.UTC().Format(time.DateOnly) + "T00:00:00Z",
		"SalesLines": lines, "TenderLines": tenders, "ChargeLines": m["ChargeLines"], "TaxLines": taxes, "Coupons": m["Coupons"],
		"AttributeValues": m["AttributeValues"], "Comment": str(m, "Comment"), "LoyaltyCardId": str(m, "LoyaltyCardId"), "CustomerRequisition": str(m, "CustomerRequisition"),
		"DeliveryMode": str(m, "DeliveryMode"), "ShippingAddress": m["ShippingAddress"], "RequestedDeliveryDate": m["RequestedDeliveryDate"], "InventoryLocationId": c.warehouse(),
		"TotalAmount": m["TotalAmount"], "AmountPaid": m["TotalAmount"], "AmountDue": number(0), "GrossAmount": m["TotalAmount"],
		"NetAmount": m["SubtotalAmount"], "NetAmountWithoutTax": m["SubtotalAmountWithoutTax"], "NetAmountWithTax": money(withTax), "NetPrice": m["NetPrice"],
		"SubtotalAmount": m["SubtotalAmount"], "SubtotalAmountWithoutTax": m["SubtotalAmountWithoutTax"], "DiscountAmount": m["DiscountAmount"], "LineDiscount": m["DiscountAmount"],
		"TaxAmount": m["TaxAmount"], "ChargeAmount": m["ChargeAmount"], "ShippingChargeAmount": m["ShippingChargeAmount"], "OtherChargeAmount": m["OtherChargeAmount"],
		"NumberOfItems": m["TotalItems"], "IsTaxIncludedInPrice": m["IsTaxIncludedInPrice"], "ExtensionProperties": m["ExtensionProperties"],
	}
	return &order{members: clone(o), since: now, oun: c.oun}
}

// orderLine makes the order's line of a cart's.
func orderLine(k *cart, l map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range l {
		if _, shared := orderLineMembers[name]; shared {
			out[name] = value
		}
	}
	out["NetAmount"], out["GrossAmount"] = money(dec(l, "NetPrice").Sub(dec(l, "DiscountAmount"))), l["ExtendedPrice"]
	out["SalesOrderUnitOfMeasure"], out["ListingId"], out["InventoryLocationId"] = l["UnitOfMeasureSymbol"], l["ProductId"], l["WarehouseId"]
	out["SalesStatusValue"], out["QuantityOrdered"] = number(statusCreated), l["Quantity"]
	if str(out, "DeliveryMode") == "" && !isReturn(l) {
		out["DeliveryMode"], out["ShippingAddress"] = k.members["DeliveryMode"], k.members["ShippingAddress"]
	}
	return out
}

// madeReference makes a channel reference id of 14 characters; lengths from 11 to 20 are known. It looks like chance, and is the same
// whenever an order of the id is made, so that what is made of it can be compared.
func madeReference(id string) string {
	sum := sha256.Sum256([]byte(id))
	r := base32.StdEncoding.EncodeToString(sum[:])
	return r[:4] + "-" + r[4:8] + "-" + r[8:12]
}

func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}

func mailAddress(email string) bool {
	v := &validation{limits: Limits{}.withDefaults()}
	v.email(map[string]any{"e": email}, "", "e")
	return email != "" && len(v.results) == 0
}

// validateForCheckout answers Carts('id')/ValidateForCheckout(cartVersion=n): what a checkout would say of the lines.
func (c *call) validateForCheckout() (reply, *apiError) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	k, err := c.sim.cartOf(c.key)
	if err != nil {
		return reply{}, err
	}
	if v := c.args["cartVersion"]; v != "" && v != "null" && v != string(number(num(k.members, "Version"))) {
		return reply{}, staleCart()
	}
	rows := []map[string]any{}
	for _, l := range k.lines() {
		if err := c.refuseLine(k, l); err != nil {
			rows = append(rows, map[string]any{"LineId": l["LineId"], "ErrorResourceId": err.id})
		}
	}
	return reply{status: http.StatusOK, body: map[string]any{"ValidationFailuresByCartLines": rows}}, nil
}
