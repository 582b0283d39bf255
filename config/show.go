package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Row is one line of `signalbox config show`.
type Row struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin,omitempty"` // default, the file's path, a variable's name, or "program"
}

// Show lists every key with its value as the file or the environment would spell it; secrets as ***.
func (c *Config) Show(origin bool) []Row {
	rows := make([]Row, len(keys))
	for i, k := range keys {
		rows[i] = Row{Key: k.name, Value: spell(k.in(c).Interface())}
		if origin {
			rows[i].Origin = c.origin(k.name)
		}
	}
	return rows
}

func (c *Config) origin(key string) string {
	if o, ok := c.origins[key]; ok {
		return o
	}
	return "program"
}

func spell(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, ",")
	case []time.Duration:
		parts := make([]string, len(v))
		for i, d := range v {
			parts[i] = short(d)
		}
		return strings.Join(parts, ",")
	case time.Duration:
		return short(v)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.Format(time.RFC3339)
	}
	if t, ok := tables[reflect.TypeOf(v)]; ok {
		return spellTable(t, reflect.ValueOf(v))
	}
	return fmt.Sprint(v)
}

// short drops the zero units of Go's spelling: 5m0s becomes 5m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
