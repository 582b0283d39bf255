package inventory

import (
	_ "embed" // the schema
	"encoding/json"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// StockType tells sinks how much a warehouse has of a product (stock.schema.json).
const StockType = "signalbox.stock.v1"

//go:embed stock.schema.json
var stockSchema []byte

// tells are the types of what sinks are told.
func tells() []orchestration.Telling {
	return []orchestration.Telling{{Name: StockType, Kind: "stock", Order: orchestration.State, Schema: stockSchema}, feed.Tells()}
}

// Told is how much a warehouse has of a product. Quantities are decimals as text.
type Told struct {
	ID        string `json:"id"`                  // of the product, or variant
	Warehouse string `json:"warehouse,omitempty"` // empty: all that were asked for
	Known     bool   `json:"known"`               // false: it is not kept there any more
	Withheld  bool   `json:"withheld,omitempty"`  // headquarters tells levels only
	Unit      string `json:"unit,omitempty"`
	Available string `json:"available,omitempty"` // on hand and not reserved
	Total     string `json:"total,omitempty"`     // that, and what is on its way in
	OnHand    string `json:"onHand,omitempty"`
	Reserved  string `json:"reserved,omitempty"`
	Incoming  string `json:"incoming,omitempty"`
	Most      string `json:"most,omitempty"`  // that a shopper may buy
	Level     string `json:"level,omitempty"` // a code of headquarters
	LevelText string `json:"levelText,omitempty"`
	NextLevel string `json:"totalLevel,omitempty"` // with what is on its way in
}

// total stands for a warehouse in the ids of sums.
const total = "*"

// recordsOf is what is told of what was found.
func recordsOf(r *run, found csuclient.Availability) (records []feed.Record) {
	for _, row := range found.Rows {
		t := toldOf(row.ProductID, row.Quantities)
		t.Warehouse = row.Warehouse
		if !row.Withheld {
			t.OnHand, t.Reserved, t.Incoming = row.OnHand.String(), row.Reserved.String(), row.Incoming.String()
		}
		records = append(records, t.record(row.Warehouse+r.In.Apart(), row.Quantities))
	}
	if r.In.Totals || len(r.In.Records) > 0 {
		for _, row := range found.Totals {
			records = append(records, toldOf(row.ProductID, row.Quantities).record(total+r.In.Apart(), row.Quantities))
		}
	}
	return records
}

func toldOf(product int64, q csuclient.Quantities) Told {
	t := Told{ID: strconv.FormatInt(product, 10), Known: true, Withheld: q.Withheld, Unit: q.Unit, Level: q.PhysicalLevel, LevelText: q.PhysicalMeaning, NextLevel: q.TotalLevel}
	if !q.Withheld {
		t.Available, t.Total = q.Physical.String(), q.Total.String()
	}
	if !q.Withheld && !q.Bare {
		t.Most = q.MostPhysical.String()
	}
	return t
}

func (t Told) record(warehouse string, q csuclient.Quantities) feed.Record {
	return feed.Record{ID: t.ID + "/" + warehouse, Data: t.encoded(), Note: q.Physical.String() + "|" + q.PhysicalLevel + "|" + q.TotalLevel}
}

func (t Told) encoded() json.RawMessage {
	data, err := json.Marshal(t)
	if err != nil {
		panic(err) // text alone
	}
	return data
}

// noStock is told of what is gone, of a feed whose ids end like that.
func noStock(id, apart string) feed.Record {
	return feed.Record{ID: id, Data: noStockOf(id, apart).encoded()}
}

func noStockOf(id, apart string) Told {
	product, warehouse, _ := strings.Cut(strings.TrimSuffix(id, apart), "/")
	if warehouse == total {
		warehouse = ""
	}
	return Told{ID: product, Warehouse: warehouse}
}

// minor says of a change that nobody asked to be told of it, compared with what was told last.
func (t Thresholds) minor(was feed.Entry, is feed.Record) bool {
	before, levels, _ := strings.Cut(was.Note, "|")
	now, levelsNow, _ := strings.Cut(is.Note, "|")
	from, err := decimal.NewFromString(before)
	to, bad := decimal.NewFromString(now)
	if err != nil || bad != nil || levels != levelsNow || !t.Change.IsPositive() || from.Equal(to) {
		return false
	}
	if to.Sub(from).Abs().GreaterThanOrEqual(t.Change) {
		return false
	}
	for _, at := range append(t.At, decimal.Zero) {
		if from.GreaterThan(at) != to.GreaterThan(at) {
			return false
		}
	}
	return true
}
