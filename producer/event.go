package producer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// Attributes say who and what an event is. The first four are required.
type Attributes struct {
	ID     string    // unique within the source, and the same whenever the event is sent again
	Source string    // a URI that names the producer
	Type   string    // such as CustomerChanged
	Time   time.Time // of two states of one object the later one wins

	Subject       string // only shown
	CorrelationID string // a GUID that follows a story across systems; empty: Signalbox makes one of source and ID
	Channel       string // a row of the fleet's channel table; empty: that of the source
	Sequence      string // tells states of the same time apart: the greater text wins
}

// Event is one that Build has made.
type Event struct {
	Attributes
	Data json.RawMessage
}

// longestAttribute is as many bytes as Signalbox reads.
const longestAttribute = 1024

// Build makes an event of its attributes and its data, which is encoded as JSON; json.RawMessage is taken as it is. It checks the
// attributes alone: Validate checks the data.
func Build(a Attributes, data any) (Event, error) {
	a.Time = a.Time.UTC()
	for _, f := range a.named() {
		switch {
		case f.value == "" && f.required:
			return Event{}, malformed("/"+f.name, "The attribute is required.")
		case len(f.value) > longestAttribute:
			return Event{}, malformed("/"+f.name, fmt.Sprintf("The attribute is longer than %d bytes.", longestAttribute))
		case !utf8.ValidString(f.value) || hasControl(f.value):
			return Event{}, malformed("/"+f.name, "The attribute holds control characters, or is not UTF-8.")
		}
	}
	if a.Time.IsZero() {
		return Event{}, malformed("/time", "The attribute is required.")
	}
	if _, err := uuid.Parse(a.CorrelationID); a.CorrelationID != "" && (err != nil || len(a.CorrelationID) != len(uuid.Nil.String())) {
		return Event{}, malformed("/correlationid", "The correlation ID is not a GUID.")
	}
	text, err := json.Marshal(data)
	if err != nil { // its words may hold what it could not encode
		return Event{}, malformed("/data", "The data cannot be encoded as JSON.")
	}
	if bytes.Equal(text, []byte("null")) {
		return Event{}, malformed("/data", "The event carries no data.")
	}
	return Event{a, text}, nil
}

type named struct {
	name, value string
	required    bool
}

// named are the attributes that are texts, by their names in CloudEvents.
func (a Attributes) named() []named {
	return []named{{"id", a.ID, true}, {"source", a.Source, true}, {"type", a.Type, true}, {"subject", a.Subject, false},
		{"correlationid", a.CorrelationID, false}, {"signalboxchannel", a.Channel, false}, {"sequence", a.Sequence, false}}
}

func hasControl(s string) bool {
	for _, c := range s {
		if c < 0x20 || c >= 0x7f && c <= 0x9f {
			return true
		}
	}
	return false
}

func malformed(pointer, detail string) *fault.Error {
	return &fault.Error{Kind: fault.Poison, Reason: fault.Malformed, Pointer: pointer, Detail: detail, Class: "invalid"}
}
