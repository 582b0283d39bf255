package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/secret"
)

// settle follows the references of a table's secret columns, and takes paths from the folder of the YAML file that
// names them; file is empty for the environment. What is no row is left for readTable to complain of.
func (l *loading) settle(k key, t table, v any, env map[string]string, file, origin string) any {
	list, _ := v.([]any)
	for i, row := range list {
		fields, _ := row.(map[string]any)
		for _, col := range t.columns() {
			text, isText := fields[col.name].(string)
			switch {
			case fields[col.name] == nil: // readRow says so, if it stands there
			case col.secret(), col.typ == secretsType:
				p := Problem{Key: rowName(k, i) + "." + col.name, Origin: origin}
				fields[col.name] = l.settleSecrets(p, fields[col.name], env, file)
				if fields[col.name] == nil {
					l.unread(k, rowName(k, i), col)
					delete(fields, col.name)
				}
			case isText && text != "" && file != "" && col.tag.Get("path") == "true" && !filepath.IsAbs(text):
				fields[col.name] = filepath.Join(filepath.Dir(file), text)
			}
		}
	}
	return v
}

// settleSecrets gives a secret, or a list of them; nil, with the problems reported, when any is not to be had.
func (l *loading) settleSecrets(p Problem, v any, env map[string]string, file string) any {
	list, isList := v.([]any)
	if !isList {
		text, isText := v.(string)
		return l.settleSecret(p, text, isText, env, file)
	}
	got := make([]any, len(list))
	for i, one := range list {
		at := p
		at.Key = fmt.Sprintf("%s[%d]", p.Key, i)
		text, isText := one.(string)
		got[i] = l.settleSecret(at, text, isText, env, file)
	}
	if slices.Contains(got, nil) {
		return nil
	}
	return got
}

// settleSecret gives the secret; nil, with the problem reported, when there is none to be had.
func (l *loading) settleSecret(p Problem, text string, isText bool, env map[string]string, file string) any {
	switch {
	case isText && isReference(text):
		return l.resolve(p, text, env, file)
	case isText && file == "":
		return text
	}
	p.What, p.Do = "holds a secret in clear", "write env:NAME or file:PATH there"
	if file == "" {
		p.What, p.Do = "is no text", "put the secret, env:NAME or file:PATH into quotes"
	}
	l.report(p)
	return nil
}

// readTable reads rows, in the shape that YAML or JSON gives them, into the key's field.
func (l *loading) readTable(c *Config, k key, t table, v any) {
	p := Problem{Key: k.name, Origin: c.origins[k.name]}
	given, ok := v.([]any)
	if !ok {
		p.What, p.Do = "is no list of rows", "write one row for each "+t.one+"; in the environment as JSON, ["+t.example+"]"
		l.report(p)
		l.unread(k, k.name, t.columns()...)
		return
	}
	list := reflect.MakeSlice(k.typ, len(given), len(given))
	for i, row := range given {
		p.Key = rowName(k, i)
		fields, ok := row.(map[string]any)
		if !ok {
			p.What, p.Do = "is no row", "write it with keys: "+strings.Join(columnNames(t.columns()), ", ")
			l.report(p)
			l.unread(k, p.Key, t.columns()...)
			continue
		}
		list.Index(i).Set(l.readRow(c, k, t, p, fields).Convert(k.typ.Elem()))
	}
	k.in(c).Set(list)
}

// readRow reads one row; p says where it stands.
func (l *loading) readRow(c *Config, k key, t table, p Problem, fields map[string]any) reflect.Value {
	row := reflect.New(t.row).Elem()
	if t.begin != nil {
		row.Set(reflect.ValueOf(t.begin(c)))
	}
	columns := t.columns()
	at := p.Key
	for _, col := range columns {
		v, given := fields[col.name]
		if d, ok := col.tag.Lookup("default"); ok && !given {
			v, given = col.fromText(d), true
		}
		if !given {
			continue
		}
		got, w := col.parse(whole(v))
		if v == nil {
			w = &wrong{"has no value", "give it one, or take the line out"}
		}
		if w != nil {
			p.Key, p.What, p.Do = at+"."+col.name, w.what, w.do
			l.report(p)
			l.unread(k, at, col)
			continue
		}
		col.of(row).Set(reflect.ValueOf(got))
	}
	known := columnNames(columns)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, name) {
			near := nearest(name, known, "_")
			p.Key, p.What, p.Do = at+"."+name, "is not a known key", "the nearest is "+near
			l.report(p)
			if _, given := fields[near]; !given && edits(name, near) <= slips {
				l.unread(k, at, columns[slices.Index(known, near)])
			}
		}
	}
	return row
}

// slips is how many edits away a name may be from that of a column and still be taken for that column, misspelt.
const slips = 2

// unread notes columns that could not be read of a row, which is named: each of them, and that some row lacks it, and, if others rest on one,
// the row and the table.
func (l *loading) unread(k key, row string, columns ...key) {
	for _, col := range columns {
		l.bad[row+"."+col.name], l.bad[k.name+"."+col.name] = true, true
		if col.tag.Get("decides") == "true" {
			l.bad[row], l.bad[k.name] = true, true
		}
	}
}

// whole gives a number of JSON the shape that YAML gives it.
func whole(v any) any {
	if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int(f)
	}
	return v
}

func columnNames(columns []key) []string {
	list := make([]string, len(columns))
	for i, col := range columns {
		list[i] = col.name
	}
	return list
}

// spellTable prints rows as the JSON that the table's variable takes, secrets as ***; what is zero is left out.
func spellTable(t table, list reflect.Value) string {
	spelled := make([]string, list.Len())
	for i := range spelled {
		row := list.Index(i).Convert(t.row)
		var fields []string
		for _, col := range t.columns() {
			if v := col.of(row); !empty(v) {
				fields = append(fields, fmt.Sprintf("%q:%s", col.name, inJSON(v.Interface())))
			}
		}
		spelled[i] = "{" + strings.Join(fields, ",") + "}"
	}
	return "[" + strings.Join(spelled, ",") + "]"
}

func inJSON(v any) string {
	switch v.(type) {
	case bool, int, []string, []secret.String, json.RawMessage:
	default:
		v = spell(v)
	}
	b, _ := json.Marshal(v) // flags, numbers and texts cannot fail
	return string(b)
}
