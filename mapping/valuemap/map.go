package valuemap

import (
	"cmp"
	"slices"
	"strings"
)

// What becomes of a value that a map has no row for.
const (
	Refuse = "refuse" // it fails what asked for it
	Pass   = "pass"   // it stands for itself
	fixed  = "="      // before a value that stands for all of them
)

// Map is one value map.
type Map struct {
	Name    string // as field maps and problems call it
	Kind    string // one of mapping.Kinds
	Source  string // the CloudEvents source whose values they are; empty: every source's that has no map of this name of its own
	File    string
	Unknown string // Refuse, Pass, or = and a value
	OneWay  bool   // two values of the source may mean one of D365
	Rows    []Row

	to map[string]string
}

// Row says what a value is in D365.
type Row struct {
	Line     int // in the file, from 1
	From, To string
	Note     string // for people
}

// New makes a map of rows that were judged.
func New(m Map) *Map {
	m.to = make(map[string]string, len(m.Rows))
	for _, r := range m.Rows {
		if _, twice := m.to[r.From]; !twice {
			m.to[r.From] = r.To
		}
	}
	return &m
}

// Value is what D365 calls a value; false of one that is refused.
func (m *Map) Value(from string) (string, bool) {
	from = strings.TrimSpace(from)
	if to, known := m.to[from]; known {
		return to, true
	}
	if to, is := strings.CutPrefix(m.Unknown, fixed); is {
		return to, true
	}
	return from, m.Unknown == Pass
}

// CheckUnknown says whether a text says what becomes of unknown values.
func CheckUnknown(text string) bool {
	to, is := strings.CutPrefix(text, fixed)
	return text == Refuse || text == Pass || is && strings.TrimSpace(to) == to && to != ""
}

// Set is all value maps there are.
type Set []*Map

// Of are the maps that a source's values go through.
func (s Set) Of(source string) Values {
	v := Values{}
	for _, m := range s {
		if m.Source == source || m.Source == "" && v[m.Name] == nil {
			v[m.Name] = m
		}
	}
	return v
}

// Find finds maps by name: that of a source, or with an empty source all of the name.
func (s Set) Find(name, source string) Set {
	var found Set
	for _, m := range s {
		if m.Name == name && (source == "" || m.Source == source) {
			found = append(found, m)
		}
	}
	return found
}

// Names lists the names, each once.
func (s Set) Names() []string {
	var names []string
	for _, m := range s {
		names = append(names, m.Name)
	}
	slices.SortFunc(names, cmp.Compare)
	return slices.Compact(names)
}

// Values are the maps of one source by name; what field maps ask.
type Values map[string]*Map

// Value is what D365 calls a value, by the map of a name; false of one that is refused, or when there is no such map.
func (v Values) Value(name, from string) (string, bool) {
	m := v[name]
	if m == nil {
		return "", false
	}
	return m.Value(from)
}

// Names lists the names.
func (v Values) Names() []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
