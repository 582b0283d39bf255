package publish

import (
	"errors"
	"fmt"
	"io"
)

// Each reads lines as Run does, one after the other: those that are not blank, numbered, without their ends. A line over the
// limit comes as nil. It stops at the first error of use.
func Each(in io.Reader, maxBytes int, use func(number int, text []byte) error) error {
	r := newReader(in, maxBytes)
	for {
		l, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", r.number, err)
		}
		if err := use(l.number, l.text); err != nil {
			return err
		}
	}
}
