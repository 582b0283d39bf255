package config

import (
	"reflect"
	"strings"
)

const envPrefix = "SIGNALBOX_"

// fileVariable names the YAML file when the caller does not.
const fileVariable = envPrefix + "CONFIG"

// A key is one thing that can be set: its name, what its field's tag says, and where the field is.
type key struct {
	name     string
	tag      reflect.StructTag
	typ      reflect.Type
	index    []int // of the field, from Config or the row
	required bool
}

// keys lists every key in the order of the structs.
var keys = keysOf(reflect.TypeFor[Config](), "", nil)

func keysOf(t reflect.Type, prefix string, index []int) []key {
	var list []key
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("key")
		if name == "" {
			continue
		}
		at := append(append([]int(nil), index...), i)
		if _, section := f.Tag.Lookup("help"); !section {
			list = append(list, keysOf(f.Type, prefix+name+".", at)...)
			continue
		}
		list = append(list, key{prefix + name, f.Tag, f.Type, at, f.Tag.Get("required") == "true"})
	}
	return list
}

func (k key) secret() bool { return k.typ == secretType }

// env is the key's environment variable.
func (k key) env() string { return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_")) }

// in is the key's field in c.
func (k key) in(c *Config) reflect.Value { return k.of(reflect.ValueOf(c).Elem()) }

// of is the key's field in the struct that it is a key of: Config, or a row of a table.
func (k key) of(v reflect.Value) reflect.Value { return v.FieldByIndex(k.index) }

func known(name string) bool {
	for _, k := range keys {
		if k.name == name {
			return true
		}
	}
	return false
}

// sectionKeys lists what lies in a section; none if name is not a section.
func sectionKeys(name string) []string {
	var in []string
	for _, k := range keys {
		if strings.HasPrefix(k.name, name+".") {
			in = append(in, k.name)
		}
	}
	return in
}

// nearest is the name of list that takes the fewest edits to reach; the same last word counts as near.
func nearest(name string, list []string, sep string) string {
	last := func(s string) string { return s[strings.LastIndex(s, sep)+1:] }
	best, least := "", 1<<30
	for _, s := range list {
		d := 2 * edits(name, s)
		if e := 2*edits(last(name), last(s)) + 1; e < d && len(last(s)) > 2 {
			d = e
		}
		if d < least {
			best, least = s, d
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
