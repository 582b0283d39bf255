package config

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/mapping/valuemap"
)

// ValueMapRow is a row of the table of value maps: a file that says what D365 calls what sources say.
type ValueMapRow struct {
	Name    string `key:"name" decides:"true" help:"what field maps call it, mapped(\"delivery-mode\"); when absent, the kind"`
	Kind    string `key:"kind" decides:"true" required:"true" help:"what its values are: store, warehouse, delivery-mode, payment-method, currency, unit, reason, category, country, or any other kind of what is mapped"`
	Source  string `key:"source" decides:"true" help:"the CloudEvents source whose values they are; when absent, those of every source that has no map of this name of its own"`
	File    string `key:"file" required:"true" path:"true" help:"its rows: CSV with the columns from and to (and note, for people), or YAML with a line for each, standard: \"99\""`
	Unknown string `key:"unknown" default:"refuse" help:"what becomes of a value that has no row: refuse fails the row that holds it, pass leaves it as it is, and =99 makes each of them 99"`
	OneWay  bool   `key:"one_way" decides:"true" help:"several values of the source may mean one of D365; when absent that is refused, because nobody could tell it back"`
}

var valueMapTable = table{
	row: reflect.TypeFor[ValueMapRow](), one: "value map", example: `{"kind":"delivery-mode","file":"delivery-modes.csv"}`,
	check: checkValueMaps,
}

// Called is what field maps call it.
func (r ValueMapRow) Called() string { return cmp.Or(r.Name, r.Kind) }

// Values are the value maps.
func (c *Config) Values() valuemap.Set { return c.values }

// ValuesOf gives field maps the value maps of a source, or else of the source that they are written for.
func (c *Config) ValuesOf(source string) fieldmap.ValuesOf {
	return func(written string) fieldmap.Values { return c.values.Of(cmp.Or(source, written)) }
}

// checkValueMaps reads the files, and judges whether it is clear which map a value goes through. What is wrong with one is no reason to
// tell field maps that it is not there.
func checkValueMaps(c *Config, r rows) {
	c.values = nil
	for i, row := range c.ValueMaps {
		if row.Kind != "" && !slices.Contains(mapping.KindNames(), row.Kind) {
			r.report(i, "kind", show(row.Kind)+" is no kind of what is mapped", "use one of "+strings.Join(mapping.KindNames(), ", "))
		}
		if called := row.Called(); called != "" && !plainName.MatchString(called) {
			r.report(i, "name", "is no plain name", "use letters, digits, dots and dashes, at most 63")
		}
		if len(c.values.Find(row.Called(), "")) > 0 && slices.ContainsFunc(c.values, func(m *valuemap.Map) bool { return m.Name == row.Called() && m.Source == row.Source }) {
			r.report(i, "name", "is what another row of "+cmp.Or(row.Source, "all sources")+" is called too: "+show(row.Called()), "give each a name of its own")
		}
		if !valuemap.CheckUnknown(row.Unknown) {
			r.report(i, "unknown", show(row.Unknown)+" cannot be", "set it to refuse, pass, or = and a value, such as =99")
		}
		m := valuemap.Map{Name: row.Called(), Kind: row.Kind, Source: row.Source, File: row.File, Unknown: row.Unknown, OneWay: row.OneWay}
		if strings.TrimSpace(row.File) != "" { // else it is missing, which has been said
			m.Rows = valueRows(r, i, row)
		}
		c.values = append(c.values, valuemap.New(m))
	}
}

// valueRows reads a file and reports whatever is wrong with it.
func valueRows(r rows, i int, row ValueMapRow) []valuemap.Row {
	got, err := valuemap.Load(row.File)
	problems := valuemap.Problems(err)
	if err != nil && len(problems) == 0 {
		r.report(i, "file", err.Error(), "name a value map that this process can read")
		return nil
	}
	if err == nil {
		problems = valuemap.Problems(valuemap.Check(row.Kind, row.OneWay, got))
	}
	for _, p := range problems {
		r.report(i, "file", row.File+": "+p.Error(), "then try: signalbox valuemap check")
	}
	return got
}
