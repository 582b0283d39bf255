package preview

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/mapped"
	"github.com/signalbox/signalbox/internal/cli/render"
)

// String is the refusal as lines of text, one for each field.
func (r Refusal) String() string {
	lines := make([]string, len(r.Failures))
	for i, f := range r.Failures {
		at := ""
		if f.Field != "" {
			at = " at " + f.Field
		}
		lines[i] = fmt.Sprintf("line %d: %s%s: %s", r.Line, r.Verdict(), at, mapped.Sentence(f))
	}
	return strings.Join(lines, "\n")
}

// Print writes the summary as a table.
func (s Summary) Print(w io.Writer) error {
	fmt.Fprintf(w, "rows %d, events %d, refused %d, warnings %d; %s of %s\n\n", s.Rows, s.Events, s.Refused, s.Warnings, s.Type, s.Source)
	head := []string{"FIELD", "COUNT", "WHAT"}
	if s.Compared {
		head = slices.Insert(head, 2, "CHANGED")
	}
	rows := [][]string{head}
	for _, f := range s.Fields {
		row := []string{f.At, strconv.Itoa(f.Rows), f.what()}
		if s.Compared {
			row = slices.Insert(row, 2, strconv.Itoa(f.Changed))
		}
		rows = append(rows, row)
	}
	if err := render.Rows(w, rows); err != nil {
		return err
	}
	if s.Renamed > 0 {
		fmt.Fprintf(w, "\n%d rows get another id than with the map that stands so far: they would be other events.\n", s.Renamed)
	}
	for _, ev := range s.First {
		fmt.Fprintln(w)
		if err := render.Value(w, ev); err != nil {
			return err
		}
	}
	return nil
}

const fewValues = 8

// what says of a field which values or shapes it has.
func (f *Field) what() string {
	var parts []string
	switch {
	case f.Earliest == f.Latest && f.Latest != "":
		parts = append(parts, f.Latest)
	case f.Latest != "":
		parts = append(parts, f.Earliest+" to "+f.Latest)
	case len(f.Values) > 0:
		parts = append(parts, f.values())
	default:
		for _, shape := range slices.Sorted(maps.Keys(f.Shapes)) {
			parts = append(parts, f.shape(shape))
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(f.Warnings)) {
		parts = append(parts, fmt.Sprintf("warned %s %d", rule, f.Warnings[rule]))
	}
	return strings.Join(parts, "; ")
}

func (f *Field) shape(shape string) string {
	unit, sized := map[string]string{"text": " characters", "list": ""}[shape]
	switch {
	case !sized:
		return shape
	case f.Shortest == f.Longest:
		return fmt.Sprintf("%s of %d%s", shape, f.Longest, unit)
	}
	return fmt.Sprintf("%s of %d to %d%s", shape, f.Shortest, f.Longest, unit)
}

// values lists the most frequent ones.
func (f *Field) values() string {
	all := slices.SortedFunc(maps.Keys(f.Values), func(a, b string) int {
		if d := f.Values[b] - f.Values[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var shown []string
	for _, v := range all[:min(len(all), fewValues)] {
		shown = append(shown, fmt.Sprintf("%s %d", v, f.Values[v]))
	}
	if more := len(all) - fewValues; more > 0 || f.More {
		shown = append(shown, fmt.Sprintf("and %d others", max(more, 1)))
	}
	return strings.Join(shown, ", ")
}
