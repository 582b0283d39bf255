package producer

import (
	"fmt"

	"github.com/signalbox/signalbox/internal/cardnumber"
	"github.com/signalbox/signalbox/internal/dataschema"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// MaxBytes is how large data may be, unless the fleet sets another worker.max_body.
const MaxBytes = 256 << 10

// Validate says whether Signalbox would take an event, as far as that can be known without it: its type, its size, its data against the
// type's schema, and that nothing looks like a payment card number. What a schema cannot say, such as whether an order's sums come out,
// signalbox publish --dry-run checks.
func Validate(e Event) error {
	t, known := find(e.Type)
	if !known {
		return &fault.Error{Kind: fault.Poison, Reason: fault.UnknownType, Pointer: "/type", Class: "invalid", Detail: "no scenario handles this event type"}
	}
	if len(e.Data) > MaxBytes {
		return &fault.Error{Kind: fault.Poison, Reason: fault.TooLarge, Pointer: "/data", Class: "invalid",
			Detail: fmt.Sprintf("The data has %d bytes; the limit is %d.", len(e.Data), MaxBytes)}
	}
	for _, f := range e.named() {
		if cardnumber.In(f.value) {
			return card("/"+f.name, "the attribute "+f.name)
		}
	}
	doc, err := t.schema.Check(e.Data, nil)
	if cards := cardWithin(e.Data, doc, t.numbers); cards != nil {
		return cards // first of all: such an event is not even kept
	}
	if err != nil {
		f := *fault.As(err)
		f.Pointer = "/data" + f.Pointer
		return &f
	}
	return nil
}

// cardWithin looks for card numbers in the data; doc is the data as it was read, nil if it could not be or does not match.
func cardWithin(data []byte, doc any, numbers cardnumber.Tolerance) error {
	if !cardnumber.PossibleIn(data) {
		return nil
	}
	if doc == nil {
		var err error
		if doc, err = dataschema.Read(data); err != nil {
			return nil //nolint:nilerr // the schema's check says so
		}
	}
	if pointer, found := cardnumber.Within(doc, numbers); found {
		return card("/data"+pointer, dataschema.OrRoot(pointer))
	}
	return nil
}

// card is the refusal of what looks like a payment card number, without anything of it.
func card(pointer, what string) *fault.Error {
	return &fault.Error{Kind: fault.Poison, Reason: fault.CardDataRefused, Pointer: pointer, Class: "invalid",
		Detail: what + " looks like a payment card number; send a token in its place"}
}
