// Package scenarios lists every scenario. A new one is a folder beside this file and a line in All.
package scenarios

import (
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/customers"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
	"github.com/signalbox/signalbox/orchestration/scenarios/sinks"
)

// Parts is what scenarios are made from.
type Parts struct {
	// CSU gives the calls of a channel's operating unit.
	CSU func(orchestration.Channel) *csuclient.Channel
	// Bindings are those of the channel's CSU.
	Bindings mapping.Finder
	// PromoteAfter is when a provisional record is first looked at again.
	PromoteAfter time.Duration
	// Sinks are those of the sink table.
	Sinks sinks.Parts
}

// Told lists every type of event that scenarios tell to sinks. That a customer is relayed is a state: the newest says it all. A
// refusal is a fact about one event, and no later event makes it untrue.
func Told() []sinks.Type {
	return []sinks.Type{
		{Name: customers.RelayedType, Kind: "customer", Order: orchestration.State},
		{Name: customers.RefusedType, Kind: "customer", Order: orchestration.Fact},
	}
}

// Kinds lists the kinds of business objects that scenarios bind.
func Kinds() []string { return []string{"customer"} }

// All makes every scenario.
func All(p Parts) []orchestration.Scenario {
	all := customers.Scenarios(customers.Parts{CSU: func(ch orchestration.Channel) customers.Accounts { return p.CSU(ch) },
		Bindings: p.Bindings, PromoteAfter: p.PromoteAfter})
	all = append(all, heartbeat.Scenario())
	return append(all, sinks.Scenarios(Told(), p.Sinks)...)
}
