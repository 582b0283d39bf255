package csuclient

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/signalbox/signalbox/orchestration/fault"
)

const (
	tableLife  = time.Hour   // after that a table is read again
	tableFresh = time.Minute // or after that, for who does not find something in it
	tablePause = time.Minute // after a reading that failed
	tableRead  = time.Minute // for all the pages of one
)

// table keeps lists that a person in headquarters changes now and then. One reading of a list at a time; when one that is over
// cannot be read again, it goes on being good.
type table[T any] struct {
	life    context.Context // ends with the client
	flights singleflight.Group

	mu   sync.Mutex
	kept map[string]kept[T]
}

func newTable[T any](life context.Context) *table[T] {
	return &table[T]{life: life, kept: map[string]kept[T]{}}
}

type kept[T any] struct {
	rows []T
	read time.Time // zero: never yet
	next time.Time // not read again before
}

func (k kept[T]) good(fresh bool) bool {
	now, life := time.Now(), tableLife
	if fresh {
		life = tableFresh
	}
	return !k.read.IsZero() && (now.Before(k.read.Add(life)) || now.Before(k.next))
}

// get gives a list, reading it if need be: sooner for who wants it fresh. A list that the CSU has always refused to give is an
// empty one.
func (t *table[T]) get(ctx context.Context, op operation, name string, fresh bool, read func(context.Context) ([]T, error)) ([]T, error) {
	t.mu.Lock()
	k := t.kept[name]
	t.kept[name] = k // for settle
	t.mu.Unlock()
	if k.good(fresh) {
		return k.rows, nil
	}
	lane := callFrom(ctx).Lane
	result := t.flights.DoChan(name, func() (any, error) {
		// It ends neither with the caller nor with its claim: others may wait for it.
		all, cancel := context.WithTimeout(WithCall(t.life, Call{Lane: lane}), tableRead)
		defer cancel()
		return t.refresh(name, func() ([]T, error) { return read(all) })
	})
	select {
	case r := <-result:
		rows, _ := r.Val.([]T)
		return rows, r.Err
	case <-ctx.Done():
		return nil, op.cancelled(ctx)
	}
}

func (t *table[T]) refresh(name string, read func() ([]T, error)) ([]T, error) {
	rows, err := read()
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.kept[name]
	if err != nil && refused(err) && len(k.rows) == 0 {
		rows, err = nil, nil
	}
	switch {
	case err == nil:
		k = kept[T]{rows: rows, read: time.Now()}
	case k.read.IsZero():
		return nil, err
	default:
		k.next = time.Now().Add(tablePause)
	}
	t.kept[name] = k
	return k.rows, nil
}

// refused says that asking again will not help: the operation is not there, or not for us.
func refused(err error) bool {
	f := fault.As(err)
	return f.Kind == fault.Permanent || f.Kind == fault.Blocked && f.Status == http.StatusForbidden
}

// settle waits for readings under way: one that is asked for now joins it, or does nothing.
func (t *table[T]) settle() {
	t.mu.Lock()
	names := slices.Collect(maps.Keys(t.kept))
	t.mu.Unlock()
	for _, name := range names {
		<-t.flights.DoChan(name, func() (any, error) { return nil, nil })
	}
}

// pages reads a whole collection: a server's own limit may cut a page short, so only an empty one is the last, or one that begins
// anew because the server knows no $skip.
func pages[T comparable](read func(skip int) ([]T, error)) ([]T, error) {
	return pagesBy(func(a, b T) bool { return a == b }, read)
}

// pagesBy does so for rows that cannot be compared as they are.
func pagesBy[T any](same func(a, b T) bool, read func(skip int) ([]T, error)) ([]T, error) {
	const most = 100
	var all []T
	for range most {
		page, err := read(len(all))
		if err != nil || len(page) == 0 || len(all) > 0 && same(page[0], all[0]) {
			return all, err
		}
		all = append(all, page...)
	}
	return all, nil
}
