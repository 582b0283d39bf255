// Package heartbeat is the scenario of an event that does nothing: Signalbox sends one to each of its queues every minute,
// so that a quiet day and a broken path can be told apart. It goes the whole way, from the broker through envelope, schema
// and claim to the finish, and calls no CSU.
//
// A queue's beats all have one id and say the same, so that what Redis keeps of them does not grow: a finished run is
// forgotten after a second, and a beat that meets the one before it still at work ends as its duplicate.
package heartbeat

import (
	"context"
	_ "embed" // the schema
	"encoding/json"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

const (
	// Name is the scenario's.
	Name = "heartbeat"
	// EventType is what it handles.
	EventType = "signalbox.heartbeat.v1"
	// Source of every beat.
	Source = "urn:signalbox:heartbeat"
	// Apart is how far apart two beats of a queue must be at least, so that the second is not taken for the first.
	Apart = 2 * keep

	keep = time.Second
)

//go:embed schema.json
var schema []byte

// Beat is the data of one heartbeat.
type Beat struct {
	Queue string `json:"queue"` // that it was sent to
}

// Event is the next beat of a queue. channel is any row of the channel table: an event has to belong to one.
//
// Its time is always the same: the broker's position orders the beats, and a clock that is ahead must not make dead
// letters of them.
func Event(queue, channel string) orchestration.Event {
	data, _ := json.Marshal(Beat{queue}) // text cannot fail to marshal
	return orchestration.Event{Source: Source, ID: queue, Type: EventType, Subject: queue, Channel: channel,
		CorrelationID: orchestration.DeriveCorrelationID(Source, queue), Time: time.Unix(0, 0).UTC(), Data: data}
}

type run = orchestration.Run[Beat, struct{}]

// Scenario makes the scenario.
func Scenario() orchestration.Pipeline[Beat, struct{}] {
	return orchestration.Pipeline[Beat, struct{}]{
		Name: Name, Handles: EventType, Version: 1, Order: orchestration.State, Schema: schema, Keep: keep,
		Entity: func(b Beat) (kind, id string) { return "queue", b.Queue },
		Steps:  []orchestration.Step[Beat, struct{}]{{Name: "come-through", Look: comeThrough}},
	}
}

// comeThrough finds what it looks for: that the event has come so far.
func comeThrough(context.Context, *run) (found bool, err error) { return true, nil }
