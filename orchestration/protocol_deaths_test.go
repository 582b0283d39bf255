package orchestration_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// beats says that processes live.
func (r *rig) beats(names ...string) {
	r.t.Helper()
	for _, name := range names {
		require.NoError(r.t, redisstore.NewMembers(r.client, r.keys).Announce(r.t.Context(), redisstore.Member{Name: name}, lease))
	}
}

// lives lets processes be heard of for as long as it takes to be believed of others, and half a lease on.
func (r *rig) lives(names ...string) {
	for range 3 {
		r.beats(names...)
		pass(lease / 2)
	}
	r.beats(names...)
}

// dies lets a process die of an event's first look, as it does every time.
func (r *rig) dies(name string, ev orchestration.Event, claims int) {
	r.t.Helper()
	r.lives(name)
	r.engine(name, mortal(newLife(2*claims+1))).Handle(r.t.Context(), ev) // a claim is two boundaries, then the look begins
	pass(lease + window)
}

// H16: the event that ends processes ends as a dead letter, and says so; what it needed for that is four of them.
func TestAnEventThatEndsProcessesEndsAsACrashLoop(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		for i := range 4 {
			r.dies(fmt.Sprint("w", i), ev, 1+i/3) // the fourth is told to be alone, and claims again
		}
		r.lives("w9")
		plan := r.engine("w9").Plan(r.t.Context(), ev)
		require.Equal(r.t, fault.CrashLoop, plan.Outcome.Reason)
		o := r.engine("w9").Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.Rejected, o.Verdict, "%+v", o)
		require.Equal(r.t, fault.CrashLoop, o.Reason)
		require.Equal(r.t, "create-thing", o.Step)
		require.Contains(r.t, o.Detail, "4 processes died while they worked on it")
		require.Zero(r.t, r.target.creates)
		require.Equal(r.t, 1, r.watch.alone, "the fourth ran alone")
	})
}

func TestASuspectRunsWhileNothingElseDoesAndIsCleared(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		suspect := r.event("e1", "42", "ana", "v1", time.Now())
		for i := range 3 {
			r.dies(fmt.Sprint("w", i), suspect, 1)
		}
		r.lives("w9")
		e := r.engine("w9")
		var inside, most atomic.Int64
		slow := make(chan struct{})
		r.target.set(func(op string) error {
			if op == "search" {
				n := inside.Add(1)
				defer inside.Add(-1)
				if n > most.Load() {
					most.Store(n)
				}
				<-time.After(time.Second)
			}
			return nil
		}, nil)
		var wait sync.WaitGroup
		for i := range 4 {
			wait.Go(func() {
				r.settle(e, r.event(fmt.Sprint("before", i), fmt.Sprint("b", i), fmt.Sprint("before ", i), "v1", time.Now()))
			})
		}
		pass(500 * time.Millisecond)
		require.Equal(r.t, int64(4), inside.Load(), "others run")
		wait.Go(func() {
			defer close(slow)
			require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), suspect).Verdict)
		})
		pass(100 * time.Millisecond)
		for i := range 4 {
			wait.Go(func() {
				r.settle(e, r.event(fmt.Sprint("after", i), fmt.Sprint("a", i), fmt.Sprint("after ", i), "v1", time.Now()))
			})
		}
		for finished := false; !finished; {
			select {
			case <-slow:
				finished = true
			case <-time.After(10 * time.Millisecond):
				if r.watch.isAlone() {
					require.LessOrEqual(r.t, inside.Load(), int64(1), "the suspect is not alone")
				}
			}
		}
		wait.Wait()
		require.Equal(r.t, int64(4), most.Load(), "they run together before and after")
		require.Equal(r.t, 9, r.target.creates)
		require.Equal(r.t, 1, r.watch.alone)
	})
}

