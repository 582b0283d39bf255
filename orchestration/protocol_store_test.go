package orchestration_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// H5 a: a wipe at every boundary of a run, with a duplicate that reaches another process at once.
func TestAWipeAtAnyMomentDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{0, window - lag - time.Second} {
		for k := 1; k <= 12; k++ {
			inBubble(t, func(r *rig) {
				r.target.late = late
				ev := r.event("e1", "42", "ana", "v1", time.Now())
				l := newLife(k)
				var wait sync.WaitGroup
				w1, w2 := r.engine("w1", counted(l)), r.engine("w2", impatient)
				wait.Go(func() { w1.Handle(r.t.Context(), ev) })
				select {
				case <-l.died:
				case <-time.After(window):
				}
				r.redis.FlushAll()
				r.settle(w2, ev)
				wait.Wait()
				r.settle(w2, ev)
				pass(window)
				require.Equal(r.t, r.target.only(r.t).id, r.bound("shop", "42"), "wiped at boundary %d", k)
				require.Empty(r.t, r.watch.reported)
			})
		}
	}
}

// counted counts a living process's boundaries: it says when one is reached, and nothing dies.
func counted(l *life) func(*orchestration.Options) {
	l.survives = true
	return mortal(l)
}

// H5 a: a state that was overtaken and waited is the one thing that a wipe can bring back; nothing doubles.
func TestAfterAWipeActingIsClosedForAWhileAndLooksGoOn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1")
		r.settle(e, r.event("e1", "42", "ana", "v1", time.Now()))
		pass(lag)
		r.redis.FlushAll()
		began := time.Now()
		o := e.Handle(r.t.Context(), r.event("e2", "43", "bob", "v1", time.Now()))
		require.Equal(r.t, orchestration.CauseTaint, o.Cause)
		require.Equal(r.t, 1, r.target.creates)
		r.settle(e, r.event("e3", "44", "bob", "v1", time.Now()))
		require.GreaterOrEqual(r.t, time.Since(began), window+lease)
	})
}

// once is a fact whose act has no look: it is made at most once.
func once(r *rig) func(*orchestration.Options) {
	p := facts(r.target)
	p.Steps[0].Look, p.Steps[0].Sure, p.Steps[0].Note = nil, orchestration.AtMostOnce, nil
	return func(o *orchestration.Options) { o.Scenarios = append(o.Scenarios, p) }
}

