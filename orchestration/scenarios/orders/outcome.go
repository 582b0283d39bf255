package orders

// What sinks are told.
const (
	RelayedType = "signalbox.order.relayed.v1" // Relayed
	RefusedType = "signalbox.order.refused.v1" // orchestration.Refusal (refused.schema.json)
)

// Relayed says that headquarters has made a sales order of an order (relayed.schema.json).
type Relayed struct {
	ID        string `json:"id"`        // the source's own
	SalesID   string `json:"salesId"`   // headquarters'
	Order     string `json:"order"`     // transaction id in the CSU
	Reference string `json:"reference"` // channel reference id
}
