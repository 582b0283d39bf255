package customers

import (
	"context"
	_ "embed" // the schema
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// PromoteType is what we tell ourselves of a provisional account (promote.schema.json).
const PromoteType = "signalbox.customer.promote.v1"

//go:embed promote.schema.json
var promoteSchema []byte

// Promote asks for the permanent account of a provisional one. It holds all that finding it takes: the e-mail address cannot be
// read from the account once that is gone.
type Promote struct {
	ID      string    `json:"id"` // the customer, as its source numbers it
	Email   pii.Email `json:"email"`
	Account string    `json:"account"` // provisional
	Party   string    `json:"party"`   // the party number promised to it; empty if the CSU did not say
}

func (p Promote) entity() (kind, id string) { return "customer", p.ID }

func (p Promote) keys() []orchestration.Key {
	return []orchestration.Key{EmailKey(p.Email)}
}

// promoteData is Promote on its way to our own queue, with the address in clear.
type promoteData struct {
	ID      string `json:"id"`
	Email   string `json:"email"`
	Account string `json:"account"`
	Party   string `json:"party,omitempty"`
}

// follow stages the event that will look for the permanent account. Each binding to a provisional account has one of its own.
func (c customers) follow(r *run) {
	r.Follow(PromoteType, promoteData{ID: r.In.ID, Email: r.In.Email.Reveal(), Account: r.State.Account, Party: r.State.Party},
		c.PromoteAfter, r.State.Account, r.State.Party)
}

// found is what a promotion learns.
type found struct {
	Account string `json:"account,omitempty"` // that the customer is bound to from now on; empty: it was refused the provisional one
}

type promoteRun = orchestration.Run[Promote, found]

// promotion replaces a provisional account by its permanent one. It is a fact, not a state: it must neither overtake what the
// source says nor be overtaken by it.
func (c customers) promotion() orchestration.Pipeline[Promote, found] {
	return orchestration.Pipeline[Promote, found]{
		Name: "customers-promote", PartOf: "customers", Handles: PromoteType, Version: 1, Order: orchestration.Fact, Schema: promoteSchema, Internal: true,
		Entity: Promote.entity, Keys: Promote.keys, Tells: tells(), Refused: RefusedType,
		Steps: []orchestration.Step[Promote, found]{{Name: "find-permanent", Look: c.permanent, Note: promoted}},
	}
}

// permanent looks for the account that took the place of the provisional one: is it still there, did another run find it, does
// headquarters' party number or the e-mail address lead to it?
func (c customers) permanent(ctx context.Context, r *promoteRun) (bool, error) {
	provisional := r.In.Account
	if r.Binding != "" && r.Binding != provisional { // a newer event of the customer was quicker
		r.State.Account = r.Binding
		return true, nil
	}
	if refused, err := c.refused(ctx, r, provisional); err != nil || refused {
		return refused, err
	}
	is, err := c.csu(r.Channel).ReadCustomer(ctx, provisional)
	switch {
	case errors.Is(err, csuclient.ErrNotFound):
		r.State.Account, err = c.successor(ctx, r.Channel, gone{account: provisional, party: r.In.Party, email: r.In.Email}, r.Report)
		if err != nil {
			return false, err
		}
	case err != nil:
		return false, err
	case !is.IsAsync: // the CSU answers for the permanent account under either number
		r.State.Account = is.AccountNumber
	}
	if r.State.Account == "" {
		return false, c.unpromoted(provisional, r.Event)
	}
	if refused, err := c.refused(ctx, r, r.State.Account); err != nil || refused {
		r.State.Account = ""
		return refused, err
	}
	return true, nil
}

// refused says whether another id of the source has the account. Then the customer was never bound to it: the promotion was sent
// before the save that found out, and must not bind it after all.
func (c customers) refused(ctx context.Context, r *promoteRun, account string) (bool, error) {
	if r.Binding != "" {
		return false, nil
	}
	refs, err := c.Bindings.Sources(ctx, mapping.Target{Kind: r.Entity().Kind, Scope: r.Entity().Scope, ID: account})
	if err != nil && !errors.Is(err, mapping.ErrNotBound) {
		return false, err
	}
	return slices.ContainsFunc(refs, func(ref mapping.Ref) bool { return ref.Source == r.Event.Source }), nil
}

func promoted(r *promoteRun) {
	if r.State.Account == "" { // refused
		return
	}
	if account := r.State.Account; account != r.Binding {
		r.Rebind(r.Entity(), r.In.Account, account)
	}
	if hint := r.Hints[0]; hint == "" || hint == r.In.Account { // else somebody else was learned under the address since
		r.Learn(0, r.State.Account)
	}
	tellPromoted(r)
}

// longest is the longest wait between two looks for a permanent account.
const longest = 30 * time.Minute

// unpromoted says that there is no permanent account yet. The waits grow with the event's age.
func (c customers) unpromoted(provisional string, ev orchestration.Event) error {
	wait := c.PromoteAfter
	if !ev.Origin.Enqueued.IsZero() {
		wait = min(max(wait, time.Since(ev.Origin.Enqueued)), longest)
	}
	return &fault.Error{Kind: fault.Dependency, Waits: fault.ForPromotion, Wait: wait, Class: "conflict", Detail: fmt.Sprintf(
		"headquarters has not replaced the provisional account %s by a permanent one that can be found; see there that the jobs which upload and convert asynchronous customers run, or bind the customer by hand, then replay",
		provisional)}
}
