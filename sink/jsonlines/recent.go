package jsonlines

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// mostKnown is how many events are known, whatever their size.
const mostKnown = 20_000

// maxLine is the longest line that is looked at.
const maxLine = 16 << 20

// recent are the events written lately.
type recent struct {
	known map[string]bool
	ring  []string
	at    int
}

func newRecent() *recent { return &recent{known: map[string]bool{}, ring: make([]string, 0, 64)} }

func (r *recent) has(key string) bool { return r.known[key] }

func (r *recent) add(key string) {
	if r.known[key] {
		return
	}
	r.known[key] = true
	if len(r.ring) < mostKnown {
		r.ring = append(r.ring, key)
		return
	}
	delete(r.known, r.ring[r.at])
	r.ring[r.at] = key
	r.at = (r.at + 1) % mostKnown
}

// forget leaves the place in the ring as it is: an event that is known again takes another.
func (r *recent) forget(key string) { delete(r.known, key) }

func keyOf(source, id string) string { return source + "\x00" + id }

// keysBehind reads the lines that begin behind from and end before to, or at from where that is the beginning of the file. Lines
// that are none of ours are passed over.
func keysBehind(f io.ReaderAt, from, to int64, learn func(key string)) error {
	lines := bufio.NewReaderSize(io.NewSectionReader(f, from, to-from), 64<<10)
	if from > 0 { // the middle of a line, or its very end
		var before [1]byte
		if _, err := f.ReadAt(before[:], from-1); err != nil {
			return err
		}
		if before[0] != '\n' {
			if _, err := lines.ReadSlice('\n'); errors.Is(err, bufio.ErrBufferFull) {
				if _, err := lines.ReadBytes('\n'); err != nil && !errors.Is(err, io.EOF) {
					return err
				}
			}
		}
	}
	for {
		line, err := lines.ReadBytes('\n')
		if err == nil {
			var ev struct{ Source, ID string }
			if json.Unmarshal(line, &ev) == nil && ev.ID != "" {
				learn(keyOf(ev.Source, ev.ID))
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}