// A run that does not end must not hold up the others for a suspect's sake: it comes back, and they go on.
func TestASuspectThatCannotBeAloneComesBackLater(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		suspect := r.event("e1", "42", "ana", "v1", time.Now())
		for i := range 3 {
			r.dies(fmt.Sprint("w", i), suspect, 1)
		}
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(lease / 3):
					r.beats("w9")
				}
			}
		}()
		r.lives("w9")
		e := r.engine("w9")
		hold := make(chan struct{})
		var first sync.Once
		r.target.set(func(string) error {
			blocks := false
			first.Do(func() { blocks = true })
			if blocks {
				<-hold
			}
			return nil
		}, nil)
		var wait sync.WaitGroup
		wait.Go(func() { e.Handle(r.t.Context(), r.event("e2", "43", "bob", "v1", time.Now())) })
		pass(time.Millisecond)
		began := time.Now()
		o := e.Handle(r.t.Context(), suspect)
		require.Equal(r.t, orchestration.Postponed, o.Verdict)
		require.Equal(r.t, orchestration.CauseAlone, o.Cause)
		require.LessOrEqual(r.t, time.Since(began), 20*time.Second)
		require.GreaterOrEqual(r.t, o.After, 30*time.Second)
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e3", "44", "eve", "v1", time.Now())).Verdict, "others go on")

		drained, drain := context.WithCancel(r.t.Context())
		time.AfterFunc(time.Second, drain)
		require.Equal(r.t, orchestration.Interrupted, e.Handle(drained, suspect).Verdict)
		close(hold)
		wait.Wait()
		r.settle(e, suspect)
	})
}

// H16: a fleet that is shot at kills every event several times over, and none of them is to blame.
func TestAFleetUnderFireQuarantinesNoHealthyEvent(t *testing.T) {
	t.Parallel()
	events := 400
	if os.Getenv("CHAOS") != "" {
		events = 10_000
	}
	inBubble(t, func(r *rig) {
		r.target.set(func(string) error { <-time.After(time.Second); return nil }, nil)
		f := &front{rig: r, queue: make(chan orchestration.Event, events), done: map[string]bool{}, all: events, over: make(chan struct{})}
		for i := range events {
			f.queue <- r.event(fmt.Sprint("e", i), fmt.Sprint("c", i), fmt.Sprint("key ", i), "v1", time.Now())
		}
		const processes = 4
		fleet := make([]*life, processes)
		for i := range fleet {
			fleet[i] = f.start()
		}
		chance, kills := rand.New(rand.NewPCG(1, 2)), 0
		for under := true; under; {
			select {
			case <-f.over:
				under = false
			case <-time.After(2 * time.Second):
				for _, i := range chance.Perm(processes)[:1] {
					fleet[i].kill()
					fleet[i] = f.start()
					kills++
				}
			}
		}
		for _, l := range fleet {
			l.kill()
		}
		close(f.queue)
		f.wait.Wait()
		require.Len(r.t, r.target.things, events, "one effect each")
		require.Empty(r.t, f.rejected)
		r.t.Logf("%d events, %d processes killed with %d runs in flight; %d runs had a process for themselves", events, kills, f.shot, r.watch.alone)
	})
}

// front is a queue and the processes that take from it.
type front struct {
	*rig
	queue chan orchestration.Event
	wait  sync.WaitGroup
	all   int
	over  chan struct{} // closed when every event is done

	mu       sync.Mutex
	done     map[string]bool
	rejected []string
	started  int
	shot     int
}

const inHand = 12 // of one process

func (f *front) start() *life {
	f.started++
	name, l := fmt.Sprint("w", f.started), newLife(0)
	f.beats(name)
	e := f.engine(name, mortal(l), impatient)
	f.wait.Go(func() {
		for !l.dead() {
			f.beats(name)
			select {
			case <-time.After(lease / 3):
			case <-l.died:
			}
		}
	})
	for range inHand {
		f.wait.Go(func() {
			for {
				select {
				case <-l.died:
					return
				case ev, open := <-f.queue:
					if !open {
						return
					}
					f.handle(e, l, ev)
				}
			}
		})
	}
	return l
}

func (f *front) handle(e *orchestration.Engine, l *life, ev orchestration.Event) {
	o := e.Handle(f.t.Context(), ev)
	f.mu.Lock()
	defer f.mu.Unlock()
	after := lease // the broker's lock
	switch {
	case l.dead():
		f.shot++
	case o.Verdict == orchestration.Completed || o.Verdict == orchestration.Duplicate:
		if f.done[ev.ID] = true; len(f.done) == f.all {
			close(f.over)
		}
		return
	case o.Verdict == orchestration.Rejected:
		f.rejected = append(f.rejected, ev.ID+": "+o.Detail)
		return
	case o.Verdict == orchestration.Postponed:
		ev.Generation, ev.Attempt, after = ev.Generation+1, o.Attempt, o.After
	}
	f.wait.Go(func() {
		select {
		case <-f.over:
		case <-time.After(after):
			f.queue <- ev
		}
	})
}
