package customers

// What sinks are told.
const (
	RelayedType = "signalbox.customer.relayed.v1" // Relayed
	RefusedType = "signalbox.customer.refused.v1" // orchestration.Refusal
)

// Relayed says that a customer's state is in D365.
type Relayed struct {
	ID            string `json:"id"` // the source's own
	AccountNumber string `json:"accountNumber"`
}

// tell says so once the account says what the event says.
func tell(r *run) {
	r.Tell(RelayedType, Relayed{ID: r.In.ID, AccountNumber: r.State.Account})
}
