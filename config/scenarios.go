package config

import (
	"slices"
	"strings"
)

// Switchable lists the scenarios that may be off, by name. The heartbeat is none: without it the fleet would be taken for dead;
// heartbeat.interval 0s ends it.
func Switchable() []string { return []string{"customers", "orders", "sinks"} }

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
