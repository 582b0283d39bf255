package config

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/inventory"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
	"github.com/signalbox/signalbox/orchestration/scenarios/reconcile"
)

// checkAsked judges what the events of a row ask for, whose schema has been kept: what this configuration cannot give would be a dead letter at
// each tick.
func checkAsked(c *Config, r rows, i int, s ScheduleRow) {
	at := slices.IndexFunc(c.Channels, func(ch orchestration.Channel) bool { return ch.Name == s.Channel })
	if at < 0 {
		return // said already
	}
	ch := c.Channels[at]
	switch s.Type {
	case reconcile.SweepType:
		checkSweep(c, r, i, s, ch)
		return
	case products.PublishType:
		checkPublish(r, i, s, ch)
	case inventory.ExportType:
		checkStock(c, r, i, s, ch)
	}
	for _, typ := range exportTypes {
		if typ == s.Type {
			checkTold(r, i, s, ch)
		}
	}
}

// checkTold judges the sinks that an export names.
func checkTold(r rows, i int, s ScheduleRow, ch orchestration.Channel) {
	var data struct {
		Sinks []string `json:"sinks"`
	}
	if json.Unmarshal(s.Data, &data) != nil {
		return
	}
	for _, name := range data.Sinks {
		if !slices.Contains(ch.Sinks, name) {
			r.report(i, "data", "names the sink "+show(name)+", which is none of the channel "+show(ch.Name), orNone(ch.Sinks))
		}
	}
}

func checkPublish(r rows, i int, s ScheduleRow, ch orchestration.Channel) {
	var asked products.Publish
	if json.Unmarshal(s.Data, &asked) == nil && len(ch.Sinks) == 0 && len(asked.Sinks) == 0 && len(asked.Products) == 0 {
		r.report(i, "channel", "publishes the products of the channel "+show(ch.Name)+", which has no sinks to tell of them", orNone(nil))
	}
}

func checkStock(c *Config, r rows, i int, s ScheduleRow, ch orchestration.Channel) {
	var asked inventory.Export
	if c.Inventory.Source != SourceVisibility || json.Unmarshal(s.Data, &asked) != nil {
		return
	}
	if pointer := asked.UnknownToVisibility(); pointer != "" {
		r.report(i, "data", "asks at "+pointer+" for what Inventory Visibility (inventory.source) does not know", "leave it out, and name warehouses where only some are meant")
	}
	if v := c.Inventory.Visibility; len(v.Warehouses) > 0 && len(v.Layout().At(ch.LegalEntity, asked.Warehouses...)) == 0 {
		r.report(i, "data", "asks for stock at warehouses of which inventory.visibility.warehouses has none for the legal entity "+show(ch.LegalEntity), "add them there, or name others")
	}
}

// checkSweep judges whether the sink can be asked, and has what it is asked for.
func checkSweep(c *Config, r rows, i int, s ScheduleRow, ch orchestration.Channel) {
	var asked reconcile.Sweep
	if json.Unmarshal(s.Data, &asked) != nil {
		return
	}
	if asked.Source > 0 && asked.Of != "products" {
		r.report(i, "data", "compares "+asked.Of+" with the CSU (source), which is done with products alone", "take source out: the export reads all of them each time")
	}
	if !slices.Contains(ch.Sinks, asked.Sink) {
		r.report(i, "data", "names the sink "+show(asked.Sink)+", which is none of the channel "+show(ch.Name), orNone(ch.Sinks))
		return
	}
	at := slices.IndexFunc(c.Sinks, func(row SinkRow) bool { return row.Name == asked.Sink })
	if at < 0 {
		return // said of the channel
	}
	if c.Sinks[at].DigestsURL == "" {
		r.report(i, "data", "asks the sink "+show(asked.Sink)+" what it has, and its row has no digests_url", "set it, or take the row out")
	}
	if typ := asked.RecordType(); !c.Sinks[at].Wants(typ) {
		r.report(i, "data", "asks the sink "+show(asked.Sink)+" for its "+asked.Of+", and types of its row leave out "+typ, "add that to types, or take the row out")
	}
}

func orNone(has []string) string {
	if len(has) == 0 {
		return "name sinks in its row of channels"
	}
	return "name one of " + strings.Join(has, ", ")
}
