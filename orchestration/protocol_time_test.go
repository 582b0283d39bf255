package orchestration_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestACreateThatIsCarriedOutLongAfterWeGaveUpIsNotRepeated(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.late = window - lag - time.Second // far past the lease
		use := func(o *orchestration.Options) {
			o.Scenarios = []orchestration.Scenario{givingUp(things(r.target), 2*time.Second)}
		}
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		o := r.engine("w1", use).Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.Postponed, o.Verdict)
		require.Equal(r.t, orchestration.CauseTaint, o.Cause)
		require.Equal(r.t, 1, o.Attempt)

		other := r.event("e2", "77", "ana", "v2", time.Now()) // another system's, at once and before it
		other.Source = "crm"
		r.settle(r.engine("w2", use), other)
		ev.Generation++
		r.settle(r.engine("w3", use), ev)
		pass(window)
		require.Equal(r.t, r.target.only(r.t).id, r.bound("shop", "42"))
		require.Equal(r.t, r.target.only(r.t).id, r.bound("crm", "77"))
	})
}

// givingUp gives the first step's act a timeout.
func givingUp(p orchestration.Pipeline[changed, learned], after time.Duration) orchestration.Pipeline[changed, learned] {
	act := p.Steps[0].Act
	p.Steps[0].Act = func(ctx context.Context, r *run) error {
		ctx, done := context.WithTimeout(ctx, after)
		defer done()
		return act(ctx, r)
	}
	return p
}

// frozen is a process that can be stopped as by SIGSTOP: from then on none of its calls to the store goes out.
type frozen struct {
	orchestration.Store
	mu   sync.Mutex
	thaw chan struct{}
}

func (f *frozen) freeze() (thaw func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.thaw = make(chan struct{})
	return func() { close(f.thaw) }
}

func (f *frozen) wait() {
	f.mu.Lock()
	thaw := f.thaw
	f.mu.Unlock()
	if thaw != nil {
		<-thaw
	}
}

func (f *frozen) Extend(ctx context.Context, q orchestration.Request) error {
	f.wait()
	return f.Store.Extend(ctx, q)
}

func (f *frozen) Save(ctx context.Context, q orchestration.Request, p orchestration.Progress) error {
	f.wait()
	return f.Store.Save(ctx, q, p)
}

// frozenAt runs an event in a process that freezes at one of its calls, lets others do something meanwhile, and thaws it.
func (r *rig) frozenAt(ev orchestration.Event, hook func(freeze func(op string)), meanwhile func()) orchestration.Outcome {
	f := &frozen{Store: r.store()}
	w1 := r.engine("w1", func(o *orchestration.Options) { o.Store = f })
	stopped, goOn := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	var thaw func()
	hook(func(string) {
		if first.CompareAndSwap(false, true) {
			thaw = f.freeze()
			close(stopped)
			<-goOn
		}
	})
	var out orchestration.Outcome
	var wait sync.WaitGroup
	wait.Go(func() { out = w1.Handle(r.t.Context(), ev) })
	<-stopped
	meanwhile()
	thaw()
	close(goOn)
	wait.Wait()
	return out
}

// Frozen before the last look at the lease.
func TestAFrozenProcessThatThawsAfterATakeoverWritesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		o := r.frozenAt(ev, func(freeze func(string)) {
			r.target.set(func(op string) error {
				if op == "create" {
					freeze(op)
				}
				return nil
			}, nil)
		}, func() { r.settle(r.engine("w2"), ev) })
		require.Equal(r.t, orchestration.Lost, o.Verdict)
		require.Equal(r.t, r.target.only(r.t).id, r.bound("shop", "42"))
		require.Equal(r.t, 1, r.target.creates)
		require.Empty(r.t, r.watch.reported)
	})
}

