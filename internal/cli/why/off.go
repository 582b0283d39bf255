package why

import (
	"fmt"
	"time"

	"github.com/signalbox/signalbox/internal/cli/trace"
	"github.com/signalbox/signalbox/orchestration"
)

// switchedOff says of an event that could go on, were its scenario on: whatever else it waited for, it waits for that now.
func (a *Answer) switchedOff(f trace.Found, typ string, now time.Time) {
	switch a.Status {
	case Waiting, Overdue, GivenBack, Queued:
	default:
		return
	}
	off, is := f.OffOf(a.Scenario, typ)
	if !is {
		return
	}
	a.Status, a.Cause, a.Until = Waiting, string(orchestration.CauseSwitchedOff), off.Until
	w := explained(a.Cause, "")
	a.Do = w.unblocks
	if off.By == "" {
		a.Do = "take it out of scenarios.off"
		a.Sentence = fmt.Sprintf("It waits for scenario %s to be on, which the configuration has off; %s.", off.Scenario, a.Do)
		return
	}
	a.Since = off.Since
	a.Sentence = fmt.Sprintf("It waits for scenario %s to be on, which %s has switched off at %s (%s), until %s; %s.", off.Scenario, off.By, moment(off.Since, now),
		off.Reason, moment(off.Until, now), a.Do)
}
