package bindings

import (
	"errors"
	"fmt"
	"io"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/mapping"
)

// Rebuilt counts the rows of a rebuild.
type Rebuilt struct {
	DryRun    bool `json:"dry_run"`
	Read      int  `json:"read"`
	Bound     int  `json:"bound"`
	Already   int  `json:"already"`
	Conflicts int  `json:"conflicts"`
	NotFound  int  `json:"not_found"`
	Ambiguous int  `json:"ambiguous"`
	Cannot    int  `json:"cannot"` // be looked up
	Invalid   int  `json:"invalid"`
	Busy      int  `json:"busy"`
	NotAsked  int  `json:"not_asked"`
	Calls     int  `json:"calls"` // of the CSU
}

func (s *Rebuilt) count(a Answered) {
	n, known := map[mapping.Result]*int{mapping.Bound: &s.Bound, Already: &s.Already, Conflict: &s.Conflicts, NotFound: &s.NotFound, Ambiguous: &s.Ambiguous,
		CannotLook: &s.Cannot, Invalid: &s.Invalid, mapping.Busy: &s.Busy, NotAsked: &s.NotAsked}[a.Result]
	if known {
		*n++
	}
}

// Print writes the counts for a person.
func (s Rebuilt) Print(w io.Writer) error {
	did := "bound"
	if s.DryRun {
		did = "would bind"
	}
	_, err := fmt.Fprintf(w, "read %d, %s %d, already %d, conflicts %d, not found %d, ambiguous %d, cannot be looked up %d, invalid %d, busy %d, not asked %d; %d calls of the CSU\n",
		s.Read, did, s.Bound, s.Already, s.Conflicts, s.NotFound, s.Ambiguous, s.Cannot, s.Invalid, s.Busy, s.NotAsked, s.Calls)
	if err == nil && s.DryRun && s.Bound > 0 {
		_, err = fmt.Fprintln(w, "Nothing was written. With --yes it is.")
	}
	return err
}

// Verdict gives a rebuild its exit code.
func (s Rebuilt) Verdict(err error) error {
	good, again := s.Bound+s.Already, "give the same file again; what is bound already costs no call"
	switch {
	case err != nil && good > 0:
		known := exit.From(err)
		code := exit.Partly
		if known.Code == exit.Interrupted {
			code = known.Code
		}
		return &exit.Error{Code: code, Err: errors.Join(fmt.Errorf("the rebuild stopped after %d rows", s.Read), err), Next: again}
	case err != nil:
		return err
	case s.Read == 0:
		return exit.New(exit.Nothing, "the file holds no rows", "give lines of JSON, or CSV whose first row names the columns")
	case s.NotAsked > 0:
		return exit.New(exit.Partly, fmt.Sprintf("the calls that were allowed are spent, and %d rows were not asked for", s.NotAsked), again)
	case good == 0:
		return exit.New(exit.Failed, "no row can be bound", "the reasons stand above")
	case good < s.Read:
		return exit.New(exit.Partly, fmt.Sprintf("%d of %d rows cannot be bound", s.Read-good, s.Read), "the reasons stand above; nothing that is bound was changed")
	}
	return nil
}
