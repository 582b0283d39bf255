package orchestration

import (
	"bytes"
	"encoding/json"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signalbox/signalbox/internal/cardnumber"
	"github.com/signalbox/signalbox/internal/dataschema"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// AnyNumber says in a Pipeline's Numbers that nothing there is a card number, however many digits it has.
const AnyNumber = cardnumber.Longest

// CardRefusal is the Poison fault of something that looks like a payment card number. what names the place in words and pointer as a
// JSON pointer, if it has one; neither quotes anything of the value.
func CardRefusal(pointer, what string) *fault.Error {
	return &fault.Error{Kind: fault.Poison, Reason: fault.CardDataRefused, Pointer: pointer, Class: "invalid",
		Detail: what + " looks like a payment card number, so the body is not kept; have the source send a token in its place, and publish the event anew under a new id"}
}

// wholeRow is what is tolerated of a row before its source's field map: its members are the source's own, so that nobody can say which of
// them are phone numbers and barcodes. 13 digits are what those have; hardly a card does.
var wholeRow = cardnumber.Tolerance{}.With(nil, cardnumber.Shortest)

// refuseCards looks for card numbers in all that an event holds. What is tolerated of the data is the scenario's to say. doc is the data as
// JSON has it, if it was read for this; nil if nothing in it is as long as a card number.
func refuseCards(ev Event, tolerated cardnumber.Tolerance) (doc any, err error) {
	for _, a := range ev.named() {
		if cardnumber.In(*a.value) {
			return nil, CardRefusal("/"+a.name, "the attribute "+a.name)
		}
	}
	if ev.AsReceived != nil {
		if _, err := cardsWithin(ev.AsReceived, wholeRow); err != nil {
			return nil, err
		}
	}
	return cardsWithin(ev.Data, tolerated)
}

func cardsWithin(data json.RawMessage, tolerated cardnumber.Tolerance) (doc any, err error) {
	if !cardnumber.PossibleIn(data) {
		return nil, nil
	}
	doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil { // the schema's check says so, too
		if cardnumber.In(string(data)) {
			return nil, CardRefusal("", "something in the data")
		}
		return nil, nil
	}
	if pointer, found := cardnumber.Within(doc, tolerated); found {
		return nil, CardRefusal(pointer, dataschema.OrRoot(pointer))
	}
	return doc, nil
}

type attribute struct {
	name  string
	value *string
}

// named are the attributes that a producer chooses freely, by their names in CloudEvents.
func (ev *Event) named() [7]attribute {
	return [...]attribute{{"id", &ev.ID}, {"source", &ev.Source}, {"type", &ev.Type}, {"subject", &ev.Subject}, {"signalboxchannel", &ev.Channel},
		{"sequence", &ev.Sequence}, {"signalboxsink", &ev.Sink}}
}

// WithoutCards is what may be kept of an event that was refused for a card number: no data, and no attribute that has one. A
// correlation ID that was made from such a source or id goes too, since whoever knows the rest of them could find the number by trying.
func (ev Event) WithoutCards() Event {
	derived := ev.CorrelationID == DeriveCorrelationID(ev.Source, ev.ID)
	source, id := ev.Source, ev.ID
	ev.Data, ev.AsReceived = nil, nil
	for _, a := range ev.named() {
		if cardnumber.In(*a.value) {
			*a.value = ""
		}
	}
	if derived && (ev.Source != source || ev.ID != id) {
		ev.CorrelationID = ""
	}
	return ev
}
