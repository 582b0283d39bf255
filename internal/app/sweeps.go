package app

import (
	"slices"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/orchestration/scenarios/reconcile"
)

// Sweeps lists which feeds the schedules of a configuration have compared, and with which sinks.
func Sweeps(cfg *config.Config) (all []telemetry.Sweep) {
	for _, row := range cfg.Schedules {
		if row.Off || row.Type != reconcile.SweepType {
			continue
		}
		feed, sink, err := reconcile.FeedOf(row.Data)
		s := telemetry.Sweep{Channel: row.Channel, Feed: feed, Sink: sink}
		if err == nil && !slices.Contains(all, s) { // what is no sweep is refused before
			all = append(all, s)
		}
	}
	return all
}

// swept counts a sweep. A plan, which tells of what it would find, is made by commands alone, whose metrics nobody reads.
func (a *App) swept(channel string, found reconcile.Reconciled) {
	a.metrics.Swept(telemetry.Sweep{Channel: channel, Feed: found.Feed, Sink: found.Sink}, found.Partial,
		map[string]int{"missing": found.Missing, "differs": found.Differs, "extra": found.Extra, "outdated": found.Outdated})
}
