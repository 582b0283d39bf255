package orders

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// differs refuses an order that has been placed already with other content.
func differs(fields []string) error {
	if len(fields) == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Pointer: fields[0], Detail: "the order has been placed already, and differs in " +
		strings.Join(fields, ", ") + "; if the source has changed it since, that is not placing it"}
}

// differingCart is differing for an order that the CSU has priced by itself: of its amounts only the total is the source's, and that may
// be off by as much as the tolerance.
func differingCart(want, is csuclient.SalesOrder, tolerance decimal.Decimal) []string {
	if within(want.Total, is.Total, tolerance) {
		is.Total = want.Total
	}
	is.Charge, is.TaxIncluded, is.Payments = want.Charge, want.TaxIncluded, nil
	is.DeliveryMode, is.ShipTo = want.DeliveryMode, want.ShipTo // its lines say it
	is.Lines = slices.Clone(is.Lines)
	for i := range min(len(is.Lines), len(want.Lines)) {
		l, w := &is.Lines[i], want.Lines[i]
		l.Price, l.Discount, l.Tax = w.Price, w.Discount, w.Tax
	}
	return differing(want, is)
}

// differing names the fields, by their pointers in the event, in which an order that is there is another than the one that is wanted.
// It compares what a person would call the order: who, what, how much, where to. When it was placed is no part of that, for an event
// that is published again may say another time.
func differing(want, is csuclient.SalesOrder) (fields []string) {
	say := func(same bool, pointer string, args ...any) {
		if !same {
			fields = append(fields, fmt.Sprintf(pointer, args...))
		}
	}
	say(want.CustomerID == is.CustomerID, "/customer")
	say(want.ReceiptEmail.Same(is.ReceiptEmail), "/email")
	say(want.Currency == is.Currency, "/currency")
	say(want.TaxIncluded == is.TaxIncluded, "/taxIncluded")
	say(want.Total.Equal(is.Total), "/total")
	say(want.Charge.Equal(is.Charge), "/charges")
	say(want.DeliveryMode == is.DeliveryMode, "/delivery/mode")
	say(samePlace(want.ShipTo, is.ShipTo), "/delivery/address")
	if len(want.Lines) != len(is.Lines) {
		return append(fields, "/lines")
	}
	for i, w := range want.Lines {
		have := is.Lines[i]
		say(w.ProductID == have.ProductID, "/lines/%d/product", i)
		say(w.Quantity.Equal(have.Quantity), "/lines/%d/quantity", i)
		say(w.Unit == have.Unit, "/lines/%d/unit", i)
		say(w.Price.Equal(have.Price), "/lines/%d/price", i)
		say(w.Discount.Equal(have.Discount), "/lines/%d/discount", i)
		say(w.Tax.Equal(have.Tax), "/lines/%d/tax", i)
		say(w.DeliveryMode == have.DeliveryMode && w.Store == have.Store && samePlace(w.ShipTo, have.ShipTo) && sameTime(w.PickupFrom, have.PickupFrom) &&
			sameTime(w.PickupTo, have.PickupTo), "/lines/%d/delivery", i)
	}
	// A scale unit may keep payments to itself; how the rest of them looks is their connector's affair.
	paid := func(o csuclient.SalesOrder) (all []string) {
		for _, p := range o.Payments {
			all = append(all, p.TypeID+" "+p.Amount.String())
		}
		slices.Sort(all)
		return all
	}
	say(len(is.Payments) == 0 || slices.Equal(paid(want), paid(is)), "/payments")
	return fields
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Equal(*b)
}

// samePlace says whether goods go where they are wanted. Case and spaces are not told apart: a CSU may tidy them. A place that is wanted
// by its record, such as a store's, is that record; any other may have been given one.
func samePlace(want, is *csuclient.Address) bool {
	if want == nil || is == nil {
		return want == nil && is == nil
	}
	if want.RecordID != 0 {
		return want.RecordID == is.RecordID
	}
	plain := func(a *csuclient.Address) string {
		return strings.ToLower(strings.Join(strings.Fields(strings.Join([]string{a.Name.Reveal(), a.Street.Reveal(), a.StreetNumber.Reveal(), a.City.Reveal(),
			a.State.Reveal(), a.ZipCode.Reveal(), a.Country}, " ")), " "))
	}
	return plain(want) == plain(is)
}
