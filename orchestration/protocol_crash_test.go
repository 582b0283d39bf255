package orchestration_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
)

// The crash walk: a process dies at every boundary between two calls, before, during and after each, and another one
// takes over. Afterwards there is exactly one thing, bound, told of, with the last state, and nothing stays closed.

// ending is what happens after the death, until the dead one's event is settled.
type ending struct {
	follow func(r *rig, e *orchestration.Engine, dead orchestration.Event)
	last   []string        // values that may be the last
	only   func(fate) bool // nil: for every fate
}

func (e ending) fits(f fate) bool { return e.only == nil || e.only(f) }

// hardest: what was sent lands as late as it may, and shows as late as it may.
func hardest(f fate) bool { return f.lag > 0 && f.late > 0 }

var endings = map[string]ending{
	"its message comes again": {func(r *rig, e *orchestration.Engine, dead orchestration.Event) {
		r.settle(e, dead)
	}, []string{"v1"}, nil},
	"a newer state comes first": {func(r *rig, e *orchestration.Engine, dead orchestration.Event) {
		r.settle(e, r.event("e2", "42", "ana", "v2", dead.Time.Add(time.Second)))
		r.settle(e, dead)
	}, []string{"v2"}, hardest},
	"a newer state that is what was there before comes first": {func(r *rig, e *orchestration.Engine, dead orchestration.Event) {
		r.settle(e, r.event("e2", "42", "ana", "v0", dead.Time.Add(time.Second)))
		r.settle(e, dead)
	}, []string{"v0"}, func(f fate) bool { return f.update && f.late > 0 }},
	"another system's event for the same thing comes first": {func(r *rig, e *orchestration.Engine, dead orchestration.Event) {
		other := r.event("e2", "77", "ana", "v2", dead.Time.Add(time.Second))
		other.Source = "crm"
		r.settle(e, other)
		r.settle(e, dead)
		require.Equal(r.t, r.target.only(r.t).id, r.bound("crm", "77"))
	}, []string{"v1", "v2"}, hardest}, // between systems the last one handled wins
	"its message and a newer state come at once, to two processes": {func(r *rig, e *orchestration.Engine, dead orchestration.Event) {
		newer := r.event("e2", "42", "ana", "v2", dead.Time.Add(time.Second))
		other := r.engine("w3", impatient)
		var both sync.WaitGroup
		both.Go(func() { r.settle(other, newer) })
		r.settle(e, dead)
		both.Wait()
	}, []string{"v2"}, func(f fate) bool { return f.late > 0 }},
}

// settle redelivers until the event is settled for good.
func (r *rig) settle(e *orchestration.Engine, ev orchestration.Event) {
	r.t.Helper()
	o := r.untilSettled(e, ev)
	require.Contains(r.t, []orchestration.Verdict{orchestration.Completed, orchestration.Duplicate, orchestration.Superseded}, o.Verdict, "%+v", o)
}

// impatient rather postpones than waits: fewer questions to the store, for a test that plays hundreds of lives.
func impatient(o *orchestration.Options) {
	o.WaitInRun, o.RetryFor, o.Renew = 50*time.Millisecond, time.Second, lease-time.Second
}

// fate is one cell of the matrix.
type fate struct {
	update    bool // the thing is there and bound; else it is new
	lag, late time.Duration
	dieAt     int
}

// play lets a process die as fate says; it gives the number of boundaries when it does not die.
func (r *rig) play(f fate, end ending) (boundaries int) {
	r.target.lag = f.lag
	w2 := r.engine("w2", impatient)
	if f.update {
		r.settle(w2, r.event("e0", "42", "ana", "v0", time.Now().Add(-time.Minute)))
		pass(window)
	}
	r.target.late = f.late
	l := newLife(f.dieAt)
	dead := r.event("e1", "42", "ana", "v1", time.Now())
	w1 := r.engine("w1", impatient, mortal(l))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w1.Handle(r.t.Context(), dead)
	}()
	select {
	case <-l.died: // its remains stop by themselves, without any effect
	case <-ended:
	}
	end.follow(r, w2, dead)
	<-ended
	pass(window + lease)

	require.Contains(r.t, end.last, r.target.only(r.t).value)
	require.Equal(r.t, r.target.only(r.t).id, r.bound("shop", "42"))
	require.LessOrEqual(r.t, len(r.outbox.ids()), 3, "sent again, it is the same event")
	r.target.late = 0
	began := time.Now()
	r.settle(w2, r.event("e9", "42", "ana", "v9", time.Now()))
	require.Equal(r.t, "v9", r.target.only(r.t).value)
	require.Zero(r.t, time.Since(began), "nothing stays closed")
	return l.calls
}

func TestAProcessMayDieBetweenAnyTwoCalls(t *testing.T) {
	t.Parallel()
	for _, update := range []bool{false, true} {
		for _, lag := range []time.Duration{0, lease + 2*time.Second} {
			for _, late := range []time.Duration{0, window - lag - time.Second} {
				f := fate{update: update, lag: lag, late: late}
				name := map[bool]string{false: "create", true: "update"}[update]
				t.Run(fmt.Sprintf("%s, search lags %s, writes land after %s", name, lag, late), func(t *testing.T) {
					t.Parallel()
					for name, end := range endings {
						if !end.fits(f) {
							continue
						}
						t.Run(name, func(t *testing.T) {
							boundaries := 0
							inBubble(t, func(r *rig) { boundaries = r.play(f, end) })
							require.Greater(t, boundaries, 6)
							for k := 1; k <= boundaries; k++ {
								f.dieAt = k
								t.Run(fmt.Sprintf("at %d of %d", k, boundaries), func(t *testing.T) {
									inBubble(t, func(r *rig) { r.play(f, end) })
								})
							}
						})
					}
				})
			}
		}
	}
}
