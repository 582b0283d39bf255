package drift

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
)

// Report says what became of a sample.
type Report struct {
	Sample string  `json:"sample"`
	Calls  int     `json:"calls"` // of the CSU
	Kinds  []Count `json:"kinds"`
	Drift  []Drift `json:"drift"`
}

// Count counts the bindings of a kind.
type Count struct {
	Kind     string `json:"kind"`     // empty: of no kind and scope of this configuration
	Bindings int    `json:"bindings"` // there are, as far as they were asked for
	There    int    `json:"there"`    // what they are bound to is there
	Pending  int    `json:"pending"`  // it is there, and headquarters has not given its permanent id yet
	Drift    int    `json:"drift"`
	Unasked  int    `json:"unasked"` // the CSU cannot say, or the calls were spent; of a random sample also what was not drawn
}

// Drift is a binding that leads nowhere, or elsewhere.
type Drift struct {
	Kind   string `json:"kind"`
	Scope  string `json:"scope"`
	Source string `json:"source"`
	ID     string `json:"id,omitempty"`  // the source's own
	Ref    string `json:"ref,omitempty"` // the keyed hash that stands for an id that looks personal
	D365ID string `json:"d365_id"`
	What   string `json:"what"`
}

func (v *verifying) report() Report {
	r := Report{Sample: v.Sample, Calls: v.CSU.Spent(), Kinds: []Count{}, Drift: v.drifted}
	if r.Drift == nil {
		r.Drift = []Drift{}
	}
	for _, c := range v.counts {
		c.Unasked = c.Bindings - c.There - c.Pending - c.Drift
		r.Kinds = append(r.Kinds, *c)
	}
	slices.SortFunc(r.Kinds, func(a, b Count) int { return strings.Compare(a.Kind, b.Kind) })
	return r
}

// Sum adds up the kinds.
func (r Report) Sum() (all Count) {
	for _, c := range r.Kinds {
		all.Bindings += c.Bindings
		all.There += c.There
		all.Pending += c.Pending
		all.Drift += c.Drift
		all.Unasked += c.Unasked
	}
	return all
}

// Print writes what drifted, and the counts.
func (r Report) Print(w io.Writer) error {
	if len(r.Drift) > 0 {
		rows := [][]string{{"KIND", "SCOPE", "SOURCE", "ID", "D365 ID", "WHAT"}}
		for _, d := range r.Drift {
			id := d.ID
			if id == "" {
				id = d.Ref
			}
			rows = append(rows, []string{d.Kind, d.Scope, d.Source, id, d.D365ID, d.What})
		}
		if err := render.Rows(w, rows); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	rows := [][]string{{"KIND", "BINDINGS", "THERE", "PENDING", "DRIFT", "NOT ASKED"}}
	for _, c := range r.Kinds {
		rows = append(rows, []string{render.Or(c.Kind), fmt.Sprint(c.Bindings), fmt.Sprint(c.There), fmt.Sprint(c.Pending), fmt.Sprint(c.Drift), fmt.Sprint(c.Unasked)})
	}
	if err := render.Rows(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d calls of the CSU, sample %s\n", r.Calls, r.Sample)
	return err
}

// Verdict gives a report its exit code.
func (r Report) Verdict() error {
	sum := r.Sum()
	asked := sum.There + sum.Pending + sum.Drift
	switch {
	case sum.Bindings == 0:
		return exit.New(exit.Nothing, "nothing is bound so", "check --kind and --source")
	case asked == 0:
		return exit.New(exit.Nothing, "the CSU could be asked for none of these bindings", "allow more with --calls; of categories, units, reasons and currencies the CSU has no list, and not every role may ask by transaction id")
	case sum.Drift > 0:
		return exit.New(exit.Partly, fmt.Sprintf("%d of %d bindings lead nowhere or elsewhere", sum.Drift, asked),
			"find out what was done in D365; what is bound is never overwritten, so a record that was removed is to be restored, or its source to send the object under a new id")
	case r.Sample == All && sum.Unasked > 0:
		return exit.New(exit.Partly, fmt.Sprintf("%d of %d bindings could not be asked for", sum.Unasked, sum.Bindings), "allow more with --calls")
	}
	return nil
}
