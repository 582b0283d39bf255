package customers

import (
	_ "embed" // the schemas

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
)

//go:embed relayed.schema.json
var relayedSchema []byte

//go:embed refused.schema.json
var refusedSchema []byte

// tells are the types of what sinks are told. That a customer is relayed is a state: the newest says it all.
func tells() []orchestration.Telling {
	return []orchestration.Telling{{Name: RelayedType, Kind: "customer", Order: orchestration.State, Schema: relayedSchema},
		{Name: RefusedType, Kind: "customer", Order: orchestration.Fact, Schema: refusedSchema}}
}

// What sinks are told.
const (
	RelayedType = "signalbox.customer.relayed.v1" // Relayed
	RefusedType = "signalbox.customer.refused.v1" // orchestration.Refusal (refused.schema.json)
)

// Relayed says that a customer's state is in D365 (relayed.schema.json). It holds nothing personal but what the source made its
// own number of.
type Relayed struct {
	ID            string   `json:"id"` // the source's own
	AccountNumber string   `json:"accountNumber"`
	Provisional   bool     `json:"provisional"`        // it will be told once more, with the permanent account number
	Outcome       string   `json:"outcome"`            // created, updated, unchanged or promoted
	Replaces      string   `json:"replaces,omitempty"` // the provisional account number that AccountNumber takes the place of
	Withheld      []string `json:"withheld,omitempty"` // groups of fields in which a source of higher authority has the say
	EventID       string   `json:"eventId"`            // of the event that said so
}

// The outcomes.
const (
	created   = "created"
	changed   = "updated"
	unchanged = "unchanged"
	replaced  = "promoted"
)

// tell says so once the account says what the event says.
func tell(r *run) {
	outcome := unchanged
	switch {
	case r.State.Created:
		outcome = created
	case r.State.Updated:
		outcome = changed
	}
	r.Tell(RelayedType, Relayed{ID: r.In.ID, AccountNumber: r.State.Account, Provisional: r.State.Provisional, Outcome: outcome,
		Replaces: r.State.Was, Withheld: r.State.withheld, EventID: r.Event.ID}, r.State.Account)
}

// tellPromoted says once more where the customer is.
func tellPromoted(r *promoteRun) {
	r.Tell(RelayedType, Relayed{ID: r.In.ID, AccountNumber: r.State.Account, Provisional: csuclient.Provisional(r.State.Account),
		Outcome: replaced, Replaces: r.In.Account, EventID: r.Event.ID}, r.State.Account)
}
