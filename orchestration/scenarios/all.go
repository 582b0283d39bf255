// Package scenarios lists every scenario. A new one is a folder beside this file and a line in relays.
package scenarios

import (
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/customers"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/locations"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
	"github.com/signalbox/signalbox/orchestration/scenarios/payments"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
	"github.com/signalbox/signalbox/orchestration/scenarios/reconcile"
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
	// Products is what the products scenarios are made from besides; its catalogue is that of CSU.
	Products products.Parts
	// Prices, Inventory and Locations are what their scenarios are made from besides; what they read is that of CSU, unless Inventory has a stock of
	// its own.
	Prices    prices.Parts
	Inventory inventory.Parts
	Locations locations.Parts
	// Reconcile is what the comparison with sinks is made from besides; its catalogue is that of CSU.
	Reconcile reconcile.Parts
	// Sinks are those of the sink table.
	Sinks sinks.Parts
	// Emitted are the types of events that configured steps tell to sinks, besides those of Told.
	Emitted []string
}

// Told lists every type of event that scenarios tell to sinks (Pipeline.Tells), each once.
func Told() []sinks.Type { return told(relays(Parts{})) }

func told(list []orchestration.Scenario) (types []sinks.Type) {
	for _, s := range list {
		for _, t := range s.Outline().Tells {
			if !slices.ContainsFunc(types, func(other sinks.Type) bool { return other.Name == t.Name }) {
				types = append(types, sinks.Type(t))
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

// UnboundKinds lists the kinds of what events are about that are none of mapping.Kinds.
func UnboundKinds() []string {
	return []string{"feed", "price-request", "product-feed", "product-report", "product-session", "queue", "sales-order", "sink", "sweep"}
}

// All makes every scenario: those that relay, and the one that tells sinks of them.
func All(p Parts) []orchestration.Scenario {
	list := relays(p)
	return append(list, sinks.Scenarios(append(told(list), emitted(p.Emitted)...), p.Sinks)...)
}

// relays makes every scenario but that of the sinks. A new one is a line here.
func relays(p Parts) []orchestration.Scenario {
	p.Customers.Accounts = func(ch orchestration.Channel) customers.Accounts { return p.CSU(ch) }
	p.Orders.Orders = func(ch orchestration.Channel) orders.Orders { return p.CSU(ch) }
	p.Returns.Returns = func(ch orchestration.Channel) returns.Returns { return p.CSU(ch) }
	p.Products.Catalogue = func(ch orchestration.Channel) products.Catalogue { return p.CSU(ch) }
	p.Prices.Pricing = func(ch orchestration.Channel) prices.Pricing { return p.CSU(ch) }
	if p.Inventory.Stock == nil {
		p.Inventory.Stock = func(ch orchestration.Channel) inventory.Stock { return p.CSU(ch) }
	}
	p.Locations.Places = func(ch orchestration.Channel) locations.Places { return p.CSU(ch) }
	p.Reconcile.Catalogue = p.Products.Catalogue
	return slices.Concat(
		customers.Scenarios(p.Customers),
		orders.Scenarios(p.Orders),
		payments.Scenarios(),
		returns.Scenarios(p.Returns),
		products.Scenarios(p.Products),
		prices.Scenarios(p.Prices),
		inventory.Scenarios(p.Inventory),
		locations.Scenarios(p.Locations),
		reconcile.Scenarios(p.Reconcile),
		[]orchestration.Scenario{heartbeat.Scenario()},
	)
}
