package maptest

import (
	"fmt"
	"io"

	"github.com/signalbox/signalbox/internal/cli/render"
)

// Print writes a line for each file, and under it what is wrong.
func (r Report) Print(w io.Writer) error {
	for _, f := range r.Files {
		failed := 0
		for _, t := range f.Tests {
			if !t.Passed {
				failed++
			}
		}
		verdict := "ok  "
		if failed > 0 {
			verdict = "FAIL"
		}
		if _, err := fmt.Fprintf(w, "%s  %s  %d passed, %d failed\n", verdict, render.Plain(f.Path), len(f.Tests)-failed, failed); err != nil {
			return err
		}
		for _, t := range f.Tests {
			if t.Passed {
				continue
			}
			fmt.Fprintf(w, "      %s\n", render.Plain(t.Name))
			for _, d := range t.Differences {
				fmt.Fprintf(w, "          %s: want %s, got %s\n", render.Plain(d.Field), render.Plain(d.Want), render.Plain(d.Got))
			}
		}
	}
	return nil
}
