package orchestration

import "time"

// Switches says which scenarios are off. Every event asks, so the answer comes from memory. Safe for concurrent use.
type Switches interface {
	// Off says whether a scenario is off, by the name of its switch, and for how long yet; 0 of one that is off until somebody switches it on.
	Off(scenario string) (left time.Duration, off bool)
}

// shortestOff is how long an event of a scenario that is off waits at least: one that is on any moment must not be asked for in a loop.
const shortestOff = time.Second

// switchedOff is what becomes of an event whose scenario is off: it waits, and that costs it nothing. Its data is not looked at: whoever
// switches a scenario off may do so because it refuses what is good. A run that is under way goes on to its end.
//
// It comes again by itself when the scenario is to be on again, and at least every WaitMost, for then nothing depends on whoever
// wakes it when that happens.
func (e *Engine) switchedOff(ev Event) (Outcome, bool) {
	h, known := e.checker.byType[ev.Type]
	if !known || e.opts.Switches == nil {
		return Outcome{}, false
	}
	left, off := e.opts.Switches.Off(h.outline.Switch())
	if !off {
		return Outcome{}, false
	}
	if left <= 0 || left > e.opts.WaitMost {
		left = e.opts.WaitMost
	}
	return Outcome{Verdict: Postponed, Cause: CauseSwitchedOff, After: jittered(max(left, shortestOff)), Attempt: ev.Attempt,
		Scenario: h.outline.Name, Missing: &Missing{Scenario: h.outline.Switch()}}, true
}
