package publish

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/internal/cli/input"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Checker says whether an event can be run at all: its type, its channel and its data.
type Checker interface {
	Check(ev orchestration.Event) error
}

// Refusal is a line that was not sent, and why. It quotes nothing of the line.
type Refusal struct {
	Line    int          `json:"line"`
	Reason  fault.Reason `json:"reason"`            // what a dead letter would have said
	Pointer string       `json:"pointer,omitempty"` // JSON pointer into the line
	Detail  string       `json:"detail"`
}

// String is the refusal as one line of text.
func (r Refusal) String() string {
	text := fmt.Sprintf("line %d: %s", r.Line, r.Reason)
	if r.Pointer != "" {
		text += " at " + r.Pointer
	}
	return text + ": " + r.Detail
}

// check turns a line into a message.
func (p *publisher) check(l input.Line) (worker.Message, *Refusal) {
	switch {
	case l.Bad != "":
		return worker.Message{}, &Refusal{l.Number, fault.Malformed, "", l.Bad}
	case l.TooLong:
		return worker.Message{}, &Refusal{l.Number, fault.TooLarge, "", fmt.Sprintf("The line has more than %d bytes, the limit of worker.max_body.", p.o.MaxBytes)}
	case p.o.Source != nil:
		return p.row(l)
	}
	return p.event(l)
}

// event takes a CloudEvent. It is sent as it came, in CloudEvents' structured mode, so that attributes which
// mean nothing to us arrive all the same; so its data may be a row, for a worker's field map.
func (p *publisher) event(l input.Line) (worker.Message, *Refusal) {
	parts := envelope.Parts{ContentType: envelope.ContentTypeStructured, Body: l.Text}
	ev, err := p.o.Decode(parts, p.arrival(), envelope.Limits{MaxBytes: p.o.MaxBytes})
	if err != nil {
		return worker.Message{}, refusal(l.Number, err, "")
	}
	if err := p.o.Checker.Check(ev); err != nil {
		return worker.Message{}, refusal(l.Number, err, "/data")
	}
	return worker.Message{ID: uuid.NewString(), CorrelationID: ev.CorrelationID, Subject: ev.Type, ContentType: parts.ContentType, Body: l.Text}, nil
}

// arrival is what the broker will stamp, about now: the event's own time is compared with it.
func (p *publisher) arrival() envelope.Arrival {
	return envelope.Arrival{Origin: orchestration.Origin{Queue: p.o.Queue, Enqueued: time.Now()}}
}

// attributeOf is where the cause of a refusal stands that concerns no data.
var attributeOf = map[fault.Reason]string{
	fault.UnknownType: "/type", fault.UnknownChannel: "/signalboxchannel", fault.TimeInFuture: "/time", fault.Expired: "/time",
}

// refusal reads a failure; base is what its pointer is relative to.
func refusal(number int, err error, base string) *Refusal {
	r := &Refusal{Line: number, Reason: fault.Bug, Detail: "The event could not be checked."}
	var f *fault.Error
	if !errors.As(err, &f) {
		return r
	}
	r.Reason, r.Detail, r.Pointer = f.Reason, f.Detail, attributeOf[f.Reason]
	if r.Pointer == "" && (f.Pointer != "" || base != "") {
		r.Pointer = base
		if f.Pointer != "" {
			r.Pointer += envelope.Pointer(strings.Split(strings.TrimPrefix(f.Pointer, "/"), "/")...)
		}
	}
	return r
}
