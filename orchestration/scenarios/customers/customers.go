// Package customers keeps D365 customers equal to what the sources say of them: one account per e-mail address, bound to
// every source's own number.
package customers

import (
	"context"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
)

// Accounts is the part of the CSU that customers needs. Errors are *fault.Error.
type Accounts interface {
	FindCustomersByEmail(ctx context.Context, email pii.Email) ([]csuclient.GlobalCustomer, error)
	ReadCustomer(ctx context.Context, account string) (csuclient.Customer, error)
	CreateCustomer(ctx context.Context, c csuclient.Customer) (csuclient.Customer, error)
	UpdateCustomer(ctx context.Context, account string, changes csuclient.CustomerChanges) error
}

// learned is what the steps found out; it is saved with the progress and holds nothing of the event.
type learned struct {
	Account string `json:"account,omitempty"` // the D365 account number
	Created bool   `json:"created,omitempty"` // by this very run: it is equal to the event already

	changes csuclient.CustomerChanges // what the look saw missing, for the act right behind it; never saved
}

type (
	run  = orchestration.Run[Changed, learned]
	step = orchestration.Step[Changed, learned]
)

type customers struct {
	csu func(orchestration.Channel) Accounts
}

// Scenario makes the scenario; csu gives the accounts of a channel.
func Scenario(csu func(orchestration.Channel) Accounts) orchestration.Pipeline[Changed, learned] {
	c := customers{csu}
	return orchestration.Pipeline[Changed, learned]{
		Name: "customers", Handles: EventType, Version: 1, Order: orchestration.State, Schema: schema,
		Entity: Changed.entity, Keys: Changed.keys, Validate: Changed.check, Refused: RefusedType,
		Steps: []step{
			{Name: "create-account", Look: c.findAccount, Sure: orchestration.Lagging, Act: c.create, Plannable: true, Note: bind},
			{Name: "update-account", When: existedBefore, Look: c.sameAlready, Act: c.update, Plannable: true, Note: updated},
		},
	}
}

// bind records whose account it is. A bound account gets the event's e-mail address only with the update.
func bind(r *run) {
	r.Bind(r.Entity(), r.State.Account)
	if r.Binding == "" {
		learnEmail(r)
	}
	if r.State.Created {
		tell(r)
	}
}

func updated(r *run) {
	learnEmail(r)
	tell(r)
}

// learnEmail records that this e-mail address has the account: a search may not show it for a while.
func learnEmail(r *run) { r.Learn(0, r.State.Account) }

func existedBefore(r *run) bool { return !r.State.Created }
