package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/internal/jsontext"
	"github.com/signalbox/signalbox/orchestration"
)

// Decode reads a message as an event. On an error the event still holds what could be read, its Origin always, so
// that a refused message can be accounted for.
func Decode(p Parts, a Arrival, limits Limits) (orchestration.Event, error) {
	ev, err := provenance(p.Properties, a)
	if err != nil {
		return ev, err
	}
	if ev.ReplyTo == "" && len(p.ReplyTo) <= maxAddress {
		ev.ReplyTo = p.ReplyTo
	}
	mode, err := modeOf(p)
	if err != nil {
		return ev, err
	}
	var data json.RawMessage
	if limits = limits.withDefaults(); mode == structured {
		data, err = readStructured(p, limits, &ev)
	} else {
		data, err = readBinary(p, limits, &ev)
	}
	if err != nil {
		return ev, err
	}
	if len(data) == 0 || string(data) == "null" {
		return ev, malformed("/data", "The event carries no data.")
	}
	ev.Data = data
	return ev, nil
}

// maxAddress is how long the name of a queue or topic may be.
const maxAddress = 260

// IsEvent says whether a message is meant as a CloudEvent, readable or not.
func IsEvent(p Parts) bool {
	kind, _, _ := mime.ParseMediaType(p.ContentType)
	return strings.HasPrefix(kind, "application/cloudevents") || isBinary(p.Properties)
}

// DecodeRow reads a message that is no CloudEvent but bare JSON, a row in its source's own shape. The event holds the row
// as its Data, and what copies carry; who and what it is, is for the source's field map to say: see Assemble.
func DecodeRow(p Parts, a Arrival, limits Limits) (orchestration.Event, error) {
	ev, err := provenance(p.Properties, a)
	if err != nil {
		return ev, err
	}
	kind, parameters, err := mime.ParseMediaType(p.ContentType)
	if p.ContentType != "" && (err != nil || !isJSON(kind) || !isUTF8(parameters["charset"])) {
		return ev, malformed("/datacontenttype", "The row is not JSON in UTF-8 by its content type.")
	}
	row, err := readJSON(p.Body, limits.withDefaults())
	if err != nil {
		return ev, err
	}
	if string(bytes.TrimSpace(row)) == "null" {
		return ev, malformed("", "The row is empty.")
	}
	ev.Data = row
	return ev, nil
}

// Assemble writes CloudEvents attributes, by their names, into an event, and checks them as those of a message are checked.
func Assemble(ev *orchestration.Event, named map[string]string) error {
	return attributes(named).into(ev)
}

// readBinary reads the attributes first: of an event with a bad body, who it is can still be told.
func readBinary(p Parts, limits Limits, ev *orchestration.Event) (json.RawMessage, error) {
	found, err := fromProperties(p.Properties)
	if err != nil {
		return nil, err
	}
	if err := found.into(ev); err != nil {
		return nil, err
	}
	return readJSON(p.Body, limits)
}

func readStructured(p Parts, limits Limits, ev *orchestration.Event) (json.RawMessage, error) {
	_, members, err := readObject(p.Body, limits)
	if err != nil {
		return nil, err
	}
	if members == nil {
		return nil, malformed("", "A structured CloudEvent must be a JSON object.")
	}
	found, err := fromMembers(members)
	if err != nil {
		return nil, err
	}
	if err := found.into(ev); err != nil {
		return nil, err
	}
	if err := refuseMembers(members); err != nil {
		return nil, err
	}
	return structuredData(members, limits)
}

func readJSON(body []byte, limits Limits) (json.RawMessage, error) {
	read, _, err := readObject(body, limits)
	return read, err
}

