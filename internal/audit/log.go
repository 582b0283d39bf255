package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/internal/keyhash"
)

// ErrDiverged says that the file and Redis hold different entries of one number: one of them is another fleet's, or was changed.
var ErrDiverged = errors.New("the audit's file and Redis do not belong together")

// errBusy says that others kept writing first.
var errBusy = errors.New("the audit is being written by too many at once")

// Store keeps the last entries for the fleet.
type Store interface {
	// Read gives what is kept, in order, and which is said to be the last; nil of a store that has none.
	Read(ctx context.Context) ([]Entry, *Head, error)
	// Head gives the last entry's name alone; nil if there is none.
	Head(ctx context.Context) (*Head, error)
	// Append adds an entry behind what was read last. false: another one came first, and nothing was written. Made again with the
	// same entry it answers the same.
	Append(ctx context.Context, behind *Head, e Entry) (bool, error)
}

// Log writes entries. Every field but Path is needed.
type Log struct {
	Store  Store
	Hasher *keyhash.Hasher
	By     string
	Host   string
	Path   string // of the file; empty: none
}

// tries is how often another's entry may come first.
const tries = 20

// Write puts an entry at the end of the chain. Only with a nil error may what it speaks of be done.
func (l *Log) Write(ctx context.Context, e Entry) (Entry, error) {
	e.At, e.By, e.Host = time.Now().UTC(), l.By, l.Host
	if e.CorrelationID == "" {
		e.CorrelationID = uuid.NewString()
	}
	var disk *file
	if l.Path != "" {
		var err error
		if disk, err = openFile(l.Path, os.O_RDWR|os.O_CREATE); err != nil {
			return e, err
		}
		defer disk.close()
	}
	for range tries {
		written, ok, err := l.write(ctx, disk, e)
		if ok || err != nil {
			return written, err
		}
	}
	return e, errBusy
}

// write tries once; false if another one came first.
func (l *Log) write(ctx context.Context, disk *file, e Entry) (Entry, bool, error) {
	if disk == nil {
		head, err := l.Store.Head(ctx)
		if err != nil {
			return e, false, err
		}
		var last Entry
		if head != nil { // it counts, even if the entry itself was taken away: the gap shows
			last = Entry{Number: head.Number, Hash: head.Hash}
		}
		e = seal(l.Hasher, last, e)
		ok, err := l.Store.Append(ctx, head, e)
		return e, ok, err
	}
	kept, head, err := l.Store.Read(ctx)
	if err != nil {
		return e, false, err
	}
	toDisk, toStore, err := missing(disk.entries, kept)
	if err != nil {
		return e, false, err
	}
	if err := disk.append(toDisk); err != nil {
		return e, false, err
	}
	for _, old := range toStore { // it was lost there
		if ok, err := l.Store.Append(ctx, head, old); !ok || err != nil {
			return e, false, err
		}
		head = &Head{old.Number, old.Hash}
	}
	e = seal(l.Hasher, disk.last(), e)
	if ok, err := l.Store.Append(ctx, head, e); !ok || err != nil {
		return e, false, err
	}
	return e, true, disk.append([]Entry{e})
}

// missing says what either side lacks at its end of what the other has.
func missing(disk, store []Entry) (toDisk, toStore []Entry, err error) {
	end := func(list []Entry) (n int64) {
		for _, e := range list {
			n = max(n, e.Number)
		}
		return n
	}
	behind := func(list []Entry, n int64) (rest []Entry) {
		for _, e := range list {
			if e.Number > n {
				rest = append(rest, e)
			}
		}
		return rest
	}
	for _, e := range disk {
		i := slices.IndexFunc(store, func(o Entry) bool { return o.Number == e.Number })
		if i >= 0 && store[i].Hash != e.Hash {
			return nil, nil, fmt.Errorf("%w: entry %d", ErrDiverged, e.Number)
		}
	}
	toDisk = behind(store, end(disk))
	if len(store) > 0 || len(disk) == 0 {
		return toDisk, behind(disk, end(store)), nil
	}
	return nil, disk[max(0, len(disk)-Kept):], nil
}

// Kept is how many entries a Store keeps.
const Kept = 1000

// Copies reads the chain where it lies, changing nothing.
func (l *Log) Copies(ctx context.Context) ([]Copy, error) {
	kept, head, err := l.Store.Read(ctx)
	if err != nil {
		return nil, err
	}
	copies := []Copy{{Where: "redis", Entries: kept, Head: head, Begins: len(kept) < Kept}}
	if l.Path == "" {
		return copies, nil
	}
	disk, err := openFile(l.Path, os.O_RDONLY)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return append(copies, Copy{Where: l.Path, Begins: true}), nil
	case err != nil:
		return nil, err
	}
	return append(copies, Copy{Where: l.Path, Entries: disk.entries, Torn: disk.torn, Begins: true}), disk.close()
}
