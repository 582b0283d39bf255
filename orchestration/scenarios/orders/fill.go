package orders

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// batch is how many lines go into a cart in one call.
const batch = 50

// filled gives the cart as it is wanted: made, or taken up where an earlier go or event has left it. Nobody but us knows its id, and
// nothing comes of a cart before it is checked out, so it is changed without ado; the version that the checkout names says that nothing
// has changed since. It is errTaken when the id is an order's, and errVanished when a cart that was filled is gone and a checkout of it
// may have gone through.
func (o orders) filled(ctx context.Context, r *run, want csuclient.SalesOrder) (csuclient.Cart, error) {
	f := &filling{r: r, csu: o.csu(r.Channel), planning: csuclient.Planning(ctx)}
	if err := f.begin(ctx, want); err != nil {
		return csuclient.Cart{}, err
	}
	header, lines, err := o.ways(ctx, r)
	if err != nil {
		return csuclient.Cart{}, err
	}
	for _, next := range []func() error{
		func() error { return f.customer(ctx, want) },
		func() error { return f.lines(ctx, want) },
		func() error { return f.coupons(ctx) },
		func() error { return f.delivery(ctx, header, lines) },
		func() error { return f.charges(ctx) },
	} {
		if err := next(); err != nil {
			return csuclient.Cart{}, err
		}
	}
	if f.planning {
		return f.k, nil // what it would come to is not known
	}
	return f.k, priced(r, f.k)
}

// filling is a cart on its way.
type filling struct {
	r        *run
	csu      Orders
	k        csuclient.Cart
	planning bool
}

// begin makes the cart, or reads the one that is there.
func (f *filling) begin(ctx context.Context, want csuclient.SalesOrder) error {
	id := cartID(f.r)
	if f.r.State.Cart != "" { // by an earlier go
		k, err := f.csu.ReadCart(ctx, id)
		switch {
		case err == nil:
			f.k = k
			return nil
		case !errors.Is(err, csuclient.ErrNotFound):
			return err
		case f.r.Suspect:
			return errVanished
		}
	}
	k, err := f.csu.CreateCart(ctx, csuclient.NewCart{ID: id, CustomerID: want.CustomerID, OrderNumber: want.Reference, Attributes: want.Attributes, Checkout: true})
	if err == nil {
		f.k = k
		if k.ID != id && !f.planning {
			return &fault.Error{Kind: fault.Permanent, Reason: fault.CsuRejected, Detail: "the CSU has not kept the id of a cart, without which a checkout could be doubled; " +
				"have order_mode of channel " + f.r.Channel.Name + " set to upload, then replay (signalbox doctor says more)"}
		}
		return nil
	}
	if fault.KindOf(err) != fault.Conflict {
		return err
	}
	switch k, again := f.csu.ReadCart(ctx, id); {
	case again == nil:
		f.k = k
		return nil
	case errors.Is(again, csuclient.ErrNotFound):
		return errTaken
	default:
		return again
	}
}

func (f *filling) customer(ctx context.Context, want csuclient.SalesOrder) error {
	if f.planning || f.k.CustomerID == want.CustomerID {
		return nil
	}
	return f.then(f.csu.UpdateCart(ctx, f.k.ID, f.k.Version, csuclient.CartChanges{CustomerID: &want.CustomerID}))
}

