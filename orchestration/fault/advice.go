package fault

// Advice explains a reason to a person: what it means, and what to do about the dead letter.
type Advice struct{ Means, Do string }

// advice is the table of docs/reference/dead-letters.md, which a test holds against it.
var advice = map[Reason]Advice{
	Malformed:       {"not a CloudEvent, or not JSON", "correct the producer, publish again"},
	SchemaInvalid:   {"the data does not match the type's schema; the description has the JSON pointer", "correct the producer, publish again under a new id"},
	TooLarge:        {"over `worker.max_body`, or a copy would not fit the queue", "publish less at once"},
	UnknownType:     {"no scenario handles the type", "deploy one, or stop publishing it"},
	UnknownChannel:  {"no row of the channel table fits", "add the row"},
	TimeInFuture:    {"the event's time is more than five minutes ahead of the broker's clock", "correct the producer's clock, publish again"},
	IDConflict:      {"the same source and id with other content was seen before", "publish the change under a new id"},
	BusinessRule:    {"what the event asks for contradicts what is there", "decide, publish again"},
	CardDataRefused: {"a value looks like a payment card number; the body is not kept, and the description has the place", "tokenise at the source, publish anew under a new id"},
	Expired:         {"the producer's time to live ran out first", "publish the current state"},

	CsuRejected:       {"the CSU refused the call for good; the description has its error code", "correct the data or the CSU's set-up"},
	NotPermitted:      {"the CSU refuses this operation to our role", "have the role granted"},
	MappingConflict:   {"two ids of one source claim one account, or a new e-mail address belongs to another account", "decide which is right, correct the source"},
	DuplicateAccount:  {"the CSU holds the same customer more than once", "merge or block one"},
	AttemptsExhausted: {"every attempt failed; the description has the last failure", "repair the cause"},
	MissingDependency: {"what the event needs never came", "publish what it needs"},
	OutcomeUnknown:    {"a write may have happened and cannot be looked up", "check the target first"},
	SinkRejected:      {"a sink's receiver refused the outcome event for good (400, 413, 422, 410 …)", "ask the receiver's people; replay once it takes it"},

	DecryptFailed:            {"a sealed value could not be opened", "check the keys"},
	Bug:                      {"a defect of ours; the log has the stack", "report it"},
	CrashLoop:                {"the event ended the process while it ran alone", "report it"},
	MaxDeliveryCountExceeded: {"the broker gave up redelivering; the log says why each delivery failed", "see the log"},
	Other:                    {"in metrics: a reason of the broker or of another program; lists show it as it is", "see the documentation of whoever wrote it"},
}

// Advice explains r; a reason not of the list is somebody else's.
func (r Reason) Advice() Advice {
	if a, ok := advice[r]; ok {
		return a
	}
	return advice[Other]
}
