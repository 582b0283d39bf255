package csu

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Coupon is a discount that a code gives on every line of a cart.
type Coupon struct {
	Code          string
	Percent       json.Number
	From, Until   time.Time // zero: always
	Inactive      bool
	NeedsCustomer bool
	Exclusive     bool // with no other
	Limit         int  // checkouts that may use it; 0: any number
}

// addCoupons answers Carts('id')/AddCoupons: all codes or none.
func (c *call) addCoupons() (reply, *apiError) {
	return c.changeCoupons(func(k *cart, codes []string) *apiError {
		for _, code := range codes {
			coupon, known := c.coupon(code)
			if !known {
				return cartError(idCouponCode, "there is no such coupon")
			}
			if err := c.refuseCoupon(k, coupon); err != nil {
				return err
			}
			if !hasCoupon(k, coupon.Code) {
				list, _ := k.members["Coupons"].([]any)
				k.members["Coupons"] = append(list, map[string]any{"CodeId": coupon.Code, "Code": coupon.Code, "DiscountOfferId": "OFFER-" + coupon.Code})
			}
		}
		return nil
	})
}

// removeCoupons answers Carts('id')/RemoveCoupons; a code that is not on the cart is passed over.
func (c *call) removeCoupons() (reply, *apiError) {
	return c.changeCoupons(func(k *cart, codes []string) *apiError {
		list, _ := k.members["Coupons"].([]any)
		k.members["Coupons"] = slices.DeleteFunc(list, func(e any) bool {
			return slices.ContainsFunc(codes, func(code string) bool { return strings.EqualFold(code, str(e.(map[string]any), "Code")) })
		})
		return nil
	})
}

func (c *call) changeCoupons(change func(*cart, []string) *apiError) (reply, *apiError) {
	body, err := c.parameters("couponCodes", "isLegacyDiscountCode")
	if err != nil {
		return reply{}, err
	}
	codes, err := words(body, "couponCodes")
	if err != nil {
		return reply{}, err
	}
	return c.changeCart(nil, func(k *cart) *apiError { return change(k, codes) })
}

func (c *call) coupon(code string) (Coupon, bool) {
	at := slices.IndexFunc(c.sim.opts.Coupons, func(o Coupon) bool { return strings.EqualFold(o.Code, code) })
	if at < 0 {
		return Coupon{}, false
	}
	return c.sim.opts.Coupons[at], true
}

func hasCoupon(k *cart, code string) bool {
	return slices.ContainsFunc(entries(k.members, "Coupons"), func(o map[string]any) bool { return str(o, "Code") == code })
}

func (c *call) refuseCoupon(k *cart, coupon Coupon) *apiError {
	now, others := time.Now(), entries(k.members, "Coupons")
	others = slices.DeleteFunc(others, func(o map[string]any) bool { return str(o, "Code") == coupon.Code })
	exclusive := coupon.Exclusive || slices.ContainsFunc(others, func(o map[string]any) bool { other, _ := c.coupon(str(o, "Code")); return other.Exclusive })
	switch {
	case coupon.Inactive:
		return cartError(idCouponInactive, "the coupon is not active")
	case !coupon.From.IsZero() && now.Before(coupon.From):
		return cartError(idCouponEarly, "the coupon is not valid yet")
	case !coupon.Until.IsZero() && !now.Before(coupon.Until):
		return cartError(idCouponExpired, "the coupon has expired")
	case coupon.Limit > 0 && c.sim.store.couponsUsed[coupon.Code] >= coupon.Limit:
		return cartError(idCouponUsed, "the coupon has been used as often as it may be")
	case coupon.NeedsCustomer && str(k.members, "CustomerId") == "":
		return cartError(idCouponCustomer, "the coupon is only for customers")
	case exclusive && len(others) > 0:
		return cartError(idCouponExclusive, "the coupon goes with no other")
	}
	return nil
}

// keepCoupons drops the coupons that do not hold.
func (c *call) keepCoupons(k *cart) {
	kept := []any{}
	for _, sent := range entries(k.members, "Coupons") {
		coupon, known := c.coupon(str(sent, "Code"))
		k.members["Coupons"] = kept
		if known && c.refuseCoupon(k, coupon) == nil {
			kept = append(kept, map[string]any{"CodeId": coupon.Code, "Code": coupon.Code, "DiscountOfferId": "OFFER-" + coupon.Code})
		}
	}
	k.members["Coupons"] = kept
}

// discount takes the cart's coupons off every line that is no return, one after the other.
func (c *call) discount(k *cart) {
	for _, l := range k.lines() {
		if isReturn(l) {
			continue
		}
		rest := dec(l, "Price").Mul(dec(l, "Quantity")).Round(2)
		full, lines := rest, []any{}
		for _, applied := range entries(k.members, "Coupons") {
			coupon, _ := c.coupon(str(applied, "Code"))
			percent, _ := toDecimal(coupon.Percent)
			off := rest.Mul(percent).Div(hundred).Round(2)
			rest = rest.Sub(off)
			lines = append(lines, map[string]any{"OfferId": str(applied, "DiscountOfferId"), "OfferName": coupon.Code, "DiscountCode": coupon.Code,
				"Percentage": json.Number(percent.String()), "EffectiveAmount": money(off), "DiscountLineTypeValue": number(2), "SaleLineNumber": l["LineNumber"]})
		}
		l["DiscountAmount"], l["DiscountLines"] = money(full.Sub(rest)), lines
	}
}
