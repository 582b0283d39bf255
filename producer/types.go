package producer

import (
	_ "embed" // the contract
	"encoding/json"
	"slices"
	"sync"

	"github.com/signalbox/signalbox/internal/cardnumber"
	"github.com/signalbox/signalbox/internal/dataschema"
)

// The types of events that sources send.
const (
	CustomerChanged       = "signalbox.customer.changed.v1"
	OrderPlaced           = "signalbox.order.placed.v1"
	CancellationRequested = "signalbox.order.cancellation.requested.v1"
	ReturnRequested       = "signalbox.return.requested.v1"
	OrderReported         = "signalbox.order.reported.v1" // by headquarters

	// What has Signalbox read from D365, and tell the sinks.
	ProductsPublish = "signalbox.products.publish.v1"
	PricesExport    = "signalbox.prices.export.v1"
	InventoryExport = "signalbox.inventory.export.v1"
	LocationsExport = "signalbox.locations.export.v1"

	// What is not taken by itself, and is refused with a word on what to send in its place.
	OrderChanged      = "signalbox.order.changed.v1"
	PaymentAuthorized = "signalbox.payment.authorized.v1"
	PaymentCaptured   = "signalbox.payment.captured.v1"
	PaymentRefunded   = "signalbox.payment.refunded.v1"
)

// contract.json is what signalbox schema prints, with the numbers that are no card numbers; a test holds it against the scenarios.
//
//go:embed contract.json
var contract []byte

// Type is a type of event that Signalbox takes.
type Type struct {
	Name        string          `json:"type"`
	Order       string          `json:"order"` // state: the newest wins; fact: each one counts
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"schema"`            // JSON Schema (2020-12) of the data
	Numbers     map[string]int  `json:"numbers,omitempty"` // places of numbers that are no card numbers, however long up to so many digits
}

// Types lists every type, by name.
func Types() []Type {
	types := make([]Type, 0, len(registry()))
	for _, t := range registry() {
		types = append(types, t.Type)
	}
	return types
}

// checked is a type with what checks its data.
type checked struct {
	Type
	schema  *dataschema.Schema
	numbers cardnumber.Tolerance
}

// registry reads the contract when it is first asked for. It is part of the program, so it cannot be wrong at run time.
var registry = sync.OnceValue(func() []checked {
	var types []Type
	must(json.Unmarshal(contract, &types))
	all := make([]checked, len(types))
	for i, t := range types {
		schema, err := dataschema.Compile(t.Name, t.Schema)
		must(err)
		numbers, err := cardnumber.Tolerate(t.Numbers)
		must(err)
		all[i] = checked{t, schema, numbers}
	}
	return all
})

func must(err error) {
	if err != nil {
		panic("producer: the contract cannot be read: " + err.Error())
	}
}

func find(name string) (checked, bool) {
	i := slices.IndexFunc(registry(), func(t checked) bool { return t.Name == name })
	if i < 0 {
		return checked{}, false
	}
	return registry()[i], true
}
