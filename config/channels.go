package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration"
)

// channelFields are the keys of one row, in the order in which rows are shown.
var channelFields = []struct {
	name  string
	field func(*orchestration.Channel) *string
}{
	{"name", func(c *orchestration.Channel) *string { return &c.Name }},
	{"csu", func(c *orchestration.Channel) *string { return &c.CSU }},
	{"oun", func(c *orchestration.Channel) *string { return &c.OUN }},
	{"legal_entity", func(c *orchestration.Channel) *string { return &c.LegalEntity }},
	{"currency", func(c *orchestration.Channel) *string { return &c.Currency }},
	{"language", func(c *orchestration.Channel) *string { return &c.Language }},
	{"customer_group", func(c *orchestration.Channel) *string { return &c.Group }},
}

const sourcesField = "sources"

// readChannels reads the table. Rows that name no CSU belong to the only one there is.
func (l *loading) readChannels(c *Config, k key, v any) {
	p := Problem{Key: k.name, Origin: c.origins[k.name]}
	rows, ok := v.([]any)
	if !ok {
		p.What = "is no list of rows"
		p.Do = `write one row for each channel; in the environment as JSON, [{"name":"web","oun":"052","legal_entity":"usrt"}]`
		l.report(p)
		return
	}
	table := make(orchestration.Channels, len(rows))
	for i, row := range rows {
		p.Key = fmt.Sprintf("%s[%d]", k.name, i)
		fields, ok := row.(map[string]any)
		if !ok {
			p.What, p.Do = "is no row", "write it with keys: name, oun, legal_entity and so on"
			l.report(p)
			l.bad[k.name] = true
			continue
		}
		table[i].CSU = c.CSU.Name
		l.readRow(&table[i], p, k, fields)
	}
	k.in(c).Set(reflect.ValueOf(table))
}

func (l *loading) readRow(row *orchestration.Channel, p Problem, k key, fields map[string]any) {
	at := p.Key
	names := []string{sourcesField}
	for _, f := range channelFields {
		names = append(names, f.name)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var w *wrong
		switch i := slices.Index(names, name); {
		case i < 0:
			w = &wrong{"is not a known key", "the nearest is " + nearest(name, names, "_")}
		case i == 0:
			row.Sources, w = elements(fields[name], text)
		default:
			*channelFields[i-1].field(row), w = text(fields[name])
		}
		if w != nil {
			p.Key, p.What, p.Do = at+"."+name, w.what, w.do
			l.report(p)
			l.bad[k.name] = true
		}
	}
}

// showChannels prints the table as the JSON that SIGNALBOX_CHANNELS takes.
func showChannels(table orchestration.Channels) string {
	rows := make([]string, len(table))
	for i := range table {
		sources, _ := json.Marshal(table[i].Sources) // strings cannot fail to marshal
		fields := []string{fmt.Sprintf("%q:%s", sourcesField, sources)}
		for _, f := range channelFields {
			if v := *f.field(&table[i]); v != "" {
				text, _ := json.Marshal(v)
				fields = append(fields, fmt.Sprintf("%q:%s", f.name, text))
			}
		}
		if len(table[i].Sources) == 0 {
			fields = fields[1:]
		}
		rows[i] = "{" + strings.Join(fields, ",") + "}"
	}
	return "[" + strings.Join(rows, ",") + "]"
}
