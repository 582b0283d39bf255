package why

import (
	"fmt"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/cli/trace"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// late is how long after its time a run may still be on its way before that is worth a word.
const late = time.Minute

// status is how a run stands, as far as the store can say.
func status(r redisstore.RunTrace) Status {
	switch r.State {
	case redisstore.RunDone:
		if r.Outcome == "superseded" {
			return Superseded
		}
		return Done
	case redisstore.RunWorking:
		return Working
	case redisstore.RunAbandoned:
		return Abandoned
	case redisstore.RunWaiting:
		if r.ServerTime.Sub(r.Wait.Until) > late {
			return Overdue
		}
		return Waiting
	case redisstore.RunRejected:
		return DeadLetter
	}
	return GivenBack
}

// ofRun says how it stands with a run.
func ofRun(f trace.Found, r redisstore.RunTrace) Answer {
	a := Answer{Status: status(r), Scenario: r.Scenario, CorrelationID: r.CorrelationID, Run: r.Run}
	object, _ := f.ObjectOf(r)
	a.D365ID, a.Provisional = object.D365ID, object.Provisional
	m, there := messageOf(f, r)
	if there {
		a.Queue, a.Sequence = m.Queue, m.Sequence
	}
	now := r.ServerTime
	switch a.Status {
	case Done, Superseded:
		a.over365(r, object)
	case Working:
		a.Until = r.LeaseUntil
		a.Sentence = fmt.Sprintf("It is being worked on by %s%s; the claim is renewed and lasts until %s.", r.Owner, after(r.Steps), moment(a.Until, now))
	case Abandoned:
		a.Since, a.Do = r.LeaseUntil, "the next delivery takes it over by itself, once the broker's lock on its message has run out"
		a.Sentence = fmt.Sprintf("Its worker %s has not renewed its claim since %s, so it has died or lost Redis; %s.", r.Owner, moment(a.Since, now), a.Do)
	case Waiting, Overdue:
		a.waits(f, r, object)
	case GivenBack:
		a.Since, a.Do = lastMoment(r).At, "its message comes again by itself"
		a.Step = lastMoment(r).Step
		a.Sentence = fmt.Sprintf("It was given back at %s%s, by a drain or a lost lock; %s%s.", moment(a.Since, now), atStep(a.Step), a.Do, inQueue(m, there))
	case DeadLetter:
		a.rejected(r, m, there)
	}
	a.switchedOff(f, "", now)
	a.suspected(r)
	return a
}

// suspected adds that processes died of it, or may have.
func (a *Answer) suspected(r redisstore.RunTrace) {
	a.Deaths = len(r.Deaths)
	if a.Deaths == 0 || a.Status == DeadLetter || a.Status == Gone {
		return
	}
	text := " " + plural(a.Deaths, "process") + " died while working on it"
	if r.Suspect() {
		text += ", so it runs alone in one until something of it is saved; if that one dies, too, it is a dead letter, CrashLoop"
	}
	a.Sentence += text + "."
}

// over365 ends a story: when, how, and as what.
func (a *Answer) over365(r redisstore.RunTrace, o trace.Object) {
	a.Since = r.Ended
	at := moment(r.Ended, r.ServerTime)
	if a.Status == Superseded {
		a.Sentence = fmt.Sprintf("Superseded at %s: a newer state of the same object%s was applied, so nothing is left to do.", at, ofTime(o.Applied))
		return
	}
	a.Sentence = fmt.Sprintf("Done at %s by scenario %s%s.", at, r.Scenario, boundTo(o))
}

func boundTo(o trace.Object) string {
	switch {
	case o.D365ID == "":
		return ""
	case o.Provisional:
		return "; it is bound to " + o.D365ID + ", which is provisional: it is promoted once headquarters has given the permanent id"
	}
	return "; it is bound to " + o.D365ID
}

// waits says what a postponed run waits for.
func (a *Answer) waits(f trace.Found, r redisstore.RunTrace, o trace.Object) {
	w := explained(r.Wait.For, r.Scenario)
	if orchestration.Cause(r.Wait.For) == orchestration.CauseTaint && f.Memory != nil && len(o.Doubts) == 0 {
		w.waits = "certainty, because the store is new or has lost its memory, and what was begun before may still take effect"
	}
	a.Cause, a.Step, a.Until, a.Failed = r.Wait.For, r.Wait.Step, r.Wait.Until, lastMoment(r).Failed
	a.Since, a.Do = r.WaitsSince(), w.unblocks
	what := w.waits + needed(r.Wait.Needs) + detail(f, r, o)
	if a.Status == Overdue {
		a.Do = "see whether workers run, whether their intake is paused, and how much is queued before it: signalbox doctor"
		a.Sentence = fmt.Sprintf("It waited%s for %s, was due at %s, and no worker has taken it up since%s; %s.", atStep(a.Step), what,
			moment(a.Until, r.ServerTime), gone(f, a.Queue), a.Do)
		return
	}
	a.Sentence = fmt.Sprintf("It waits%s since %s for %s, until %s; %s.", atStep(a.Step), moment(a.Since, r.ServerTime), what,
		moment(a.Until, r.ServerTime), a.Do)
}

// needed names the binding that a run waits for.
func needed(n *redisstore.RunNeed) string {
	switch {
	case n == nil:
		return ""
	case n.ID == "":
		return fmt.Sprintf(" (a %s of source %s, short name %s)", n.Kind, n.Source, n.Name)
	}
	return fmt.Sprintf(" (%s %s of source %s)", n.Kind, n.ID, n.Source)
}

// detail is what the cause alone does not say: what failed, how many attempts are used, whose write is in doubt.
func detail(f trace.Found, r redisstore.RunTrace, o trace.Object) string {
	var parts []string
	if failed := lastMoment(r).Failed; failed != "" {
		parts = append(parts, failed)
	}
	switch orchestration.Cause(r.Wait.For) {
	case orchestration.CauseBackoff:
		parts = append(parts, plural(r.Attempt, "attempt")+" used")
	case orchestration.CauseHeld:
		if o.Holder != nil {
			parts = append(parts, "run "+o.Holder.Run+" on "+o.Holder.Owner)
		}
	case orchestration.CauseTaint:
		if f.Memory != nil {
			parts = append(parts, "the store lost its memory, or may have, at "+moment(f.Memory.Born, time.Time{}))
		}
		for _, d := range o.Doubts {
			if d.Run != r.Run && d.Until.After(r.ServerTime) {
				parts = append(parts, "of run "+d.Run+" at step "+orUnknown(d.Step))
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func lastMoment(r redisstore.RunTrace) redisstore.RunMoment {
	if len(r.History) == 0 {
		return redisstore.RunMoment{At: r.Began}
	}
	return r.History[len(r.History)-1]
}

// rejected says why a run is a dead letter, or was.
func (a *Answer) rejected(r redisstore.RunTrace, m trace.Message, there bool) {
	last := lastMoment(r)
	a.Reason, a.Step, a.Since, a.Failed = last.Why, last.Step, last.At, last.Failed
	switch {
	case there && m.DeadLetter:
		a.letter(m, r.ServerTime)
	case there:
		a.Do = "wait for it"
		a.Sentence = fmt.Sprintf("It was rejected at %s (%s)%s, and has been sent once more since%s.", moment(a.Since, r.ServerTime), a.Reason, atStep(a.Step), inQueue(m, there))
	default:
		a.Status, a.Do = Gone, "look for it with a greater --depth, or publish it again"
		a.Sentence = fmt.Sprintf("It was rejected at %s (%s: %s)%s, and no dead letter of it was found: somebody took it out; %s.",
			moment(a.Since, r.ServerTime), a.Reason, means(a.Reason), atStep(a.Step), a.Do)
	}
}