// H5 b, H3: what has no look goes to a person as soon as it is in doubt, and stays there until a person replays it.
func TestAnActWithoutALookIsNeverRepeatedByItself(t *testing.T) {
	t.Parallel()
	ambiguous := func(context.Context, string) error { return fault.New(fault.Ambiguous, "", "timeout") }
	inDoubt := func(r *rig, ev orchestration.Event) {
		r.t.Helper()
		r.target.set(nil, nil)
		o := r.untilSettled(r.engine("w9", once(r)), ev)
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		require.Equal(r.t, fault.OutcomeUnknown, o.Reason)
		require.LessOrEqual(r.t, r.target.puts, 1)
	}
	for name, story := range map[string]func(r *rig, ev orchestration.Event) (replayed orchestration.Event){
		"after a lost answer": func(r *rig, ev orchestration.Event) orchestration.Event {
			r.target.set(nil, ambiguous)
			require.Equal(r.t, fault.OutcomeUnknown, r.engine("w1", once(r)).Handle(r.t.Context(), ev).Reason)
			inDoubt(r, ev)
			return ev
		},
		"after a lost answer, with a window that is over within the run": func(r *rig, ev orchestration.Event) orchestration.Event {
			r.window = time.Second
			r.target.set(nil, ambiguous)
			require.Equal(r.t, fault.OutcomeUnknown, r.engine("w1", once(r)).Handle(r.t.Context(), ev).Reason)
			inDoubt(r, ev)
			return ev
		},
		"after a drain in the act, long after the window": func(r *rig, ev orchestration.Event) orchestration.Event {
			ctx, drain := context.WithCancel(r.t.Context())
			r.target.set(nil, func(ctx context.Context, _ string) error { drain(); return ctx.Err() })
			require.Equal(r.t, orchestration.Interrupted, r.engine("w1", once(r)).Handle(ctx, ev).Verdict)
			pass(time.Hour)
			inDoubt(r, ev)
			return ev
		},
		"after a drain in the act, when another event has tidied the entity up": func(r *rig, ev orchestration.Event) orchestration.Event {
			ctx, drain := context.WithCancel(r.t.Context())
			r.target.set(nil, func(ctx context.Context, _ string) error { drain(); return ctx.Err() })
			require.Equal(r.t, orchestration.Interrupted, r.engine("w1", once(r)).Handle(ctx, ev).Verdict)
			pass(time.Hour)
			r.target.set(nil, nil)
			other := r.fact("e2", "1001", "captured", "2", time.Now())
			require.Equal(r.t, orchestration.Completed, r.engine("w2", once(r)).Handle(r.t.Context(), other).Verdict)
			r.target.puts = 1
			inDoubt(r, ev)
			return ev
		},
		"after a death in the act, long after the window": func(r *rig, ev orchestration.Event) orchestration.Event {
			r.engine("w1", once(r), mortal(newLife(4))).Handle(r.t.Context(), ev)
			require.Equal(r.t, 1, r.target.puts)
			pass(time.Hour)
			inDoubt(r, ev)
			return ev
		},
		"after a wipe": func(r *rig, ev orchestration.Event) orchestration.Event {
			pass(time.Second)
			r.redis.FlushAll()
			inDoubt(r, ev)
			return ev
		},
		"after a wipe, when the claim's answer is lost": func(r *rig, ev orchestration.Event) orchestration.Event {
			pass(time.Second)
			r.redis.FlushAll()
			r.client.AddHook(&lossy{nth: 1})
			inDoubt(r, ev)
			return ev
		},
		"after a wipe, when something else came between": func(r *rig, ev orchestration.Event) orchestration.Event {
			pass(time.Second)
			r.redis.FlushAll()
			ctx, drain := context.WithCancel(r.t.Context())
			drain()
			r.engine("w1", once(r)).Handle(ctx, ev)
			_, err := r.store().Claim(r.t.Context(), orchestration.Request{ClaimID: "x", Event: ev, CSU: "default"})
			require.NoError(r.t, err)
			inDoubt(r, ev)
			return ev
		},
		"although the source publishes it once more": func(r *rig, ev orchestration.Event) orchestration.Event {
			r.target.set(nil, ambiguous)
			require.Equal(r.t, fault.OutcomeUnknown, r.engine("w1", once(r)).Handle(r.t.Context(), ev).Reason)
			inDoubt(r, ev)
			pass(time.Hour)
			ev.Origin.Sequence = 99
			inDoubt(r, ev)
			return ev
		},
		"although it died before the dead letter was there": func(r *rig, ev orchestration.Event) orchestration.Event {
			r.target.set(nil, ambiguous)
			require.Equal(r.t, fault.OutcomeUnknown, r.engine("w1", once(r)).Handle(r.t.Context(), ev).Reason)
			inDoubt(r, ev)
			pass(time.Hour)
			inDoubt(r, ev)
			return ev
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				ev := r.fact("e1", "1001", "captured", "1", time.Now())
				ev = story(r, ev)
				pass(time.Hour)
				ev.Generation += 100
				inDoubt(r, ev) // a copy that was left over
				ev.Replay = "job-1"
				ev.Generation++
				before := r.target.puts
				require.Equal(r.t, orchestration.Completed, r.untilSettled(r.engine("w9", once(r)), ev).Verdict, "a person has replayed it")
				require.Equal(r.t, before+1, r.target.puts)
			})
		})
	}
}

// lossy runs the nth command, and loses its answer.
type lossy struct {
	mu       sync.Mutex
	nth, n   int
	all      bool // lose every command's first answer instead
	lost     map[string]bool
	commands []string
}

var errNoAnswer = errors.New("connection reset")

func (l *lossy) loses(cmd redis.Cmder) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := cmd.Name()
	if name != "eval" && name != "evalsha" {
		return false
	}
	if strings.HasPrefix(errText(cmd), "NOSCRIPT") {
		return false // it did nothing
	}
	what := scriptOf(cmd)
	l.n++
	l.commands = append(l.commands, what)
	if !l.all {
		return l.n == l.nth
	}
	if l.lost == nil {
		l.lost = map[string]bool{}
	}
	text := cmd.String()
	again := l.lost[text]
	l.lost[text] = true
	return !again
}

func scriptOf(cmd redis.Cmder) string { return redisstore.Scripts()[cmd.Args()[1].(string)] }

func errText(cmd redis.Cmder) string {
	if cmd.Err() == nil {
		return ""
	}
	return cmd.Err().Error()
}

func (l *lossy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *lossy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (l *lossy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if l.loses(cmd) {
			cmd.SetErr(errNoAnswer)
			return errNoAnswer
		}
		return err
	}
}

