package returns

import (
	_ "embed" // the schemas

	"github.com/signalbox/signalbox/orchestration"
)

//go:embed relayed.schema.json
var relayedSchema []byte

//go:embed refused.schema.json
var refusedSchema []byte

// tells are the types of what sinks are told. They are facts: no later event makes them untrue.
func tells() []orchestration.Telling {
	return []orchestration.Telling{{Name: RelayedType, Kind: Kind, Order: orchestration.Fact, Schema: relayedSchema},
		{Name: RefusedType, Kind: Kind, Order: orchestration.Fact, Schema: refusedSchema}}
}

// What sinks are told.
const (
	RelayedType = "signalbox.return.relayed.v1" // Relayed
	RefusedType = "signalbox.return.refused.v1" // orchestration.Refusal (refused.schema.json)
)

// Relayed says that the CSU has a return (relayed.schema.json). Headquarters makes a sales order of it later.
type Relayed struct {
	ID          string `json:"id"`          // the source's own number of the return
	Order       string `json:"order"`       // the same of the order
	Transaction string `json:"transaction"` // transaction id of the return in the CSU
	Reference   string `json:"reference"`   // its channel reference id
}
