// Package customers keeps D365 customers equal to what the sources say of them: one account per e-mail address, bound to
// every source's own number. An account that headquarters has not numbered yet is bound under its provisional id and followed
// until it has its permanent one.
package customers

import (
	"context"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
)

// Accounts is the part of the CSU that customers needs. Errors are *fault.Error.
type Accounts interface {
	FindCustomersByEmail(ctx context.Context, email pii.Email) ([]csuclient.GlobalCustomer, error)
	FindCustomersByParty(ctx context.Context, party string) ([]csuclient.GlobalCustomer, error)
	ReadCustomer(ctx context.Context, account string) (csuclient.Customer, error)
	CreateCustomer(ctx context.Context, c csuclient.Customer) (csuclient.Customer, error)
	UpdateCustomer(ctx context.Context, account string, changes csuclient.CustomerChanges) error
	Countries(ctx context.Context, language string, fresh bool) ([]csuclient.Country, error)
	States(ctx context.Context, country string, fresh bool) ([]csuclient.State, error)
}

// Parts is what the scenario is made from.
type Parts struct {
	CSU      func(orchestration.Channel) Accounts
	Bindings mapping.Finder // who else is bound to an account; asked only where a channel names authorities
	// PromoteAfter is when a provisional account is first looked at again.
	PromoteAfter time.Duration
}

// learned is what the steps found out; it is saved with the progress and holds nothing of the event.
type learned struct {
	Account     string `json:"account,omitempty"`     // the D365 account number, or a provisional id
	Created     bool   `json:"created,omitempty"`     // by this very run: it is equal to the event already
	Provisional bool   `json:"provisional,omitempty"` // headquarters has not numbered the account yet
	Party       string `json:"party,omitempty"`       // of a provisional account: links it to the permanent one
	Was         string `json:"was,omitempty"`         // the provisional id that Account has taken the place of
	Withheld    bool   `json:"withheld,omitempty"`    // a source of more authority says otherwise

	want    csuclient.Customer        // the event as the CSU would know it, and
	changes csuclient.CustomerChanges // what the look saw missing, for the act right behind it; never saved
}

type (
	run  = orchestration.Run[Changed, learned]
	step = orchestration.Step[Changed, learned]
)

type customers struct{ Parts }

// Scenarios makes the scenario: of a changed customer, and of an account that waits for its permanent number.
func Scenarios(p Parts) []orchestration.Scenario {
	c := customers{p}
	return []orchestration.Scenario{c.changed(), promotions{p}.pipeline()}
}

func (c customers) changed() orchestration.Pipeline[Changed, learned] {
	return orchestration.Pipeline[Changed, learned]{
		Name: "customers", Handles: EventType, Version: 1, Order: orchestration.State, Schema: schema,
		Entity: Changed.entity, Keys: Changed.keys, Validate: Changed.check, Refused: RefusedType,
		Steps: []step{
			{Name: "create-account", Look: c.findAccount, Sure: orchestration.Lagging, Act: c.create, Plannable: true, Note: c.bind},
			{Name: "update-account", When: existedBefore, Look: c.sameAlready, Act: c.update, Plannable: true, Note: updated},
		},
	}
}

func existedBefore(r *run) bool { return !r.State.Created }

// bind records whose account it is, and has a provisional one followed. A bound account gets the event's e-mail address only with
// the update.
func (c customers) bind(r *run) {
	r.Bind(r.Entity(), r.State.Account)
	if r.Binding == "" {
		learnEmail(r)
		if r.State.Provisional {
			c.follow(r)
		}
	}
	if r.State.Created {
		tell(r, Created)
	}
}

func updated(r *run) {
	if r.State.Was != "" {
		r.Rebind(r.Entity(), r.State.Was, r.State.Account)
	}
	if !r.State.Withheld || r.State.changes.Email != nil {
		learnEmail(r)
	}
	if r.State.changes.IsEmpty() {
		tell(r, Unchanged)
		return
	}
	tell(r, Updated)
}

// learnEmail records that this e-mail address has the account: a search may not show it for a while.
func learnEmail(r *run) { r.Learn(0, r.State.Account) }
