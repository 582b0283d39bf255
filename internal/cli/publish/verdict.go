package publish

import (
	"errors"
	"fmt"

	"github.com/signalbox/signalbox/internal/cli/exit"
)

// Verdict gives a publication its exit code.
func Verdict(s Summary, err error) error {
	if err != nil {
		return s.failed(err)
	}
	good := s.Sent
	if s.DryRun {
		good = s.Valid
	}
	switch {
	case s.Read == 0:
		return exit.New(exit.Nothing, "the input holds no events", "give JSON lines, each a CloudEvent in its JSON format, or with --source a row")
	case good == s.Read:
		return nil
	case good == 0:
		return exit.New(exit.Failed, "no line is an event that can be sent", "correct the lines above")
	}
	return exit.New(exit.Partly, fmt.Sprintf("%d of %d lines are no events that can be sent", s.Read-good, s.Read),
		"correct the lines above and publish them again; those that were sent may be among them")
}

// failed is what stopped a publication before its end.
func (s Summary) failed(err error) error {
	failure := exit.From(err)
	if failure.Code == exit.Interrupted || s.Sent == 0 {
		return &exit.Error{Code: failure.Code, Err: fmt.Errorf("publish to %s: %w", s.Queue, err), Next: failure.Next}
	}
	return &exit.Error{Code: exit.Partly, Err: errors.Join(fmt.Errorf("publish to %s stopped after %d lines", s.Queue, s.Read), err),
		Next: "publish the same input again; what was sent already is recognised by source and id"}
}
