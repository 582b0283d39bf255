package cardnumber

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Tolerance says where in a document stand numbers that are no cards; nil: nowhere.
type Tolerance []place

type place struct {
	path   []string // * stands for any one member or item
	digits int
}

// Tolerate reads places, JSON pointers (RFC 6901) in which * stands for any one member or item. What stands there or below and has at
// most so many digits is no card: Longest for any number at all. The names of members are no place.
func Tolerate(places map[string]int) (Tolerance, error) {
	var t Tolerance
	for _, pointer := range slices.Sorted(maps.Keys(places)) {
		if pointer != "" && !strings.HasPrefix(pointer, "/") {
			return nil, fmt.Errorf("%q is no JSON pointer: it must begin with /", pointer)
		}
		if digits := places[pointer]; digits < Shortest || digits > Longest {
			return nil, fmt.Errorf("%q: numbers of %d digits; a card has %d to %d", pointer, digits, Shortest, Longest)
		}
		path := strings.Split(pointer, "/")[1:]
		if pointer == "" {
			path = nil
		}
		for i := range path {
			path[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(path[i])
		}
		t = append(t, place{path, places[pointer]})
	}
	return t, nil
}

// With tolerates numbers of at most so many digits at a path and below, too; nil is the whole document.
func (t Tolerance) With(path []string, digits int) Tolerance { return append(t, place{path, digits}) }

// at is how many digits are tolerated there.
func (t Tolerance) at(path []string) (digits int) {
	for _, p := range t {
		if len(p.path) > len(path) {
			continue
		}
		fits := true
		for i, name := range p.path {
			fits = fits && (name == "*" || name == path[i])
		}
		if fits {
			digits = max(digits, p.digits)
		}
	}
	return digits
}

// PossibleIn says whether there may be a card number in a JSON text: as Possible does, or because an escape hides what may be a digit
// or a blank.
func PossibleIn(text []byte) bool {
	for rest := text; ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 || i+1 == len(rest) {
			break
		}
		if hides(rest[i+1:]) {
			return true
		}
		rest = rest[i+2:]
	}
	return Possible(text)
}

// hides says whether an escape, without its backslash, may stand for what a card number has: a tab, a digit, a blank or a dash.
func hides(escape []byte) bool {
	switch {
	case escape[0] == 't':
		return true
	case escape[0] != 'u' || len(escape) < 5:
		return false
	case escape[1] != '0':
		return escape[1] == '2' || escape[1] == '3' || escape[1]|0x20 == 'f'
	}
	return escape[2] == '0' && (escape[3] == '0' || escape[3] == '2' || escape[3] == '3' || escape[3]|0x20 == 'a')
}

// Within finds a card number in a decoded document, whose numbers are json.Number: in texts, numbers and the names of members, the
// first by order of names. The pointer leads to it and quotes nothing of it: a name that does not look like one from a
// schema is shown as *, since maps may be keyed by anything.
func Within(doc any, t Tolerance) (pointer string, found bool) {
	w := walk{tolerance: t}
	if !w.value(doc) {
		return "", false
	}
	for _, name := range w.path {
		if !plain(name) {
			name = "*"
		}
		pointer += "/" + name
	}
	return pointer, true
}

type walk struct {
	tolerance Tolerance
	path      []string // where it is; in the end, where it found something
}

func (w *walk) value(v any) bool {
	switch v := v.(type) {
	case string:
		return w.text(v)
	case json.Number:
		return w.text(written(v.String()))
	case []any:
		for i, item := range v {
			w.path = append(w.path, strconv.Itoa(i))
			if w.value(item) {
				return true
			}
			w.path = w.path[:len(w.path)-1]
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			w.path = append(w.path, name)
			if In(name) || w.value(v[name]) {
				return true
			}
			w.path = w.path[:len(w.path)-1]
		}
	}
	return false
}

func (w *walk) text(s string) bool {
	if !Possible(s) {
		return false
	}
	for from := 0; ; {
		m, found := Next(s, from)
		if !found {
			return false
		}
		if m.Digits > w.tolerance.at(w.path) {
			return true
		}
		from = m.To
	}
}

// written is a number as people write it: 4.111111111111111E+15, as some serializers have it, with its digits before the point.
// Any other number is as it was.
func written(number string) string {
	e := strings.IndexAny(number, "eE")
	if e < 0 {
		return number
	}
	shift, err := strconv.Atoi(number[e+1:])
	whole, fraction, _ := strings.Cut(number[:e], ".")
	if err != nil || shift < 0 || shift > Longest {
		return number
	}
	fraction += strings.Repeat("0", max(0, shift-len(fraction)))
	return whole + fraction[:shift] + "." + fraction[shift:]
}

// plain says whether a name looks like one from a schema.
func plain(name string) bool {
	if name == "" || len(name) > 64 || In(name) {
		return false
	}
	for i := range len(name) {
		if !isWord(name[i]) && name[i] != '-' {
			return false
		}
	}
	return true
}
