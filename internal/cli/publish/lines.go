package publish

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// line is one line of the input, without its end. A line over the limit comes without its text.
type line struct {
	number  int
	text    []byte
	tooLong bool
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

// next gives the next line that is not blank; io.EOF at the end.
func (r *reader) next() (line, error) {
	for {
		l, err := r.read()
		if err != nil || len(l.text) > 0 || l.tooLong {
			return l, err
		}
	}
}

func (r *reader) read() (line, error) {
	r.number++
	l := line{number: r.number}
	for {
		part, err := r.in.ReadSlice('\n')
		if !l.tooLong {
			l.text = append(l.text, part...)
		}
		if len(bytes.TrimRight(l.text, "\r\n")) > r.limit {
			l.text, l.tooLong = nil, true
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		l.text = bytes.TrimSpace(l.text)
		if errors.Is(err, io.EOF) && (len(l.text) > 0 || l.tooLong) {
			err = nil // the last line has no end; the next read says EOF again
		}
		return l, err
	}
}
