// Package inventory exports how much there is of a channel's products to its sinks: what changed since it was told last, or all.
//
// Neither the CSU nor Inventory Visibility has a list of what changed, so each run asks for every product that the channel is known to sell
// (package products remembers them), and tells each product and warehouse whose stock differs from what was told by more than it was asked to mind.
// Where headquarters withholds quantities, only its levels are told.
//
// Promises. As of prices (package prices). What the stock is told to be is an estimate of the time when it was read.
package inventory

import (
	"context"
	_ "embed" // the schema
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
)

// Stock is where it is asked how much there is, for one channel.
type Stock interface {
	Availability(ctx context.Context, q csuclient.AvailabilityQuery) (csuclient.Availability, error)
}

// Parts is what the scenario is made from.
type Parts struct {
	Stock  func(orchestration.Channel) Stock
	Memory feed.Memory
}

// ExportType asks for the stock (export.schema.json).
const ExportType = "signalbox.inventory.export.v1"

// ExportName is the scenario that handles it.
const ExportName = "inventory"

//go:embed export.schema.json
var exportSchema []byte

// Export is what is asked for.
type Export struct {
	Full       bool       `json:"full,omitempty"`       // all, whether it changed or not
	Products   []string   `json:"products,omitempty"`   // only these; absent: all that are known
	Records    []string   `json:"records,omitempty"`    // of products only these: product and warehouse, as in the subjects of what is told
	Sinks      []string   `json:"sinks,omitempty"`      // who is told of what did not change, where that is told, too; absent: every sink of the channel
	Warehouses []string   `json:"warehouses,omitempty"` // only these; absent: those of the channel's fulfilment group
	Locations  string     `json:"locations,omitempty"`  // narrows that: all, own, ships or pickup; absent: all
	Unit       string     `json:"unit,omitempty"`       // of quantities: inventory, purchase or sales; absent: inventory
	Totals     bool       `json:"totals,omitempty"`     // the sum over the warehouses, too
	Thresholds Thresholds `json:"thresholds,omitzero"`
}

// Thresholds say which changes are worth telling. One that makes a level another one always is.
type Thresholds struct {
	Change decimal.Decimal   `json:"change,omitzero"` // by at least so much; 0: each
	At     []decimal.Decimal `json:"at,omitempty"`    // or from one side of one of these to the other; 0 is always one
}

type (
	run  = orchestration.Run[Export, feed.Walked]
	step = orchestration.Step[Export, feed.Walked]
)

type inventory struct{ Parts }

// Scenarios makes it.
func Scenarios(p Parts) []orchestration.Scenario {
	return []orchestration.Scenario{inventory{p}.export()}
}

func (i inventory) export() orchestration.Pipeline[Export, feed.Walked] {
	return orchestration.Pipeline[Export, feed.Walked]{
		Name: ExportName, Handles: ExportType, Version: 1, Order: orchestration.Fact, Schema: exportSchema, Ours: true, Certify: certification(), Lane: orchestration.LaneBulk,
		Numbers: feed.RecordIDs(), Entity: func(e Export) (kind, id string) { return "feed", e.Feed() }, Tells: tells(),
		Steps: []step{
			{Name: "know-products", When: all, Look: i.knowProducts, Note: askForProducts},
			{Name: "await-products", When: all, Look: i.awaitProducts},
			{Name: "read-stock", Look: i.readPage, Note: tellPage, More: unfinished},
			{Name: "find-missing", When: all, Look: i.findMissing, Note: tellPage, More: missing},
			{Name: "keep-told", Sure: orchestration.Repeatable, Act: i.keepLast, Note: tellSummary},
		},
	}
}

// Feed names the feed: quantities in another unit are other records.
func (e Export) Feed() string {
	if e.Unit == "" || e.Unit == "inventory" {
		return "inventory"
	}
	return "inventory/" + e.Unit
}

// Apart is what tells quantities in another unit from the usual ones.
func (e Export) Apart() string { return strings.TrimPrefix(e.Feed(), "inventory") }

// query asks for the stock of some products.
func (e Export) query(ids []string) csuclient.AvailabilityQuery {
	that := map[string]int{"ships": csuclient.StoresThatShip, "pickup": csuclient.StoresToPickUp}
	units := map[string]csuclient.QuantityUnit{"purchase": csuclient.UnitOfPurchase, "sales": csuclient.UnitOfSale}
	return csuclient.AvailabilityQuery{Products: feed.Numbers(ids), Warehouses: e.Warehouses, OwnOnly: e.Locations == "own", That: that[e.Locations], Unit: units[e.Unit]}
}

// complete says whether the run sees every warehouse of a product: then one that is not there any more is gone.
func (e Export) complete() bool {
	return len(e.Records) == 0 && len(e.Warehouses) == 0 && (e.Locations == "" || e.Locations == "all")
}

func all(r *run) bool        { return len(r.In.Products) == 0 && len(r.In.Records) == 0 }
func unfinished(r *run) bool { return !r.State.Done }
func missing(r *run) bool    { return !r.State.MissingFound() }

func feedOf(r *run) feed.Feed { return feed.Feed{Channel: r.Channel.Name, Name: r.In.Feed()} }

func productsOf(r *run) feed.Feed {
	return feed.Feed{Channel: r.Channel.Name, Name: products.FeedName(0)}
}