// readObject gives the members of the outermost object beside the JSON; there are none if it is something else.
func readObject(body []byte, limits Limits) (json.RawMessage, map[string]json.RawMessage, error) {
	if len(body) > limits.MaxBytes {
		return nil, nil, tooLarge(fmt.Sprintf("The body has %d bytes; the limit is %d.", len(body), limits.MaxBytes))
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // some serializers write a byte order mark; RFC 8259 lets us ignore it
	members, err := checkJSON(body, limits.MaxDepth)
	return body, members, err
}

type mode int

const (
	binary mode = iota
	structured
)

// modeOf tells the two content modes apart, as the binding says: by content type first.
func modeOf(p Parts) (mode, error) {
	kind, parameters, err := mime.ParseMediaType(p.ContentType)
	if err != nil && p.ContentType != "" {
		return 0, malformed("/datacontenttype", "The content type cannot be parsed.")
	}
	if !isUTF8(parameters["charset"]) {
		return 0, malformed("/datacontenttype", "The content type names a character set other than UTF-8.")
	}
	switch {
	case kind == ContentTypeStructured:
		return structured, nil
	case strings.HasPrefix(kind, "application/cloudevents"):
		return 0, malformed("/datacontenttype", "Of the CloudEvents content types only application/cloudevents+json is read; batches must be split.")
	case !isBinary(p.Properties):
		return 0, malformed("/specversion", "Not a CloudEvent: neither content type application/cloudevents+json nor property cloudEvents_specversion.")
	case p.ContentType != "" && !isJSON(kind):
		return 0, malformed("/datacontenttype", "The data is not JSON by its content type.")
	}
	return binary, nil
}

func isUTF8(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii")
}

func isJSON(kind string) bool {
	return kind == ContentTypeJSON || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

// The two spellings of attribute names: the binding's first one, and the one it added for JMS.
const (
	prefixJMS  = "cloudEvents_"
	prefixAMQP = "cloudEvents:"
)

func isBinary(properties map[string]any) bool {
	_, jms := properties[prefixJMS+"specversion"]
	_, amqp := properties[prefixAMQP+"specversion"]
	return jms || amqp
}

func fromProperties(properties map[string]any) (attributes, error) {
	found := attributes{}
	for property, value := range properties {
		name, ok := strings.CutPrefix(property, prefixJMS)
		if !ok {
			if name, ok = strings.CutPrefix(property, prefixAMQP); !ok {
				continue
			}
		}
		if !wanted[name] || value == nil { // null is absent: what some SDKs make of a value that their caller does not have
			continue
		}
		text, ok := attributeText(value)
		if !ok {
			return nil, malformed("/"+name, "The attribute has a type that CloudEvents does not know.")
		}
		if other, twice := found[name]; twice && other != text {
			return nil, malformed("/"+name, "The attribute is given twice, under cloudEvents_ and cloudEvents:, with different values.")
		}
		found[name] = text
	}
	return found, nil
}

// attributeText is the canonical string of an attribute, as CloudEvents 1.0 section 3.1 defines it for each type.
func attributeText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), true
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v), true
	case fmt.Stringer: // a UUID of the AMQP library
		return v.String(), true
	}
	return "", false
}

func fromMembers(members map[string]json.RawMessage) (attributes, error) {
	found := attributes{}
	for name, raw := range members {
		if !wanted[name] || string(raw) == "null" { // null is absent, JSON format 2.2
			continue
		}
		text, ok := memberText(raw)
		if !ok {
			return nil, malformed("/"+name, "The attribute must be a string.")
		}
		found[name] = text
	}
	return found, nil
}

func memberText(raw json.RawMessage) (string, bool) {
	if text, ok := jsontext.Plain(raw); ok {
		return text, true
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return "", false
	}
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}

func structuredData(members map[string]json.RawMessage, limits Limits) (json.RawMessage, error) {
	encoded, hasEncoded := members["data_base64"]
	data, hasData := members["data"]
	if hasData && hasEncoded {
		return nil, malformed("/data_base64", "The event carries both data and data_base64.")
	}
	if !hasEncoded {
		return data, nil
	}
	var text string
	if json.Unmarshal(encoded, &text) != nil {
		return nil, malformed("/data_base64", "The data is not a base64 string.")
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, malformed("/data_base64", "The data is not base64.")
	}
	if _, err := checkJSON(decoded, limits.MaxDepth); err != nil {
		return nil, malformed("/data_base64", "The decoded data is not acceptable JSON.")
	}
	return decoded, nil
}

// wanted are the attributes that mean something to us; others are left alone.
var wanted = map[string]bool{
	"specversion": true, "id": true, "source": true, "type": true, "time": true, "subject": true, "datacontenttype": true,
	"correlationid": true, "sequence": true, "signalboxchannel": true, "signalboxsink": true,
}

// attributes are the CloudEvents attributes of a message, by name, in their canonical strings.
type attributes map[string]string

// into checks the attributes and writes them into an event.
func (a attributes) into(ev *orchestration.Event) error {
	for name, value := range a {
		if detail := badText(value); detail != "" {
			return malformed("/"+name, detail)
		}
	}
	if a["specversion"] != "1.0" {
		return malformed("/specversion", "Only CloudEvents 1.0 is read.")
	}
	if kind := a["datacontenttype"]; kind != "" {
		if media, _, err := mime.ParseMediaType(kind); err != nil || !isJSON(media) {
			return malformed("/datacontenttype", "The data is not JSON by its content type.")
		}
	}
	ev.ID, ev.Source, ev.Type = a["id"], a["source"], a["type"]
	ev.Subject, ev.Channel, ev.Sequence, ev.Sink = a["subject"], a["signalboxchannel"], a["sequence"], a["signalboxsink"]
	for _, name := range []string{"id", "source", "type", "time"} {
		if a[name] == "" {
			return malformed("/"+name, "The attribute is required.")
		}
	}
	moment, err := time.Parse(time.RFC3339Nano, a["time"])
	if err != nil {
		return malformed("/time", "The time is not an RFC 3339 timestamp.")
	}
	ev.Time = moment.UTC()
	ev.CorrelationID, err = correlationID(a["correlationid"], *ev)
	return err
}

func correlationID(given string, ev orchestration.Event) (string, error) {
	if given == "" {
		return orchestration.DeriveCorrelationID(ev.Source, ev.ID), nil
	}
	id, err := uuid.Parse(given)
	if err != nil || len(given) != 36 {
		return "", malformed("/correlationid", "The correlation ID is not a GUID.")
	}
	return id.String(), nil
}
