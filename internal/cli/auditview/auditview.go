// Package auditview shows the audit, and what is wrong with it.
package auditview

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/signalbox/signalbox/internal/audit"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
)

// List is what audit list prints as JSON: every entry that any copy has, oldest first.
type List struct {
	Entries []audit.Entry `json:"entries"`
}

// Of merges copies and keeps the last most entries; 0: all.
func Of(copies []audit.Copy, most int) List {
	byNumber := map[int64]audit.Entry{}
	for _, c := range copies {
		for _, e := range c.Entries {
			byNumber[e.Number] = e
		}
	}
	l := List{Entries: []audit.Entry{}}
	for _, e := range byNumber {
		l.Entries = append(l.Entries, e)
	}
	slices.SortFunc(l.Entries, func(a, b audit.Entry) int { return cmp.Compare(a.Number, b.Number) })
	if most > 0 && len(l.Entries) > most {
		l.Entries = l.Entries[len(l.Entries)-most:]
	}
	return l
}

// Print writes a line for each.
func (l List) Print(w io.Writer) error {
	if len(l.Entries) == 0 {
		_, err := fmt.Fprintln(w, "No operator has changed anything yet.")
		return err
	}
	rows := [][]string{{"NUMBER", "AT", "BY", "HOST", "ACTION", "TARGET", "DETAIL", "REASON"}}
	for _, e := range l.Entries {
		rows = append(rows, []string{strconv.FormatInt(e.Number, 10), e.At.Format(time.RFC3339), e.By, e.Host, e.Action, render.Or(e.Target), render.Or(e.Detail), render.Or(e.Reason)})
	}
	return render.Rows(w, rows)
}

// Verified is what audit verify prints as JSON.
type Verified struct {
	Entries  int             `json:"entries"` // that were looked at, each once
	Head     *audit.Head     `json:"head,omitempty"`
	Places   []string        `json:"places"`
	Problems []audit.Problem `json:"problems"`
}

// Verify looks at the copies. noted is an entry that must be there; nil: none.
func Verify(l *audit.Log, copies []audit.Copy, noted *audit.Head) Verified {
	v := Verified{Problems: audit.Verify(l.Hasher, l.Host, copies...), Places: []string{}}
	if v.Problems == nil {
		v.Problems = []audit.Problem{}
	}
	for _, c := range copies {
		v.Places = append(v.Places, c.Where)
	}
	all := Of(copies, 0).Entries
	if v.Entries = len(all); v.Entries > 0 {
		last := all[len(all)-1]
		v.Head = &audit.Head{Number: last.Number, Hash: last.Hash}
	}
	if noted != nil && !audit.Holds(*noted, copies...) {
		v.Problems = append(v.Problems, audit.Problem{Number: noted.Number, Where: "everywhere", What: "was noted as the last one, and is not there with that hash"})
	}
	return v
}

// Print writes what was found.
func (v Verified) Print(w io.Writer) error {
	if len(v.Problems) == 0 {
		head := ""
		if v.Head != nil {
			head = fmt.Sprintf(" The last is %s; note that elsewhere, and audit verify --head will find out if it is taken away.", v.Head)
		}
		_, err := fmt.Fprintf(w, "The chain of %d entries is whole.%s\n", v.Entries, head)
		return err
	}
	rows := [][]string{{"ENTRY", "WHERE", "PROBLEM"}}
	for _, p := range v.Problems {
		rows = append(rows, []string{strconv.FormatInt(p.Number, 10), p.Where, p.What})
	}
	return render.Rows(w, rows)
}

// Verdict gives it its exit code.
func (v Verified) Verdict() error {
	if len(v.Problems) == 0 {
		return nil
	}
	return exit.New(exit.Failed, "the audit is not as it was written", "find out who may write to the file and to Redis, and compare with copies of either; docs/reference/audit.md says how")
}
