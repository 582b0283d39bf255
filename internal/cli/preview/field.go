package preview

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signalbox/signalbox/mapping/fieldmap"
)

// Field is what all rows together say of one field.
type Field struct {
	At       string         `json:"field"`              // JSON pointer into the event; * stands for every element of a list
	Rows     int            `json:"count"`              // how often it is there
	Shapes   map[string]int `json:"shapes,omitempty"`   // text, a number, … and how often
	Shortest int            `json:"shortest,omitempty"` // of texts, in characters; of lists, in elements
	Longest  int            `json:"longest,omitempty"`
	Values   map[string]int `json:"values,omitempty"` // of a field that is not personal
	More     bool           `json:"more_values,omitempty"`
	Earliest string         `json:"earliest,omitempty"` // of the event's time
	Latest   string         `json:"latest,omitempty"`
	Warnings map[string]int `json:"warnings,omitempty"` // by rule
	Changed  int            `json:"changed,omitempty"`  // rows in which it is another one than with the map that stands so far
}

const mostValues = 300 // more of them are no enumeration

var index = regexp.MustCompile(`/[0-9]+(/|$)`)

// general puts * for the numbers in a pointer.
func general(pointer string) string {
	for index.MatchString(pointer) { // one match may begin with the end of the one before
		pointer = index.ReplaceAllString(pointer, "/*$1")
	}
	return pointer
}

func (p *previewer) field(at string) *Field {
	f, known := p.by[at]
	if !known {
		f = &Field{At: at, Shapes: map[string]int{}}
		p.by[at] = f
		p.sum.Fields = append(p.sum.Fields, f)
		slices.SortFunc(p.sum.Fields, func(a, b *Field) int { return strings.Compare(order(a.At), order(b.At)) })
	}
	return f
}

// order puts attributes before data.
func order(at string) string { return strconv.FormatBool(strings.HasPrefix(at, "/data")) + at }

func (f *Field) warned(rule string) {
	if f.Warnings == nil {
		f.Warnings = map[string]int{}
	}
	f.Warnings[rule]++
}

// count takes the fields of an event.
func (p *previewer) count(made map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if name == "data" {
			p.value("/data", made[name])
			continue
		}
		p.value("/"+name, made[name])
	}
}

func (p *previewer) value(at string, v any) {
	if object, ok := v.(map[string]any); ok {
		if len(object) == 0 {
			p.field(at).see(v)
		}
		for name, member := range object {
			p.value(at+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), member)
		}
		return
	}
	f := p.field(at)
	f.see(v)
	if list, ok := v.([]any); ok {
		for _, el := range list {
			p.value(at+"/*", el)
		}
		return
	}
	switch text, _ := v.(string); {
	case at == "/time":
		f.moment(text)
	case p.show.public(at):
		f.value(v)
	}
}

// moment takes a time in RFC 3339, UTC.
func (f *Field) moment(text string) {
	if f.Earliest == "" || text < f.Earliest {
		f.Earliest = text
	}
	f.Latest = max(f.Latest, text)
}

// see counts a value's shape.
func (f *Field) see(v any) {
	f.Rows++
	shape, size := fieldmap.Shape(v), -1
	switch v := v.(type) {
	case string:
		shape, size = "text", utf8.RuneCountInString(v)
	case []any:
		shape, size = "list", len(v)
	}
	f.Shapes[shape]++
	if size < 0 {
		return
	}
	if f.Shapes["text"]+f.Shapes["list"] == 1 {
		f.Shortest = size
	}
	f.Shortest, f.Longest = min(f.Shortest, size), max(f.Longest, size)
}

func (f *Field) value(v any) {
	if f.Values == nil {
		f.Values = map[string]int{}
	}
	text, isText := v.(string)
	if !isText {
		text = fmt.Sprint(v)
	}
	if _, known := f.Values[text]; !known && len(f.Values) == mostValues {
		f.More = true
		return
	}
	f.Values[text]++
}

// masked is a value of which only what is not personal can be seen.
func (p *previewer) masked(v any, at string) any {
	switch v := v.(type) {
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, member := range v {
			object[name] = p.masked(member, at+"/"+name)
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i, el := range v {
			list[i] = p.masked(el, at+"/*")
		}
		return list
	}
	if p.show.public(at) {
		return v
	}
	return "[" + fieldmap.Shape(v) + "]"
}

// visible says which fields are not personal.
type visible struct {
	schema map[string]any // of the event's type
	all    bool           // everything may be seen
}

// names of fields that are never personal, wherever they stand.
var publicNames = map[string]bool{"country": true, "currency": true, "language": true}

// public says whether values of a field may be shown: enumerations and flags of the schema, countries, currencies, languages,
// and the event's time. Everything else is taken to be personal, also what no schema describes.
func (s visible) public(at string) bool {
	path := strings.Split(strings.TrimPrefix(at, "/"), "/")
	if s.all || at == "/time" || publicNames[path[len(path)-1]] {
		return true
	}
	if path[0] != "data" {
		return false
	}
	node := s.schema
	for _, name := range path[1:] {
		if name == "*" {
			node, _ = node["items"].(map[string]any)
			continue
		}
		properties, _ := node["properties"].(map[string]any)
		node, _ = properties[name].(map[string]any)
	}
	return node["enum"] != nil || node["const"] != nil || node["type"] == "boolean"
}

func read(schema []byte) map[string]any {
	var doc map[string]any
	_ = json.Unmarshal(schema, &doc) // ours, or none
	return doc
}
