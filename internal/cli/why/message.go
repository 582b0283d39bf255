package why

import (
	"fmt"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/cli/trace"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/worker"
)

// messageOf finds the message that says most of a run: of the latest generation, and rather one that lives than a dead letter.
func messageOf(f trace.Found, r redisstore.RunTrace) (best trace.Message, there bool) {
	for _, m := range f.Messages {
		if m.Run != r.Run {
			continue
		}
		better := m.Generation > best.Generation || m.Generation == best.Generation && best.DeadLetter && !m.DeadLetter
		if !there || better {
			best, there = m, true
		}
	}
	return best, there
}

// ofMessage says how it stands with a message that no run has begun for.
func ofMessage(f trace.Found, m trace.Message) Answer {
	a := Answer{CorrelationID: m.CorrelationID, Queue: m.Queue, Sequence: m.Sequence, Since: m.Enqueued, Status: Queued}
	switch {
	case m.DeadLetter:
		a.Status, a.Since = DeadLetter, m.DeadLettered
		a.Reason, a.Step = m.Reason, m.Step
		a.letter(m, time.Time{})
	case m.State == worker.Scheduled:
		a.Until, a.Do = m.Due, "it goes on by itself"
		a.Sentence = fmt.Sprintf("It waits in queue %s until %s%s; %s.", m.Queue, moment(m.Due, time.Time{}), heldBy(f), a.Do)
	case m.State == worker.Deferred:
		a.Do = "receive it by its number " + fmt.Sprint(m.Sequence)
		a.Sentence = fmt.Sprintf("Somebody put it aside in queue %s at %s; %s.", m.Queue, moment(m.Enqueued, time.Time{}), a.Do)
	default:
		a.Do = "see whether workers run, whether their intake is paused, and how much is queued before it: signalbox doctor"
		a.Sentence = fmt.Sprintf("It is in queue %s since %s, and no worker has begun with it%s%s; %s.", m.Queue, moment(m.Enqueued, time.Time{}),
			delivered(m), heldBy(f), a.Do)
	}
	if m.State != worker.Deferred {
		a.switchedOff(f, m.Type, time.Time{})
	}
	return a
}

// letter says why a dead letter is one and what to do.
func (a *Answer) letter(m trace.Message, now time.Time) {
	advice := fault.Reason(m.Reason).Advice()
	a.Reason, a.Queue, a.Sequence, a.Do = m.Reason, m.Queue, m.Sequence, strings.ReplaceAll(advice.Do, "`", "")
	if !m.DeadLettered.IsZero() {
		a.Since = m.DeadLettered
	}
	if m.Step != "" {
		a.Step = m.Step
	}
	because := means(m.Reason)
	if m.Description != "" {
		because += " (" + strings.TrimSuffix(m.Description, ".") + ")"
	}
	since := ""
	if !a.Since.IsZero() { // the broker does not record when it dead-letters
		since = " since " + moment(a.Since, now)
	}
	if replays(fault.Reason(m.Reason)) {
		a.Do += ", then replay or discard it"
	}
	a.Sentence = fmt.Sprintf("It is a dead letter%s, %s%s: %s; to do: %s (signalbox deadletter show --queue %s %d).",
		since, orUnknown(m.Reason), atStep(a.Step), because, a.Do, m.Queue, m.Sequence)
}

// replays says whether the event itself is good, so that it can go through once its cause is repaired.
func replays(r fault.Reason) bool {
	return r.Blame() != fault.Producer || r == fault.UnknownType || r == fault.UnknownChannel
}

// means is what a reason means, as plain text.
func means(reason string) string {
	if reason == "" {
		return "whoever dead-lettered it gave no reason"
	}
	return strings.ReplaceAll(fault.Reason(reason).Advice().Means, "`", "")
}

// heldBy says whose claim lies on the object of a message, if one does.
func heldBy(f trace.Found) string {
	for _, o := range f.Objects {
		if o.Holder != nil {
			return fmt.Sprintf(" (run %s on %s holds the same object until %s)", o.Holder.Run, o.Holder.Owner, moment(o.Holder.LeaseUntil, o.Checked))
		}
	}
	return ""
}

func delivered(m trace.Message) string {
	if m.DeliveryCount > 1 {
		return fmt.Sprintf(", though it was delivered %d times", m.DeliveryCount-1)
	}
	return ""
}
