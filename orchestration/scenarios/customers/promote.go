package customers

import (
	"context"
	_ "embed" // the schema
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// PromoteType is the follow-up of an account that has a provisional id. It waits in the broker, so that neither a wipe of Redis
// nor a day without headquarters loses it, and carries all that it takes to find the permanent account.
const PromoteType = "signalbox.customer.promote.v1"

//go:embed promote.json
var promoteSchema []byte

// Promote is the data of that event (promote.json).
type Promote struct {
	ID          string    `json:"id"` // the source's own
	Email       pii.Email `json:"email"`
	Provisional string    `json:"provisional"`
	Party       string    `json:"party,omitempty"`
}

func (p Promote) entity() (kind, id string) { return "customer", p.ID }

func (p Promote) keys() []orchestration.Key { return []orchestration.Key{EmailKey(p.Email)} }

// follow stages the event that promotes the run's account. Its data goes into a message, not into Redis or a log.
func (c customers) follow(r *run) {
	r.Follow(PromoteType, map[string]string{"id": r.In.ID, "email": r.In.Email.Reveal(), "provisional": r.State.Account, "party": r.State.Party}, c.PromoteAfter)
}

type promotion = orchestration.Run[Promote, learned]

type promotions struct{ Parts }

func (p promotions) pipeline() orchestration.Pipeline[Promote, learned] {
	return orchestration.Pipeline[Promote, learned]{
		Name: "customers-promote", Handles: PromoteType, Version: 1, Order: orchestration.Fact, Schema: promoteSchema, Internal: true,
		Entity: Promote.entity, Keys: Promote.keys,
		Steps: []orchestration.Step[Promote, learned]{{Name: "find-permanent", Look: p.find, Note: rebind}},
	}
}

// find looks for the permanent account: under the provisional id, by party, by e-mail address. What is not there yet is waited for,
// without attempts, for days.
func (p promotions) find(ctx context.Context, r *promotion) (bool, error) {
	if r.Binding != "" && r.Binding != r.In.Provisional { // a newer event has found it first
		r.State.Account = r.Binding
		return true, nil
	}
	csu := p.CSU(r.Channel)
	is, err := csu.ReadCustomer(ctx, r.In.Provisional)
	switch {
	case err == nil && is.IsAsync:
		return false, errNotPromoted
	case err == nil:
		r.State.Account = is.AccountNumber
		return true, nil
	case !errors.Is(err, csuclient.ErrNotFound):
		return false, err
	}
	hits, err := p.permanent(ctx, csu, r)
	if err != nil {
		return false, err
	}
	if len(hits) == 0 {
		return false, errNotPromoted
	}
	r.State.Account = chosen(hits).AccountNumber
	if len(hits) > 1 {
		r.Report(fault.DuplicateAccount, fmt.Sprintf("%d permanent accounts could be the customer's; %s is used, the others should be merged or blocked",
			len(hits), r.State.Account))
	}
	return true, nil
}

// permanent searches by party, which names one account, and by e-mail address where that finds none.
func (p promotions) permanent(ctx context.Context, csu Accounts, r *promotion) (hits []csuclient.GlobalCustomer, err error) {
	none := func(h csuclient.GlobalCustomer) bool { return h.IsAsync || h.AccountNumber == r.In.Provisional }
	if r.In.Party != "" {
		if hits, err = csu.FindCustomersByParty(ctx, r.In.Party); err != nil {
			return nil, err
		}
	}
	if hits = slices.DeleteFunc(hits, none); len(hits) > 0 {
		return hits, nil
	}
	if hits, err = csu.FindCustomersByEmail(ctx, r.In.Email); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(hits, none), nil
}

// rebind puts the permanent account in the place of the provisional one, which goes on resolving to it for a while.
func rebind(r *promotion) {
	if r.Binding == r.State.Account {
		return
	}
	r.Rebind(r.Entity(), r.In.Provisional, r.State.Account)
	r.Learn(0, r.State.Account)
	r.Tell(RelayedType, Relayed{ID: r.In.ID, AccountNumber: r.State.Account, Change: Promoted, Was: r.In.Provisional})
}
