package certify

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/render"
)

// Print writes the report for people: every boundary of every story, what broke in words, and last the sum.
func (r Report) Print(w io.Writer) error {
	for _, s := range r.Stories {
		fmt.Fprintf(w, "%s: %s (%s; exercises %s)\n\n", s.Scenario, s.Name, counted(s.Events, "event"), strings.Join(s.Exercises, ", "))
		if err := render.Rows(w, s.rows()); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	for _, s := range r.Stories {
		for _, k := range s.Cases {
			k.print(w, s)
		}
	}
	rows := [][]string{{"SCENARIO", "STORIES", "RUNS", "HELD", "BROKEN", "UNREACHED"}}
	for _, s := range r.Scenarios {
		rows = append(rows, []string{s.Name, strconv.Itoa(s.Stories), strconv.Itoa(s.Cases), strconv.Itoa(s.Held), strconv.Itoa(s.Broken), strconv.Itoa(s.Unreached)})
	}
	if err := render.Rows(w, rows); err != nil {
		return err
	}
	word := "certified"
	if !r.Passed {
		word = "NOT certified"
	}
	_, err := fmt.Fprintf(w, "\n%s, in %.1f s, on %s, seed %d\n", word, r.TookSeconds, r.Redis, r.Seed)
	return err
}

// rows are the story's boundaries, in the order in which they are passed.
func (s Story) rows() [][]string {
	columns := []Mode{Stop, Kill, LostAnswer}
	rows := [][]string{{"BOUNDARY", "STOPPED", "KILLED", "ANSWER LOST"}}
	at := map[string]int{}
	for _, k := range s.Cases {
		name := k.place()
		if k.Mode == Undisturbed {
			name = "undisturbed"
		}
		i, known := at[name]
		if !known {
			i = len(rows)
			at[name] = i
			rows = append(rows, []string{name, "-", "-", "-"})
		}
		column := max(slices.Index(columns, k.Mode), 0)
		rows[i][1+column] = string(k.Outcome)
	}
	return rows
}

// place is where the case stops what.
func (k *Case) place() string {
	if k.Then != "" {
		return k.At + ", then " + k.Then
	}
	return k.At
}

// print says what broke; nothing of what held.
func (k *Case) print(w io.Writer, s Story) {
	if k.Outcome == Held {
		return
	}
	fmt.Fprintf(w, "%s: %s, %s", s.Scenario, s.Name, k.Mode)
	if k.At != "" {
		fmt.Fprintf(w, " %s", k.place())
	}
	fmt.Fprintf(w, ": %s\n", k.Outcome)
	for _, b := range k.Broken {
		fmt.Fprintf(w, "  %s: %s\n", b.Invariant, render.Plain(b.What))
	}
	if k.Reproduce != "" {
		fmt.Fprintf(w, "  again: %s\n", k.Reproduce)
	}
	fmt.Fprintln(w)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
