package orders

import (
	"context"
	_ "embed" // the schema
	"errors"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// ConfirmType is what we tell ourselves of an order that the CSU has taken (confirm.schema.json).
const ConfirmType = "signalbox.order.confirm.v1"

//go:embed confirm.schema.json
var confirmSchema []byte

// Confirm asks for headquarters' sales id of an order.
type Confirm struct {
	ID        string `json:"id"`        // the order, as its source numbers it
	Order     string `json:"order"`     // transaction id
	Reference string `json:"reference"` // channel reference id
}

func (c Confirm) entity() (kind, id string) { return kindOrder, c.ID }

// landed is what a confirmation learns.
type landed struct {
	SalesID string `json:"salesId,omitempty"`
}

type confirmRun = orchestration.Run[Confirm, landed]

func (o orders) confirmation() orchestration.Pipeline[Confirm, landed] {
	return orchestration.Pipeline[Confirm, landed]{
		Name: "orders-confirm", PartOf: "orders", Handles: ConfirmType, Version: 1, Order: orchestration.Fact, Schema: confirmSchema, Internal: true,
		Entity: Confirm.entity, Refused: RefusedType,
		Steps: []orchestration.Step[Confirm, landed]{{Name: "find-sales-id", Look: o.salesID, Note: confirmed}},
	}
}

// salesID asks the CSU, which knows it once headquarters has made a sales order of the transaction.
func (o orders) salesID(ctx context.Context, r *confirmRun) (bool, error) {
	is, err := o.csu(r.Channel).FindOrder(ctx, r.In.Reference)
	switch {
	case err != nil && !errors.Is(err, csuclient.ErrNotFound):
		return false, err
	case is.SalesID == "":
		return false, o.unlanded(r.Event)
	}
	r.State.SalesID = is.SalesID
	return true, nil
}

func confirmed(r *confirmRun) {
	if r.State.SalesID != r.Binding {
		r.Rebind(r.Entity(), r.In.Order, r.State.SalesID)
	}
	r.Tell(RelayedType, Relayed{ID: r.In.ID, SalesID: r.State.SalesID, Order: r.In.Order, Reference: r.In.Reference}, r.State.SalesID)
}

// longest is the longest wait between two looks for a sales id.
const longest = 30 * time.Minute

// unlanded says that headquarters does not have the order yet. The waits grow with its age.
func (o orders) unlanded(ev orchestration.Event) error {
	wait := o.ConfirmAfter
	if !ev.Origin.Enqueued.IsZero() {
		wait = min(max(wait, time.Since(ev.Origin.Enqueued)), longest)
	}
	return &fault.Error{Kind: fault.Dependency, Waits: fault.ForPromotion, Wait: wait, Class: "not_found", Detail: "the CSU has the order and headquarters has " +
		"made no sales order of it; see there that the jobs which upload transactions and synchronize orders run, and what they say of it, then replay"}
}
