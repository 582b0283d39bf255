// Package prices exports a channel's prices to its sinks: those that changed since they were told last, or all.
//
// The CSU has no list of prices that changed, so each run reads the price of every product that the channel is known to sell (package
// products remembers them) and tells those that differ from what was told. The CSU leaves out a product that it does not know or does not
// sell, without a word: such a one is told as having no price, once.
//
// Promises. As of products: a page's records are in the broker before it counts as told, a process that dies misses none, and what is told again has
// the same id and the same data. Prices of one feed, which is a catalogue, a set of affiliations and a day, are told apart from those of others.
package prices

import (
	"context"
	_ "embed" // the schema
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
)

// Pricing is what the scenario needs of the CSU, for one operating unit.
type Pricing interface {
	ActivePrices(ctx context.Context, q csuclient.PriceQuery) ([]csuclient.Price, error)
	PriceCart(ctx context.Context, n csuclient.NewCart, coupons []string) (csuclient.Cart, error)
}

// Parts is what the scenario is made from.
type Parts struct {
	Pricing func(orchestration.Channel) Pricing
	Memory  feed.Memory
	// ReplySink names the sink that sends to an address; nil: nobody is answered.
	ReplySink func(address string) (sink string, ok bool)
}

// ExportType asks for prices (export.schema.json).
const ExportType = "signalbox.prices.export.v1"

// ExportName is the scenario that handles it.
const ExportName = "prices"

//go:embed export.schema.json
var exportSchema []byte

// Export is what is asked for.
type Export struct {
	Full         bool       `json:"full,omitempty"`         // all, whether they changed or not
	Catalog      int64      `json:"catalog,omitempty"`      // 0: all that are active
	Affiliations []string   `json:"affiliations,omitempty"` // prices for who has these; record ids
	On           *time.Time `json:"on,omitempty"`           // a day to come; absent: now
	Products     []string   `json:"products,omitempty"`     // only these; absent: all that are known
	Sinks        []string   `json:"sinks,omitempty"`        // who is told of what did not change, where that is told, too; absent: every sink of the channel
}

type (
	run  = orchestration.Run[Export, feed.Walked]
	step = orchestration.Step[Export, feed.Walked]
)

type prices struct{ Parts }

// Scenarios makes them.
func Scenarios(p Parts) []orchestration.Scenario {
	return []orchestration.Scenario{prices{p}.export(), prices{p}.request()}
}

func (p prices) export() orchestration.Pipeline[Export, feed.Walked] {
	return orchestration.Pipeline[Export, feed.Walked]{
		Name: ExportName, Handles: ExportType, Version: 1, Order: orchestration.Fact, Schema: exportSchema, Ours: true, Certify: certification(), Lane: orchestration.LaneBulk,
		Numbers: feed.RecordIDs(),
		Entity:  func(e Export) (kind, id string) { return "feed", e.Feed() }, Tells: tells(),
		Steps: []step{
			{Name: "know-products", When: all, Look: p.knowProducts, Note: askForProducts},
			{Name: "await-products", When: all, Look: p.awaitProducts},
			{Name: "read-prices", Look: p.readPage, Note: tellPage, More: unfinished},
			{Name: "find-missing", When: all, Look: p.findMissing, Note: tellPage, More: missing},
			{Name: "keep-told", Sure: orchestration.Repeatable, Act: p.keepLast, Note: tellSummary},
		},
	}
}

// Feed names the feed: prices of other catalogues, affiliations and days are other records.
func (e Export) Feed() string {
	return fmt.Sprint("prices/", e.Catalog) + strings.TrimPrefix(e.Apart(), products.Apart(e.Catalog))
}

// Apart is what tells the record of a product from its other prices.
func (e Export) Apart() string {
	var b strings.Builder
	b.WriteString(products.Apart(e.Catalog))
	if len(e.Affiliations) > 0 {
		b.WriteString("/affiliations/" + strings.Join(e.affiliations(), ","))
	}
	if e.On != nil {
		b.WriteString("/on/" + e.On.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// affiliations are a set.
func (e Export) affiliations() []string {
	return slices.Compact(slices.Sorted(slices.Values(e.Affiliations)))
}

func all(r *run) bool        { return len(r.In.Products) == 0 }
func unfinished(r *run) bool { return !r.State.Done }
func missing(r *run) bool    { return !r.State.MissingFound() }

func feedOf(r *run) feed.Feed {
	f := feed.Feed{Channel: r.Channel.Name, Name: r.In.Feed()}
	if r.In.On != nil {
		f.Until = *r.In.On
	}
	return f
}

// productsOf is the feed of the products whose prices are asked for. Prices of all active catalogues are those of the channel's own products.
func productsOf(r *run) feed.Feed {
	return feed.Feed{Channel: r.Channel.Name, Name: products.FeedName(r.In.Catalog)}
}
