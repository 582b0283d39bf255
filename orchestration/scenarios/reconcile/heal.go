package reconcile

import (
	_ "embed" // the schema
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/locations"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
)

// asked is what an export was asked for, as far as it makes another feed, or another sum.
type asked struct {
	Catalog      int64      `json:"catalog"`
	Affiliations []string   `json:"affiliations"`
	On           *time.Time `json:"on"`
	Unit         string     `json:"unit"`
	Locations    string     `json:"locations"`
	Warehouses   []string   `json:"warehouses"`
}

func (a asked) prices() prices.Export {
	return prices.Export{Catalog: a.Catalog, Affiliations: a.Affiliations, On: a.On}
}

// feed names the feed that is compared.
func (s Sweep) feed() string {
	switch s.Of {
	case "prices":
		return s.As.prices().Feed()
	case "inventory":
		return inventory.Export{Unit: s.As.Unit}.Feed()
	case "locations":
		return locations.Feed
	}
	return products.FeedName(s.As.Catalog)
}

// apart is what tells its records from others of their type.
func (s Sweep) apart() string {
	switch s.Of {
	case "prices":
		return s.As.prices().Apart()
	case "inventory":
		return inventory.Export{Unit: s.As.Unit}.Apart()
	case "products":
		return products.Apart(s.As.Catalog)
	}
	return ""
}

// FeedOf says what an event of SweepType asks to compare: a feed, with a sink.
func FeedOf(data []byte) (feed, sink string, err error) {
	var s Sweep
	if err := json.Unmarshal(data, &s); err != nil {
		return "", "", err
	}
	return s.feed(), s.Sink, nil
}

// RecordType is that of the events which tell of what is compared.
func (s Sweep) RecordType() string {
	return map[string]string{"products": products.ProductType, "prices": prices.PriceType, "inventory": inventory.StockType, "locations": locations.LocationType}[s.Of]
}

// ReconciledType tells sinks what a sweep found (reconciled.schema.json).
const ReconciledType = "signalbox.feed.reconciled.v1"

//go:embed reconciled.schema.json
var reconciledSchema []byte

// tells are the types of what sinks are told.
func tells() []orchestration.Telling {
	return []orchestration.Telling{{Name: ReconciledType, Kind: "feed", Order: orchestration.Fact, Schema: reconciledSchema}}
}

// Reconciled is what a sweep found. What is wrong is told again.
type Reconciled struct {
	Feed     string `json:"feed"`
	Sink     string `json:"sink"`
	Compared int    `json:"compared"` // records that it was told
	Missing  int    `json:"missing"`
	Differs  int    `json:"differs"`
	Extra    int    `json:"extra"`
	Sampled  int    `json:"sampled"`  // records that were compared with the CSU
	Outdated int    `json:"outdated"` // of these, what the CSU has otherwise
	Calls    int    `json:"calls"`    // that the sink was asked
	Partial  bool   `json:"partial"`  // more differs than calls were allowed for
}

// healedAtOnce is how many records one event asks for.
const healedAtOnce = 500

// heal has what is wrong told again, to the sink alone as far as it was told before, and tells what was found.
func (c reconcile) heal(r *run) {
	ids := slices.Concat(slices.Collect(maps.Keys(r.State.Wrong)), r.State.Outdated)
	slices.Sort(ids)
	for some := range slices.Chunk(r.In.named(slices.Compact(ids)), healedAtOnce) {
		typ, data := r.In.ask(some)
		r.FollowPart(typ, data, "heal", some[0])
	}
	found := Reconciled{Feed: r.In.feed(), Sink: r.In.Sink, Compared: r.State.Compared, Sampled: r.State.Sampled, Outdated: len(r.State.Outdated),
		Calls: r.State.Calls, Partial: r.State.Partial}
	for _, is := range r.State.Wrong {
		switch is {
		case missing:
			found.Missing++
		case differs:
			found.Differs++
		case extra:
			found.Extra++
		}
	}
	if c.Swept != nil {
		c.Swept(r.Channel.Name, found)
	}
	r.TellOf(feedOf(r).Ref(r.Channel), r.Channel, ReconciledType, found, r.In.Sink)
}

// ours says of an id that a sink has whether it may be that of a record.
var ours = regexp.MustCompile(`^[1-9][0-9]{0,17}(/.{1,100})?$`)

// named are the ids that the export knows them by: of prices those of the products. What can be no record of ours cannot be asked for.
func (s Sweep) named(ids []string) []string {
	if s.Of == "locations" && len(ids) > 0 {
		return ids[:1] // it reads all of them in any case
	}
	var out []string
	for _, id := range ids {
		product, warehouse, _ := strings.Cut(id, "/")
		switch {
		case !ours.MatchString(id):
		case s.Of != "inventory":
			out = append(out, product)
		case warehouse != "":
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ask is the event that has them told again.
func (s Sweep) ask(ids []string) (typ string, data any) {
	only := []string{s.Sink}
	switch s.Of {
	case "prices":
		e := s.As.prices()
		e.Products, e.Sinks = ids, only
		return prices.ExportType, e
	case "inventory":
		return inventory.ExportType, inventory.Export{Unit: s.As.Unit, Locations: s.As.Locations, Warehouses: s.As.Warehouses, Records: ids, Sinks: only}
	case "locations":
		return locations.ExportType, locations.Export{Full: true, Sinks: only}
	case "products":
		return products.PublishType, products.Publish{Catalog: s.As.Catalog, Products: ids, Sinks: only}
	}
	panic(fmt.Sprintf("reconcile: no export is called %q", s.Of)) // the schema has them all
}
