package why

import "github.com/signalbox/signalbox/orchestration"

// words say what an event of one cause waits for, and what would make it go on.
type words struct{ waits, unblocks string }

// causes explains each of orchestration's causes.
var causes = map[orchestration.Cause]words{
	orchestration.CauseGate: {"its turn, because the target is asked too often and said so",
		"it goes on by itself; fewer calls of others make it sooner"},
	orchestration.CauseDependency: {"something that it refers to and that nobody has told us of yet",
		"publish what it needs; what never comes makes it a dead letter, MissingDependency, once run.patience is over"},
	orchestration.CauseHeld: {"its turn, because another run holds the same business object",
		"it goes on once that run ends"},
	orchestration.CauseBackoff: {"its next attempt, because the last one failed",
		"repair what failed; after the last attempt it is a dead letter, AttemptsExhausted"},
	orchestration.CauseBlocked: {"the target to let us in again",
		"repair credentials, role or certificate: signalbox doctor says which; nothing is dead-lettered for it"},
	orchestration.CauseCircuit: {"the target to work again, because calls of this kind failed time and again",
		"it goes on by itself once a probe is served: signalbox gate show says when; see the target's errors"},
	orchestration.CauseTaint: {"certainty, because an earlier write got no answer and may still take effect",
		"it looks again until then and goes on by itself"},
	orchestration.CauseAlone: {"a process for itself, because processes died while they worked on it",
		"it goes on by itself; if one dies of it alone, it is a dead letter, CrashLoop"},
	orchestration.CauseContinue: {"a worker to go on with it, because it took too long in one go or was begun by a newer version",
		"it goes on by itself; if it does not, deploy the newer version everywhere"},
	orchestration.CausePromotion: {"the permanent D365 id, because headquarters has given a provisional one only",
		"the jobs of headquarters that upload transactions and synchronize orders, or that convert customers from async mode, then distribution job 1010"},
	orchestration.CauseSwitchedOff: {"its scenario to be on, because an operator or the configuration has switched it off",
		"signalbox scenarios list says who, why and until when; it goes on by itself then, or after signalbox scenarios enable"},
	orchestration.CauseHQ: {"headquarters, which the scale unit cannot reach",
		"it goes on once headquarters is back"},
}

// sinks is the scenario that tells sinks. Its target has no gate of the fleet's.
const sinks = "sinks"

var sinkLeftAlone = words{"its sink to take deliveries again: it is left alone for a while, because it refused some, did not answer, or asked for it",
	"it goes on by itself, without an attempt, once a delivery succeeds; how the sink answers is in signalbox_sink_deliveries_total by result, and signalbox doctor looks whether it can be reached"}

// explained gives the words of a cause; one that another version wrote is shown as it is.
func explained(cause, scenario string) words {
	if scenario == sinks && orchestration.Cause(cause) == orchestration.CauseGate {
		return sinkLeftAlone
	}
	if w, known := causes[orchestration.Cause(cause)]; known {
		return w
	}
	return words{cause, "see the documentation of the version that wrote it"}
}
