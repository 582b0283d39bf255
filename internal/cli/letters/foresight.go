package letters

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/time/rate"

	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/worker/deadletter"
)

// Foresight is a dry run: what would become of each selected letter.
type Foresight struct {
	DryRun   bool                     `json:"dry_run"` // always: nothing was done
	Count    map[deadletter.Would]int `json:"count"`
	Verdicts []deadletter.Verdict     `json:"verdicts"`
}

// atOnce is how many letters are planned at once: each looks into the CSU once or twice.
const atOnce = 8

// Foresee gives a verdict for each selected letter; progress may be nil.
func Foresee(ctx context.Context, shelves []deadletter.Shelf, s deadletter.Selection, p deadletter.Planner, pace rate.Limit, progress func(n int)) (Foresight, error) {
	f := Foresight{DryRun: true, Count: map[deadletter.Would]int{}, Verdicts: []deadletter.Verdict{}}
	err := deadletter.Foresee(ctx, shelves, s, p, atOnce, pace, func(v deadletter.Verdict) error {
		f.Count[v.Would]++
		f.Verdicts = append(f.Verdicts, v)
		if progress != nil {
			progress(len(f.Verdicts))
		}
		return nil
	})
	return f, err
}

// shown is how many verdicts a table shows of each kind.
const shown = 10

// meanings say what a verdict is, for the summary.
var meanings = map[deadletter.Would]string{
	deadletter.WouldApply:     "would be applied",
	deadletter.WouldDuplicate: "are applied already: nothing would happen",
	deadletter.WouldSupersede: "are overtaken by a newer state: nothing would happen",
	deadletter.WouldFail:      "would be dead-lettered again",
	deadletter.WouldWait:      "would be put off",
	deadletter.WouldSkip:      "would be skipped: their body was not kept; publish those events anew",
	deadletter.WouldTry:       "were refused by the target at this very step: only trying shows",
}

// Print writes the verdicts, of each kind the first few, and what they come to.
func (f Foresight) Print(w io.Writer) error {
	rows := [][]string{{"QUEUE", "SEQUENCE", "REASON", "STEP", "EVENT", "VERDICT", "BECAUSE"}}
	for _, would := range deadletter.Woulds() {
		n := 0
		for _, v := range f.Verdicts {
			if v.Would != would {
				continue
			}
			if n++; n <= shown {
				rows = append(rows, []string{v.Queue, strconv.FormatInt(v.Sequence, 10), render.Or(v.Reason), render.Or(v.Step), render.Or(v.ID),
					string(v.Would), render.Or(v.Because)})
			}
		}
		if n > shown {
			rows = append(rows, []string{"…", "", "", "", "", string(would), fmt.Sprintf("and %d more", n-shown)})
		}
	}
	if err := render.Rows(w, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, would := range deadletter.Woulds() {
		if n := f.Count[would]; n > 0 {
			fmt.Fprintf(w, "%6d  %s\n", n, meanings[would])
		}
	}
	_, err := fmt.Fprintf(w, "\nA dry run: nothing was done. With --yes these %d are replayed.\n", len(f.Verdicts)-f.Count[deadletter.WouldSkip])
	return err
}
