package orders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// find looks for the order under its reference. One that is there must say what the event says: an order is placed once, and what
// changes it is another event.
func (o orders) find(ctx context.Context, r *run) (bool, error) {
	want, err := o.wanted(ctx, r)
	if err != nil {
		return false, err
	}
	is, err := o.csu(r.Channel).FindOrder(ctx, want.Reference)
	if errors.Is(err, csuclient.ErrNotFound) {
		return false, unseen(r)
	}
	if err != nil {
		return false, err
	}
	if err := differs(differing(want, is)); err != nil {
		return false, err
	}
	r.State.Order = is.ID
	return true, nil
}

// unseen refuses to place an order that has been placed, as its binding says, and that the CSU does not show any more: a channel's
// database keeps its orders for a time.
func unseen(r *run) error {
	if r.Binding == "" {
		return nil
	}
	return &fault.Error{Kind: fault.Permanent, Reason: fault.BusinessRule, Pointer: "/id", Detail: "the order has been placed already, and is bound to " + r.Binding +
		"; the CSU does not show it any more, so that what it says cannot be compared. Discard this, or have the source give a new order a new number"}
}

func (o orders) upload(ctx context.Context, r *run) error {
	want, err := o.wanted(ctx, r)
	if err != nil {
		return err
	}
	if err := o.checkPrices(ctx, r, want); err != nil {
		return err
	}
	if err := o.covered(ctx, r); err != nil {
		return err
	}
	made, err := o.csu(r.Channel).UploadOrder(ctx, want)
	if err != nil {
		return err
	}
	r.State.Order = made.ID
	return nil
}

// wanted is the order as the CSU is to have it. It is made again wherever it is needed, because the event's data must not be kept.
func (o orders) wanted(ctx context.Context, r *run) (csuclient.SalesOrder, error) {
	in := r.In
	if own := r.Channel.Currency; own != "" && own != in.Currency {
		return csuclient.SalesOrder{}, wrong("/currency", fmt.Sprintf("is not %s, which channel %s sells in", own, r.Channel.Name))
	}
	if len(in.Coupons) > 0 && !r.Channel.UsesCarts() && !r.Channel.CheckPrices {
		return csuclient.SalesOrder{}, wrong("/coupons", fmt.Sprintf("are given, while channel %s uploads its orders unpriced; leave them out and say what they come to as discounts of lines, or have the channel's order_mode be cart, or its check_prices on",
			r.Channel.Name))
	}
	want := csuclient.SalesOrder{
		ID: id(r), Reference: reference(r), ReceiptEmail: in.Email, Currency: in.Currency, Placed: r.Event.Time, TaxIncluded: in.TaxIncluded,
	}
	if in.PlacedAt != nil {
		want.Placed = *in.PlacedAt
	}
	for i, l := range in.Lines {
		want.Lines = append(want.Lines, csuclient.SalesLine{Number: decimal.NewFromInt(int64(i + 1)), Unit: l.Unit, Quantity: l.Quantity, Price: l.Price,
			Discount: l.Discount, Tax: l.Tax})
	}
	for _, a := range in.Attributes {
		want.Attributes = append(want.Attributes, csuclient.Attribute{Name: a.Name, Text: a.Value})
	}
	for _, c := range in.Charges {
		want.Charges = append(want.Charges, csuclient.ChargeLine{Code: c.Code, Amount: c.Amount, Tax: c.Tax, Shipping: c.Shipping})
	}
	if err := in.sums(&want); err != nil {
		return csuclient.SalesOrder{}, err
	}
	var err error
	if want.CustomerID, err = customer(r); err != nil {
		return csuclient.SalesOrder{}, err
	}
	unit, err := o.csu(r.Channel).OrgUnit(ctx)
	if err != nil {
		return csuclient.SalesOrder{}, err
	}
	want.ChannelID = unit.ChannelID
	if err := o.delivered(ctx, r, &want); err != nil {
		return csuclient.SalesOrder{}, err
	}
	if want.Payments, err = o.payments(ctx, r, want.CustomerID); err != nil {
		return csuclient.SalesOrder{}, err
	}
	return want, o.sold(ctx, r, want.Lines)
}

// delivered fills in how the order and its lines get to whom.
func (o orders) delivered(ctx context.Context, r *run, want *csuclient.SalesOrder) error {
	header, lines, err := o.ways(ctx, r)
	if err != nil {
		return err
	}
	want.DeliveryMode, want.ShipTo = header.mode, header.shipTo
	for i, w := range lines {
		l := &want.Lines[i]
		l.DeliveryMode, l.ShipTo, l.Store, l.Warehouse, l.PickupFrom, l.PickupTo = w.mode, w.shipTo, w.store, w.warehouse, w.from, w.to
	}
	return nil
}

// customer is the account number of who has ordered. A provisional one is not an account that headquarters could give an order to.
func customer(r *run) (string, error) {
	if r.In.Customer == "" {
		return "", nil
	}
	account, err := r.Needed(0)
	if err == nil && csuclient.Provisional(account) {
		err = r.Lacks(0, "whose account is provisional: headquarters has not converted it yet")
	}
	return account, err
}

// sold fills in what the lines must say of their products.
func (o orders) sold(ctx context.Context, r *run, lines []csuclient.SalesLine) error {
	names, first := r.In.products(), 0
	if r.In.Customer != "" {
		first = 1
	}
	ids := make([]int64, len(names))
	for i, name := range names {
		bound, err := r.Needed(first + i)
		if err != nil {
			return err
		}
		if ids[i], err = strconv.ParseInt(bound, 10, 64); err != nil {
			return &fault.Error{Kind: fault.Permanent, Reason: fault.MappingConflict, Pointer: r.In.pointer(name),
				Detail: fmt.Sprintf("%s is bound to %q, which is no record id of a product; bind it to its record id, then replay", r.In.pointer(name), bound)}
		}
	}
	products, err := o.csu(r.Channel).Products(ctx, ids)
	if err != nil {
		return err
	}
	for i := range lines {
		name := r.In.Lines[i].Product
		id := ids[slices.Index(names, name)]
		p, sold := products[id]
		if !sold {
			return wrong(r.In.pointer(name), fmt.Sprintf("is bound to product %d, which channel %s does not sell; assort it there or bind another, then replay", id, r.Channel.Name))
		}
		lines[i].ProductID, lines[i].ItemID, lines[i].Unit = p.ID, p.ItemID, cmp.Or(lines[i].Unit, p.Unit)
	}
	return nil
}

// pointer is where the data first names a product.
func (p Placed) pointer(product string) string {
	return fmt.Sprintf("/lines/%d/product", slices.IndexFunc(p.Lines, func(l Line) bool { return l.Product == product }))
}
