package customers

// What sinks are told. Neither holds anything personal beyond the source's own number.
const (
	RelayedType = "signalbox.customer.relayed.v1" // Relayed (relayed.json)
	RefusedType = "signalbox.customer.refused.v1" // orchestration.Refusal (refused.json)
)

// Change is what became of the account.
type Change string

// The changes.
const (
	Created   Change = "created"
	Updated   Change = "updated"
	Unchanged Change = "unchanged" // it said so already
	Promoted  Change = "promoted"  // it has got its permanent number
)

// Relayed says that a customer's state is in D365.
type Relayed struct {
	ID            string `json:"id"` // the source's own
	AccountNumber string `json:"accountNumber"`
	Change        Change `json:"change"`
	Provisional   bool   `json:"provisional,omitempty"` // accountNumber will be replaced: another event of this type follows
	Was           string `json:"was,omitempty"`         // the provisional number that was replaced
	Withheld      bool   `json:"withheld,omitempty"`    // a source of more authority says otherwise: not everything was taken over
}

// tell says so once the account says what the event says.
func tell(r *run, change Change) {
	r.Tell(RelayedType, Relayed{ID: r.In.ID, AccountNumber: r.State.Account, Change: change, Provisional: r.State.Provisional, Was: r.State.Was,
		Withheld: r.State.Withheld})
}
