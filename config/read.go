package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/secret"
)

var (
	secretType    = reflect.TypeFor[secret.String]()
	secretsType   = reflect.TypeFor[[]secret.String]() // of tables only
	durationType  = reflect.TypeFor[time.Duration]()
	durationsType = reflect.TypeFor[[]time.Duration]()
	textsType     = reflect.TypeFor[[]string]()
	timeType      = reflect.TypeFor[time.Time]()
	objectType    = reflect.TypeFor[json.RawMessage]() // a JSON object; of tables only
)

// wrong is why a value cannot be read, and what would be right.
type wrong struct{ what, do string }

// fromText gives the text of a default or a variable the shape that YAML would have given it; text that does not fit
// stays text, for parse to complain of.
func (k key) fromText(s string) any {
	_, isTable := k.table()
	switch {
	case k.typ == textsType, k.typ == durationsType, k.typ == secretsType:
		var list []any
		for part := range strings.SplitSeq(s, ",") {
			list = append(list, strings.TrimSpace(part))
		}
		return list
	case isTable, k.typ == objectType:
		var v any
		if json.Unmarshal([]byte(s), &v) == nil {
			return v
		}
	case k.typ.Kind() == reflect.Bool && (s == "true" || s == "false"):
		return s == "true"
	case k.typ.Kind() == reflect.Int:
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
	}
	return s
}

// read puts v, in the shape that YAML gives it, into the key's field.
func (l *loading) read(c *Config, k key, v any) {
	if t, ok := k.table(); ok {
		l.readTable(c, k, t, v)
		return
	}
	got, w := k.parse(v)
	if w != nil {
		l.report(Problem{k.name, c.origins[k.name], w.what, w.do})
		return
	}
	k.in(c).Set(reflect.ValueOf(got))
}

func (k key) parse(v any) (any, *wrong) {
	switch k.typ {
	case secretType:
		return credential(v)
	case secretsType:
		return elements(v, credential)
	case textsType:
		return elements(v, text)
	case durationsType:
		return elements(v, k.duration)
	case durationType:
		return k.duration(v)
	case timeType:
		return instant(v)
	case objectType:
		return jsonObject(v)
	}
	switch k.typ.Kind() {
	case reflect.Bool:
		return boolean(v)
	case reflect.Int:
		return k.number(v)
	default:
		return text(v)
	}
}

// credential takes what was resolved before.
func credential(v any) (secret.String, *wrong) {
	s, ok := v.(string)
	if !ok {
		return secret.String{}, &wrong{"is a list where one secret is expected", "write one reference"}
	}
	return secret.New(s), nil
}

// text takes strings only. A bare 7.3 or 052 is a number in YAML and would come back as something else.
func text(v any) (string, *wrong) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", &wrong{fmt.Sprintf("is a %s where text is expected", shapeOf(v)), "put it in quotes"}
}

func boolean(v any) (bool, *wrong) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	return false, &wrong{show(v) + " is neither true nor false", "write true or false, without quotes"}
}

func (k key) number(v any) (int, *wrong) {
	n, ok := v.(int)
	if low, high := k.tag.Get("min"), k.tag.Get("max"); !ok {
		return 0, &wrong{show(v) + " is not a whole number", "write one, without quotes, from " + low + " to " + high}
	} else if n < must(strconv.Atoi(low)) || n > must(strconv.Atoi(high)) {
		return 0, &wrong{show(v) + " is out of range", "choose one from " + low + " to " + high}
	}
	return n, nil
}

// usual is a duration of a size that people write, between two.
func usual(low, high string) string {
	for _, text := range []string{"5m", "30s", "2s"} {
		if d := must(time.ParseDuration(text)); must(time.ParseDuration(low)) <= d && d <= must(time.ParseDuration(high)) {
			return text
		}
	}
	return high
}

func (k key) duration(v any) (time.Duration, *wrong) {
	low, high := k.tag.Get("min"), k.tag.Get("max")
	s, ok := v.(string)
	d, err := time.ParseDuration(s)
	if !ok || err != nil {
		return 0, &wrong{show(v) + " is not a duration", "write a number with its unit, such as " + usual(low, high)}
	}
	if d < must(time.ParseDuration(low)) || d > must(time.ParseDuration(high)) {
		return 0, &wrong{show(v) + " is out of range", "choose one from " + low + " to " + high}
	}
	return d, nil
}

func instant(v any) (time.Time, *wrong) {
	if t, ok := v.(time.Time); ok { // YAML knows times
		return t.UTC(), nil
	}
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, &wrong{show(v) + " is not a time", "write it as 2026-01-31T15:04:05Z"}
	}
	return t.UTC(), nil
}

// jsonObject takes what YAML or JSON calls a section, and keeps it as JSON.
func jsonObject(v any) (json.RawMessage, *wrong) {
	const do = "write its members, as JSON or as YAML"
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, &wrong{"is a " + shapeOf(v) + " where an object is expected", do}
	}
	text, err := json.Marshal(fields)
	if err != nil { // a key that is no text, or a number that JSON has not
		return nil, &wrong{"cannot be written as JSON", do}
	}
	return text, nil
}

func elements[T any](v any, one func(any) (T, *wrong)) ([]T, *wrong) {
	parts, ok := v.([]any)
	if !ok {
		return nil, &wrong{"is a " + shapeOf(v) + " where a list is expected", "write a list, or text with commas in the environment"}
	}
	list := make([]T, 0, len(parts))
	for _, p := range parts {
		t, w := one(p)
		if w != nil {
			return nil, w
		}
		list = append(list, t)
	}
	return list, nil
}

// show quotes a value for a problem; long ones are cut, since whoever pasted the wrong thing may have pasted a secret.
func show(v any) string {
	s := fmt.Sprint(v)
	if len(s) > 24 {
		s = s[:8] + "…"
	}
	return strconv.Quote(s)
}

// plainWords is what no secret looks like: words with dots and digits between them, and not too long.
var plainWords = regexp.MustCompile(`^[A-Za-z]+(?:\.[a-z]+)*(?:\.v[0-9]{1,2})?$`)

// named quotes what is a name by its looks, such as a type of event; it is cut if it looks like anything else.
func named(s string) string {
	if len(s) <= 80 && plainWords.MatchString(s) && (strings.Contains(s, ".") || strings.HasSuffix(s, "BusinessEvent")) {
		return strconv.Quote(s)
	}
	return show(s)
}

func shapeOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "section"
	case []any:
		return "list"
	case bool:
		return "flag"
	case time.Time:
		return "time"
	case string:
		return "text"
	default:
		return "number"
	}
}

// must is for the ranges in our own tags; a test reads them all.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
