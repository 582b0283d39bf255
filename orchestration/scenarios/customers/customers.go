// Package customers keeps D365 customers equal to what the sources say of them: one account per e-mail address, bound to
// every source's own number.
//
// An account may be provisional: while customers are created asynchronously, which the CSU also does silently whenever it cannot
// reach headquarters, a new one has a GUID for its account number until headquarters gives the permanent one. It is bound all the
// same, and an event of our own (PromoteType) looks for the permanent account until it is there, so that both ids resolve to it
// afterwards. What changes an account waits until it is permanent.
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
	CreateCustomer(ctx context.Context, c csuclient.Customer) (csuclient.Account, error)
	UpdateCustomer(ctx context.Context, account string, changes csuclient.CustomerChanges) error
	Countries(ctx context.Context, language string, fresh bool) ([]csuclient.Country, error)
	States(ctx context.Context, country string, fresh bool) ([]csuclient.State, error)
}

// Bindings is what customers must know of bindings beside its own. Both methods cost a round trip, so they are asked for rarely.
type Bindings interface {
	// Sources gives who is bound to an account; mapping.ErrNotBound if nobody is.
	Sources(ctx context.Context, account mapping.Target) ([]mapping.Ref, error)
	// Resolve gives the account that took a provisional one's place, or the account itself.
	Resolve(ctx context.Context, account mapping.Target) (mapping.Target, error)
}

// Parts is what the scenarios are made from.
type Parts struct {
	Accounts  func(orchestration.Channel) Accounts // of a channel
	Bindings  Bindings
	Authority Authority
	// PromoteAfter is how long a provisional account is left alone before its permanent one is looked for; the waits between
	// further looks grow from there. Default 1 min.
	PromoteAfter time.Duration
}

// learned is what the steps found out; it is saved with the progress and holds nothing of the event.
type learned struct {
	Account     string `json:"account,omitempty"`     // the D365 account number
	Created     bool   `json:"created,omitempty"`     // by this very run: it is equal to the event already
	Updated     bool   `json:"updated,omitempty"`     // by this very run
	Provisional bool   `json:"provisional,omitempty"` // headquarters has not given the permanent account number yet
	Party       string `json:"party,omitempty"`       // the party number, if the CSU said
	Was         string `json:"was,omitempty"`         // the provisional account whose place Account took while this run went on

	read     csuclient.Customer        // the account as it was found a moment ago, for the look right behind it; never saved
	email    pii.Email                 // that the account had at the look; never saved
	changes  csuclient.CustomerChanges // what the look saw missing, for the act right behind it; never saved
	withheld []string                  // groups of fields that a source of higher authority has the say in; never saved
}

type (
	run  = orchestration.Run[Changed, learned]
	step = orchestration.Step[Changed, learned]
)

type customers struct{ Parts }

// Scenarios makes the scenarios: one for what sources say, one for what becomes of provisional accounts.
func Scenarios(p Parts) []orchestration.Scenario {
	if p.PromoteAfter == 0 {
		p.PromoteAfter = time.Minute
	}
	c := customers{p}
	return []orchestration.Scenario{c.relay(), c.promotion()}
}

// longestPhone is how many digits a phone number has at most (ITU-T E.164). Sources leave out its plus, and then some look like cards.
const longestPhone = 15

// relay applies what a source says.
func (c customers) relay() orchestration.Pipeline[Changed, learned] {
	return orchestration.Pipeline[Changed, learned]{
		Name: "customers", Handles: EventType, Version: 1, Order: orchestration.State, Schema: schema,
		Entity: Changed.entity, Keys: Changed.keys, Validate: Changed.check, Tells: tells(), Refused: RefusedType, Certify: certification(),
		Numbers: map[string]int{"/phone": longestPhone, "/addresses/*/phone": longestPhone},
		Steps: []step{
			{Name: "create-account", Look: c.findAccount, Sure: orchestration.Lagging, Act: c.create, Plannable: true, Note: c.bind},
			{Name: "update-account", When: existedBefore, Look: c.sameAlready, Hold: theirEmail, Act: c.update, Plannable: true, Optional: true, Note: updated},
		},
	}
}

// bind records whose account it is. A bound account gets the event's e-mail address only with the update.
func (c customers) bind(r *run) {
	r.Bind(r.Entity(), r.State.Account)
	if r.Binding == "" {
		learnEmail(r)
		if r.State.Provisional {
			c.follow(r)
		}
	}
	if r.State.Created {
		tell(r)
	}
}

// theirEmail is the address that the account has: sources that are bound to one account do not always say the same, and this is
// what they have in common. As a rule it is the event's own.
func theirEmail(r *run) []orchestration.Key {
	if r.State.email.IsZero() {
		return nil
	}
	return []orchestration.Key{EmailKey(r.State.email)}
}

func updated(r *run) {
	if r.State.Was != "" {
		r.Rebind(r.Entity(), r.State.Was, r.State.Account)
	}
	if !r.State.withholds(groupEmail) {
		learnEmail(r)
	}
	tell(r)
}

// learnEmail records that this e-mail address has the account: a search may not show it for a while.
func learnEmail(r *run) { r.Learn(0, r.State.Account) }

func existedBefore(r *run) bool { return !r.State.Created }
