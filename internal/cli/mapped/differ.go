package mapped

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Difference is a place at which two values are not the same. What is not there is nil, and so is null.
type Difference struct {
	Field string // JSON pointer
	A, B  any
}

// Differ finds every place at which two JSON values, as Decode reads them, differ; base is where they stand. Numbers are the
// same if they are written the same or mean the same to a float.
func Differ(a, b any, base string) []Difference {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			return members(x, y, base)
		}
	case []any:
		if y, ok := b.([]any); ok {
			return elements(x, y, base)
		}
	case json.Number:
		if y, ok := b.(json.Number); ok && sameNumber(x, y) {
			return nil
		}
	default:
		if b == a {
			return nil
		}
	}
	return []Difference{{base, a, b}}
}

func members(a, b map[string]any, base string) (all []Difference) {
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, Differ(a[name], b[name], base+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name))...)
	}
	return all
}

func elements(a, b []any, base string) (all []Difference) {
	at := func(list []any, i int) any {
		if i < len(list) {
			return list[i]
		}
		return nil
	}
	for i := range max(len(a), len(b)) {
		all = append(all, Differ(at(a, i), at(b, i), base+"/"+strconv.Itoa(i))...)
	}
	return all
}

func sameNumber(a, b json.Number) bool {
	x, errX := a.Float64()
	y, errY := b.Float64()
	return a == b || errX == nil && errY == nil && x == y
}
