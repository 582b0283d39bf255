package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/render"
)

// Print writes a line for each finding, and the counts.
func (r Report) Print(w io.Writer) error {
	width := map[int]int{}
	for _, f := range r.Findings {
		width[0] = max(width[0], len(f.Status))
		width[1] = max(width[1], len(f.Check))
		width[2] = max(width[2], len(f.About))
	}
	for _, f := range r.Findings {
		line := fmt.Sprintf("%-*s  %-*s  %-*s  %s", width[0], f.Status, width[1], f.Check, width[2], f.About, f.What)
		if f.Status != OK {
			line += ". " + upper(f.Why) + "."
			if f.Do != "" {
				line += " Do: " + f.Do + "."
			}
		}
		if _, err := fmt.Fprintln(w, render.Plain(strings.TrimRight(line, " "))); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%d ok, %d to look at, %d failed, %d unknown\n", r.Counts[OK], r.Counts[Warn], r.Counts[Fail], r.Counts[Unknown])
	return err
}

func upper(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// Verdict gives a report its exit code.
func (r Report) Verdict() error {
	switch {
	case r.Lost:
		return exit.New(exit.Unreachable, "something that the fleet needs cannot be reached", "see the lines that say fail")
	case r.Counts[Fail] > 0:
		return exit.New(exit.Failed, failed(r.Counts[Fail]), "see the lines that say fail")
	}
	return nil
}

func failed(n int) string {
	if n == 1 {
		return "1 check failed"
	}
	return fmt.Sprintf("%d checks failed", n)
}
