// Package input reads what commands are given: JSON lines, or the records of a CSV file, as a stream of which no more than
// one line is held.
package input

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Line is one line of the input, without its end, or one record of a table as JSON. A line over the limit comes without its
// text.
type Line struct {
	Number  int
	Text    []byte
	TooLong bool
	Bad     string // why it is no record of a table
}

// Lines is the input, piece by piece; io.EOF at its end. With an error the line has its number.
type Lines interface {
	Next() (Line, error)
}

// Each hands over the input, line by line, until its end or the first error of use.
func Each(in Lines, use func(Line) error) error {
	for {
		l, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", l.Number, err)
		}
		if err := use(l); err != nil {
			return err
		}
	}
}

// New reads lines of at most limit bytes; blank ones are skipped. A table is CSV with a head.
func New(in io.Reader, limit int, table bool) Lines {
	if table {
		return NewTable(in, limit, nil)
	}
	return newReader(in, limit)
}

// NewTable reads CSV whose head check judges; nil: any will do.
func NewTable(in io.Reader, limit int, check func(head []string) error) Lines {
	t := newTable(in, limit)
	t.check = check
	return t
}

// reader cuts a stream into lines and never holds more than one of at most limit bytes.
type reader struct {
	in     *bufio.Reader
	limit  int
	number int
}

func newReader(in io.Reader, limit int) *reader {
	return &reader{in: bufio.NewReaderSize(in, 64<<10), limit: limit}
}

// Next gives the next line that is not blank.
func (r *reader) Next() (Line, error) {
	for {
		l, err := r.read()
		if err != nil || len(l.Text) > 0 || l.TooLong {
			return l, err
		}
	}
}

func (r *reader) read() (Line, error) {
	r.number++
	l := Line{Number: r.number}
	for {
		part, err := r.in.ReadSlice('\n')
		if !l.TooLong {
			l.Text = append(l.Text, part...)
		}
		if len(bytes.TrimRight(l.Text, "\r\n")) > r.limit {
			l.Text, l.TooLong = nil, true
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		l.Text = bytes.TrimSpace(l.Text)
		if errors.Is(err, io.EOF) && (len(l.Text) > 0 || l.TooLong) {
			err = nil // the last line has no end; the next read says EOF again
		}
		return l, err
	}
}
