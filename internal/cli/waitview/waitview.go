// Package waitview lists the runs that wait: for what, since when, until when; such as the orders that the CSU has accepted and
// headquarters has not landed.
package waitview

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// Store is what is asked.
type Store interface {
	Waiting(ctx context.Context, use func(redisstore.Waiting) error) error
	Runs(ctx context.Context, names []string) ([]redisstore.RunTrace, error)
}

// Query says what to list. Empty members choose everything.
type Query struct {
	Scenario string
	Cause    string
	Limit    int // list no more than these, of those that are read
}

// mostRead is how many runs are read to find the oldest.
const mostRead = 10_000

// View is what the command prints as JSON.
type View struct {
	Waiting int   `json:"waiting"`          // all that the query chooses
	Partial bool  `json:"partial,omitzero"` // there are too many to look at each: older ones may be among those that are not listed
	Runs    []Run `json:"runs"`             // the oldest first
}

// Run is a run that waits.
type Run struct {
	Scenario    string              `json:"scenario"`
	Cause       string              `json:"cause"`
	Step        string              `json:"step,omitempty"`
	Since       time.Time           `json:"since"` // it was first worked on
	Age         string              `json:"age"`
	Until       time.Time           `json:"until"` // it goes on, or looks again
	Correlation string              `json:"correlation_id"`
	Attempt     int                 `json:"attempt"`
	Needs       *redisstore.RunNeed `json:"needs,omitempty"`
}

// Show lists them.
func Show(ctx context.Context, s Store, q Query) (View, error) {
	var names []string
	v := View{Runs: []Run{}}
	err := s.Waiting(ctx, func(w redisstore.Waiting) error {
		if q.Scenario != "" && w.Scenario != q.Scenario || q.Cause != "" && w.Cause != q.Cause {
			return nil
		}
		v.Waiting++
		if len(names) < mostRead {
			names = append(names, w.Run)
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	v.Partial = v.Waiting > len(names)
	runs, err := s.Runs(ctx, names)
	if err != nil {
		return v, err
	}
	runs = slices.DeleteFunc(runs, func(r redisstore.RunTrace) bool { return r.Wait == nil }) // it has gone on meanwhile
	for _, r := range runs[:min(len(runs), q.Limit)] {
		v.Runs = append(v.Runs, Run{Scenario: r.Scenario, Cause: r.Wait.For, Step: r.Wait.Step, Since: r.Began, Age: r.ServerTime.Sub(r.Began).Round(time.Second).String(),
			Until: r.Wait.Until, Correlation: r.CorrelationID, Attempt: r.Attempt, Needs: r.Wait.Needs})
	}
	return v, nil
}

// Print writes a line for each, and how to find out more.
func (v View) Print(w io.Writer) error {
	if v.Waiting == 0 {
		_, err := fmt.Fprintln(w, "Nothing waits.")
		return err
	}
	rows := [][]string{{"AGE", "SCENARIO", "STEP", "CAUSE", "UNTIL", "NEEDS", "CORRELATION"}}
	for _, r := range v.Runs {
		needs := ""
		if r.Needs != nil {
			needs = r.Needs.Kind + " " + render.Or(r.Needs.ID)
		}
		rows = append(rows, []string{r.Age, r.Scenario, render.Or(r.Step), r.Cause, render.Time(r.Until), render.Or(needs), r.Correlation})
	}
	if err := render.Rows(w, rows); err != nil {
		return err
	}
	if v.Waiting > len(v.Runs) {
		which := "The oldest are shown"
		if v.Partial {
			which = fmt.Sprintf("The oldest of %d of them are shown", mostRead)
		}
		if _, err := fmt.Fprintf(w, "\n%d wait. %s; --limit shows more.\n", v.Waiting, which); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, "\nsignalbox why CORRELATION says what each waits for, and what would unblock it.")
	return err
}
