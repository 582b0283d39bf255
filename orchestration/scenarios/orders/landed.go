package orders

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// Finder finds orders.
type Finder interface {
	FindOrder(ctx context.Context, reference string) (csuclient.SalesOrder, error)
	FindOrderByTransaction(ctx context.Context, id string) (csuclient.SalesOrder, error)
}

// Ref names an order of the event's source.
func Ref(id string) mapping.Ref { return mapping.Ref{Kind: Kind, ID: id} }

// Lookup finds orders that were placed, whichever way, and remembers which looks our role may not take.
type Lookup struct{ refused *refusal }

// NewLookup makes one; it is kept for the process.
func NewLookup() Lookup { return Lookup{&refusal{}} }

// Landed is an order that headquarters has, as the channel's database has it; one that came to D365 another way, or that the CSU shows to
// nobody like us, is nothing but the sales id that it is bound to. It is looked for by what its ids are made from, which shows the
// sales id as soon as there is one, whatever is bound by then. The error waits for an order that is not there, and for headquarters: the
// order is the first of the pipeline's Needs. told is the reference that the source says it was given, as Relayed told it, or empty.
func Landed[E, S any](ctx context.Context, l Lookup, csu Finder, r *orchestration.Run[E, S], id, told string) (csuclient.SalesOrder, error) {
	uploaded, cart := r.TokenOf(Ref(id), TransactionPurpose), r.TokenOf(Ref(id), CartPurpose)
	bound, lacking := r.Needed(0)
	is, err := csu.FindOrder(ctx, r.TokenOf(Ref(id), ReferencePurpose))
	if errors.Is(err, csuclient.ErrNotFound) && (bound == cart || r.Channel.UsesCarts()) { // the CSU may have made the reference
		if is, err = byTransaction(ctx, l.refused, csu, cart); errors.Is(err, errNotForUs) {
			err = csuclient.ErrNotFound
		}
	}
	if errors.Is(err, csuclient.ErrNotFound) && told != "" {
		if is, err = csu.FindOrder(ctx, told); err == nil && is.ID != uploaded && is.ID != cart {
			return csuclient.SalesOrder{}, wrong("/reference", "is that of another order; give the one that was told with the order's sales id, or none")
		}
	}
	permanent := lacking == nil && bound != uploaded && bound != cart
	switch {
	case err != nil && !errors.Is(err, csuclient.ErrNotFound):
		return is, err
	case err != nil && lacking != nil:
		return is, lacking
	case is.SalesID == "" && permanent:
		is.SalesID = bound
	case is.SalesID == "":
		return is, r.Lacks(0, "of which headquarters has made no sales order yet")
	case permanent && bound != is.SalesID:
		return is, fault.New(fault.Permanent, fault.MappingConflict,
			fmt.Sprintf("the order is bound to %s, and the CSU says that it is %s; find out which is right, correct the binding, then replay", bound, is.SalesID))
	}
	return is, nil
}
