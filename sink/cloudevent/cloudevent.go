// Package cloudevent writes an event in the forms in which it leaves: one JSON object (structured), or headers or application
// properties beside its data (binary).
//
// Of the attributes it writes the required ones, subject, correlationid and signalboxchannel, and a sequence of our own: the
// place of the event in our own queue, as text that compares as the place does. Of two events about one subject the one with the
// greater sequence is the newer, whatever their times.
//
// Source: CloudEvents 1.0.2, JSON event format, HTTP and AMQP protocol bindings; the sequence extension.
package cloudevent

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// The content types of the two modes.
const (
	TypeStructured = "application/cloudevents+json; charset=utf-8"
	TypeBinary     = "application/json"
)

// attribute is a CloudEvents context attribute in its canonical text.
type attribute struct{ name, value string }

// attributes are those of an event that are not empty, in a fixed order.
func attributes(ev orchestration.Event) []attribute {
	all := []attribute{
		{"specversion", "1.0"}, {"id", ev.ID}, {"source", ev.Source}, {"type", ev.Type}, {"subject", ev.Subject},
		{"time", ev.Time.UTC().Format(time.RFC3339Nano)}, {"correlationid", ev.CorrelationID},
		{"signalboxchannel", ev.Channel}, {"sequence", sequence(ev.Origin)},
	}
	some := all[:0]
	for _, a := range all {
		if a.value != "" {
			some = append(some, a)
		}
	}
	return some
}

// sequence is the event's place in our own queue; empty if it was in none.
func sequence(o orchestration.Origin) string {
	if o.Enqueued.IsZero() {
		return ""
	}
	return fmt.Sprintf("%013d-%020d", o.Enqueued.UnixMilli(), o.Sequence)
}

// Structured is the event as one JSON object without line breaks. The data goes in as it is; it must be JSON.
func Structured(ev orchestration.Event) ([]byte, error) {
	var b strings.Builder
	for _, a := range append(attributes(ev), attribute{"datacontenttype", "application/json"}) {
		text, err := json.Marshal(a.value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", a.name, err)
		}
		fmt.Fprintf(&b, "%q:%s,", a.name, text)
	}
	data, err := json.Marshal(ev.Data) // compact: a line is a line
	if err != nil {
		return nil, fmt.Errorf("encode data: %w", err)
	}
	return []byte("{" + b.String() + `"data":` + string(data) + "}"), nil
}

// Headers are the attributes as the headers of the binary mode, whose body is the event's data.
func Headers(ev orchestration.Event) map[string]string {
	h := map[string]string{}
	for _, a := range attributes(ev) {
		h["ce-"+a.name] = escaped(a.value)
	}
	return h
}

// prefixAMQP stands before attributes: with the underscore, which JMS can read, too.
const prefixAMQP = "cloudEvents_"

// Properties are the attributes as the application properties of an AMQP message in the binary mode, whose body is the event's data.
func Properties(ev orchestration.Event) map[string]any {
	p := map[string]any{}
	for _, a := range attributes(ev) {
		p[prefixAMQP+a.name] = a.value
	}
	return p
}

// escaped is text as a header can carry it: spaces, quotes, percent signs and everything beyond printable ASCII become their
// UTF-8 bytes in percent encoding.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '"' || c == '%' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
