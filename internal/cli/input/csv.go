package input

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// table reads CSV with a head: each record becomes an object of texts under the names of the head. What separates the
// fields is the one of , ; and tab that the head has most of.
type table struct {
	in      *csv.Reader
	counted *counted
	check   func(head []string) error // may be nil
	head    []string
	number  int
}

// counted ends a record that does not end: with a quote left open, all of a file would be one.
type counted struct {
	in          io.Reader
	left, limit int
}

var errEndless = errors.New("a record is longer than it may be; is a quote left open?")

// ahead is how much the CSV reader may have read that is not of the record it gives.
const ahead = 64 << 10

func (c *counted) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errEndless
	}
	n, err := c.in.Read(p)
	c.left -= n
	return n, err
}

func newTable(in io.Reader, limit int) *table {
	first := bufio.NewReaderSize(in, ahead)
	if start, _ := first.Peek(3); bytes.Equal(start, []byte("\xef\xbb\xbf")) { // a byte order mark
		_, _ = first.Discard(3)
	}
	head, _ := first.ReadSlice('\n') // what fails here fails again below
	head = bytes.Clone(head)
	c := &counted{in: io.MultiReader(bytes.NewReader(head), first), left: limit + ahead, limit: limit + ahead}
	t := &table{in: csv.NewReader(c), counted: c, number: 1}
	t.in.Comma = separator(string(head))
	return t
}

func separator(head string) rune {
	best, most := ',', strings.Count(head, ",")
	for _, r := range ";\t" {
		if n := strings.Count(head, string(r)); n > most {
			best, most = r, n
		}
	}
	return best
}

// Next gives the next record as JSON.
func (t *table) Next() (Line, error) {
	if t.head == nil {
		if err := t.readHead(); err != nil {
			return Line{Number: 1}, err
		}
	}
	t.counted.left = t.counted.limit
	record, err := t.in.Read()
	var bad *csv.ParseError
	switch {
	case errors.Is(err, errEndless):
		return Line{Number: t.number + 1}, errEndless
	case errors.As(err, &bad):
		return Line{Number: bad.StartLine, Bad: whyNot(bad, len(record), len(t.head))}, nil
	case err != nil:
		return Line{Number: t.number + 1}, err
	}
	t.number, _ = t.in.FieldPos(0)
	row := make(map[string]string, len(record))
	for i, name := range t.head {
		row[name] = record[i]
	}
	text, err := json.Marshal(row)
	return Line{Number: t.number, Text: text}, err
}

// whyNot is why a record is none, without quoting it.
func whyNot(err *csv.ParseError, fields, names int) string {
	switch {
	case errors.Is(err, csv.ErrFieldCount):
		return fmt.Sprintf("The record has %d fields, and the head %d.", fields, names)
	case errors.Is(err, csv.ErrQuote), errors.Is(err, csv.ErrBareQuote):
		return "A quote stands inside a field; write it twice, and the field in quotes."
	}
	return "The record is no CSV."
}

func (t *table) readHead() error {
	head, err := t.in.Read()
	if errors.Is(err, io.EOF) {
		return err
	}
	if err != nil {
		return errors.New("the head of the table is no CSV")
	}
	seen := map[string]bool{}
	for i, name := range head {
		if head[i] = strings.TrimSpace(name); head[i] == "" || seen[head[i]] {
			return fmt.Errorf("column %d of the head has no name, or one that another has too", i+1)
		}
		seen[head[i]] = true
	}
	if t.check != nil {
		if err := t.check(head); err != nil {
			return err
		}
	}
	t.head = head
	return nil
}
