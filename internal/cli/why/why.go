// Package why says in one sentence how it stands with an event: what it waits for, since when, until when and what would
// unblock it; or that it is done; or that it is a dead letter, why, and what to do. It only puts into words what package trace
// found, so it knows nothing that a trace does not show.
package why

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/internal/cli/trace"
)

// Status is how it stands, in one word.
type Status string

// The statuses.
const (
	Done       Status = "done"
	Superseded Status = "superseded"
	Working    Status = "working"    // a worker has it
	Abandoned  Status = "abandoned"  // its worker has not renewed its claim
	Waiting    Status = "waiting"    // for a cause
	Overdue    Status = "overdue"    // it waited, and nobody has taken it up again
	GivenBack  Status = "given_back" // by a drain or a lost lock
	Queued     Status = "queued"     // nobody has taken it up yet
	DeadLetter Status = "dead_letter"
	Gone       Status = "gone" // rejected, and its dead letter is not there any more
)

// Statuses lists every status.
func Statuses() []Status {
	return []Status{Done, Superseded, Working, Abandoned, Waiting, Overdue, GivenBack, Queued, DeadLetter, Gone}
}

// Answer is the sentence about one run, or about one message that no run has begun for, and its parts.
type Answer struct {
	Sentence string `json:"sentence"`
	Status   Status `json:"status"`

	Scenario      string    `json:"scenario,omitempty"`
	CorrelationID string    `json:"correlation_id,omitempty"`
	Run           string    `json:"run,omitempty"`      // short name
	Step          string    `json:"step,omitempty"`     // where it stopped
	Cause         string    `json:"cause,omitempty"`    // of a wait
	Reason        string    `json:"reason,omitempty"`   // of a dead letter
	Failed        string    `json:"failed,omitempty"`   // what failed, in codes
	Deaths        int       `json:"deaths,omitempty"`   // processes that died while they worked on it
	Since         time.Time `json:"since,omitzero"`     // how it has stood since
	Until         time.Time `json:"until,omitzero"`     // when it goes on, or is looked at again
	Do            string    `json:"do,omitempty"`       // what would unblock it
	Queue         string    `json:"queue,omitempty"`    // where its message is
	Sequence      int64     `json:"sequence,omitempty"` // and its number there
	D365ID        string    `json:"d365_id,omitempty"`  // what it is bound to
	Provisional   bool      `json:"provisional,omitempty"`
}

// Answers is the whole answer.
type Answers struct {
	Answers    []Answer `json:"answers"` // what is not done first
	Unfinished []string `json:"unfinished"`
	Problems   []string `json:"problems,omitempty"`
}

// Needed says whether the queues must be looked into: what is done, worked on or waiting has said everything; of what was
// rejected, given back or not taken up in time a message says more; and of what the store does not know, only a message does.
func Needed(f trace.Found, _ trace.Place) bool {
	for _, r := range f.Runs {
		if s := status(r); s != Done && s != Superseded && s != Working && s != Waiting {
			return true
		}
	}
	return len(f.Runs) == 0
}

// Explain puts what was found into words.
func Explain(f trace.Found) Answers {
	a := Answers{Answers: []Answer{}, Unfinished: f.Unfinished, Problems: f.Problems}
	var done []Answer
	known := map[string]bool{}
	for _, r := range f.Runs {
		known[r.Run] = true
		one := ofRun(f, r)
		if one.over() {
			done = append(done, one)
			continue
		}
		a.Answers = append(a.Answers, one)
	}
	for _, m := range f.Messages {
		if !known[m.Run] {
			a.Answers = append(a.Answers, ofMessage(f, m))
		}
	}
	slices.SortStableFunc(done, func(x, y Answer) int { return cmp.Compare(x.weight(f.Own), y.weight(f.Own)) })
	a.Answers = append(a.Answers, done...)
	return a
}

// weight orders what is over by how much of an answer it is: what was told of a business object is not what became of it.
func (a Answer) weight(own string) int {
	switch {
	case a.Run == own && own != "":
		return 3
	case a.D365ID != "":
		return 2
	case a.Scenario != sinks:
		return 1
	}
	return 0
}

func (a Answer) over() bool { return a.Status == Done || a.Status == Superseded }

// few is how many sentences that say the same are printed: an export has an event for every record that it tells each sink.
const few = 3

// Print writes a sentence a line. Of several that are over, the last one is enough, and of many that are stuck alike the first ones.
func (a Answers) Print(w io.Writer) error {
	over, more := 0, 0
	type alike struct {
		status                        Status
		scenario, step, cause, reason string
	}
	seen := map[alike]int{}
	for i, one := range a.Answers {
		if one.over() && i < len(a.Answers)-1 {
			over++
			continue
		}
		like := alike{one.Status, one.Scenario, one.Step, one.Cause, one.Reason}
		if seen[like]++; seen[like] > few && !one.over() {
			more++
			continue
		}
		if _, err := fmt.Fprintln(w, render.Plain(one.Sentence)); err != nil {
			return err
		}
	}
	if more > 0 {
		fmt.Fprintf(w, "%d more stand alike; --output json lists them.\n", more)
	}
	if over > 0 {
		fmt.Fprintf(w, "%d more of the same correlation or object are over; signalbox trace shows them.\n", over)
	}
	for _, name := range a.Unfinished {
		fmt.Fprintf(w, "There are more messages in %s than were looked at; --depth looks further.\n", name)
	}
	return nil
}
