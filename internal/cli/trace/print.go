package trace

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/worker"
)

// Print writes what was found for a person.
func (f Found) Print(w io.Writer) error {
	shown, folds := f.folded()
	for _, o := range f.Objects {
		if len(folds) > 0 && !o.about(shown) {
			continue
		}
		if err := printObject(w, o); err != nil {
			return err
		}
	}
	for _, r := range shown {
		if err := printRun(w, r); err != nil {
			return err
		}
	}
	for _, d := range folds {
		if err := d.print(w); err != nil {
			return err
		}
	}
	if len(f.Runs) >= redisstore.MostRuns {
		fmt.Fprintf(w, "There are more than %d runs of this correlation; these are some of them.\n", redisstore.MostRuns)
	}
	if f.Memory != nil {
		fmt.Fprintf(w, "The store lost its memory, or may have, at %s; until %s claims are for looking only.\n", render.Time(f.Memory.Born), render.Time(f.Memory.LookOnlyUntil))
	}
	if len(f.Messages) > 0 {
		if err := printMessages(w, f.Messages); err != nil {
			return err
		}
	}
	if len(f.Runs) > 0 && len(f.Messages) == 0 {
		fmt.Fprintf(w, "No message of it is in a queue (%d looked at).\n", f.LookedAt)
	}
	for _, name := range f.Unfinished {
		fmt.Fprintf(w, "There are more messages in %s than were looked at; --depth looks further.\n", name)
	}
	return nil
}

// printObject writes what is known of an object beside its runs; nothing if that is nothing.
func printObject(w io.Writer, o Object) error {
	rows := [][]string{{"Object", render.Or(o.Entity)}}
	if o.Entity == "" {
		rows[0][1] = "whoever has that natural key"
	}
	if o.D365ID != "" {
		rows = append(rows, []string{"D365 id", d365(o)})
	}
	if !o.Applied.IsZero() {
		rows = append(rows, []string{"Newest applied", "the state of " + render.Time(o.Applied)})
	}
	if h := o.Holder; h != nil {
		rows = append(rows, []string{"Held", "by run " + h.Run + " on " + h.Owner + ", lease until " + render.Time(h.LeaseUntil)})
	}
	for _, d := range o.Doubts {
		rows = append(rows, []string{"In doubt", "a write of step " + render.Or(d.Step) + " of run " + d.Run + " got no answer; it may take effect until " + render.Time(d.Until)})
	}
	if len(rows) == 1 {
		return nil
	}
	if err := render.Rows(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

func d365(o Object) string {
	if o.Provisional {
		return o.D365ID + ", provisional: headquarters has not given the permanent one yet"
	}
	return o.D365ID
}

func printRun(w io.Writer, r redisstore.RunTrace) error {
	rows := [][]string{
		{"Run", r.Run},
		{"State", state(r)},
		{"Scenario", render.Or(r.Scenario)},
		{"Object", render.Or(r.Entity)},
		{"Correlation", r.CorrelationID},
		{"Attempts", fmt.Sprintf("%d used, generation %d", r.Attempt, r.Generation)},
		{"Began", render.Time(r.Began)},
	}
	if r.State != redisstore.RunDone {
		rows = append(rows, []string{"Finished steps", render.Or(strings.Join(r.Steps, ", "))})
	}
	for _, d := range r.Doubts {
		rows = append(rows, []string{"In doubt", "a write of step " + render.Or(d.Step) + " got no answer; it may take effect until " + render.Time(d.Until)})
	}
	if len(r.Deaths) > 0 {
		rows = append(rows, []string{"Deaths", deaths(r)})
	}
	rows = append(rows, []string{"Origin", render.Or(r.Origin)})
	if err := render.Rows(w, rows); err != nil {
		return err
	}
	if len(r.History) > 0 {
		rows = [][]string{{"  GIVEN BACK", "STEP", "WHY", "FAILED"}}
		for _, m := range r.History {
			rows = append(rows, []string{"  " + render.Time(m.At), render.Or(m.Step), render.Or(m.Why), render.Or(m.Failed)})
		}
		if err := render.Rows(w, rows); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// deaths says which processes died while they worked on a run.
func deaths(r redisstore.RunTrace) string {
	var who []string
	for _, d := range r.Deaths {
		name := d.Process
		if d.Alone {
			name += " (alone)"
		}
		who = append(who, name)
	}
	text := "while they worked on it: " + strings.Join(who, ", ")
	if r.Suspect() {
		text += "; it runs alone until something of it is saved"
	}
	return text
}

// state is the run's state as a sentence.
func state(r redisstore.RunTrace) string {
	switch r.State {
	case redisstore.RunDone:
		return "done: " + r.Outcome + " at " + render.Time(r.Ended)
	case redisstore.RunWorking:
		return "working: held by " + r.Owner + ", lease until " + render.Time(r.LeaseUntil)
	case redisstore.RunAbandoned:
		return "abandoned: " + r.Owner + " let its lease run out at " + render.Time(r.LeaseUntil) + "; the next delivery takes over"
	case redisstore.RunWaiting:
		text := "waiting: for " + r.Wait.For + " until " + render.Time(r.Wait.Until)
		if r.Wait.Step != "" {
			text += ", at step " + r.Wait.Step
		}
		return text
	}
	if r.State == redisstore.RunRejected {
		return "rejected: its message is a dead letter"
	}
	return "released: given back; its message comes again"
}

func printMessages(w io.Writer, messages []Message) error {
	rows := [][]string{{"QUEUE", "WHERE", "SEQUENCE", "ENQUEUED", "DUE", "GENERATION", "DELIVERIES", "REASON", "STEP"}}
	for _, m := range messages {
		where := string(m.State)
		switch {
		case m.DeadLetter:
			where = "dead letters"
		case where == "" || m.State == worker.Active:
			where = "queue"
		}
		rows = append(rows, []string{m.Queue, where, strconv.FormatInt(m.Sequence, 10), render.Time(m.Enqueued), render.Time(m.Due),
			strconv.Itoa(m.Generation), strconv.Itoa(m.DeliveryCount), render.Or(m.Reason), render.Or(m.Step)})
	}
	return render.Rows(w, rows)
}
