package bindings

import (
	"errors"
	"fmt"
	"io"

	"github.com/signalbox/signalbox/internal/cli/exit"
)

// Print writes the counts for a person.
func (s Imported) Print(w io.Writer) error {
	did := "bound"
	if s.DryRun {
		did = "would bind"
	}
	_, err := fmt.Fprintf(w, "read %d, %s %d, completed %d, unchanged %d, conflicts %d, invalid %d, busy %d; %d by the hash of an id that looks personal\n",
		s.Read, did, s.Bound, s.Completed, s.Unchanged, s.Conflicts, s.Invalid, s.Busy, s.Hashed)
	if err == nil && s.DryRun {
		_, err = fmt.Fprintln(w, "Nothing was written. With --yes it is.")
	}
	return err
}

// Verdict gives an import its exit code.
func (s Imported) Verdict(err error) error {
	good, bad := s.Bound+s.Completed+s.Unchanged, s.Conflicts+s.Invalid+s.Busy
	switch {
	case err != nil && good > 0:
		known := exit.From(err)
		code := exit.Partly
		if known.Code == exit.Interrupted {
			code = known.Code
		}
		return &exit.Error{Code: code, Err: errors.Join(fmt.Errorf("the import stopped after %d records", s.Read), err),
			Next: "import the same file again; what is bound already is recognised"}
	case err != nil:
		return err
	case s.Read == 0:
		return exit.New(exit.Nothing, "the file holds no bindings", "give lines of JSON, or CSV whose first row names the columns")
	case good == 0:
		return exit.New(exit.Failed, "no binding of the file can be made", "the reasons stand above")
	case bad > 0:
		return exit.New(exit.Partly, fmt.Sprintf("%d of %d bindings cannot be made", bad, s.Read), "the reasons stand above; nothing that is bound was changed")
	}
	return nil
}
