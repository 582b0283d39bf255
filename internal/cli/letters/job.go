package letters

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/worker/deadletter"
)

// Result is what a job came to.
type Result struct {
	deadletter.Job
	Swept Swept `json:"swept"`
}

// Swept is what was taken out of the dead-letter queues behind it.
type Swept struct {
	Removed  int `json:"removed"`
	Deferred int `json:"deferred"` // had to be passed on the way, and are taken by number from now on
	Left     int `json:"left"`     // the next sweep's
}

// Add adds a sweep.
func (s *Swept) Add(one deadletter.Swept) {
	s.Removed += one.Removed + one.Gone
	s.Deferred += one.Deferred
	s.Left += one.Left
}

// Print says what a job came to.
func (r Result) Print(w io.Writer) error {
	fmt.Fprintf(w, "%s %d, skipped %d that were noted before, failed %d\n", r.Action, r.Count.Done, r.Count.Skipped-r.Count.Withheld, r.Count.Failed)
	if r.Count.Withheld > 0 {
		fmt.Fprintf(w, "skipped %d whose body was not kept: publish those events anew, and discard these\n", r.Count.Withheld)
	}
	return r.Swept.Print(w)
}

// Print says what a sweep came to.
func (s Swept) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "taken out of the dead-letter queues: %d", s.Removed)
	if s.Deferred > 0 {
		fmt.Fprintf(w, "; %d others had to be passed and are deferred now", s.Deferred)
	}
	if s.Left > 0 {
		fmt.Fprintf(w, "; %d are left for the next: signalbox deadletter sweep", s.Left)
	}
	fmt.Fprintln(w)
	return err
}

// PrintJobs writes jobs as a table.
func PrintJobs(w io.Writer, jobs []deadletter.Job) error {
	rows := [][]string{{"JOB", "ACTION", "STATE", "BEGAN", "ENDED", "DONE", "FAILED", "QUEUES"}}
	for _, j := range jobs {
		rows = append(rows, []string{j.ID, string(j.Action), string(j.State), render.Time(j.Began), render.Time(j.Ended), strconv.Itoa(j.Count.Done),
			strconv.Itoa(j.Count.Failed), strings.Join(j.Queues, ",")})
	}
	return render.Rows(w, rows)
}
