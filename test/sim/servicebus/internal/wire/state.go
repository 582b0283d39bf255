package wire

import "fmt"

// State is the state of a delivery: *Received, *Accepted, *Rejected, *Released or *Modified.
type State interface{ composite }

// Received says how much of a delivery has arrived; it settles nothing.
type Received struct {
	SectionNumber uint32
	SectionOffset uint64
}

// Accepted is success.
type Accepted struct{}

// Rejected is refusal; Service Bus reads it as dead-lettering when it comes from a receiver.
type Rejected struct{ Error *Error }

// Released gives a delivery back untouched.
type Released struct{}

// Modified gives a delivery back, or defers it when UndeliverableHere.
type Modified struct {
	DeliveryFailed    bool
	UndeliverableHere bool
	Annotations       map[Symbol]any
}

func (*Received) code() uint64 { return 0x23 }
func (*Accepted) code() uint64 { return 0x24 }
func (*Rejected) code() uint64 { return 0x25 }
func (*Released) code() uint64 { return 0x26 }
func (*Modified) code() uint64 { return 0x27 }

func (s *Received) fields() []any { return []any{s.SectionNumber, s.SectionOffset} }
func (*Accepted) fields() []any   { return nil }
func (s *Rejected) fields() []any { return []any{errorOrNil(s.Error)} }
func (*Released) fields() []any   { return nil }
func (s *Modified) fields() []any {
	return []any{s.DeliveryFailed, s.UndeliverableHere, mapOrNil(s.Annotations)}
}

func parseState(d Described) (State, error) {
	switch d.Descriptor {
	case uint64(0x23):
		f := listOf("received", d.Value, 2)
		return &Received{SectionNumber: must[uint32](f, 0), SectionOffset: must[uint64](f, 1)}, f.err
	case uint64(0x24):
		return &Accepted{}, nil
	case uint64(0x25):
		f := listOf("rejected", d.Value, 1)
		return &Rejected{Error: described(f, 0, parseError)}, f.err
	case uint64(0x26):
		return &Released{}, nil
	case uint64(0x27):
		f := listOf("modified", d.Value, 3)
		return &Modified{DeliveryFailed: either(f, 0, false), UndeliverableHere: either(f, 1, false), Annotations: f.properties(2)}, f.err
	default:
		return nil, unexpected("delivery state", d)
	}
}

func unexpected(what string, d Described) error {
	return &Error{Condition: CondDecodeError, Description: fmt.Sprintf("unknown %s %v", what, d.Descriptor)}
}
