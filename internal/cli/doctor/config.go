package doctor

import (
	"context"
	"fmt"

	"github.com/signalbox/signalbox/config"
)

// OfConfig is the report on a configuration that is not valid: nothing else can be looked at.
func OfConfig(problems []config.Problem) Report {
	var all []Finding
	for _, p := range problems {
		all = append(all, fail(checkConfig, p.Key, p.What, p.Do))
	}
	return reportOf(all)
}

// Configured says that the configuration is valid.
func Configured(cfg *config.Config) Part {
	return func(context.Context) []Finding {
		return []Finding{ok(checkConfig, "", fmt.Sprintf("is valid: %d source queues, %d channels, %d sinks", len(cfg.ServiceBus.Queues), len(cfg.Channels), len(cfg.Sinks)))}
	}
}
