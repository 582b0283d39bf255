package app

import (
	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/worker/rows"
)

// Rows makes the reader of messages: CloudEvents, and the rows of the source table. Warned is told of the rows that went
// through with warnings; nil: nobody.
func Rows(cfg *config.Config, warned func(source string, warnings []fieldmap.Warning)) (*rows.Reader, error) {
	o := rows.Options{Sources: RowSources(cfg), Warned: warned}
	for _, s := range scenarios.All(scenarios.Parts{}) {
		o.Ours = append(o.Ours, s.Outline().Handles)
	}
	return rows.New(o)
}

// RowSources is the source table with its maps.
func RowSources(cfg *config.Config) []rows.Source {
	list := make([]rows.Source, len(cfg.Sources))
	for i, s := range cfg.Sources {
		list[i] = rows.Source{Name: s.Called(), Source: s.Source, Queue: s.Queue, Types: s.Types, Map: cfg.Map(s)}
	}
	return list
}

func called(sources []rows.Source) []string {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.Name
	}
	return names
}
