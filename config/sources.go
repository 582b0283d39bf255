package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/locations"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
	"github.com/signalbox/signalbox/worker/businessevents"
)

// The formats of what sources send.
const (
	FormatRows           = "rows"
	FormatBusinessEvents = "business-events"
)

// SourceRow is a row of the source table: where rows in a source's own shape come from, and the field map for them; or where the business
// events of Finance & Operations come from, and what they stand for.
type SourceRow struct {
	Name     string   `key:"name" decides:"true" unique:"true" help:"what publish --source and metrics call it; when absent, the source"`
	Source   string   `key:"source" decides:"true" required:"true" help:"the CloudEvents source of its events"`
	FieldMap string   `key:"field_map" path:"true" help:"rows: the field map, a YAML file"`
	Queue    string   `key:"queue" unique:"true" help:"one of servicebus.queues, so it may be a subscription; its messages that are no CloudEvents are rows of this source"`
	Types    []string `key:"types" decides:"true" help:"the CloudEvents types of this source whose data is such a row; when absent every type that is none of Signalbox's own"`

	Format   string   `key:"format" decides:"true" default:"rows" help:"rows, which field_map makes events of; or business-events, those that Finance & Operations sends to the queue or its topic"`
	Statuses []string `key:"statuses" help:"business-events: pairs such as ContosoSalesOrderShippedBusinessEvent=shipped of what a BusinessEventId stands for: confirmed, shipped, invoiced, cancelled or ignored; besides SalesInvoicePostedBusinessEvent=invoiced"`
	Exports  []string `key:"exports" help:"business-events: pairs such as ContosoPricesPublishedBusinessEvent=prices of what a BusinessEventId asks to be exported, as far as it changed: products, prices, inventory or locations"`
	Channel  string   `key:"channel" help:"business-events: the channel whose exports they ask for; when absent the first one of their legal entity"`
	SalesID  []string `key:"sales_id" help:"business-events: members that hold the number of the sales order, the first that is there counts; when absent SalesOrderId, SalesId, SalesOrderNumber"`
}

var sourceTable = table{
	row: reflect.TypeFor[SourceRow](), one: "source", example: `{"name":"crm","source":"https://crm.example","field_map":"crm.yaml"}`,
	check: checkSources,
}

// Called is what operators call the source.
func (s SourceRow) Called() string {
	if s.Name == "" {
		return s.Source
	}
	return s.Name
}

// Map is the field map of a source; nil of one that is not in the table, or has none.
func (c *Config) Map(s SourceRow) *fieldmap.Map { return c.maps[mapKey{s.FieldMap, s.Source}] }

// mapKey tells maps apart: one file asks other value maps for each source.
type mapKey struct{ file, source string }

// checkSources reads the maps, and judges whether it is clear which row a message belongs to.
func checkSources(c *Config, r rows) {
	c.maps = map[mapKey]*fieldmap.Map{}
	called, queues := map[string]bool{}, map[string]bool{}
	for i, s := range c.Sources {
		if s.Called() != "" && called[s.Called()] {
			r.report(i, "name", "is what another row is called too", "give each row a name of its own")
		}
		called[s.Called()] = true
		if s.Queue != "" && r.know("servicebus.queues") && !slices.ContainsFunc(c.ServiceBus.Queues, func(q string) bool { return strings.EqualFold(q, s.Queue) }) {
			r.report(i, "queue", show(s.Queue)+" is none of servicebus.queues", "add it there, or name one that is")
		}
		if queue := strings.ToLower(s.Queue); queue != "" { // Service Bus ignores case; the table's own check does not
			if queues[queue] && !slices.ContainsFunc(c.Sources[:i], func(other SourceRow) bool { return other.Queue == s.Queue }) {
				r.report(i, "queue", show(s.Queue)+" is another row's queue too", "give each row a queue of its own")
			}
			queues[queue] = true
		}
		if slices.Contains(s.Types, "") {
			r.report(i, "types", "holds an empty text", "name CloudEvents types")
		}
		checkTypes(c, r, i)
		switch s.Format {
		case FormatRows:
			if strings.TrimSpace(s.FieldMap) == "" {
				r.report(i, "field_map", "is missing", "name the field map, a YAML file; or set format to business-events, if that is what comes")
			}
			if len(s.Statuses) > 0 || len(s.SalesID) > 0 || len(s.Exports) > 0 || s.Channel != "" {
				r.report(i, "format", "is rows, and statuses, exports, channel or sales_id are set, too", "take them out, or set format to business-events")
			}
			if r.know("value_maps") {
				checkMap(c, r, i)
			}
		case FormatBusinessEvents:
			checkBusinessEvents(r, i, s)
			checkExports(c, r, i, s)
		default:
			r.report(i, "format", show(s.Format)+" is no format", "use rows or business-events")
		}
	}
}

