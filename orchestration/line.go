package orchestration

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// lines keeps runs of one process that want the same run, entity or natural key behind each other, in memory, so that
// a burst for one customer costs one claim each instead of a reschedule each. Of waiting states the newest goes first:
// the others then find themselves superseded with a single claim.
type lines struct {
	mu      sync.Mutex
	taken   map[string]bool
	waiting []*place
}

type place struct {
	names   []string
	version string // State: newest first; empty: first come, first served
	ready   chan struct{}
}

func newLines() *lines { return &lines{taken: map[string]bool{}} }

// join waits until all names are free and takes them, all or none, for no longer than patience, which ends in errLineTooLong. leave
// gives them back.
func (l *lines) join(ctx context.Context, names []string, version string, patience time.Duration) (leave func(), err error) {
	l.mu.Lock()
	if l.free(names) && !l.wanted(names) {
		l.take(names)
		l.mu.Unlock()
		return func() { l.leave(names) }, nil
	}
	p := &place{names: names, version: version, ready: make(chan struct{})}
	l.waiting = append(l.waiting, p)
	l.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errLineTooLong)
	defer cancel()
	select {
	case <-p.ready:
		return func() { l.leave(names) }, nil
	case <-ctx.Done():
		return nil, l.giveUp(ctx, p)
	}
}

func (l *lines) giveUp(ctx context.Context, p *place) error {
	l.mu.Lock()
	i := slices.Index(l.waiting, p)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		l.letIn() // others may have queued behind this one for a name that is free
	}
	l.mu.Unlock()
	if i < 0 { // was let in at the same moment
		l.leave(p.names)
	}
	return context.Cause(ctx)
}

func (l *lines) leave(names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range names {
		delete(l.taken, n)
	}
	l.letIn()
}

// letIn lets in every waiting place whose names are free, the newest state first.
func (l *lines) letIn() {
	order := slices.Clone(l.waiting)
	slices.SortStableFunc(order, func(a, b *place) int { return strings.Compare(b.version, a.version) })
	for _, p := range order {
		if l.free(p.names) {
			l.take(p.names)
			l.waiting = slices.DeleteFunc(l.waiting, func(w *place) bool { return w == p })
			close(p.ready)
		}
	}
}

func (l *lines) free(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return l.taken[n] })
}

// wanted says whether somebody already waits for one of the names; newcomers do not overtake.
func (l *lines) wanted(names []string) bool {
	return slices.ContainsFunc(l.waiting, func(p *place) bool {
		return slices.ContainsFunc(p.names, func(n string) bool { return slices.Contains(names, n) })
	})
}

func (l *lines) take(names []string) {
	for _, n := range names {
		l.taken[n] = true
	}
}
