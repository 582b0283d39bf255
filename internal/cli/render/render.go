// Package render prints what commands found, as a table for people or as JSON for programs. It uses no colour, so
// NO_COLOR has nothing to switch off.
package render

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// Format is how a command prints.
type Format string

// The formats.
const (
	Table Format = "table"
	JSON  Format = "json"
)

// Formats lists them.
func Formats() []string { return []string{string(Table), string(JSON)} }

// Value prints v as indented JSON.
func Value(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Rows prints a table; the first row is its head. A cell shows control characters as dots, so that text which somebody
// else chose cannot steer a terminal.
func Rows(w io.Writer, rows [][]string) error {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, Plain(cell))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// Plain is text in which control characters and changes of direction are dots.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '.'
		}
		return r
	}, text)
}

// Time is a moment in UTC, to the millisecond; a dash when there is none.
func Time(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// Or is text, or a dash when there is none.
func Or(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// Terminal says whether w is a terminal.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || f.Name() == os.DevNull {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
