package worker

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/envelope"
)

// Action is what is done with a delivery.
type Action int

// The five actions.
const (
	Complete Action = iota
	Abandon
	DeadLetter
	Reschedule // send a copy to our own queue, then complete
	Nothing    // the broker gives it to somebody else when the lock runs out
)

var actionNames = [...]string{"complete", "abandon", "dead_letter", "reschedule", "nothing"}

// String names the action.
func (a Action) String() string { return actionNames[a] }

// Settlement is a decision about a delivery.
type Settlement struct {
	Action      Action
	Result      Result       // what it counts as, once done
	Reason      fault.Reason // DeadLetter
	Description string       // DeadLetter: one sentence, starting with the step when there is one
	At          time.Time    // Reschedule: when the copy becomes visible; zero: at once
	Why         Why          // Reschedule: what for
}

// Result is how a delivery ended: the outcome label of signalbox_messages_total.
type Result string

// The closed list of results.
const (
	ResultCompleted    Result = "completed"
	ResultDuplicate    Result = "duplicate"
	ResultSuperseded   Result = "superseded"
	ResultSurplus      Result = "surplus"
	ResultRescheduled  Result = "rescheduled"
	ResultAbandoned    Result = "abandoned"
	ResultDeadLettered Result = "dead_lettered"
	ResultLockLost     Result = "lock_lost" // nothing was settled, or nobody knows
)

// Results lists every result.
func Results() []Result {
	return []Result{ResultCompleted, ResultDuplicate, ResultSuperseded, ResultSurplus, ResultRescheduled, ResultAbandoned, ResultDeadLettered, ResultLockLost}
}

// Why says what a message was rescheduled for: the reason label of signalbox_rescheduled_messages_total.
type Why string

// The closed list.
const (
	WhyTransient   Why = "transient"
	WhyThrottled   Why = "throttled"
	WhyHeld        Why = "held"
	WhyDependency  Why = "dependency"
	WhyBlocked     Why = "blocked"
	WhySwitchedOff Why = "switched_off"
	WhyDrain       Why = "drain"
	WhyTaint       Why = "taint"
	WhyContinue    Why = "continue"
)

// Whys lists every reason to reschedule.
func Whys() []Why {
	return []Why{WhyTransient, WhyThrottled, WhyHeld, WhyDependency, WhyBlocked, WhySwitchedOff, WhyDrain, WhyTaint, WhyContinue}
}

var whyOf = map[orchestration.Cause]Why{
	orchestration.CauseGate: WhyThrottled, orchestration.CauseDependency: WhyDependency, orchestration.CauseHeld: WhyHeld,
	orchestration.CauseCircuit: WhyThrottled,
	orchestration.CauseBackoff: WhyTransient, orchestration.CauseBlocked: WhyBlocked, orchestration.CauseTaint: WhyTaint, orchestration.CauseAlone: WhyHeld,
	orchestration.CauseSwitchedOff: WhySwitchedOff,
	orchestration.CauseContinue:    WhyContinue, orchestration.CausePromotion: WhyDependency, orchestration.CauseHQ: WhyDependency,
}

var doneAs = map[orchestration.Verdict]Result{
	orchestration.Completed: ResultCompleted, orchestration.Superseded: ResultSuperseded,
	orchestration.Duplicate: ResultDuplicate, orchestration.Surplus: ResultSurplus,
}

// settlementFor decides by the engine's verdict. maxDeliveries is the broker's maximum for the message's queue.
func settlementFor(o orchestration.Outcome, m Message, maxDeliveries int, now time.Time) Settlement {
	switch o.Verdict {
	case orchestration.Completed, orchestration.Superseded, orchestration.Duplicate, orchestration.Surplus:
		return Settlement{Action: Complete, Result: doneAs[o.Verdict]}
	case orchestration.Postponed:
		why, ok := whyOf[o.Cause]
		if !ok {
			why = WhyTransient
		}
		return Settlement{Action: Reschedule, Result: ResultRescheduled, Why: why, At: later(now, o.After)}
	case orchestration.Interrupted:
		// An abandon costs a delivery, and at the maximum the broker dead-letters what is nobody's fault. A copy
		// starts again at one. But no copy is made of what is to be refused for what is in its body.
		if m.DeliveryCount > maxDeliveries/2 && o.Reason != fault.CardDataRefused {
			return Settlement{Action: Reschedule, Result: ResultRescheduled, Why: WhyDrain, At: later(now, o.After)}
		}
		return Settlement{Action: Abandon, Result: ResultAbandoned}
	case orchestration.Rejected:
		return Settlement{Action: DeadLetter, Result: ResultDeadLettered, Reason: reasonFor(o), Description: describe(o)}
	default: // Lost, and whatever this version does not know: the lock's end is always safe
		return Settlement{Action: Nothing, Result: ResultLockLost}
	}
}

func later(now time.Time, after time.Duration) time.Time {
	if after <= 0 {
		return time.Time{}
	}
	return now.Add(after)
}

func reasonFor(o orchestration.Outcome) fault.Reason {
	if o.Reason == "" { // a rejection without a reason is a defect of ours
		return fault.Bug
	}
	return o.Reason
}

const maxDescription = 1024

var newlines = regexp.MustCompile(`\s*[\r\n]+\s*`)

// describe is the dead letter's sentence, at most 1 KiB.
func describe(o orchestration.Outcome) string {
	text := newlines.ReplaceAllString(o.Detail, " ")
	if o.Step != "" {
		text = o.Step + ": " + text
	}
	text = strings.ToValidUTF8(text, "")
	if len(text) <= maxDescription {
		return text
	}
	cut := maxDescription - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// copyOf is the message that replaces m: same body and foreign properties, a message ID of its own (a broker that
// detects duplicates would take one that repeats and drop it), the next generation, and no time to live.
func copyOf(m Message, ev orchestration.Event, attempt int) Message {
	ev.Generation++
	ev.Attempt = max(ev.Attempt, attempt)
	return Message{
		ID:            uuid.NewString(),
		CorrelationID: m.CorrelationID,
		ContentType:   m.ContentType,
		Subject:       m.Subject,
		Properties:    envelope.Mark(m.Properties, ev),
		Body:          m.Body,
	}
}
