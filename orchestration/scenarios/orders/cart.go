package orders

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Carts is the part of the CSU that orders need where they are placed as carts, or priced beforehand.
type Carts interface {
	CreateCart(ctx context.Context, n csuclient.NewCart) (csuclient.Cart, error)
	ReadCart(ctx context.Context, id string) (csuclient.Cart, error)
	UpdateCart(ctx context.Context, id string, version int64, c csuclient.CartChanges) (csuclient.Cart, error)
	AddCartLines(ctx context.Context, id string, version int64, lines []csuclient.CartLine) (csuclient.Cart, error)
	RemoveCartLines(ctx context.Context, id string, lines []string) (csuclient.Cart, error)
	AddCoupons(ctx context.Context, id string, codes []string) (csuclient.Cart, error)
	RemoveCoupons(ctx context.Context, id string, codes []string) (csuclient.Cart, error)
	SetDelivery(ctx context.Context, id string, d csuclient.Delivery) (csuclient.Cart, error)
	SetLineDeliveries(ctx context.Context, id string, lines []csuclient.LineDelivery) (csuclient.Cart, error)
	AddCharge(ctx context.Context, id string, c csuclient.Charge) (csuclient.Cart, error)
	PriceCart(ctx context.Context, n csuclient.NewCart, coupons []string) (csuclient.Cart, error)
	CheckOut(ctx context.Context, id string, c csuclient.Checkout) (csuclient.SalesOrder, error)
	FindOrderByTransaction(ctx context.Context, id string) (csuclient.SalesOrder, error)
	CustomerOrders(ctx context.Context, account string) ([]csuclient.SalesOrder, error)
}

// An order that is placed as a cart is the cart of one id, for good: cartID. The CSU checks out an id once, and says CheckedOut ever
// after; so whatever is repeated here, and whenever, no second order comes of it as long as no second id is used. That the CSU keeps an
// id that its client has made is a condition, which signalbox doctor checks.
func cartID(r *run) string { return r.EntityToken(CartPurpose) }

// checkedOut looks for the order that the cart has become.
func (o orders) checkedOut(ctx context.Context, r *run) (bool, error) {
	if r.State.Order != "" || r.State.fresh != nil {
		return r.State.Order != "", nil
	}
	if _, err := o.wanted(ctx, r); err != nil { // no call for an order that cannot be
		return false, err
	}
	is, sure, err := o.lookUp(ctx, r)
	switch {
	case errors.Is(err, csuclient.ErrNotFound) && r.Binding != "" && !sure: // it was placed, and what it says cannot be compared
		r.State.Order = cartID(r)
		return true, nil
	case errors.Is(err, csuclient.ErrNotFound):
		return false, unseen(r)
	case err != nil:
		return false, err
	}
	return true, o.recognise(ctx, r, is)
}

// recognise takes an order that is there for the one that is wanted, unless it says something else.
func (o orders) recognise(ctx context.Context, r *run, is csuclient.SalesOrder) error {
	want, err := o.wanted(ctx, r)
	if err != nil {
		return err
	}
	if err := differs(differingCart(want, is, tolerance(r))); err != nil {
		return err
	}
	r.State.Order, r.State.Reference = is.ID, is.Reference
	return nil
}

// lookUp asks for the order in the ways that there are. When all say that there is none, sure says whether that is true: an application
// may be shown orders by their reference alone, and only some scale units take a cart's order number for that.
func (o orders) lookUp(ctx context.Context, r *run) (is csuclient.SalesOrder, sure bool, err error) {
	csu := o.csu(r.Channel)
	if is, err = csu.FindOrder(ctx, reference(r)); !errors.Is(err, csuclient.ErrNotFound) {
		return is, err == nil, err
	}
	if is, err = o.byTransaction(ctx, csu, cartID(r)); !errors.Is(err, errNotForUs) {
		return is, errors.Is(err, csuclient.ErrNotFound), err
	}
	// The history asks headquarters, which is dear: only where there is something to find out.
	account, lacks := customer(r)
	if r.State.Cart == "" && !r.Suspect || lacks != nil || account == "" {
		return is, false, csuclient.ErrNotFound
	}
	all, err := csu.CustomerOrders(ctx, account)
	if err != nil {
		return is, false, err
	}
	if i := slices.IndexFunc(all, func(o csuclient.SalesOrder) bool { return o.ID == cartID(r) }); i >= 0 {
		return all[i], true, nil
	}
	return is, true, csuclient.ErrNotFound
}

