package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/mapping/fieldmap"
)

// SourceRow is a row of the source table: where rows in a source's own shape come from, and the field map for them.
type SourceRow struct {
	Name     string   `key:"name" unique:"true" help:"what publish --source and metrics call it; when absent, the source"`
	Source   string   `key:"source" required:"true" help:"the CloudEvents source of its events"`
	FieldMap string   `key:"field_map" required:"true" path:"true" help:"the field map, a YAML file"`
	Queue    string   `key:"queue" unique:"true" help:"one of servicebus.queues; its messages that are no CloudEvents are rows of this source"`
	Types    []string `key:"types" help:"the CloudEvents types of this source whose data is such a row; when absent every type that is none of Signalbox's own"`
}

var sourceTable = table{
	row: reflect.TypeFor[SourceRow](), one: "source", example: `{"name":"crm","source":"https://crm.example","field_map":"crm.yaml"}`,
	needs: []string{"servicebus.queues"}, check: checkSources,
}

// Called is what operators call the source.
func (s SourceRow) Called() string {
	if s.Name == "" {
		return s.Source
	}
	return s.Name
}

// Map is the field map of a source; nil of one that is not in the table.
func (c *Config) Map(s SourceRow) *fieldmap.Map { return c.maps[s.FieldMap] }

// checkSources reads the maps, and judges whether it is clear which row a message belongs to.
func checkSources(c *Config, r rows) {
	c.maps = map[string]*fieldmap.Map{}
	called, queues := map[string]bool{}, map[string]bool{}
	for i, s := range c.Sources {
		if s.Called() != "" && called[s.Called()] {
			r.report(i, "name", "is what another row is called too", "give each row a name of its own")
		}
		called[s.Called()] = true
		if s.Queue != "" && !slices.ContainsFunc(c.ServiceBus.Queues, func(q string) bool { return strings.EqualFold(q, s.Queue) }) {
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
		checkMap(c, r, i)
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
	m, err := fieldmap.Load(s.FieldMap, fieldmap.Limits{MaxBytes: c.Worker.MaxBody})
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
	c.maps[s.FieldMap] = m
	if m.Source != "" && m.Source != s.Source {
		r.report(i, "field_map", s.FieldMap+" is written for the source "+show(m.Source), "name the map of this source, or take source out of the map")
	}
	if s.Queue != "" && (!m.Makes(fieldmap.ID) || !m.Makes(fieldmap.Time)) {
		r.report(i, "field_map", s.FieldMap+" makes no id or no time, which rows of a queue need", "add id and time to the map")
	}
}
