package orders

import (
	"cmp"
	"context"
	_ "embed" // the schema
	"errors"
	"math/rand/v2"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// ConfirmType is what we tell ourselves of an order that the CSU has taken (confirm.schema.json).
const ConfirmType = "signalbox.order.confirm.v1"

// ConfirmName is the scenario that handles it.
const ConfirmName = "orders-confirm"

//go:embed confirm.schema.json
var confirmSchema []byte

// Confirm asks for headquarters' sales id of an order.
type Confirm struct {
	ID        string  `json:"id"`                  // the order, as its source numbers it
	Order     string  `json:"order"`               // transaction id
	Reference string  `json:"reference,omitempty"` // channel reference id; empty: the CSU has made one that it does not show
	Stock     []Freed `json:"stock,omitempty"`     // its soft reservations
}

func (c Confirm) entity() (kind, id string) { return kindOrder, c.ID }

// landed is what a confirmation learns.
type landed struct {
	SalesID   string `json:"salesId,omitempty"`
	Reference string `json:"reference,omitempty"` // where the event did not know it
}

type confirmRun = orchestration.Run[Confirm, landed]

func (o orders) confirmation() orchestration.Pipeline[Confirm, landed] {
	return orchestration.Pipeline[Confirm, landed]{
		Name: ConfirmName, PartOf: "orders", Handles: ConfirmType, Version: 1, Order: orchestration.Fact, Schema: confirmSchema, Internal: true,
		Entity: Confirm.entity, Numbers: idsIn("/stock"), Tells: []orchestration.Telling{tellsRelayed},
		Steps: []orchestration.Step[Confirm, landed]{{Name: "find-sales-id", Look: o.salesID, Note: confirmed}},
	}
}

// salesID asks the CSU, which knows it once headquarters has made a sales order of the transaction. The first time it asks nothing:
// headquarters takes minutes, and the order is counted and listed among those that wait from then on.
func (o orders) salesID(ctx context.Context, r *confirmRun) (bool, error) {
	if r.Event.Generation <= 1 && r.Event.Replay == "" {
		return false, o.unlanded(ctx, r.Channel)
	}
	is, err := o.relayed(ctx, r)
	switch {
	case err != nil && !errors.Is(err, csuclient.ErrNotFound):
		return false, err
	case is.SalesID == "":
		return false, o.unlanded(ctx, r.Channel)
	}
	r.State.SalesID = is.SalesID
	if r.In.Reference == "" {
		r.State.Reference = is.Reference
	}
	return true, nil
}

// relayed asks by the reference, which every role may, or else by the transaction id.
func (o orders) relayed(ctx context.Context, r *confirmRun) (csuclient.SalesOrder, error) {
	if r.In.Reference != "" {
		return o.csu(r.Channel).FindOrder(ctx, r.In.Reference)
	}
	is, err := o.byTransaction(ctx, o.csu(r.Channel), r.In.Order)
	if errors.Is(err, errNotForUs) {
		return is, &fault.Error{Kind: fault.Permanent, Reason: fault.NotPermitted, Detail: "the order was checked out and its answer was lost, and our role may not " +
			"look for orders by transaction id; look for " + r.In.Order + " in headquarters and bind the order to its sales id (signalbox mapping import --kind order), then discard this"}
	}
	return is, err
}

func confirmed(r *confirmRun) {
	if r.State.SalesID != r.Binding {
		r.Rebind(r.Entity(), r.In.Order, r.State.SalesID)
	}
	// Nothing documented carries a reservation's id from the CSU to headquarters' order, so headquarters does not offset it: from here on it would
	// count twice.
	if len(r.In.Stock) > 0 {
		r.Follow(ReleaseType, Release{r.In.ID, r.In.Stock}, 0, "landed")
	}
	r.Tell(RelayedType, Relayed{ID: r.In.ID, SalesID: r.State.SalesID, Order: r.In.Order, Reference: cmp.Or(r.In.Reference, r.State.Reference)}, r.State.SalesID)
}

// share is how many open orders one call an interval is allowed for. Each order is looked at once in as many intervals as there are
// open ones, but at least once in so many; so however many are open, no more calls are made than that.
const share = 50

// unlanded says that headquarters does not have the order yet.
func (o orders) unlanded(ctx context.Context, ch orchestration.Channel) error {
	open := share
	if o.Open != nil {
		if n, err := o.Open(ctx, ch, share); err == nil {
			open = min(max(n, 1), share)
		}
	}
	wait := time.Duration(open) * o.ConfirmAfter
	wait += time.Duration((rand.Float64() - 0.5) * float64(wait) / 5) // or all that came at once would be asked for at once
	return &fault.Error{Kind: fault.Dependency, Waits: fault.ForPromotion, Wait: max(wait, o.ConfirmAfter), Class: "not_found", Detail: "the CSU has the order and headquarters has " +
		"made no sales order of it; see there that the jobs which upload transactions and synchronize orders run, and what they say of it, then replay"}
}
