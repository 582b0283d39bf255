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

// New reads lines of at most limit bytes; blank ones are skipped. A table is CSV with a head.
func New(in io.Reader, limit int, table bool) Lines {
	if table {
		return newTable(in, limit)
	}
	return newReader(in, limit)
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

// Each hands over one line after the other, to the end of the input or to the first error of use.
func Each(in Lines, use func(l Line) error) error {
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
