// Package bindings shows, exports and imports whose id is whose, for the command line.
//
// A record is one binding in a file: a line of JSON, or a row of CSV whose first row names the columns. An id that looks
// personal is never in a file that was exported: its keyed hash, the column ref, stands for it, and means something only to a
// fleet with the same hash key.
package bindings

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signalbox/signalbox/internal/cli/input"
	"github.com/signalbox/signalbox/mapping"
)

// Record is one binding in a file.
type Record struct {
	Kind    string `json:"kind,omitempty"`
	Scope   string `json:"scope,omitempty"`
	Source  string `json:"source,omitempty"`
	ID      string `json:"id,omitempty"` // the source's own; empty: see Ref
	D365ID  string `json:"d365_id"`
	Version string `json:"version,omitempty"` // of the state that was applied last
	Ref     string `json:"ref,omitempty"`     // the keyed hash that stands for an id that looks personal
}

// columns are the names of a record's fields in CSV, in the order in which they are written.
var columns = []string{"kind", "scope", "source", "id", "d365_id", "version", "ref"}

func (r *Record) fields() []*string {
	return []*string{&r.Kind, &r.Scope, &r.Source, &r.ID, &r.D365ID, &r.Version, &r.Ref}
}

// recordOf is a binding as a record.
func recordOf(e mapping.Entry) Record {
	r := Record{Kind: e.Ref.Kind, Scope: e.Ref.Scope, Source: e.Ref.Source, ID: e.Ref.ID, D365ID: e.Target.ID, Version: e.Version}
	if r.ID == "" {
		r.Ref = e.Name
	}
	return r
}

// longest is the longest line of JSON: far more than a binding needs.
const longest = 64 << 10

// badRecord is a record that cannot be read: what is wrong, without its values.
type badRecord struct{ what string }

func (b badRecord) Error() string { return b.what }

// read hands over the rows of a file, JSON lines or CSV, with the numbers of their lines. A row that cannot be read comes empty, with what is
// wrong with it. Fields of CSV lose the blanks around them: a space that nobody sees in a table is no part of an id. Errors are the input's.
func read[R any](in io.Reader, columns []string, fields func(*R) []*string, use func(line int, r R, wrong string) error) error {
	b := bufio.NewReader(in)
	if start, _ := b.Peek(3); bytes.Equal(start, []byte("\xef\xbb\xbf")) {
		_, _ = b.Discard(3) // the mark that some spreadsheets begin with
	}
	first, err := firstByte(b)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	lines := input.New(b, longest, false)
	if first != '{' {
		lines = input.NewTable(b, longest, func(head []string) error { return known(head, columns) })
	}
	return input.Each(lines, func(l input.Line) error {
		var r R
		d := json.NewDecoder(bytes.NewReader(l.Text))
		d.DisallowUnknownFields()
		if l.Bad == "" && (l.TooLong || d.Decode(&r) != nil || d.More()) {
			l.Bad = "is no row with " + strings.Join(columns, ", ") + " as texts"
		}
		if l.Bad != "" {
			return use(l.Number, *new(R), l.Bad)
		}
		for _, f := range fields(&r) {
			if first != '{' {
				*f = strings.TrimSpace(*f)
			}
		}
		return use(l.Number, r, "")
	})
}

// known judges the head of a table. It is not quoted: where there is none it is a row.
func known(head, columns []string) error {
	for i, name := range head {
		if !slices.Contains(columns, strings.ToLower(name)) {
			return fmt.Errorf("column %d of the first row is none of %s", i+1, strings.Join(columns, ", "))
		}
	}
	return nil
}

// firstByte looks at the first byte that is not blank; blank ones before it stay, so that line numbers are right.
func firstByte(b *bufio.Reader) (byte, error) {
	for n := 1; ; n++ {
		start, err := b.Peek(n)
		if len(start) < n {
			return 0, err
		}
		if c := start[n-1]; !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c, nil
		}
	}
}

// writer writes records in one format.
type writer interface {
	write(Record) error
	end() error
}

type lineWriter struct{ e *json.Encoder }

func newLineWriter(out io.Writer) lineWriter {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return lineWriter{e}
}

func (w lineWriter) write(r Record) error { return w.e.Encode(r) }
func (w lineWriter) end() error           { return nil }

type rowWriter struct{ w *csv.Writer }

func newRowWriter(out io.Writer) (rowWriter, error) {
	w := csv.NewWriter(out)
	return rowWriter{w}, w.Write(columns)
}

func (w rowWriter) write(r Record) error {
	row := make([]string, len(columns))
	for i, f := range r.fields() {
		row[i] = *f
	}
	return w.w.Write(row)
}

func (w rowWriter) end() error {
	w.w.Flush()
	return w.w.Error()
}
