package orchestration

import "github.com/signalbox/signalbox/internal/dataschema"

// schema checks an event's data.
type schema = dataschema.Schema
