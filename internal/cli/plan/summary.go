package plan

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
	"github.com/signalbox/signalbox/orchestration"
)

// Summary counts what would become of the lines.
type Summary struct {
	Read     int            `json:"read"`
	Verdicts map[string]int `json:"verdicts"`
	Acts     int            `json:"would_act"` // events of which a step would act
	Calls    map[string]int `json:"calls"`     // that would be made, by operation
}

func newSummary() Summary { return Summary{Verdicts: map[string]int{}, Calls: map[string]int{}} }

func (s *Summary) add(ev Event) {
	s.Read++
	s.Verdicts[ev.Verdict]++
	if ev.acts() {
		s.Acts++
	}
	for _, step := range ev.Steps {
		for _, c := range step.Calls {
			s.Calls[c.Operation]++
		}
	}
}

// Print writes the summary for a person.
func (s Summary) Print(w io.Writer) error {
	var parts []string
	for _, v := range slices.Sorted(maps.Keys(s.Verdicts)) {
		parts = append(parts, fmt.Sprintf("%d %s", s.Verdicts[v], v))
	}
	_, err := fmt.Fprintf(w, "%d events: %s; %d of them would act", s.Read, strings.Join(parts, ", "), s.Acts)
	if err != nil {
		return err
	}
	for i, op := range slices.Sorted(maps.Keys(s.Calls)) {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		fmt.Fprintf(w, "%s%d × %s", separator, s.Calls[op], op)
	}
	_, err = fmt.Fprintln(w, "\nA plan writes nothing. It is right as of now, for each event as if the others were not there.")
	return err
}

// Verdict gives a plan its exit code.
func (s Summary) Verdict(err error) error {
	rejected := s.Verdicts[orchestration.Rejected.String()]
	switch {
	case err != nil && s.Read > 0:
		known := exit.From(err)
		code := exit.Partly
		if known.Code == exit.Interrupted {
			code = known.Code
		}
		return &exit.Error{Code: code, Err: err, Next: known.Next}
	case err != nil:
		return err
	case s.Read == 0:
		return exit.New(exit.Nothing, "the input holds no events", "give JSON lines, each a CloudEvent in its JSON format")
	case rejected == s.Read:
		return exit.New(exit.Failed, "every event would be dead-lettered", "the reasons stand above; signalbox deadletter --help says what they want")
	case rejected > 0:
		return exit.New(exit.Partly, fmt.Sprintf("%d of %d events would be dead-lettered", rejected, s.Read), "the reasons stand above")
	}
	return nil
}

// verdicts say of each verdict what would be, for a person.
var verdicts = map[string]string{
	orchestration.Completed.String():  "would be done",
	orchestration.Superseded.String(): "would be superseded: a newer state is applied",
	orchestration.Duplicate.String():  "would be a duplicate: it was done before",
	orchestration.Surplus.String():    "would be dropped: a later copy of it is on its way",
	orchestration.Postponed.String():  "would wait",
	orchestration.Rejected.String():   "would be a dead letter",
}

// Print writes one event for a person.
func (ev Event) Print(w io.Writer) error {
	head := fmt.Sprintf("line %d: %s %s", ev.Line, render.Or(ev.Source), render.Or(ev.ID))
	if ev.Verdict == orchestration.Completed.String() && !ev.acts() {
		head += " would change nothing"
	} else {
		head += " " + verdicts[ev.Verdict]
	}
	switch {
	case ev.Cause != "":
		head += " for " + ev.Cause
		if ev.Wait != "" {
			head += ", " + ev.Wait
		}
		if ev.Failed != "" {
			head += " (" + ev.Failed + ")"
		}
	case ev.Reason != "":
		head += ": " + string(ev.Reason) + ": " + ev.Detail
	}
	if ev.Behind > 0 {
		head += fmt.Sprintf(" [line %d is about the same object]", ev.Behind)
	}
	if _, err := fmt.Fprintln(w, render.Plain(head)); err != nil {
		return err
	}
	for _, s := range ev.Steps {
		if err := s.print(w); err != nil {
			return err
		}
	}
	for _, t := range ev.Tells {
		if _, err := fmt.Fprintln(w, "  tells "+render.Plain(t)); err != nil {
			return err
		}
	}
	return nil
}

// wills say of each step what would become of it.
var wills = map[string]string{
	string(orchestration.WasDone): "is done", string(orchestration.WillSkip): "is skipped", string(orchestration.WillFind): "finds it there",
	string(orchestration.WillAct): "acts", string(orchestration.WillFail): "is refused", string(orchestration.WillWait): "waits",
	string(orchestration.WillDepend): "depends on what the act before it learns",
}

func (s Step) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "  %s %s\n", s.Name, wills[s.Will])
	for _, c := range s.Calls {
		if err == nil {
			_, err = fmt.Fprintf(w, "    %s: %s\n", c.Operation, strings.Join(c.Fields, ", "))
		}
	}
	return err
}
