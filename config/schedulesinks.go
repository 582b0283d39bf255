package config

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/orchestration/scenarios/reconcile"
)

// checkAsked judges the sinks that the events of a row name, whose schema has been kept: an export that names none of the channel's would be
// refused at each tick, and so would a sweep of a sink that cannot be asked.
func checkAsked(c *Config, r rows, i int, s ScheduleRow) {
	var data struct {
		Sink  string   `json:"sink"`
		Sinks []string `json:"sinks"`
	}
	asks := s.Type == reconcile.SweepType
	for _, typ := range exportTypes {
		asks = asks || typ == s.Type
	}
	if !asks || json.Unmarshal(s.Data, &data) != nil {
		return
	}
	var has []string
	for _, ch := range c.Channels {
		if ch.Name == s.Channel {
			has = ch.Sinks
		}
	}
	for _, name := range data.Sinks {
		if !slices.Contains(has, name) {
			r.report(i, "data", "names the sink "+show(name)+", which is none of the channel "+show(s.Channel), orNone(has))
		}
	}
	if s.Type != reconcile.SweepType {
		return
	}
	at := slices.IndexFunc(c.Sinks, func(row SinkRow) bool { return row.Name == data.Sink })
	switch {
	case !slices.Contains(has, data.Sink):
		r.report(i, "data", "names the sink "+show(data.Sink)+", which is none of the channel "+show(s.Channel), orNone(has))
	case at >= 0 && c.Sinks[at].DigestsURL == "":
		r.report(i, "data", "asks the sink "+show(data.Sink)+" what it has, and its row has no digests_url", "set it, or take the row out")
	}
}

func orNone(has []string) string {
	if len(has) == 0 {
		return "name sinks in its row of channels"
	}
	return "name one of " + strings.Join(has, ", ")
}
