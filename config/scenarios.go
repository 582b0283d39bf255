package config

import (
	"slices"
	"strings"
	"sync"

	"github.com/signalbox/signalbox/orchestration/scenarios"
)

// Switchable lists the scenarios that may be off, by name: all that follow up on no other. The heartbeat is none: without it the fleet
// would be taken for dead; heartbeat.interval 0s ends it.
func Switchable() []string { return slices.Clone(switchable()) }

var switchable = sync.OnceValue(func() (names []string) {
	for _, s := range scenarios.All(scenarios.Parts{}) {
		if name := s.Outline().Switch(); name != "heartbeat" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
})

func scenariosOff(c *Config) (all []wrong) {
	seen := map[string]bool{}
	for _, name := range c.Scenarios.Off {
		switch {
		case !slices.Contains(Switchable(), name):
			all = append(all, wrong{"names " + show(name) + ", which is no scenario that may be off", "choose from " + strings.Join(Switchable(), ", ")})
		case seen[name]:
			all = append(all, wrong{"names " + show(name) + " twice", "name it once"})
		}
		seen[name] = true
	}
	return all
}
