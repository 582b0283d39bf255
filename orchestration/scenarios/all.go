// Package scenarios lists every scenario. A new one is a folder beside this file and a line in All.
package scenarios

import (
	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/customers"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
)

// Parts is what scenarios are made from.
type Parts struct {
	// CSU gives the calls of a channel's operating unit.
	CSU func(orchestration.Channel) *csuclient.Channel
}

// All makes every scenario.
func All(p Parts) []orchestration.Scenario {
	return []orchestration.Scenario{
		customers.Scenario(func(ch orchestration.Channel) customers.Accounts { return p.CSU(ch) }),
		heartbeat.Scenario(),
	}
}
