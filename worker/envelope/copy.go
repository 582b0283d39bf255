package envelope

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox/signalbox/orchestration"
)

// provenance reads what a copy carries on. A message without PropertyOrigin is no copy: it starts here.
func provenance(properties map[string]any, a Arrival) (orchestration.Event, error) {
	ev := orchestration.Event{Generation: 1, Origin: a.Origin, Expires: a.ExpiresAt.UTC()}
	ev.Origin.Enqueued = ev.Origin.Enqueued.UTC() // as a copy will bring it
	carried, isCopy := properties[PropertyOrigin]
	if !isCopy {
		return ev, nil
	}
	text, _ := carried.(string)
	origin, err := ParseOrigin(text)
	if err != nil {
		return ev, malformed("/"+PropertyOrigin, "The property cannot be read.")
	}
	ev.Origin, ev.Expires = origin, time.Time{}
	var ok bool
	if ev.Generation, ok = count(properties[PropertyGeneration], 1); !ok || ev.Generation < 1 {
		ev.Generation = 1
		return ev, malformed("/"+PropertyGeneration, "The property is not a positive whole number.")
	}
	if ev.Attempt, ok = count(properties[PropertyAttempt], 0); !ok {
		return ev, malformed("/"+PropertyAttempt, "The property is not a whole number.")
	}
	ev.Replay, _ = properties[PropertyReplay].(string)
	ev.ReplyTo, _ = properties[PropertyReplyTo].(string)
	if carried, ok := properties[PropertyExpires]; ok {
		text, _ := attributeText(carried)
		moment, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return ev, malformed("/"+PropertyExpires, "The property is not an RFC 3339 timestamp.")
		}
		ev.Expires = moment.UTC()
	}
	return ev, nil
}

func count(value any, absent int) (int, bool) {
	if value == nil {
		return absent, true
	}
	text, ok := attributeText(value)
	n, err := strconv.Atoi(text)
	return n, ok && err == nil && n >= 0 && n <= math.MaxInt32
}

// Foreign gives a message's properties without ours, and says whether there were any. They mean something only on our own
// queues: whoever may publish to a source queue could otherwise make a message look like a copy, or like a replay by a person.
func Foreign(properties map[string]any) (_ map[string]any, had bool) {
	had = slices.ContainsFunc(Properties(), func(name string) bool { _, is := properties[name]; return is })
	if !had {
		return properties, false
	}
	foreign := maps.Clone(properties)
	for _, name := range Properties() {
		delete(foreign, name)
	}
	return foreign, true
}

// Mark gives the properties of a copy: those of the original untouched, ours from the event.
func Mark(properties map[string]any, ev orchestration.Event) map[string]any {
	marked := make(map[string]any, len(properties)+4)
	maps.Copy(marked, properties)
	for _, name := range Properties() {
		delete(marked, name)
	}
	marked[PropertyGeneration] = int64(ev.Generation)
	marked[PropertyAttempt] = int64(ev.Attempt)
	marked[PropertyOrigin] = FormatOrigin(ev.Origin)
	if ev.Replay != "" {
		marked[PropertyReplay] = ev.Replay
	}
	if ev.ReplyTo != "" {
		marked[PropertyReplyTo] = ev.ReplyTo
	}
	if !ev.Expires.IsZero() {
		marked[PropertyExpires] = ev.Expires.UTC().Format(time.RFC3339Nano)
	}
	return marked
}

// Next gives the properties of a copy of a copy that is by so many generations later, and the same otherwise. The error is a Poison
// fault: they are not those of a copy.
func Next(properties map[string]any, by int) (map[string]any, error) {
	generation, ok := count(properties[PropertyGeneration], 0)
	if !ok || generation < 1 {
		return nil, malformed("/"+PropertyGeneration, "The property is not a positive whole number.")
	}
	next := maps.Clone(properties)
	next[PropertyGeneration] = int64(generation + by)
	return next, nil
}

// FormatOrigin writes an origin as queue@enqueued#sequence, such as orders@2026-11-23T09:00:00.25Z#42.
func FormatOrigin(o orchestration.Origin) string {
	return fmt.Sprintf("%s@%s#%d", o.Queue, o.Enqueued.UTC().Format(time.RFC3339Nano), o.Sequence)
}

// ParseOrigin reads what FormatOrigin wrote. Neither a time nor a number holds @ or #, so it reads from the end.
func ParseOrigin(text string) (orchestration.Origin, error) {
	hash := strings.LastIndexByte(text, '#')
	if hash < 0 {
		return orchestration.Origin{}, fmt.Errorf("origin without sequence")
	}
	at := strings.LastIndexByte(text[:hash], '@')
	if at < 0 {
		return orchestration.Origin{}, fmt.Errorf("origin without time")
	}
	enqueued, err := time.Parse(time.RFC3339Nano, text[at+1:hash])
	if err != nil {
		return orchestration.Origin{}, fmt.Errorf("origin's time is not RFC 3339")
	}
	sequence, err := strconv.ParseInt(text[hash+1:], 10, 64)
	if err != nil {
		return orchestration.Origin{}, fmt.Errorf("origin's sequence is not a number")
	}
	return orchestration.Origin{Queue: text[:at], Enqueued: enqueued.UTC(), Sequence: sequence}, nil
}

// Encode writes an event in the binary mode. The properties of copies are written only for an event that has an
// Origin: a new event gets its own from the broker.
func Encode(ev orchestration.Event) Parts {
	properties := map[string]any{
		prefixJMS + "specversion": "1.0",
		prefixJMS + "id":          ev.ID,
		prefixJMS + "source":      ev.Source,
		prefixJMS + "type":        ev.Type,
		prefixJMS + "time":        ev.Time.UTC().Format(time.RFC3339Nano),
	}
	for name, value := range map[string]string{
		"subject": ev.Subject, "correlationid": ev.CorrelationID, "sequence": ev.Sequence, "signalboxchannel": ev.Channel, "signalboxsink": ev.Sink,
	} {
		if value != "" {
			properties[prefixJMS+name] = value
		}
	}
	if ev.Origin != (orchestration.Origin{}) {
		properties = Mark(properties, ev)
	}
	return Parts{ContentType: ContentTypeJSON, Properties: properties, Body: ev.Data}
}
