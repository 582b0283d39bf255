// Package locations exports a channel's stores and warehouses to its sinks: those that changed since they were told last, or all.
//
// The CSU has no list of what changed, so each run reads all of them, and tells those that differ from what was told. One that is not there any
// more is told once, as gone.
//
// Promises. As of prices (package prices).
package locations

import (
	"context"
	_ "embed" // the schema

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// Places is what the scenario needs of the CSU, for one operating unit.
type Places interface {
	Locations(ctx context.Context) ([]csuclient.Location, error)
	StoreHours(ctx context.Context, number string) ([7]csuclient.StoreDay, error)
	Warehouses(ctx context.Context) ([]csuclient.Warehouse, error)
	DeliveryModes(ctx context.Context, fresh bool) ([]csuclient.DeliveryMode, error)
	OrgUnit(ctx context.Context) (csuclient.OrgUnit, error)
}

// Parts is what the scenario is made from.
type Parts struct {
	Places func(orchestration.Channel) Places
	Memory feed.Memory
}

// ExportType asks for the locations (export.schema.json).
const ExportType = "signalbox.locations.export.v1"

// ExportName is the scenario that handles it.
const ExportName = "locations"

//go:embed export.schema.json
var exportSchema []byte

// Export is what is asked for.
type Export struct {
	Full  bool     `json:"full,omitempty"`  // all, whether they changed or not
	Sinks []string `json:"sinks,omitempty"` // who is told of what did not change, where that is told, too; absent: every sink of the channel
}

// progress is what a run learns.
type progress struct {
	feed.Walked
	Store string `json:"store,omitempty"` // how far the stores were read, in the order of their numbers
}

type (
	run  = orchestration.Run[Export, progress]
	step = orchestration.Step[Export, progress]
)

type locations struct{ Parts }

// Scenarios makes it.
func Scenarios(p Parts) []orchestration.Scenario {
	return []orchestration.Scenario{locations{p}.export()}
}

func (l locations) export() orchestration.Pipeline[Export, progress] {
	return orchestration.Pipeline[Export, progress]{
		Name: ExportName, Handles: ExportType, Version: 1, Order: orchestration.Fact, Schema: exportSchema, Ours: true, Certify: certification(), Lane: orchestration.LaneBulk,
		Entity: func(Export) (kind, id string) { return "feed", Feed }, Tells: tells(),
		Steps: []step{
			{Name: "read-locations", Look: l.readPage, Note: tellPage, More: func(r *run) bool { return !r.State.Done }},
			{Name: "find-missing", Look: l.findMissing, Note: tellPage},
			{Name: "keep-told", Sure: orchestration.Repeatable, Act: l.keepLast, Note: tellSummary},
		},
	}
}

// Feed names the feed.
const Feed = "locations"

func feedOf(r *run) feed.Feed { return feed.Feed{Channel: r.Channel.Name, Name: Feed} }

// findMissing finds what was told and is not there any more.
func (l locations) findMissing(ctx context.Context, r *run) (bool, error) {
	if err := r.State.Keep(ctx, l.Memory, feedOf(r)); err != nil {
		return false, err
	}
	there, err := present(ctx, l.Places(r.Channel))
	if err != nil {
		return false, err
	}
	told, err := feed.All(ctx, l.Memory, feedOf(r))
	if err != nil {
		return false, err
	}
	var gone []feed.Record
	for _, id := range told {
		if !there[id] {
			gone = append(gone, goneLocation(id))
		}
	}
	if gone, err = feed.None(ctx, l.Memory, feedOf(r), gone); err != nil {
		return false, err
	}
	r.State.Page = feed.Page{Changed: gone}
	r.State.Gone += len(gone)
	return true, r.State.Page.Doubt(ctx, l.Memory, feedOf(r))
}

func tellPage(r *run) {
	r.State.Tell(r, r.Channel, feed.As{Type: LocationType, Kind: "location", Again: r.In.Sinks, Replay: r.Event.Replay})
}

func (l locations) keepLast(ctx context.Context, r *run) error {
	return r.State.Keep(ctx, l.Memory, feedOf(r))
}

func tellSummary(r *run) { r.State.TellSummary(r, r.Channel, feedOf(r), true, r.In.Full, r.In.Sinks) }
