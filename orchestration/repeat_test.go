package orchestration_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// receiver is somebody who is told things and knows a repeat by its id.
type receiver struct {
	mu     sync.Mutex
	told   []string // ids, repeats included
	answer func(id string) error
}

func (r *receiver) tell(id string) error {
	r.mu.Lock()
	r.told = append(r.told, id)
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		return answer(id)
	}
	return nil
}

func (r *receiver) times(id string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.told {
		if t == id {
			n++
		}
	}
	return n
}

type (
	said  struct{}
	heard = orchestration.Run[said, struct{}]
)

const toldType = "example.thing.told.v1"

// telling is a pipeline as those of sinks are: it tells a receiver, who is told of each subject in order of arrival.
func tellingTo(to *receiver, linger time.Duration) func(*orchestration.Options) {
	p := orchestration.Pipeline[said, struct{}]{
		Name: "tellings", Handles: toldType, Version: 1, Order: orchestration.State, ByArrival: true, Internal: true, Linger: linger,
		Schema:   []byte(`{}`),
		EntityOf: func(ev orchestration.Event, _ said) (string, string) { return "telling", ev.Subject },
		Steps: []orchestration.Step[said, struct{}]{{Name: "tell-receiver", Sure: orchestration.Repeatable,
			Act: func(_ context.Context, r *heard) error { return to.tell(r.Event.ID) }}},
	}
	return func(o *orchestration.Options) {
		o.Scenarios, o.OwnQueues = []orchestration.Scenario{p}, []string{"live"}
	}
}

// said is an event of ours about a thing, as it comes from our own queue.
func (r *rig) said(id, subject string) orchestration.Event {
	ev := r.event(id, subject, "ana", "v1", time.Now())
	ev.Type, ev.Subject, ev.Origin.Queue, ev.Data = toldType, subject, "live", json.RawMessage(`{}`)
	return ev
}

func TestARepeatableActInDoubtIsMadeAgainAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		to := &receiver{}
		to.answer = func(string) error {
			if len(to.told) == 1 {
				return errors.New("reset")
			}
			return nil
		}
		began := time.Now()
		o := r.engine("w1", tellingTo(to, 0)).Handle(r.t.Context(), r.said("e1", "42"))
		require.Equal(r.t, orchestration.Completed, o.Verdict)
		require.Equal(r.t, 2, to.times("e1"))
		require.Less(r.t, time.Since(began), time.Second)
	})
}

func TestARepeatableActThatNeverGetsAnAnswerUsesUpItsAttemptsByTheOrdinaryWaits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		to := &receiver{answer: func(string) error { return fault.New(fault.Ambiguous, "", "timeout") }}
		began := time.Now()
		o := r.untilSettled(r.engine("w1", tellingTo(to, time.Nanosecond)), r.said("e1", "42"))
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		require.Equal(r.t, fault.AttemptsExhausted, o.Reason)
		require.Equal(r.t, 7, to.times("e1"), "one at once and one after each of the six waits")
		require.Greater(r.t, time.Since(began), 5*time.Hour)
	})
}

