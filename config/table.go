package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration"
)

// A table is a key whose value is a list of rows. A row is a struct whose fields are tagged like those of Config; the
// columns are keys like any other, save that a row has no sections. Three more tags: unique:"true" for what may stand in
// one row only, path:"true" for a file that is meant from the folder of the YAML file that names it, and decides:"true" for
// what the judgement of other columns rests on: a row that it could not be read of is judged by its tags alone.
//
// A secret column is a reference in the file, never the secret itself, as everywhere.
type table struct {
	row     reflect.Type            // converts to the elements of the key's own type
	one     string                  // what a row is for: "channel"
	example string                  // a row in JSON
	begin   func(c *Config) any     // a row before it is read; nil: all zero
	check   func(c *Config, r rows) // what columns cannot say one by one; nil: nothing
}

// tables lists every table by the type of its key.
var tables = map[reflect.Type]table{
	reflect.TypeFor[orchestration.Channels](): channelTable,
	reflect.TypeFor[[]ValueMapRow]():          valueMapTable,
	reflect.TypeFor[[]SourceRow]():            sourceTable,
	reflect.TypeFor[[]SinkRow]():              sinkTable,
	reflect.TypeFor[[]StepRow]():              stepTable,
	reflect.TypeFor[[]ScheduleRow]():          scheduleTable,
}

func (k key) table() (table, bool) {
	t, ok := tables[k.typ]
	return t, ok
}

// columns are the keys of one row, in the order in which rows are shown.
func (t table) columns() []key { return keysOf(t.row, "", nil) }

// rows reports what is wrong with a table's rows.
type rows struct {
	l  *loading
	k  key
	c  *Config
	at []int // where the rows stand in the table; nil: as they are counted
}

// report says nothing of a column that could not be read: that has been said, and what it seems to be it is not.
func (r rows) report(i int, column, what, do string) {
	if r.at != nil {
		i = r.at[i]
	}
	if name := rowName(r.k, i) + "." + column; !r.l.bad[name] {
		r.l.problems = append(r.l.problems, Problem{name, r.c.origin(r.k.name), what, do})
	}
}

// know says whether all of some keys could be read, or of some columns, sinks.name say, in every row. What else is missed may only be unread.
func (r rows) know(keys ...string) bool {
	return !slices.ContainsFunc(keys, func(name string) bool { return r.l.bad[name] })
}

func rowName(k key, i int) string { return fmt.Sprintf("%s[%d]", k.name, i) }

// judge checks a table: first what its columns' tags ask for, then what it asks for itself.
func (t table) judge(c *Config, r rows) {
	list := r.k.in(c)
	for _, col := range t.columns() {
		seen := map[any]bool{}
		for i := range list.Len() {
			v := col.of(list.Index(i).Convert(t.row))
			missing := empty(v) || (v.Kind() == reflect.String && strings.TrimSpace(v.String()) == "")
			if missing {
				if col.required {
					r.report(i, col.name, "is missing", "set it: "+col.tag.Get("help"))
				}
				continue
			}
			if col.tag.Get("unique") != "true" {
				continue
			}
			if seen[v.Interface()] {
				r.report(i, col.name, show(v.Interface())+" is another row's "+col.name+" too", "give each row a "+col.name+" of its own")
			}
			seen[v.Interface()] = true
		}
	}
	if t.check == nil {
		return
	}
	whole := reflect.MakeSlice(list.Type(), 0, list.Len())
	for i := range list.Len() {
		if !r.l.bad[rowName(r.k, i)] {
			whole, r.at = reflect.Append(whole, list.Index(i)), append(r.at, i)
		}
	}
	all := reflect.ValueOf(list.Interface())
	list.Set(whole)
	t.check(c, r)
	list.Set(all)
}

func (l *loading) tables(c *Config) {
	for _, k := range keys {
		if t, ok := k.table(); ok {
			t.judge(c, rows{l: l, k: k, c: c})
		}
	}
}
