package orchestration

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Event is one business fact. Its Data is decoded by a scenario and goes nowhere else: not to the store, not to a
// log. Shapes follow CloudEvents 1.0.
type Event struct {
	Source, ID    string // the idempotency key, the same on every copy and replay
	Type          string
	Subject       string // only compared, never trusted as the entity
	Channel       string // signalboxchannel: a row of the channel table; empty: chosen by source
	CorrelationID string // a GUID; UUIDv5 of source and ID when the producer gave none
	Time          time.Time
	Sequence      string // the CloudEvents sequence extension, empty if absent
	Sink          string // signalboxsink: the sink that an outbound event is for; empty for all others
	Data          json.RawMessage
	AsReceived    json.RawMessage // Data before its source's field map, which may change between two deliveries; nil: Data itself

	Generation int       // 1 on a published message; every copy and replay counts up
	Attempt    int       // attempts already used, as a floor: the truth is in the run
	Origin     Origin    // where and when the broker first took it, the same on every copy
	Expires    time.Time // zero: never
	ReplyTo    string    // where its sender wants an answer sent: a queue or topic, by name; empty: nowhere
	Replay     string    // the replay job that sent it; empty for all others
	Lane       string    // whose share of the target's budget its calls use; of a received event that of the queue it came from, of one that a step emits that of the queue it goes to
	NotBefore  time.Time // of an event that a step emits: the broker holds it until then; zero: not at all
}

// The lanes. An event that names none is live.
const (
	LaneLive   = "live"
	LaneBulk   = "bulk"   // what is read from the target in bulk, and what is told of it
	LaneReplay = "replay" // what an operator sends again
)

// Origin is the position at which the broker first took the event. Copies carry it on.
type Origin struct {
	Queue    string    `json:"queue"`
	Enqueued time.Time `json:"enqueued"` // broker's clock
	Sequence int64     `json:"sequence"`
}

// namespace of the UUIDs that Signalbox derives; a fixed random UUID.
var namespace = uuid.MustParse("6f1f8c0e-53a4-4d0e-9a6b-2f5d1c7b9e44")

// DeriveCorrelationID gives the correlation ID of an event whose producer gave none: UUIDv5 of source and ID, so that
// every delivery and every copy finds the same one.
func DeriveCorrelationID(source, id string) string {
	return derive("correlation", source, id)
}

// derive makes a UUIDv5 over length-prefixed parts, so that ("a","bc") and ("ab","c") differ.
func derive(parts ...string) string {
	b, _ := json.Marshal(parts) // a JSON array of strings is unambiguous; marshalling strings cannot fail
	return uuid.NewSHA1(namespace, b).String()
}
