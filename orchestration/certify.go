package orchestration

import (
	"encoding/json"

	"github.com/signalbox/signalbox/mapping"
)

// Certification is what a scenario declares for signalbox certify: what happens, and what must hold at the end, wherever a process
// was stopped meanwhile. The zero value is a real check: every example of the schema is one story, and what an undisturbed run
// leaves behind is what every other run must leave behind.
type Certification struct {
	Stories    []Story     // default: one for each example of the schema
	Invariants []Invariant // besides the usual ones
	// Elsewhere says where a scenario is stopped at every boundary that no story on the usual stand-ins comes to; empty: it must be in one.
	Elsewhere string
	Repeats   []string // the target's writes that may be committed again, by operation: they set what is set already
}

// Story is what happens, from an empty target to its end.
type Story struct {
	Name   string
	Events []Sample // each is published once the one before it has ended
	// Together publishes all events at once. Then they may overtake each other: the end must be the same, and there must be no
	// more writes and no more tellings than undisturbed; there may be fewer.
	Together bool
	// Provisional says that the target has no headquarters at first: what is new in it gets a provisional id, and a permanent one
	// a moment later.
	Provisional bool
	OrderMode   string   // of the channel: OrderUpload, OrderCart; empty: OrderUpload
	There       []Record // what the target holds before
	Bound       []Bound  // what is bound before
}

// Bound is a binding that is there before a story begins.
type Bound struct {
	Kind, ID string
	Source   string // default: https://shop.example.com
	To       string // the target's id
}

// Sample is an event of a story. Its source's clock goes on by a second with each event of the story.
type Sample struct {
	Type   string // default: the one that the scenario handles
	Source string // default: https://shop.example.com
	Data   json.RawMessage
}

// Invariant is something that must hold at the end of every story of its scenario.
type Invariant struct {
	Name  string // such as one-account-per-address
	Holds func(End) error
}

// End is what a story leaves behind. All of it is made up, so it may be shown.
type End struct {
	Records     []Record // of the target
	Writes      []Write  // that the target committed, in order
	Told        []Told   // what the sink has, in order
	DeadLetters []DeadLetter
	Bound       map[mapping.Ref]string // by what the story's events are about: the target's id
}

// Record is a business object of the target.
type Record struct {
	Kind   string // such as customer or order
	ID     string // the target's own
	Key    string // what it is known by to everybody, such as the e-mail address or the channel reference
	Fields map[string]any
}

// Write is one write that the target committed.
type Write struct {
	Operation string
	ID        string // of the record
	Key       string // of the record, after the write
}

// Told is an event that the sink has. A sink takes a second delivery of an id as the same event.
type Told struct {
	ID, Type, Subject, CorrelationID string
	Data                             json.RawMessage
	Deliveries                       int
	Changed                          bool // a later delivery of the id said something else
	Overtaken                        bool // something newer about the subject was there before it
}

// DeadLetter is a message that waits for a person.
type DeadLetter struct {
	Queue, EventID, Type, Reason, Description string
}
