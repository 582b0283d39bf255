package orders

import (
	"context"
	_ "embed" // the schema

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// ChangedType is what a source says when it has changed an order (change.schema.json).
const ChangedType = "signalbox.order.changed.v1"

//go:embed change.schema.json
var changeSchema []byte

// Changed is an order that its source has changed. What it is now is not read: the CSU lets no application change an order.
type Changed struct {
	ID string `json:"id"`
}

func (c Changed) entity() (kind, id string) { return kindOrder, c.ID }

type changeRun = orchestration.Run[Changed, struct{}]

// change answers what cannot be done with what may be done instead. Nothing is called.
func (o orders) change() orchestration.Pipeline[Changed, struct{}] {
	refuse := func(context.Context, *changeRun) (bool, error) {
		return false, fault.New(fault.Permanent, fault.BusinessRule, "the CSU lets no application change an order; cancel it by "+CancelType+
			" and place another under a new number, or have an employee change it in headquarters")
	}
	return orchestration.Pipeline[Changed, struct{}]{
		Name: "order-changes", Handles: ChangedType, Version: 1, Order: orchestration.Fact, Schema: changeSchema,
		Entity: Changed.entity, Tells: []orchestration.Telling{tellsRefused}, Refused: RefusedType, Numbers: numbers(),
		Steps: []orchestration.Step[Changed, struct{}]{{Name: "refuse-change", Look: refuse}},
	}
}
