package feed

import (
	_ "embed" // the schema

	"github.com/signalbox/signalbox/mapping"

	"github.com/signalbox/signalbox/orchestration"
)

// ToldType tells sinks that a run has told all that it was asked for (told.schema.json). What it told of is on its way, and this may overtake it.
const ToldType = "signalbox.feed.told.v1"

//go:embed told.schema.json
var toldSchema []byte

// Tells is the type of what sinks are told of feeds.
func Tells() orchestration.Telling {
	return orchestration.Telling{Name: ToldType, Kind: "feed", Order: orchestration.Fact, Schema: toldSchema}
}

// Summary says how much a run has told. A receiver that has as many of its correlation id has all of it.
type Summary struct {
	Feed      string `json:"feed"`
	Whole     bool   `json:"whole"`     // whether everything was read
	Told      int    `json:"told"`      // records that were told
	Gone      int    `json:"gone"`      // of these, how many as gone
	Unchanged int    `json:"unchanged"` // records that were read, and are as they were told before
}

// Ref names a feed as what an event is about.
func (f Feed) Ref(ch orchestration.Channel) mapping.Ref {
	return mapping.Ref{Kind: "feed", Scope: ch.Scope(), Source: Source(ch, ""), ID: f.Name}
}