// A gate that the event's own failures have shut, or that is shut when it comes again, is no excuse for them.
func TestAGoInWhichTheTargetFailedTheEventCountsThoughItsNextTryIsNotLetThrough(t *testing.T) {
	t.Parallel()
	failure, away := &fault.Error{Kind: fault.Transient, Operation: "Sink.Deliver", Status: 500}, &fault.Error{Kind: fault.Throttled, Wait: time.Minute}
	circuit := &fault.Error{Kind: fault.Throttled, Wait: time.Minute, Waits: fault.ForCircuit}
	for name, tc := range map[string]struct {
		first, then error
		attempt     int
	}{
		"it failed, and the gate was shut":    {failure, away, 1},
		"it failed, and the circuit was open": {failure, circuit, 1},
		"it did not answer":                   {fault.New(fault.Transient, "", "nobody listens"), away, 0},
		"it is under repair":                  {&fault.Error{Kind: fault.Transient, Status: 503}, away, 0},
		"it lets nobody in":                   {&fault.Error{Kind: fault.Transient, Status: 401}, away, 0},
		"it asked to wait":                    {&fault.Error{Kind: fault.Throttled, Status: 429, Wait: time.Millisecond}, away, 0},
		"nothing was sent":                    {away, away, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				to := &receiver{}
				to.answer = func(string) error {
					if len(to.told) == 1 {
						return tc.first
					}
					return tc.then
				}
				o := r.engine("w1", tellingTo(to, time.Second)).Handle(r.t.Context(), r.said("e1", "42"))
				require.Equal(r.t, orchestration.Postponed, o.Verdict)
				require.Equal(r.t, tc.attempt, o.Attempt)
				require.GreaterOrEqual(r.t, o.After, time.Minute, "not before the gate lets it through")
			})
		})
	}
	t.Run("in the end it is a dead letter", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(r *rig) {
			to := &receiver{}
			to.answer = func(string) error {
				if len(to.told)%2 == 1 {
					return failure
				}
				return away
			}
			o := r.untilSettled(r.engine("w1", tellingTo(to, time.Second)), r.said("e1", "42"))
			require.Equal(r.t, fault.AttemptsExhausted, o.Reason)
			require.Contains(r.t, o.Detail, "operation Sink.Deliver, status 500", "of its own failure")
			require.Equal(r.t, 7*2, to.times("e1"), "in seven goes")
		})
	})
}

// What is still on its way must not arrive behind something newer.
func TestWhileARepeatableActMayStillLandNoOtherEventOfTheEntityActs(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		to := &receiver{}
		to.answer = func(id string) error {
			if id == "e1" && len(to.told) == 1 {
				return fault.New(fault.Ambiguous, "", "timeout")
			}
			return fault.New(fault.Transient, "", "refused")
		}
		e := r.engine("w1", tellingTo(to, time.Second))
		older, newer, another := r.said("e1", "42"), r.said("e2", "42"), r.said("e3", "77")
		began := time.Now()
		o := e.Handle(r.t.Context(), older) // in doubt, then certainly not sent: the first may land all the same
		require.Equal(r.t, orchestration.CauseBackoff, o.Cause)
		to.answer = nil

		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), another).Verdict, "another entity does not wait")
		wait := e.Handle(r.t.Context(), newer)
		require.Equal(r.t, orchestration.Postponed, wait.Verdict)
		require.Equal(r.t, orchestration.CauseTaint, wait.Cause)
		require.Zero(r.t, wait.Attempt)
		require.Equal(r.t, orchestration.Completed, r.untilSettled(e, newer).Verdict)
		require.GreaterOrEqual(r.t, time.Since(began), window)

		older.Generation++
		require.Equal(r.t, orchestration.Superseded, e.Handle(r.t.Context(), older).Verdict, "what is newer was told")
	})
}

func TestARepeatableActOfADeadProcessIsMadeAgainWithoutWaiting(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		to := &receiver{}
		ev := r.said("e1", "42")
		r.engine("w1", tellingTo(to, 0), mortal(newLife(3)), func(o *orchestration.Options) { o.SaveFor = time.Second }).
			Handle(r.t.Context(), ev) // dies between the act and its save
		require.Equal(r.t, 1, to.times("e1"))
		pass(lease)
		e, began := r.engine("w2", tellingTo(to, 0)), time.Now()
		// A newer event may not act until the dead process's write has landed or never will. The repeat may.
		require.Equal(r.t, orchestration.Postponed, e.Handle(r.t.Context(), r.said("e2", "42")).Verdict)
		require.Equal(r.t, orchestration.Completed, r.untilSettled(e, ev).Verdict)
		require.Less(r.t, time.Since(began), window/2)
		require.Equal(r.t, 2, to.times("e1"))
		// Told for certain, and known by its id should it land once more: nothing is in doubt any longer.
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.said("e3", "42")).Verdict)
	})
}

func TestByArrivalTheNewestIsWhatTheBrokerTookLastWhateverItsTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		to := &receiver{}
		e := r.engine("w1", tellingTo(to, 0))
		first, second := r.said("e1", "42"), r.said("e2", "42")
		second.Time = first.Time.Add(-time.Hour)
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), first).Verdict)
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), second).Verdict)
		again := r.said("e3", "42")
		again.Origin = first.Origin // a copy of something earlier
		require.Equal(r.t, orchestration.Superseded, e.Handle(r.t.Context(), again).Verdict)
		require.Equal(r.t, []string{"e1", "e2"}, to.told)
	})
}