// Frozen between the last look at the lease and the write. Nothing can stop this write; it is found and reported.
func TestAWriteThatSlipsThroughAThawIsReportedAndTheOtherOneIsBoundOnce(t *testing.T) {
	t.Parallel()
	slip := func(r *rig, op string) func(freeze func(string)) {
		return func(freeze func(string)) {
			r.target.slip = func(now string) {
				if now == op {
					freeze(now)
				}
			}
		}
	}
	t.Run("a create makes a second thing", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(r *rig) {
			ev, bound := r.event("e1", "42", "ana", "v1", time.Now()), ""
			o := r.frozenAt(ev, slip(r, "create"), func() {
				r.settle(r.engine("w2"), ev)
				bound = r.bound("shop", "42")
			})
			require.Equal(r.t, orchestration.Lost, o.Verdict)
			require.Equal(r.t, 2, r.target.creates)
			require.Equal(r.t, bound, r.bound("shop", "42"), "bound once, and for good")
			require.Len(r.t, r.watch.reported, 1)
			require.Contains(r.t, r.watch.reported[0], "000002")
			r.settle(r.engine("w2"), r.event("e2", "42", "ana", "v2", time.Now()))
			require.Equal(r.t, 2, r.target.creates)
		})
	})
	t.Run("an update overwrites a newer state", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(r *rig) {
			w2 := r.engine("w2")
			r.settle(w2, r.event("e0", "42", "ana", "v0", time.Now()))
			pass(window)
			ev := r.event("e1", "42", "ana", "v1", time.Now())
			o := r.frozenAt(ev, slip(r, "update"), func() {
				r.settle(w2, r.event("e2", "42", "ana", "v2", time.Now().Add(time.Second)))
			})
			require.Equal(r.t, orchestration.Lost, o.Verdict)
			require.Len(r.t, r.watch.reported, 1)
			require.Contains(r.t, r.watch.reported[0], "newer")
		})
	})
	t.Run("an update that writes what is there does no harm", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(r *rig) {
			w2 := r.engine("w2")
			r.settle(w2, r.event("e0", "42", "ana", "v0", time.Now()))
			pass(window)
			ev := r.event("e1", "42", "ana", "v1", time.Now())
			r.frozenAt(ev, slip(r, "update"), func() { r.settle(w2, ev) })
			require.Equal(r.t, "v1", r.target.only(r.t).value)
			require.Empty(r.t, r.watch.reported)
		})
	})
	t.Run("a create that nobody repeated is found and bound", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(r *rig) {
			ev := r.event("e1", "42", "ana", "v1", time.Now())
			o := r.frozenAt(ev, slip(r, "create"), func() {
				pass(2 * lease)
				later := r.event("e2", "42", "ana", "v2", time.Now()) // takes the entity over, and waits for the taint
				require.Equal(r.t, orchestration.CauseTaint, r.engine("w2").Handle(r.t.Context(), later).Cause)
			})
			require.Equal(r.t, orchestration.Lost, o.Verdict)
			require.Empty(r.t, r.watch.reported)
			r.settle(r.engine("w2"), ev)
			require.Equal(r.t, r.target.only(r.t).id, r.bound("shop", "42"))
		})
	})
	t.Run("while a copy of a higher generation has it, its end is awaited", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(r *rig) {
			ev := r.event("e1", "42", "ana", "v1", time.Now())
			copied := ev
			copied.Generation = 2
			var wait sync.WaitGroup
			o := r.frozenAt(ev, slip(r, "create"), func() {
				pass(lease + time.Second)
				w2 := r.engine("w2")
				wait.Go(func() { require.Equal(r.t, orchestration.Completed, r.untilSettled(w2, copied).Verdict) })
				synctest.Wait() // it has claimed, and looks in vain so far
			})
			wait.Wait()
			require.Equal(r.t, orchestration.Lost, o.Verdict)
			require.Equal(r.t, r.target.only(r.t).id, r.bound("shop", "42"))
			require.Empty(r.t, r.watch.reported, "the copy found what was made: nothing slipped through")
		})
	})
}

// A run that found out something while its claim passed on settles nothing with it.
func TestARejectionUnderAClaimThatHasPassedOnSettlesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		store := &stolen{Store: r.store()}
		r.target.set(func(string) error { return fault.New(fault.Permanent, "", "no such customer group") }, nil)
		e := r.engine("w1", func(o *orchestration.Options) { o.Store = store })
		o := e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, orchestration.Lost, o.Verdict)
	})
}

