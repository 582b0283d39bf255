// Package deadletter shows what is in dead-letter queues: who, why, where it stopped, since when. It only peeks, so
// looking changes nothing and costs no delivery.
//
// What it shows holds no personal data: never a body, never a subject; identifiers that a producer chose are masked
// when they do not look like identifiers, and so is the description of a dead letter that somebody else wrote. The ids of
// schedules' events, which have a sign of addresses, are our own.
package deadletter

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/cardnumber"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/schedule"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Peeker reads a dead-letter queue: at most most messages with a sequence number of at least from, in order.
type Peeker interface {
	Peek(ctx context.Context, from int64, most int) ([]worker.Message, error)
}

// ErrNotFound says that no dead letter has the sequence number.
var ErrNotFound = errors.New("deadletter: no such dead letter")

// Letter is one dead letter.
type Letter struct {
	Queue    string `json:"queue"`
	Sequence int64  `json:"sequence"` // its number in the dead-letter queue: how it is addressed

	Reason      string      `json:"reason"` // verbatim, also when it is not ours
	Blame       fault.Blame `json:"blame"`
	Description string      `json:"description"` // ours or the broker's; empty if somebody else wrote it
	Foreign     bool        `json:"foreign,omitempty"`
	Step        string      `json:"step,omitempty"`
	Group       string      `json:"group"`           // how it failed: equal for what fails alike; see Groups
	State       State       `json:"state,omitempty"` // what was done about it, if that is known

	Source        string `json:"source,omitempty"`
	ID            string `json:"id,omitempty"`
	Type          string `json:"type,omitempty"`
	Channel       string `json:"channel,omitempty"`
	CorrelationID string `json:"correlation_id,omitempty"`
	Event         bool   `json:"event"` // false: it could not be read as an event; the fields above are what was found

	Generation    int                  `json:"generation"`
	Attempt       int                  `json:"attempt"`
	DeliveryCount int                  `json:"delivery_count"`
	Origin        orchestration.Origin `json:"origin"`
	EventTime     time.Time            `json:"event_time,omitzero"`
	Enqueued      time.Time            `json:"enqueued"`
	DeadLettered  time.Time            `json:"dead_lettered,omitzero"` // zero when somebody else dead-lettered it: the broker does not record it
	Withheld      bool                 `json:"withheld,omitempty"`     // its body was not kept, since it held a card number: there is nothing to replay
	Deferred      bool                 `json:"deferred,omitempty"`     // passed by a sweep: taken by its number only
	Bytes         int                  `json:"bytes"`
}

// State is where a dead letter stands.
type State string

// The states. A letter stays in its queue for a while after it was replayed or discarded: see Sweeper.
const (
	Waiting        State = "waiting" // for a person
	WasReplayed    State = "replayed"
	WasDiscarded   State = "discarded"
	AlreadyApplied State = "applied" // its event was done by another message or a replay
)

// Most is how many messages one peek asks for; the broker may give fewer.
const Most = 250

// Of is what may be shown of a dead letter. decode reads it as an event; nil: as a CloudEvent.
func Of(m worker.Message, decode worker.Decoder) Letter { return read(m, decode, true).Letter }

// found is a dead letter with its message, and the event that was read of it. Why it was refused is known: here it only has to be
// shown, or sent again.
type found struct {
	Letter
	message worker.Message
	event   orchestration.Event
	err     error // it is no event; what could be read is there
}

// read reads a dead letter; of a source queue's only what its sender could say is believed (envelope.Foreign).
func read(m worker.Message, decode worker.Decoder, own bool) found {
	if decode == nil {
		decode = envelope.Decode
	}
	f, properties := found{message: m}, m.Properties
	if !own {
		properties, _ = envelope.Foreign(properties)
	}
	f.event, f.err = decode(
		envelope.Parts{ContentType: m.ContentType, ReplyTo: m.ReplyTo, Properties: properties, Body: m.Body},
		envelope.Arrival{Origin: orchestration.Origin{Queue: m.Queue, Enqueued: m.Enqueued, Sequence: m.Sequence}, ExpiresAt: m.ExpiresAt},
		envelope.Limits{MaxBytes: len(m.Body) + 1})
	f.Letter = letterOf(m, f.event, f.err)
	if _, f.Withheld = envelope.Withheld(properties); f.Withheld {
		f.Event = f.event.ID != "" && f.event.Source != "" // all of it that is left
	}
	return f
}

func letterOf(m worker.Message, ev orchestration.Event, err error) Letter {
	l := Letter{
		Queue: m.Queue, Sequence: m.Sequence,
		Reason: shown(m.DeadLetterReason), Blame: fault.Reason(m.DeadLetterReason).Blame(), Foreign: isForeign(m.DeadLetterReason),
		Source: shown(ev.Source), ID: shownID(ev), Type: shown(ev.Type), Channel: shown(ev.Channel), CorrelationID: ev.CorrelationID,
		Event: err == nil, Generation: ev.Generation, Attempt: ev.Attempt, DeliveryCount: m.DeliveryCount,
		Origin: ev.Origin, EventTime: ev.Time, Enqueued: m.Enqueued, Bytes: len(m.Body),
	}
	l.Step, _ = m.Properties[envelope.PropertyStep].(string)
	l.Step = shown(l.Step)
	if at, ok := m.Properties[envelope.PropertyDeadLetteredAt].(string); ok {
		l.DeadLettered, _ = time.Parse(time.RFC3339Nano, at)
	}
	if !l.Foreign {
		l.Description = m.DeadLetterDescription
	}
	l.Deferred = m.State == worker.Deferred
	l.Group = fingerprint(l)
	return l
}

// brokers are the reasons with which Service Bus itself dead-letters; their descriptions name queues and numbers.
var brokers = map[string]bool{
	"MaxDeliveryCountExceeded": true, "TTLExpiredException": true, "HeaderSizeExceeded": true, "Session ID is null": true,
	"MaxTransferHopCountExceeded": true, "": true,
}

// isForeign says whether somebody else dead-lettered the message: neither we nor the broker.
func isForeign(reason string) bool {
	ours := fault.Reason(reason).Label() == reason && reason != string(fault.Other)
	return !ours && !brokers[reason]
}

const masked = "[masked]"

var (
	identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/ #+-]{0,199}$`)
	digits     = regexp.MustCompile(`\d`)
)

// shown is text that somebody chose, if it looks like an identifier and not like an address, a number to call or a card's.
func shown(text string) string {
	if text == "" || (identifier.MatchString(text) && !looksLikePhone(text) && !cardnumber.In(text)) {
		return text
	}
	return masked
}

// shownID is an event's id; one of a schedule's event says no more than the source that is shown beside it.
func shownID(ev orchestration.Event) string {
	if schedule.Made(ev.Source, ev.ID) && shown(ev.Source) == ev.Source {
		return ev.ID
	}
	return shown(ev.ID)
}

func looksLikePhone(text string) bool {
	return strings.HasPrefix(text, "+") || (strings.Contains(text, " ") && len(digits.FindAllString(text, 8)) >= 8)
}
