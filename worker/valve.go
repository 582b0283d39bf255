package worker

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// valve opens and shuts the intake. It is open as long as nobody has a reason to shut it.
type valve struct {
	mu      sync.Mutex
	why     map[string]struct{}
	flow    context.Context // ends when the valve shuts, so that a waiting receive call ends too
	cut     context.CancelFunc
	resumed chan struct{} // closed when it opens
}

func newValve() *valve {
	v := &valve{why: map[string]struct{}{}, resumed: make(chan struct{})}
	v.flow, v.cut = context.WithCancel(context.Background())
	return v
}

func (v *valve) shut(reason string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.why[reason] = struct{}{}
	v.cut()
}

func (v *valve) open(reason string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, was := v.why[reason]; !was {
		return
	}
	delete(v.why, reason)
	if len(v.why) == 0 {
		v.flow, v.cut = context.WithCancel(context.Background())
		close(v.resumed)
		v.resumed = make(chan struct{})
	}
}

// state gives the flow, which has ended when the valve is shut, and what is closed when it opens again.
func (v *valve) state() (flow context.Context, resumed <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.flow, v.resumed
}

func (v *valve) reasons() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.why))
}