// lines brings the lines to what is wanted: those that are there stay if they are its beginning.
func (f *filling) lines(ctx context.Context, want csuclient.SalesOrder) error {
	if !beginning(f.k.Lines, want.Lines) {
		ids := make([]string, len(f.k.Lines))
		for i, l := range f.k.Lines {
			ids[i] = l.ID
		}
		if err := f.then(f.csu.RemoveCartLines(ctx, f.k.ID, ids)); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(want.Lines[len(f.k.Lines):], batch) {
		lines := make([]csuclient.CartLine, len(some))
		for i, l := range some {
			lines[i] = csuclient.CartLine{ProductID: l.ProductID, Unit: l.Unit, Quantity: l.Quantity}
		}
		if err := f.then(f.csu.AddCartLines(ctx, f.k.ID, f.k.Version, lines)); err != nil {
			return err
		}
	}
	if !f.planning && (len(f.k.Lines) != len(want.Lines) || !beginning(f.k.Lines, want.Lines)) {
		return &fault.Error{Kind: fault.Permanent, Reason: fault.CsuRejected, Detail: fmt.Sprintf("the CSU has made %d lines of the cart's %d, or others than were sent", len(f.k.Lines), len(want.Lines))}
	}
	return nil
}

// beginning says whether a cart's lines are the first of those that are wanted.
func beginning(have []csuclient.CartLine, want []csuclient.SalesLine) bool {
	if len(have) > len(want) {
		return false
	}
	for i, l := range have {
		if w := want[i]; l.ProductID != w.ProductID || !l.Quantity.Equal(w.Quantity) || !strings.EqualFold(l.Unit, w.Unit) {
			return false
		}
	}
	return true
}

func (f *filling) coupons(ctx context.Context) error {
	var surplus, missing []string
	has := func(code string) bool {
		return slices.ContainsFunc(f.k.Coupons, func(c csuclient.Coupon) bool { return strings.EqualFold(c.Code, code) })
	}
	for _, code := range f.r.In.Coupons {
		if !has(code) {
			missing = append(missing, code)
		}
	}
	for _, c := range f.k.Coupons {
		if !slices.ContainsFunc(f.r.In.Coupons, func(code string) bool { return strings.EqualFold(c.Code, code) }) {
			surplus = append(surplus, c.Code)
		}
	}
	if len(surplus) > 0 {
		if err := f.then(f.csu.RemoveCoupons(ctx, f.k.ID, surplus)); err != nil {
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return f.then(f.csu.AddCoupons(ctx, f.k.ID, missing))
}

// delivery says how the lines are delivered: all alike by the header, or each by itself.
func (f *filling) delivery(ctx context.Context, header way, lines []way) error {
	for i, w := range lines {
		if w.mode == "" {
			return wrong(fmt.Sprintf("/lines/%d/delivery", i), "is missing, and the order has none either; a checkout needs one")
		}
	}
	same := slices.IndexFunc(lines, func(w way) bool { return !w.equal(header) }) < 0
	if !f.planning && f.delivered(lines) {
		return nil
	}
	if same {
		return f.then(f.csu.SetDelivery(ctx, f.k.ID, f.by(header)))
	}
	all := make([]csuclient.LineDelivery, len(lines))
	for i, w := range lines {
		id := csuclient.Planned
		if i < len(f.k.Lines) {
			id = f.k.Lines[i].ID
		}
		all[i] = csuclient.LineDelivery{LineID: id, Delivery: f.by(w)}
	}
	return f.then(f.csu.SetLineDeliveries(ctx, f.k.ID, all))
}

func (w way) equal(o way) bool {
	return w.mode == o.mode && w.store == o.store && w.pickup == o.pickup && samePlace(w.shipTo, o.shipTo) && sameTime(w.from, o.from) && sameTime(w.to, o.to)
}

// delivered says whether the lines are delivered as they are to be, as far as a cart shows it.
func (f *filling) delivered(lines []way) bool {
	for i, w := range lines {
		l := f.k.Lines[i]
		if l.DeliveryMode != w.mode || w.store != "" && l.StoreID != w.store || !samePlace(w.shipTo, l.ShipTo) ||
			!sameTime(w.from, l.PickupFrom) || !sameTime(w.to, l.PickupTo) {
			return false
		}
	}
	return true
}

func (f *filling) by(w way) csuclient.Delivery {
	d := csuclient.Delivery{Mode: w.mode, Address: w.shipTo, Preference: csuclient.DeliverToAddress}
	switch {
	case w.pickup:
		d.Preference, d.Store = csuclient.DeliverAtStore, w.store
		if w.from != nil {
			d.SlotFrom, d.SlotTo = *w.from, *w.to
		}
	case w.shipTo == nil:
		d.Preference, d.Email = csuclient.DeliverByElectronics, f.r.In.Email
	default:
		d.ShipFrom = w.store
	}
	return d
}

// charges puts those on the cart that the CSU has not put there by itself. There is no call that takes one off.
func (f *filling) charges(ctx context.Context) error {
	left := slices.Clone(f.k.Charges)
	for i, c := range f.r.In.Charges {
		at := slices.IndexFunc(left, func(l csuclient.ChargeLine) bool { return l.Code == c.Code && l.Amount.Equal(c.Amount) })
		if at >= 0 {
			left = slices.Delete(left, at, at+1)
			continue
		}
		if at = slices.IndexFunc(left, func(l csuclient.ChargeLine) bool { return l.Code == c.Code }); at >= 0 {
			return wrong(fmt.Sprintf("/charges/%d/amount", i), fmt.Sprintf("is %s, while the CSU charges %s by itself", c.Amount.StringFixed(2), left[at].Amount.StringFixed(2)))
		}
		if err := f.then(f.csu.AddCharge(ctx, f.k.ID, csuclient.Charge{Code: c.Code, Amount: c.Amount})); err != nil {
			return err
		}
	}
	if len(left) > 0 && !f.planning {
		return wrong("/charges", fmt.Sprintf("has no %s, which the CSU charges with %s; say it, or have its set-up corrected", left[0].Code, left[0].Amount.StringFixed(2)))
	}
	return nil
}

// then goes on with the cart that a change has given.
func (f *filling) then(k csuclient.Cart, err error) error {
	if err != nil {
		return err
	}
	f.k = k
	return nil
}

// tolerance is by how much an amount may differ from what the CSU makes it.
func tolerance(r *run) decimal.Decimal {
	d, err := decimal.NewFromString(r.Channel.PriceTolerance)
	if err != nil { // empty: the configuration lets nothing else through
		return decimal.Zero
	}
	return d
}

func within(a, b, tolerance decimal.Decimal) bool { return a.Sub(b).Abs().LessThanOrEqual(tolerance) }