// H22.
func TestALostAnswerOfAnyRedisCommandChangesNothing(t *testing.T) {
	t.Parallel()
	type end struct {
		verdict orchestration.Verdict
		attempt int
		creates int
		value   string
		bound   string
		sent    int
		tainted int
	}
	stories := map[string]func(r *rig, e *orchestration.Engine) orchestration.Outcome{
		"a create": func(r *rig, e *orchestration.Engine) orchestration.Outcome {
			r.target.late = lease // long enough for renewals
			return e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now()))
		},
		"an update": func(r *rig, e *orchestration.Engine) orchestration.Outcome {
			r.target.things = []*thing{{id: "000001", key: "ana", value: "v0"}}
			return e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now()))
		},
		"a failure that is postponed, then a create": func(r *rig, e *orchestration.Engine) orchestration.Outcome {
			until := time.Now().Add(5 * time.Second)
			r.target.set(func(string) error {
				if time.Now().Before(until) {
					return fault.New(fault.Transient, "", "503")
				}
				return nil
			}, nil)
			return r.untilSettled(e, r.event("e1", "42", "ana", "v1", time.Now()))
		},
		"a rejection": func(r *rig, e *orchestration.Engine) orchestration.Outcome {
			r.target.things = []*thing{{id: "000001", key: "ana", value: "v0"}}
			r.target.set(func(op string) error {
				if op == "update" {
					return fault.New(fault.Permanent, "", "400")
				}
				return nil
			}, nil)
			return e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now()))
		},
	}
	play := func(t *testing.T, l *lossy, story func(r *rig, e *orchestration.Engine) orchestration.Outcome) (got end, commands []string) {
		t.Helper()
		inBubble(t, func(r *rig) {
			require.NoError(r.t, r.store().(*redisstore.Store).Load(r.t.Context()))
			r.client.AddHook(l)
			o := story(r, r.engine("w1"))
			got = end{o.Verdict, o.Attempt, r.target.creates, r.target.only(r.t).value, r.bound("shop", "42"), len(r.outbox.ids()), r.watch.tainted}
			commands = l.commands
			r.target.set(nil, nil)
			r.settle(r.engine("w2"), r.event("e9", "42", "ana", "v9", time.Now()))
			require.Equal(r.t, "v9", r.target.only(r.t).value)
		})
		return got, commands
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, commands := play(t, &lossy{}, story)
			require.GreaterOrEqual(t, len(commands), 2)
			for n, what := range commands {
				got, _ := play(t, &lossy{nth: n + 1}, story)
				require.Equal(t, want, got, "the answer of command %d (%s) was lost", n+1, what)
			}
			got, _ := play(t, &lossy{all: true}, story)
			require.Equal(t, want, got, "the first answer of every command was lost")
		})
	}
}

// A checkpoint that cannot be read is dropped whole: half of it would be worse than none.
func TestACheckpointOfAnotherShapeIsDroppedWhole(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.things = []*thing{{id: "000001", key: "ana", value: "v0"}}
		refuse := func(op string) error {
			if op == "update" {
				return fault.New(fault.Blocked, "", "")
			}
			return nil
		}
		r.target.set(refuse, nil)
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		require.Equal(r.t, orchestration.CauseBlocked, r.engine("w1").Handle(r.t.Context(), ev).Cause)
		key := r.keys.Run(r.keys.RunID("shop", "e1"))
		require.NoError(r.t, r.client.HSet(r.t.Context(), key, "learned", `{"Created":true,"Thing":7}`).Err())
		r.target.set(nil, nil)
		require.Equal(r.t, orchestration.Completed, r.engine("w1").Handle(r.t.Context(), ev).Verdict)
		require.Equal(r.t, "v1", r.target.only(r.t).value, "not skipped as if this run had created it")
	})
}

// A raised version drops the checkpoint; what is in doubt, and whose content it is, stays.
func TestARaisedVersionDropsTheCheckpointAndKeepsTheTaint(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		raised := func(o *orchestration.Options) {
			p := things(r.target)
			p.Version++
			o.Scenarios = []orchestration.Scenario{p}
		}
		r.target.things = []*thing{{id: "000001", key: "ana", value: "v0"}}
		r.target.late = window - time.Second
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		r.engine("w1", mortal(newLife(12))).Handle(r.t.Context(), ev) // dies with the update on its way
		pass(lease + time.Second)
		o := r.engine("w2", raised).Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.CauseTaint, o.Cause)
		require.Zero(r.t, r.target.updates)
		other := ev
		other.Data = []byte(`{"id":"42","key":"ana","value":"zz"}`)
		require.Equal(r.t, fault.IDConflict, r.engine("w2", raised).Handle(r.t.Context(), other).Reason)
		ev.Generation++
		require.Equal(r.t, orchestration.CauseContinue, r.engine("w1").Handle(r.t.Context(), ev).Cause, "an old worker leaves it to a new one")
		r.settle(r.engine("w2", raised), ev)
		pass(window)
		require.Equal(r.t, "v1", r.target.only(r.t).value)
	})
}