// checkTypes finds rows of one source before this one that take the same type.
func checkTypes(c *Config, r rows, i int) {
	s := c.Sources[i]
	for _, other := range c.Sources[:i] {
		if other.Source != s.Source {
			continue
		}
		if len(s.Types) == 0 || len(other.Types) == 0 {
			r.report(i, "types", "does not say which of its types are this row's, and which row "+show(other.Called())+"'s", "list the types in each row of this source")
			return
		}
		for _, typ := range s.Types {
			if slices.Contains(other.Types, typ) {
				r.report(i, "types", show(typ)+" is in row "+show(other.Called())+" too", "leave it in one")
			}
		}
	}
}

// checkMap reads a row's map. Rows of a queue come without envelope, so the map must say who they are.
func checkMap(c *Config, r rows, i int) {
	s := c.Sources[i]
	if strings.TrimSpace(s.FieldMap) == "" {
		return // said already
	}
	m, err := fieldmap.Load(s.FieldMap, fieldmap.Limits{MaxBytes: c.Worker.MaxBody}, c.ValuesOf(s.Source))
	if problems := fieldmap.Problems(err); len(problems) > 0 {
		for _, p := range problems {
			r.report(i, "field_map", s.FieldMap+": "+p.Error(), "then try: signalbox fieldmap test")
		}
		return
	}
	if err != nil {
		r.report(i, "field_map", err.Error(), "name a field map that this process can read")
		return
	}
	c.maps[mapKey{s.FieldMap, s.Source}] = m
	if m.Source != "" && m.Source != s.Source {
		r.report(i, "field_map", s.FieldMap+" is written for the source "+show(m.Source), "name the map of this source, or take source out of the map")
	}
	if s.Queue != "" && (!m.Makes(fieldmap.ID) || !m.Makes(fieldmap.Time)) {
		r.report(i, "field_map", s.FieldMap+" makes no id or no time, which rows of a queue need", "add id and time to the map")
	}
}

// StatusOf is what the row's statuses say, by BusinessEventId.
func (s SourceRow) StatusOf() map[string]string {
	of := map[string]string{}
	for _, pair := range s.Statuses {
		id, status, _ := strings.Cut(pair, "=")
		of[id] = status
	}
	return of
}

// exportTypes are the types of the events that ask for exports.
var exportTypes = map[string]string{"products": products.PublishType, "prices": prices.ExportType, "inventory": inventory.ExportType, "locations": locations.ExportType}

// ExportOf is what the row's exports say, by BusinessEventId: types of events.
func (s SourceRow) ExportOf() map[string]string {
	of := map[string]string{}
	for _, pair := range s.Exports {
		id, export, _ := strings.Cut(pair, "=")
		of[id] = exportTypes[export]
	}
	return of
}

// checkExports judges which exports business events ask for.
func checkExports(c *Config, r rows, i int, s SourceRow) {
	if !arePairs(s.Exports) {
		r.report(i, "exports", "cannot be", "set it to pairs such as ContosoPricesPublishedBusinessEvent=prices, each left side once")
		return
	}
	for _, pair := range s.Exports {
		id, export, _ := strings.Cut(pair, "=")
		if exportTypes[export] == "" {
			r.report(i, "exports", show(export)+", of "+named(id)+", is no export", "use one of "+strings.Join(slices.Sorted(maps.Keys(exportTypes)), ", "))
		}
		if _, status := s.StatusOf()[id]; status {
			r.report(i, "exports", show(id)+" is among statuses, too", "it means one or the other: take it out of one")
		}
	}
	if s.Channel != "" && r.know("channels.name") && !slices.ContainsFunc(c.Channels, func(ch orchestration.Channel) bool { return ch.Name == s.Channel }) {
		r.report(i, "channel", show(s.Channel)+" is no row of the channel table", "name one that is, or leave it out")
	}
}

// checkBusinessEvents judges what is said of business events.
func checkBusinessEvents(r rows, i int, s SourceRow) {
	if s.FieldMap != "" {
		r.report(i, "field_map", "is for rows, and format is business-events", "take it out, or set format to rows")
	}
	if s.Queue == "" {
		r.report(i, "queue", "is missing", "name the queue, or the subscription, that business events of Finance & Operations come to")
	}
	statuses := s.StatusOf()
	if !arePairs(s.Statuses) {
		r.report(i, "statuses", "cannot be", "set it to pairs such as ContosoSalesOrderShippedBusinessEvent=shipped, each left side once")
		statuses = nil
	}
	for _, status := range slices.Sorted(maps.Values(statuses)) {
		if !slices.Contains(businessevents.Statuses(), status) {
			r.report(i, "statuses", show(status)+" is no status", "use one of "+strings.Join(businessevents.Statuses(), ", "))
		}
	}
	if slices.Contains(s.SalesID, "") {
		r.report(i, "sales_id", "holds an empty text", "name members of the business events")
	}
}
