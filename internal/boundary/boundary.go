// Package boundary names the places between two effects that a process of the fleet passes, and does something to the process at
// one of them: stop it, end it for real, or lose an answer. Tests and signalbox certify share it, so that what the one counts is
// what the other stops at.
//
// A boundary lies before and after each CSU call, each claim, save and release, each send, each settlement and each delivery to a
// sink, and after each receive that brought something. Renewals are none: they come by the clock.
package boundary

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// ErrDead is what every call of a process gets once it was stopped. It is final, so that what is left of the process does not ask
// again for half a minute.
var ErrDead error = fault.New(fault.Permanent, fault.Bug, "the process was stopped at a boundary")

// Boundaries counts the boundaries that a process passes. At one of them it does something to the process. Safe for concurrent
// use; its fields are set before the process starts.
type Boundaries struct {
	At     int             // which one, counted from 1; 0: nowhere
	AtName string          // or the one of that name; a further one of the same name is "NAME #2"
	Do     func(at string) // called at that boundary, once
	Lose   bool            // besides, the answer of the call that ends there is lost: the caller gets a broken connection

	mu     sync.Mutex
	seen   []string       // the names of those passed
	counts map[string]int // of each name
	done   bool           // Do was called
	dead   bool           // every call fails, as if the process were gone
	ice    chan struct{}  // closed by Thaw; nil: not frozen
	soon   []appointment
}

// Die makes every further call of the process fail.
func (b *Boundaries) Die() {
	b.mu.Lock()
	b.dead = true
	b.mu.Unlock()
	b.Thaw()
}

// Dead says whether every call fails.
func (b *Boundaries) Dead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dead
}

// Reached says whether the process came to its boundary.
func (b *Boundaries) Reached() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done
}

// Passed names the boundaries that were passed, in order.
func (b *Boundaries) Passed() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.seen)
}

// Labels gives every one of the names passed a name of its own: the second of a name is "NAME #2".
func Labels(passed []string) []string {
	counts, out := map[string]int{}, make([]string, 0, len(passed))
	for _, name := range passed {
		counts[name]++
		out = append(out, label(name, counts[name]))
	}
	return out
}

func label(name string, n int) string {
	if n == 1 {
		return name
	}
	return name + " #" + strconv.Itoa(n)
}

// Ends says whether a boundary is the end of a call, whose answer may be lost.
func Ends(at string) bool {
	return strings.HasPrefix(at, "after ") && !strings.HasPrefix(at, "after receive")
}

// cross passes one boundary; lost says that the answer of the call which ends there is to be lost.
func (b *Boundaries) cross(name string) (lost bool, err error) {
	if err := b.lives(); err != nil {
		return false, err
	}
	b.mu.Lock()
	if b.counts == nil {
		b.counts = map[string]int{}
	}
	b.seen = append(b.seen, name)
	b.counts[name]++
	here := !b.done && (len(b.seen) == b.At || b.AtName != "" && b.AtName == label(name, b.counts[name]))
	b.done = b.done || here
	now := b.due()
	b.mu.Unlock()
	for _, a := range now {
		a.do()
	}
	if here && b.Do != nil {
		b.Do(name)
	}
	if err := b.lives(); err != nil {
		return false, err
	}
	return here && b.Lose, nil
}

// around makes a call between two boundaries. After a death its answer is lost, as it is when the boundary says so: then the
// caller gets broken.
func around[T any](b *Boundaries, name string, broken error, call func() (T, error)) (T, error) {
	var zero T
	if _, err := b.cross("before " + name); err != nil {
		return zero, err
	}
	v, err := call()
	after := "after "
	if err != nil { // on a busy machine a call may run out of time, and what is looked for is the one with an effect
		after = "after failed "
	}
	lost, dead := b.cross(after + name)
	switch {
	case dead != nil:
		return zero, dead
	case lost:
		return zero, broken
	}
	return v, err
}

// do is around for a call that only fails or not.
func do(b *Boundaries, name string, broken error, call func() error) error {
	_, err := around(b, name, broken, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// Parts puts the boundaries into a process, around whatever wraps its calls already.
func (b *Boundaries) Parts(p app.Parts) app.Parts {
	return b.web(b.store(b.broker(b.sinks(p))))
}
