// Package returns brings back what orders have sold: an order of negative lines for each return that a source has taken.
//
// A return is uploaded as a whole, under an id that is made from its source and its number there, and at the next free place among its
// order's returns: the channel references of these places are made from the order and a count. Before it is uploaded the places are read
// one after the other. So it is found where it is, whatever happened on the way, and what the returns before it took is known, even to a
// fleet that has lost its Redis. The returns of one order are worked on one after the other.
//
// What comes back without Signalbox, in a store or in headquarters, is not seen by this: headquarters finds that when the return lands.
package returns

import (
	"context"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// Returns is the part of the CSU that returns need. Errors are *fault.Error.
type Returns interface {
	orders.Finder
	UploadOrder(ctx context.Context, o csuclient.SalesOrder) (csuclient.SalesOrder, error)
	OrgUnit(ctx context.Context) (csuclient.OrgUnit, error)
	Stores(ctx context.Context, that int, fresh bool) ([]csuclient.Store, error)
	TenderTypes(ctx context.Context, fresh bool) ([]csuclient.TenderType, error)
}

// Parts is what the scenario is made from.
type Parts struct {
	Returns func(orchestration.Channel) Returns // of a channel
}

// learned is what the steps found out; it is saved with the progress and holds nothing of the event.
type learned struct {
	Transaction string `json:"transaction,omitempty"`
	Reference   string `json:"reference,omitempty"`

	want csuclient.SalesOrder // what the look has worked out, for the act that follows it; never saved
}

type (
	run  = orchestration.Run[Requested, learned]
	step = orchestration.Step[Requested, learned]
)

type returns struct {
	Parts
	lookup orders.Lookup
}

// Scenarios makes the scenario.
func Scenarios(p Parts) []orchestration.Scenario {
	o := returns{p, orders.NewLookup()}
	return []orchestration.Scenario{orchestration.Pipeline[Requested, learned]{
		Name: "returns", Handles: EventType, Version: 1, Order: orchestration.Fact, Schema: schema,
		Entity: Requested.entity, Keys: Requested.keys, Needs: Requested.needs, Tells: tells(), Refused: RefusedType, Numbers: numbers(), Certify: certification(),
		Steps: []step{{Name: "upload-return", Look: o.find, Sure: orchestration.Conclusive, Act: o.upload, Plannable: true, Note: uploaded}},
	}}
}

func (o returns) csu(ch orchestration.Channel) Returns { return o.Returns(ch) }

// transaction is the return's id in the CSU: the same for every event about it.
func transaction(r *run) string { return r.EntityToken("return") }

func (o returns) upload(ctx context.Context, r *run) error {
	made, err := o.csu(r.Channel).UploadOrder(ctx, r.State.want)
	if err != nil {
		return err
	}
	r.State.Transaction, r.State.Reference = made.ID, made.Reference
	return nil
}

func uploaded(r *run) {
	r.Bind(r.Entity(), r.State.Transaction)
	r.Tell(RelayedType, Relayed{ID: r.In.ID, Order: r.In.Order, Transaction: r.State.Transaction, Reference: r.State.Reference})
}
