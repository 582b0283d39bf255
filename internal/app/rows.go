package app

import (
	"strings"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
	"github.com/signalbox/signalbox/worker/businessevents"
	"github.com/signalbox/signalbox/worker/rows"
)

// Rows makes the reader of messages: CloudEvents, and the rows of the source table. Warned is told of the rows that went
// through with warnings; nil: nobody.
func Rows(cfg *config.Config, warned func(source string, warnings []fieldmap.Warning)) (*rows.Reader, error) {
	o := rows.Options{Sources: RowSources(cfg), Warned: warned}
	for _, s := range scenarios.All(scenarios.Parts{Emitted: cfg.Emitted()}) {
		o.Ours = append(o.Ours, s.Outline().Handles)
	}
	return rows.New(o)
}

// RowSources is the source table with its maps.
func RowSources(cfg *config.Config) []rows.Source {
	list := make([]rows.Source, len(cfg.Sources))
	for i, s := range cfg.Sources {
		list[i] = rows.Source{Name: s.Called(), Source: s.Source, Queue: s.Queue, Types: s.Types, Map: cfg.Map(s)}
		if s.Format == config.FormatBusinessEvents {
			list[i].Map, list[i].Translate = nil, businessevents.New(businessevents.Options{Source: s.Source, Type: orders.ReportedType,
				Statuses: s.StatusOf(), SalesID: s.SalesID, Exports: s.ExportOf(), ExportOf: s.Channel, Channel: channelOf(cfg.Channels)}).Translate
		}
	}
	return list
}

// channelOf finds a channel of a legal entity: which one does not matter, for it only says in which scope numbers of orders are meant.
// Headquarters ignores case.
func channelOf(channels orchestration.Channels) func(string) (string, bool) {
	return func(legalEntity string) (string, bool) {
		for _, ch := range channels {
			if legalEntity == "" || strings.EqualFold(ch.LegalEntity, legalEntity) {
				return ch.Name, true
			}
		}
		return "", false
	}
}

func called(sources []rows.Source) []string {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.Name
	}
	return names
}
