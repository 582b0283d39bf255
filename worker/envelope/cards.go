package envelope

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/internal/cardnumber"
	"github.com/signalbox/signalbox/orchestration"
)

// RefuseProperties is the Poison fault of a message with a card number in an application property; nil if there is none. The first by
// name is told. Where we may be believed to have written them, ours are left out, since they hold numbers of the broker's.
func RefuseProperties(properties map[string]any, believed bool) error {
	refused := ""
	for name, value := range properties {
		if (cardnumber.In(name) || holdsCard(value)) && (refused == "" || name < refused) && (!believed || !slices.Contains(Properties(), name)) {
			refused = name
		}
	}
	if refused == "" {
		return nil
	}
	attribute, is := strings.CutPrefix(refused, prefixJMS)
	if !is {
		attribute, is = strings.CutPrefix(refused, prefixAMQP)
	}
	switch {
	case is && plainName(attribute) && !cardnumber.In(attribute):
		return orchestration.CardRefusal("/"+attribute, "the attribute "+attribute)
	case plainName(refused) && !cardnumber.In(refused):
		return orchestration.CardRefusal("", "the application property "+refused)
	}
	return orchestration.CardRefusal("", "an application property")
}

// holdsCard looks into a property, which AMQP sends as text, bytes or a number.
func holdsCard(value any) bool {
	switch v := value.(type) {
	case string:
		return cardnumber.In(v)
	case []byte:
		return cardnumber.Possible(v) && cardnumber.In(string(v))
	case int64:
		return v >= smallestCard && cardnumber.In(strconv.FormatInt(v, 10))
	case uint64:
		return v >= smallestCard && cardnumber.In(strconv.FormatUint(v, 10))
	case float64:
		return v >= smallestCard && v < math.MaxInt64 && cardnumber.In(strconv.FormatFloat(v, 'f', -1, 64))
	}
	return false
}

const smallestCard = 1e12 // 13 digits

// RefuseBody is the same of a body that could not be read as an event, whatever it is: JSON, or any other text.
func RefuseBody(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc any
	if cardnumber.PossibleIn(body) && d.Decode(&doc) == nil {
		if _, found := cardnumber.Within(doc, nil); found {
			return orchestration.CardRefusal("", "something in the message")
		}
	}
	if cardnumber.Possible(body) && cardnumber.In(string(body)) {
		return orchestration.CardRefusal("", "something in the message")
	}
	var event struct {
		Data []byte `json:"data_base64"`
	}
	if bytes.Contains(body, []byte("data_base64")) && json.Unmarshal(body, &event) == nil && len(event.Data) > 0 {
		return RefuseBody(event.Data)
	}
	return nil
}

// refuseMembers is the same of a structured event's members beside its data: attributes, those too that mean nothing to us.
func refuseMembers(members map[string]json.RawMessage) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		raw := members[name]
		if name == "data" || name == "data_base64" { // the scenario's to say, once it is known
			continue
		}
		if cardnumber.In(name) || cardnumber.PossibleIn(raw) && memberHolds(raw) {
			if cardnumber.In(name) || !plainName(name) {
				return orchestration.CardRefusal("/*", "an attribute")
			}
			return orchestration.CardRefusal("/"+name, "the attribute "+name)
		}
	}
	return nil
}

func memberHolds(raw json.RawMessage) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil {
		return false // it was read before: see checkJSON
	}
	_, found := cardnumber.Within(doc, nil)
	return found
}

// Stub is what takes the place of a message whose body is not kept: who it was, as far as that is known, and why it is withheld, in one
// sentence. It is a message for our own queues, where it becomes the dead letter; see PropertyWithheld.
func Stub(ev orchestration.Event, why string) Parts {
	ev.Data, ev.AsReceived = nil, nil
	p := Encode(ev)
	p.Properties = Mark(p.Properties, ev)
	for name, value := range p.Properties {
		if value == "" || ev.Time.IsZero() && name == prefixJMS+"time" {
			delete(p.Properties, name)
		}
	}
	p.Properties[PropertyWithheld] = why
	return p
}

// Withheld says whether a message is a Stub, and why. On a source queue, or on its dead-letter queue, anybody can say so: see Foreign.
func Withheld(properties map[string]any) (why string, is bool) {
	why, is = properties[PropertyWithheld].(string)
	return why, is
}