// stolen is a store in which somebody else has the claim when it is given back.
type stolen struct{ orchestration.Store }

func (stolen) Release(context.Context, orchestration.Request, orchestration.Released) error {
	return orchestration.ErrNotOurs
}

func TestAKilledWorkerLeavesATraceByItsLeaseAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.lag = 10 * time.Second // longer than the lease
		l := newLife(6)                 // claim, search, and the create is on its way
		dead := r.event("e1", "42", "ana", "v1", time.Now())
		r.engine("w1", mortal(l)).Handle(r.t.Context(), dead)
		require.Equal(r.t, 1, r.target.creates)
		pass(lease)
		r.settle(r.engine("w2"), dead)
		require.Equal(r.t, r.target.only(r.t).id, r.bound("shop", "42"))
	})
}

// An ambiguous answer closes the keys however the go ends.
func TestAWriteInDoubtClosesTheKeysWhateverTheNextLookSays(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]error{
		"refused for good": fault.New(fault.Permanent, "", "400"),
		"locked out":       fault.New(fault.Blocked, "", "401"),
		"throttled":        &fault.Error{Kind: fault.Throttled, Wait: time.Minute},
		"a dependency":     fault.New(fault.Dependency, "", "not bound yet"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				r.target.late = 4 * time.Second // carried out after the answer was lost
				wrote := false
				r.target.set(func(op string) error {
					if wrote {
						return next
					}
					wrote = op == "create"
					return nil
				}, nil)
				e := r.engine("w1", func(o *orchestration.Options) {
					o.Scenarios = []orchestration.Scenario{givingUp(things(r.target), time.Second)}
				})
				o := e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now()))
				require.NotEqual(r.t, orchestration.Completed, o.Verdict)
				r.target.set(nil, nil)
				other := r.event("e2", "77", "ana", "v2", time.Now())
				other.Source = "crm"
				r.settle(r.engine("w2"), other)
				pass(window)
				r.target.only(r.t)
			})
		})
	}
}

// The lease counts from before the claim was sent.
func TestALeaseCountsFromBeforeASlowClaim(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		slow := &slowClaim{Store: r.store(), by: lease - time.Second}
		var guard func() error
		e := r.engine("w1", func(o *orchestration.Options) {
			o.Store = slow
			o.Enter = func(ctx context.Context, c orchestration.Call) context.Context {
				guard = c.StillOurs
				return enter(nil)(ctx, c)
			}
		})
		r.target.set(func(op string) error {
			if op == "search" {
				require.NoError(r.t, guard())
				pass(time.Second - time.Millisecond)
				require.NoError(r.t, guard())
				pass(2 * time.Millisecond)
				require.ErrorIs(r.t, guard(), orchestration.ErrLeaseLost)
			}
			return nil
		}, nil)
		require.Equal(r.t, orchestration.Lost, e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now())).Verdict)
		require.Zero(r.t, r.target.creates)
	})
}

// slowClaim answers a claim late, and renews nothing.
type slowClaim struct {
	orchestration.Store
	by time.Duration
}

func (s *slowClaim) Claim(ctx context.Context, q orchestration.Request) (orchestration.Grant, error) {
	g, err := s.Store.Claim(ctx, q)
	pass(s.by)
	return g, err
}

func (s *slowClaim) Extend(context.Context, orchestration.Request) error { return errDead }

func TestWhatARunTellsIsNotSentOnceItsClaimMayHavePassedOn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", withListing(r), func(o *orchestration.Options) { o.Store = &slowClaim{Store: r.store(), by: lease - time.Second} })
		tries, over := 0, time.Now().Add(lease)
		r.outbox.fail = func() error {
			if tries++; tries > 1 {
				return nil
			}
			require.Equal(r.t, over, r.outbox.until, "a try does not outlive the claim either")
			pass(2 * time.Second)
			return errDead
		}
		require.Equal(r.t, orchestration.Lost, e.Handle(r.t.Context(), r.listed("L1", 3)).Verdict)
		require.Empty(r.t, r.outbox.sent, "whoever took over may have told newer things")
	})
}