// A version without a binding is not kept for ever: what we tell would fill the store with it.
func TestAVersionWithoutABindingIsForgottenWithItsRuns(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.said("e1", "42")
		require.Equal(r.t, orchestration.Completed, r.engine("w1", tellingTo(&receiver{}, 0)).Handle(r.t.Context(), ev).Verdict)
		keys, err := r.client.Keys(r.t.Context(), "*:map:*").Result()
		require.NoError(r.t, err)
		require.Len(r.t, keys, 1)
		require.Positive(r.t, r.client.PTTL(r.t.Context(), keys[0]).Val())

		require.Equal(r.t, orchestration.Completed, r.engine("w1").Handle(r.t.Context(), r.event("e2", "42", "ana", "v1", time.Now())).Verdict)
		require.Negative(r.t, r.client.PTTL(r.t.Context(), r.keys.Map(ref("shop", "42"))).Val(), "a binding is")
	})
}

func TestWhatOnlyWeMaySayIsTakenFromOurOwnQueuesAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		to := &receiver{}
		ev := r.said("e1", "42")
		ev.Origin.Queue = "in"
		o := r.engine("w1", tellingTo(to, 0)).Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		require.Equal(r.t, fault.UnknownType, o.Reason)
		require.Empty(r.t, to.told)
	})
}

// The slots are for others, too.
func TestAPipelineThatLingersOnlySoLongGivesItsSlotBack(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer error
		cause  orchestration.Cause
	}{
		"while its target is slow":           {fault.New(fault.Ambiguous, "", "timeout"), orchestration.CauseBackoff},
		"while its target asks to wait":      {&fault.Error{Kind: fault.Throttled, Wait: 1500 * time.Millisecond}, orchestration.CauseGate},
		"while its target asks again and so": {&fault.Error{Kind: fault.Throttled, Wait: 400 * time.Millisecond}, orchestration.CauseGate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				to := &receiver{answer: func(string) error { return tc.answer }}
				began := time.Now()
				o := r.engine("w1", tellingTo(to, time.Second)).Handle(r.t.Context(), r.said("e1", "42"))
				require.Equal(r.t, orchestration.Postponed, o.Verdict)
				require.Equal(r.t, tc.cause, o.Cause)
				require.LessOrEqual(r.t, time.Since(began), time.Second)
			})
		})
	}
}

func TestASinkThatIsLimitedToTypesIsToldNoOthers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", telling(r), func(o *orchestration.Options) {
			o.Wants = func(sink, typ string) bool { return sink == "crm" && typ == madeType }
		})
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now())).Verdict)
		var sinks []string
		for _, ev := range r.outbox.of(madeType) {
			if ev.Sink != "" {
				sinks = append(sinks, ev.Sink)
			}
		}
		require.Equal(r.t, []string{"crm"}, sinks)
		require.Len(r.t, r.outbox.of(laterType), 1, "what is for no sink goes on")
	})
}

func TestASubjectThatMayBeANameIsNotPassedOn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "x", "v1", time.Now()) // the key is too short for the schema
		ev.Subject = "ana@example.com"
		require.Equal(r.t, fault.SchemaInvalid, r.engine("w1", telling(r)).Handle(r.t.Context(), ev).Reason)
		told := r.outbox.of(refusedType)
		require.Len(r.t, told, 2)
		require.Empty(r.t, told[0].Subject)
	})
}

// A run that is repeated after a crash finds what it had made, and may say so under the same id.
func TestWhatWeSayOnceMoreInOtherWordsIsADuplicate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		to := &receiver{}
		e, ev := r.engine("w1", tellingTo(to, 0)), r.said("e1", "42")
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), ev).Verdict)
		again := r.said("e1", "42")
		again.Data = json.RawMessage(`{"found":true}`)
		require.Equal(r.t, orchestration.Duplicate, e.Handle(r.t.Context(), again).Verdict)
	})
}
