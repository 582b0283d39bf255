package fault

// Reason says why an event was dead-lettered. It is the broker's DeadLetterReason and a metric label at once.
type Reason string

// The closed list of reasons, by whose fault they are.
const (
	// Of the producer.
	Malformed       Reason = "Malformed"       // not a CloudEvent, or not JSON
	SchemaInvalid   Reason = "SchemaInvalid"   // data does not match the type's schema; the description has the JSON pointer
	TooLarge        Reason = "TooLarge"        // over the size limit
	UnknownType     Reason = "UnknownType"     // no scenario handles the type (replay after a deploy)
	UnknownChannel  Reason = "UnknownChannel"  // no row of the channel table fits (replay after a configuration change)
	TimeInFuture    Reason = "TimeInFuture"    // the producer's clock is more than five minutes ahead
	IDConflict      Reason = "IdConflict"      // same source and id, other content
	BusinessRule    Reason = "BusinessRule"    // a rule of ours: what the event asks for contradicts what is there
	CardDataRefused Reason = "CardDataRefused" // looks like a card number; the body is not kept
	Expired         Reason = "Expired"         // the producer's time to live ran out before it could be applied

	// Of the target.
	CsuRejected       Reason = "CsuRejected"       // the CSU refused the call for good
	NotPermitted      Reason = "NotPermitted"      // the CSU refuses this one operation to our role
	MappingConflict   Reason = "MappingConflict"   // two ids of one source claim one target
	DuplicateAccount  Reason = "DuplicateAccount"  // the CSU holds the same customer more than once
	AttemptsExhausted Reason = "AttemptsExhausted" // every attempt failed
	MissingDependency Reason = "MissingDependency" // what it needs never came
	OutcomeUnknown    Reason = "OutcomeUnknown"    // a write may have happened and cannot be looked up
	SinkRejected      Reason = "SinkRejected"      // the receiver of what we tell refused it for good

	// Of the platform.
	DecryptFailed            Reason = "DecryptFailed"
	Bug                      Reason = "Bug"       // a defect of ours
	CrashLoop                Reason = "CrashLoop" // ended the process while it ran alone
	MaxDeliveryCountExceeded Reason = "MaxDeliveryCountExceeded"
)

// Other stands for reasons of the broker and of foreign producers in metrics; lists show those verbatim.
const Other Reason = "Other"

// Blame says whose fault a reason is.
type Blame string

// The three that can be at fault.
const (
	Producer Blame = "producer"
	Target   Blame = "target"
	Platform Blame = "platform"
)

var blame = map[Reason]Blame{
	Malformed: Producer, SchemaInvalid: Producer, TooLarge: Producer, UnknownType: Producer, UnknownChannel: Producer,
	TimeInFuture: Producer, IDConflict: Producer, BusinessRule: Producer, CardDataRefused: Producer, Expired: Producer,
	CsuRejected: Target, NotPermitted: Target, MappingConflict: Target, DuplicateAccount: Target,
	AttemptsExhausted: Target, MissingDependency: Target, OutcomeUnknown: Target, SinkRejected: Target,
	DecryptFailed: Platform, Bug: Platform, CrashLoop: Platform, MaxDeliveryCountExceeded: Platform, Other: Platform,
}

// Reasons lists every reason of ours and Other.
func Reasons() []Reason {
	return []Reason{Malformed, SchemaInvalid, TooLarge, UnknownType, UnknownChannel, TimeInFuture, IDConflict, BusinessRule,
		CardDataRefused, Expired, CsuRejected, NotPermitted, MappingConflict, DuplicateAccount, AttemptsExhausted,
		MissingDependency, OutcomeUnknown, SinkRejected, DecryptFailed, Bug, CrashLoop, MaxDeliveryCountExceeded, Other}
}

// Blame says whose fault r is; a reason not of the list is the platform's.
func (r Reason) Blame() Blame {
	if b, ok := blame[r]; ok {
		return b
	}
	return Platform
}

// Label is r as a metric label: itself when it is of the list, else Other.
func (r Reason) Label() string {
	if _, ok := blame[r]; ok {
		return string(r)
	}
	return string(Other)
}
