// Package fault names the ways an event can fail: eight kinds, which decide what happens next, and a closed
// list of reasons, which tell a person why an event was dead-lettered.
//
// It is a leaf: it imports nothing of the project, and no HTTP, AMQP, Redis, logger or metrics library.
// Errors hold codes and identifiers only, never a URL, an OData key, a body or a value of the payload.
package fault

// Kind decides what the engine does with a failure.
type Kind int

// The eight kinds. Unknown is none of them: the engine reads it as Transient for a look and as Ambiguous for
// an act, because nothing is known of what an unclassified error left behind.
const (
	Unknown    Kind = iota
	Transient       // may heal by itself: a timeout or 5xx on a read, a hiccup of broker or Redis
	Throttled       // 429, or 503 with Retry-After: wait as told; never counts as an attempt
	Conflict        // somebody else changed it: look again at once
	Ambiguous       // no definitive answer to a write: never repeated, looked up
	Dependency      // needs a binding that is not there yet
	Permanent       // refused for good by a rule of the target
	Poison          // not an event we can read: dead-lettered without a run
	Blocked         // we are misconfigured or locked out: nothing is dead-lettered for it
)

// Wait says what a Dependency waits for, or a Throttled.
type Wait string

// What an event may depend on.
const (
	ForBinding   Wait = ""          // another event's binding
	ForPromotion Wait = "promotion" // headquarters has not given the permanent id yet
	ForHQ        Wait = "hq"        // headquarters cannot be reached
	ForCircuit   Wait = "circuit"   // Throttled: calls of this kind fail, and are not made until a probe was served
)

var kindNames = [...]string{"unknown", "transient", "throttled", "conflict", "ambiguous", "dependency", "permanent", "poison", "blocked"}

// String is the kind's metric label.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return kindNames[0]
	}
	return kindNames[k]
}

// Kinds lists the eight in the order of the documentation.
func Kinds() []Kind {
	return []Kind{Transient, Throttled, Conflict, Ambiguous, Dependency, Permanent, Poison, Blocked}
}