// errNotForUs is in the way of a look that our role may not take.
var errNotForUs = errors.New("our role may not look for orders by transaction id")

// refusal remembers that a look was refused: it is not tried at every order, which would open the circuit for looks that are permitted.
type refusal struct{ until atomic.Int64 } // in Unix seconds

const refusedFor = time.Hour

func (f *refusal) holds() bool { return time.Now().Unix() < f.until.Load() }
func (f *refusal) note()       { f.until.Store(time.Now().Add(refusedFor).Unix()) }

// byTransaction looks for an order by its transaction id, which documents reserve to others, though samples do it. It is errNotForUs
// where that is refused.
func (o orders) byTransaction(ctx context.Context, csu Orders, id string) (csuclient.SalesOrder, error) {
	return byTransaction(ctx, o.refused, csu, id)
}

func byTransaction(ctx context.Context, refused *refusal, csu Finder, id string) (csuclient.SalesOrder, error) {
	if refused.holds() {
		return csuclient.SalesOrder{}, errNotForUs
	}
	is, err := csu.FindOrderByTransaction(ctx, id)
	if csuclient.Refused(err) {
		refused.note()
		return is, errNotForUs
	}
	return is, err
}

// fillCart brings the cart to what is wanted, and compares what the CSU makes of it: after it the cart's id is saved. An order whose
// price is wrong gets no further.
func (o orders) fillCart(ctx context.Context, r *run) error {
	want, err := o.wanted(ctx, r)
	if err != nil {
		return err
	}
	if _, err := o.tenders(r, want, csuclient.Cart{}); err != nil { // a checkout would not take them
		return err
	}
	if err := o.covered(ctx, r); err != nil {
		return err
	}
	k, err := o.filled(ctx, r, want)
	switch {
	case taken(err): // by an order, since there is no such cart: the checkout will say so
	case err != nil:
		return err
	default:
		r.State.fresh = &k
	}
	r.State.Cart = cartID(r)
	return nil
}

// checkOut makes an order of the cart. A cart that is not there, although it was filled, may have become one: then the CSU is asked to
// check out what it has under the id, which it refuses as CheckedOut if that is so.
func (o orders) checkOut(ctx context.Context, r *run) error {
	want, err := o.wanted(ctx, r)
	if err != nil {
		return err
	}
	if err := o.covered(ctx, r); err != nil {
		return err
	}
	k := r.State.fresh
	if k == nil {
		filled, err := o.filled(ctx, r, want)
		if err != nil && !taken(err) && !errors.Is(err, errVanished) {
			return err
		}
		k = &filled
	}
	tenders, err := o.tenders(r, want, *k)
	if err != nil {
		return err
	}
	made, err := o.csu(r.Channel).CheckOut(ctx, cartID(r), csuclient.Checkout{Version: max(k.Version, 1), ReceiptEmail: want.ReceiptEmail, Tenders: tenders})
	switch {
	case checkedOut(err):
		return o.settled(ctx, r)
	case k.Version == 0 && errors.Is(err, csuclient.ErrNotFound):
		return outcomeUnknown(r)
	case err != nil:
		return err
	}
	r.State.Order, r.State.Reference = made.ID, made.Reference
	return nil
}

// settled is where the CSU says that the cart has become an order. If it shows the order to nobody like us, its id is all that is known.
func (o orders) settled(ctx context.Context, r *run) error {
	is, _, err := o.lookUp(ctx, r)
	switch {
	case errors.Is(err, csuclient.ErrNotFound):
		r.State.Order = cartID(r)
		return nil
	case err != nil:
		return err
	}
	return o.recognise(ctx, r, is)
}

func checkedOut(err error) bool {
	f := fault.As(err)
	return f != nil && f.Code == csuclient.CheckedOut
}

// taken says that an id of a cart that is not there could not be used.
func taken(err error) bool { return errors.Is(err, errTaken) }

// errTaken and errVanished are what filled finds besides what the CSU says.
var (
	errTaken    = errors.New("the id of the cart is taken")
	errVanished = errors.New("the cart that was filled is gone")
)

// outcomeUnknown gives the order to a person.
func outcomeUnknown(r *run) error {
	return &fault.Error{Kind: fault.Permanent, Reason: fault.OutcomeUnknown, Detail: "the checkout of cart " + cartID(r) + " got no answer, the cart is gone, and the CSU shows its order to nobody like us; " +
		"look for that transaction id in headquarters: if it is there, bind the order to its sales id (signalbox mapping import --kind order), then discard this; if not, have the order published under a new event id"}
}
