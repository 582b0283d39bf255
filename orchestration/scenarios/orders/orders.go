// Package orders makes one sales order of each order that a source has placed, and says what headquarters calls it and what becomes of it.
//
// An order is uploaded as a whole, under an id and a channel reference that are made from its source and its number there: whatever
// event asks, however often, and whatever happens on the way, the CSU is asked for the order of that reference before it is given
// one. Where the channel says so (Channel.OrderMode) it is a cart instead, under an id made in the same way, which the CSU prices and
// checks out once and never again. It is bound to that id at once, and to headquarters' sales id when headquarters has it, which an event of our own (ConfirmType)
// waits for. What headquarters reports of a sales order (ReportedType) is told to the sinks of the order's source.
package orders

import (
	"context"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

// Orders is the part of the CSU that orders need. Errors are *fault.Error.
type Orders interface {
	FindOrder(ctx context.Context, reference string) (csuclient.SalesOrder, error)
	UploadOrder(ctx context.Context, o csuclient.SalesOrder) (csuclient.SalesOrder, error)
	CancelOrder(ctx context.Context, salesID string) error
	Carts
	OrgUnit(ctx context.Context) (csuclient.OrgUnit, error)
	Products(ctx context.Context, ids []int64) (map[int64]csuclient.Product, error)
	Stores(ctx context.Context, that int, fresh bool) ([]csuclient.Store, error)
	TenderTypes(ctx context.Context, fresh bool) ([]csuclient.TenderType, error)
	Countries(ctx context.Context, language string, fresh bool) ([]csuclient.Country, error)
	States(ctx context.Context, country string, fresh bool) ([]csuclient.State, error)
}

// Bindings finds what a D365 id is bound to. Errors: mapping.ErrNotBound, or the storage's.
type Bindings interface {
	Sources(ctx context.Context, salesOrder mapping.Target) ([]mapping.Ref, error)
}

// Parts is what the scenarios are made from.
type Parts struct {
	Orders func(orchestration.Channel) Orders // of a channel
	// ConfirmAfter is the interval in which headquarters' sales ids are looked for: one look in each for every share of open orders.
	// Default 1 min.
	ConfirmAfter time.Duration
	// Bindings knows which orders of sources a sales order is.
	Bindings Bindings
	// Channels are all there are: an order's sinks are those of its source's channel.
	Channels orchestration.Channels
	// StatusPatience is how long what headquarters says of an order that nobody knows is kept while orders wait for their sales ids.
	// Default 4 h.
	StatusPatience time.Duration
	// Quiet says whether no order waits for its sales id, for sure; nil: never.
	Quiet func(ctx context.Context) bool
	// Reserving is how orders are reserved softly before they are placed; nil: they are not, and
	// nothing of it is freed.
	Reserving *Reserving
	// Open counts the orders of a channel's CSU that wait for their sales ids, and may stop at most. When it is nil or fails, there are
	// taken to be many.
	Open func(ctx context.Context, ch orchestration.Channel, most int) (int, error)
}

// learned is what the steps found out; it is saved with the progress and holds nothing of the event.
type learned struct {
	Order     string `json:"order,omitempty"`     // transaction id
	Reference string `json:"reference,omitempty"` // channel reference id, where the CSU has made it
	Cart      string `json:"cart,omitempty"`      // that has been filled
	Stock     *held  `json:"stock,omitempty"`     // reserved softly

	fresh *csuclient.Cart // the cart as this go has left it: nothing has been checked out since. Not saved
}

type (
	run  = orchestration.Run[Placed, learned]
	step = orchestration.Step[Placed, learned]
)

type orders struct {
	Parts
	refused *refusal // of looks by transaction id
}

// Scenarios makes the scenarios: for orders that are placed, for what headquarters makes of them, for what becomes of them there, for their
// cancellation, one that says why they are not changed, and one that frees what was reserved for them.
func Scenarios(p Parts) []orchestration.Scenario {
	if p.ConfirmAfter == 0 {
		p.ConfirmAfter = time.Minute
	}
	if p.StatusPatience == 0 {
		p.StatusPatience = 4 * time.Hour
	}
	o := orders{p, &refusal{}}
	return []orchestration.Scenario{o.placing(), o.confirmation(), o.status(), o.cancellation(), o.change(), o.releasing()}
}

// longestPhone is how many digits a phone number has at most (ITU-T E.164). Sources leave out its plus, and then some look like cards.
const longestPhone = 15

// placing makes a sales order of an order.
func (o orders) placing() orchestration.Pipeline[Placed, learned] {
	return orchestration.Pipeline[Placed, learned]{
		Name: "orders", Handles: EventType, Version: 1, Order: orchestration.Fact, Schema: schema,
		Entity: Placed.entity, Needs: Placed.needs, Tells: []orchestration.Telling{tellsRefused}, Refused: RefusedType, Rejected: o.free, Certify: certification(),
		Numbers: numbers(),
		Steps: []step{
			{Name: "reserve-stock", When: o.reserves, Look: o.placedAlready, Sure: orchestration.Repeatable, Act: o.reserve, Plannable: true},
			{Name: "place-order", When: uploads, Look: o.find, Sure: orchestration.Conclusive, Act: o.upload, Plannable: true, Note: o.placed},
			{Name: "fill-cart", When: carts, Look: o.checkedOut, Sure: orchestration.Conclusive, Act: o.fillCart, Plannable: true},
			{Name: "check-out-cart", When: carts, Look: o.checkedOut, Sure: orchestration.Conclusive, Act: o.checkOut, Plannable: true, Note: o.placed},
		},
	}
}

// numbers are the places where long numbers are no card numbers: phones, and what passes through unread.
func numbers() map[string]int {
	all := blobs()
	all["/delivery/address/phone"], all["/lines/*/delivery/address/phone"] = longestPhone, longestPhone
	return all
}

func (o orders) csu(ch orchestration.Channel) Orders { return o.Orders(ch) }

// What an order's ids in the CSU are made for: the purposes of its entity's tokens, which are the same for every event about the order.
// They are GUIDs, which no other client of the CSU chooses by chance.
const (
	TransactionPurpose = "order"             // its transaction id
	ReferencePurpose   = "channel-reference" // its channel reference id
	CartPurpose        = "cart"              // its cart, and its transaction id where it is placed as one
)

func id(r *run) string        { return r.EntityToken(TransactionPurpose) }
func reference(r *run) string { return r.EntityToken(ReferencePurpose) }

func uploads(r *run) bool { return !carts(r) }
func carts(r *run) bool   { return r.Channel.UsesCarts() }

func (o orders) placed(r *run) {
	if r.Binding == "" { // else headquarters may have it already
		r.Bind(r.Entity(), r.State.Order)
	}
	known := reference(r)
	if carts(r) {
		known = r.State.Reference
		if known == "" && r.Binding != "" { // whoever bound it has it confirmed
			if lines := toFree(r); len(lines) > 0 {
				r.Follow(ReleaseType, Release{r.In.ID, lines}, 0, "placed")
			}
			return
		}
	}
	r.Follow(ConfirmType, Confirm{ID: r.In.ID, Order: r.State.Order, Reference: known, Stock: toFree(r)}, 0, r.State.Order)
}

// The kinds of business objects that an order is about.
const (
	Kind         = "order"
	kindOrder    = Kind
	kindCustomer = "customer"
	kindProduct  = "product"

	kindSalesOrder = "sales-order" // an order as headquarters numbers it
)

// needs are the customer, unless a guest has ordered, and then each product once.
func (p Placed) needs() []mapping.Ref {
	var refs []mapping.Ref
	if p.Customer != "" {
		refs = append(refs, mapping.Ref{Kind: kindCustomer, ID: p.Customer})
	}
	for _, id := range p.products() {
		refs = append(refs, mapping.Ref{Kind: kindProduct, ID: id})
	}
	return refs
}
