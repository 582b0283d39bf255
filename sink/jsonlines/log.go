package jsonlines

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var (
	errNoFile = errors.New("it is no ordinary file")
	errLocked = errors.New("another process does not let go of it")
)

// log is the open file. Its methods are called by one at a time.
type log struct {
	f     *os.File
	info  os.FileInfo
	size  int64 // of the file, as of the last look
	read  int64 // so much of it has been looked at
	fresh bool  // nothing before it has been looked at either
	dirty bool  // it may hold what is not safe yet
	held  bool  // locked by us

	fsync func(*os.File) error
}

func openLog(path string) (*log, error) {
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err == nil && missing != nil {
		err = syncFolder(filepath.Dir(path), (*os.File).Sync) // the name must be safe, too
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &log{f: f, info: info, fresh: true, dirty: true, fsync: (*os.File).Sync}, nil
}

func syncFolder(dir string, fsync func(*os.File) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := fsync(d); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

func (l *log) close() error {
	l.unlock()
	return l.f.Close()
}

// isStill says whether the path still leads to this file.
func (l *log) isStill(path string) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, l.info)
}

func (l *log) length() (int64, error) {
	info, err := l.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// lookBack is how far back repeats are recognised.
const lookBack = 8 << 20

// catchUp looks at what was added since the last time and cuts off a torn line.
func (l *log) catchUp(learn func(key string)) (err error) {
	if l.size, err = l.length(); err != nil {
		return err
	}
	if l.read > l.size { // somebody emptied it
		l.read = 0
	}
	if l.read == l.size {
		return nil
	}
	l.dirty = true
	from := l.read
	if err := l.mend(); err != nil {
		return err
	}
	if err := keysBehind(l.f, min(max(from, l.size-lookBack), l.size), l.size, learn); err != nil {
		return err
	}
	l.read = l.size
	return nil
}

// beginning is how each line of ours begins.
const beginning = `{"specversion":"1.0","id":`

// mend ends the file with a whole line. A torn line of ours was never delivered: it is cut off. Anything else that lacks its
// line end is somebody else's: it gets one.
func (l *log) mend() error {
	torn, err := l.tail()
	if err != nil || len(torn) == 0 {
		return err
	}
	n := min(len(torn), len(beginning))
	if string(torn[:n]) != beginning[:n] {
		return l.append([]byte{'\n'})
	}
	if err := l.f.Truncate(l.size - int64(len(torn))); err != nil {
		return err
	}
	l.size -= int64(len(torn))
	return nil
}

// tail is what stands behind the last line end; all of it, as far as a line of ours can be long.
func (l *log) tail() ([]byte, error) {
	for span := int64(4 << 10); ; span *= 16 {
		from := max(0, l.size-span)
		b := make([]byte, l.size-from)
		if _, err := l.f.ReadAt(b, from); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			return b[i+1:], nil
		}
		if from == 0 || span > maxLine {
			return b, nil
		}
	}
}

// append writes lines at the end, whole or not at all as far as that is in our hands.
func (l *log) append(lines []byte) error {
	l.dirty = true
	n, err := l.f.Write(lines)
	if err != nil {
		if n > 0 {
			err = errors.Join(err, l.f.Truncate(l.size))
		}
		return err
	}
	l.size += int64(n)
	l.read = l.size
	return nil
}

func (l *log) sync() error {
	if !l.dirty {
		return nil
	}
	if err := l.fsync(l.f); err != nil {
		return err
	}
	l.dirty = false
	return nil
}

// patience is how long another process may hold the file.
const patience = 2 * time.Second

func (l *log) lock() error {
	ok, err := tryLock(l.f)
	if err == nil && !ok {
		ok, err = l.await()
	}
	if err == nil && !ok {
		err = errLocked
	}
	l.held = err == nil
	return err
}

func (l *log) await() (ok bool, err error) {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); !ok && err == nil && time.Now().Before(end); {
		<-again.C
		ok, err = tryLock(l.f)
	}
	return ok, err
}

func (l *log) unlock() {
	if l.held {
		l.held = false
		_ = unlock(l.f) // it ends with the file at the latest
	}
}

// The names of files that were put aside: path without its ending, the time, the ending.
func split(path string) (stem, ending string) {
	ending = filepath.Ext(path)
	return strings.TrimSuffix(path, ending), ending
}

const stamp = "20060102T150405.000000000Z"

// aside renames the file to its name with the time. Names sort as their times do.
func (l *log) aside(path string) error {
	stem, ending := split(path)
	for now := time.Now().UTC(); ; now = now.Add(time.Nanosecond) {
		name := fmt.Sprintf("%s-%s%s", stem, now.Format(stamp), ending)
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		if err := os.Rename(path, name); err != nil {
			return err
		}
		return syncFolder(filepath.Dir(path), l.fsync)
	}
}

// leastAside is what a file that was put aside counts for at least, so that no more than a few hundred are open at once.
const leastAside = lookBack / 256

// asides are the files that were put aside, the newest last.
func asides(path string) (names []string, err error) {
	stem, ending := split(path)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // sorted
		text, ok := strings.CutPrefix(e.Name(), filepath.Base(stem)+"-")
		if text, ok2 := strings.CutSuffix(text, ending); ok && ok2 {
			if _, err := time.Parse(stamp, text); err == nil {
				names = append(names, filepath.Join(filepath.Dir(path), e.Name()))
			}
		}
	}
	return names, nil
}
