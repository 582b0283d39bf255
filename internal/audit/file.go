package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// file is the chain on disk, one entry in JSON a line, locked while it is open. What a crash has left of a line was never an entry:
// its action did not begin.
type file struct {
	f       *os.File
	entries []Entry
	torn    int
	whole   int64 // bytes up to the end of the last whole line
}

// openFile opens the file, or makes it readable by its owner alone, and waits for others of this machine.
func openFile(path string, flags int) (*file, error) {
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the audit: %w", err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() { // a device may keep nothing, or have no end
		return nil, errors.Join(errors.New("open the audit: it is no ordinary file"), err, f.Close())
	}
	how := syscall.LOCK_EX
	if flags == os.O_RDONLY {
		how = syscall.LOCK_SH
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the audit: %w", err), f.Close())
	}
	a := &file{f: f}
	if err := a.read(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

func (a *file) read() error {
	text, err := io.ReadAll(a.f)
	if err != nil {
		return fmt.Errorf("read the audit: %w", err)
	}
	for len(text) > 0 {
		line, rest, ends := bytes.Cut(text, []byte("\n"))
		if !ends {
			break
		}
		text = rest
		a.whole += int64(len(line)) + 1
		var e Entry
		if json.Unmarshal(line, &e) != nil || e.Number == 0 {
			a.torn++
			continue
		}
		a.entries = append(a.entries, e)
	}
	return nil
}

// append writes entries and has them safe on disk when it returns nil.
func (a *file) append(entries []Entry) error {
	var lines []byte
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode an entry: %w", err)
		}
		lines = append(append(lines, line...), '\n')
	}
	if err := a.f.Truncate(a.whole); err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	if _, err := a.f.WriteAt(lines, a.whole); err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	if err := a.f.Sync(); err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	a.whole += int64(len(lines))
	a.entries = append(a.entries, entries...)
	return nil
}

func (a *file) close() error { return a.f.Close() } // and with it the lock

func (a *file) last() Entry {
	if len(a.entries) == 0 {
		return Entry{}
	}
	return a.entries[len(a.entries)-1]
}
