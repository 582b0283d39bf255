// Package scenarios lists every scenario. A new one is a folder beside this file and a line in All.
package scenarios

import (
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/customers"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
	"github.com/signalbox/signalbox/orchestration/scenarios/payments"
	"github.com/signalbox/signalbox/orchestration/scenarios/returns"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
)

// Parts is what scenarios are made from.
type Parts struct {
	// CSU gives the calls of a channel's operating unit.
	CSU func(orchestration.Channel) *csuclient.Channel
	// Customers is what the customers scenarios are made from besides; its accounts are those of CSU.
	Customers customers.Parts
	// Orders is what the orders scenarios are made from besides; its orders are those of CSU.
	Orders orders.Parts
	// Returns is what the returns scenario is made from besides; its returns are those of CSU.
	Returns returns.Parts
	// Sinks are those of the sink table.
	Sinks sinks.Parts
	// Emitted are the types of events that configured steps tell to sinks, besides those of Told.
	Emitted []string
}

// Told lists every type of event that scenarios tell to sinks. That a customer is relayed is a state: the newest says it all. That an
// order is, is a fact, as are a refusal and what became of it at headquarters: no later event makes it untrue.
func Told() []sinks.Type {
	types := []sinks.Type{
		{Name: customers.RelayedType, Kind: "customer", Order: orchestration.State},
		{Name: customers.RefusedType, Kind: "customer", Order: orchestration.Fact},
		{Name: orders.RelayedType, Kind: "order", Order: orchestration.Fact},
		{Name: orders.CancellationType, Kind: "order", Order: orchestration.Fact},
		{Name: orders.RefusedType, Kind: "order", Order: orchestration.Fact},
		{Name: orders.StatusType, Kind: "order", Order: orchestration.Fact},
		{Name: returns.RelayedType, Kind: "return", Order: orchestration.Fact},
		{Name: returns.RefusedType, Kind: "return", Order: orchestration.Fact},
	}
	for i := range types {
		for _, outcomes := range []map[string][]byte{customers.Outcomes(), orders.Outcomes(), returns.Outcomes()} {
			if schema, ok := outcomes[types[i].Name]; ok {
				types[i].Schema = schema
			}
		}
	}
	return types
}

// emitted are types of a configuration: facts, about whatever their scenario is about.
func emitted(names []string) (types []sinks.Type) {
	for _, name := range names {
		types = append(types, sinks.Type{Name: name, Kind: "emitted", Order: orchestration.Fact})
	}
	return types
}

// Kinds lists the kinds of business objects that are bound: by scenarios, or beforehand, as products are.
func Kinds() []string { return []string{"customer", "order", "product", "return"} }

// All makes every scenario.
func All(p Parts) []orchestration.Scenario {
	p.Customers.Accounts = func(ch orchestration.Channel) customers.Accounts { return p.CSU(ch) }
	p.Orders.Orders = func(ch orchestration.Channel) orders.Orders { return p.CSU(ch) }
	p.Returns.Returns = func(ch orchestration.Channel) returns.Returns { return p.CSU(ch) }
	return slices.Concat(customers.Scenarios(p.Customers), orders.Scenarios(p.Orders), payments.Scenarios(), returns.Scenarios(p.Returns),
		[]orchestration.Scenario{heartbeat.Scenario()}, sinks.Scenarios(append(Told(), emitted(p.Emitted)...), p.Sinks))
}
