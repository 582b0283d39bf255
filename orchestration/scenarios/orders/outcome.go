package orders

import (
	_ "embed" // the schemas
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

//go:embed relayed.schema.json
var relayedSchema []byte

//go:embed refused.schema.json
var refusedSchema []byte

//go:embed cancellation.schema.json
var cancellationSchema []byte

//go:embed status.schema.json
var statusSchema []byte

// What sinks are told of orders are facts: no later event makes them untrue.
var (
	tellsRelayed      = telling(RelayedType, relayedSchema)
	tellsRefused      = telling(RefusedType, refusedSchema)
	tellsCancellation = telling(CancellationType, cancellationSchema)
	tellsStatus       = telling(StatusType, statusSchema)
)

func telling(typ string, schema []byte) orchestration.Telling {
	return orchestration.Telling{Name: typ, Kind: Kind, Order: orchestration.Fact, Schema: schema}
}

// What sinks are told.
const (
	RelayedType      = "signalbox.order.relayed.v1"              // Relayed
	CancellationType = "signalbox.order.cancellation.relayed.v1" // Cancellation
	RefusedType      = "signalbox.order.refused.v1"              // orchestration.Refusal (refused.schema.json)
	StatusType       = "signalbox.order.status.v1"               // Status
)

// Relayed says that headquarters has made a sales order of an order (relayed.schema.json).
type Relayed struct {
	ID        string `json:"id"`        // the source's own
	SalesID   string `json:"salesId"`   // headquarters'
	Order     string `json:"order"`     // transaction id in the CSU
	Reference string `json:"reference"` // channel reference id
}

// Status says what became of an order's sales order at headquarters (status.schema.json).
type Status struct {
	ID            string    `json:"id,omitempty"` // the source's own; absent when it looks personal, for then only its hash is kept
	SalesID       string    `json:"salesId"`      // headquarters'
	Status        string    `json:"status"`
	At            time.Time `json:"at"`                // headquarters' clock
	Invoice       string    `json:"invoice,omitempty"` // headquarters' number of it
	BusinessEvent string    `json:"businessEvent,omitempty"`
}

// Cancellation says that headquarters was asked to cancel a sales order, or has cancelled it (cancellation.schema.json).
type Cancellation struct {
	ID      string `json:"id"`      // the source's own
	SalesID string `json:"salesId"` // headquarters'
}
