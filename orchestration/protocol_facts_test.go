package orchestration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

const factType = "example.order.happened.v1"

// happened is a fact of an order: that it was placed, or something that happened to it.
type happened struct {
	Order string `json:"order"`
	What  string `json:"what"`
	Value string `json:"value"`
}

// seen is what a run learns: whether the effect is its own.
type seen struct {
	Made bool `json:"made"`
}

type factRun = orchestration.Run[happened, seen]

// facts is the smallest scenario of facts: an order is placed once whatever event says so, what happens to it happens once
// per event. Both have a look that is conclusive.
func facts(w *target) orchestration.Pipeline[happened, seen] {
	token := func(r *factRun) string {
		if r.In.What == "placed" {
			return r.EntityToken("order")
		}
		return r.EventToken(r.In.What)
	}
	return orchestration.Pipeline[happened, seen]{
		Name: "facts", Handles: factType, Version: 1, Order: orchestration.Fact, Schema: []byte(`{"type":"object"}`),
		Entity: func(f happened) (string, string) { return "order", f.Order },
		Steps: []orchestration.Step[happened, seen]{{
			Name: "make-effect",
			Look: func(ctx context.Context, r *factRun) (bool, error) {
				value, found, err := w.has(ctx, token(r))
				if found && value != r.In.Value {
					return false, fault.New(fault.Permanent, fault.BusinessRule, "the order is already placed, with other content")
				}
				return found, err
			},
			Act: func(ctx context.Context, r *factRun) error {
				r.State.Made = true
				return w.put(ctx, token(r), r.In.Value)
			},
			Note: func(r *factRun) {
				if r.In.What == "placed" {
					r.Bind(r.Entity(), token(r))
				}
				r.Emit(orchestration.Event{Source: "signalbox", ID: r.EventToken("told"), Type: "example.order.told.v1", Data: fmt.Appendf(nil, `{"made":%t}`, r.State.Made)})
			},
		}},
	}
}

func withFacts(r *rig) func(*orchestration.Options) {
	return func(o *orchestration.Options) { o.Scenarios = append(o.Scenarios, facts(r.target)) }
}

func (r *rig) fact(id, order, what, value string, at time.Time) orchestration.Event {
	data, err := json.Marshal(happened{order, what, value})
	require.NoError(r.t, err)
	ev := r.event(id, order, "", "", at)
	ev.Type, ev.Data = factType, data
	return ev
}

func TestAnOrderPublishedAgainUnderANewIDIsNoSecondOrder(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*rig){
		"with its binding": func(*rig) {},
		"with all memory lost": func(r *rig) {
			r.redis.FlushAll()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				e := r.engine("w1", withFacts(r))
				r.settle(e, r.fact("e1", "1001", "placed", "two shoes", time.Now()))
				forget(r)
				pass(time.Minute)
				r.settle(e, r.fact("e2", "1001", "placed", "two shoes", time.Now()))
				require.Equal(r.t, 1, r.target.puts)

				o := r.untilSettled(e, r.fact("e3", "1001", "placed", "three shoes", time.Now()))
				require.Equal(r.t, orchestration.Rejected, o.Verdict)
				require.Equal(r.t, fault.BusinessRule, o.Reason, "other content is not silence")
				require.Equal(r.t, 1, r.target.puts)
			})
		})
	}
}

func TestAFactIsNeverSupersededByALaterOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e, now := r.engine("w1", withFacts(r)), time.Now()
		r.settle(e, r.fact("e2", "1001", "refunded", "2", now.Add(time.Second)))
		r.settle(e, r.fact("e1", "1001", "captured", "1", now))
		require.Equal(r.t, 2, r.target.puts)
		require.Zero(r.t, r.watch.answers["superseded"])
	})
}

func TestAClockFarAheadCannotSilenceAnEntity(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Time{
		"in the year 2099": time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		"a null date whose nanoseconds since 1970 overflow to a later year": time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				e := r.engine("w1")
				o := e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", at))
				if at.After(time.Now()) {
					require.Equal(r.t, fault.TimeInFuture, o.Reason)
				}
				pass(lag)
				require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e2", "42", "ana", "v2", time.Now())).Verdict)
				require.Equal(r.t, "v2", r.target.only(r.t).value)
			})
		})
	}
}

func TestAnEventWithoutAnIDSharesNoEntity(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		o := r.engine("w1", withFacts(r)).Handle(r.t.Context(), r.fact("e1", "", "placed", "x", time.Now()))
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		require.Equal(r.t, fault.SchemaInvalid, o.Reason)
	})
}

func TestOfTwoStatesOfOneSecondTheOneThatCameLaterWinsEvenOverACopy(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e, now := r.engine("w1"), time.Now()
		first, second := r.event("e1", "42", "ana", "first", now), r.event("e2", "42", "ana", "second", now)
		r.settle(e, second)
		first.Generation = 2 // it was rescheduled; its copy has a later place in the queue, but carries its origin
		require.Equal(r.t, orchestration.Superseded, e.Handle(r.t.Context(), first).Verdict)
		require.Equal(r.t, "second", r.target.only(r.t).value)
	})
}

func TestAnOlderStateDoesNotOverwriteANewerOneThatWasAppliedByHalf(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		refused := ""
		half := things(r.target)
		half.Steps = append(half.Steps, orchestration.Step[changed, learned]{
			Name: "refuse-it", Look: func(_ context.Context, r *run) (bool, error) {
				if r.Event.ID == refused {
					return false, fault.New(fault.Permanent, fault.CsuRejected, "no")
				}
				return true, nil
			}, Act: func(context.Context, *run) error { return nil },
		})
		e, now := r.engine("w1", func(o *orchestration.Options) { o.Scenarios = []orchestration.Scenario{half} }), time.Now()
		r.settle(e, r.event("e0", "42", "ana", "v0", now))
		pass(lag)
		refused = "e2"
		require.Equal(r.t, orchestration.Rejected, e.Handle(r.t.Context(), r.event("e2", "42", "ana", "v2", now.Add(2*time.Second))).Verdict)
		require.Equal(r.t, orchestration.Superseded, e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", now.Add(time.Second))).Verdict)
		require.Equal(r.t, "v2", r.target.only(r.t).value)
	})
}

func TestAReplayOfAnOvertakenEventIsSupersededAsAStateAndAppliedAsAFact(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e, now := r.engine("w1", withFacts(r)), time.Now()
		r.target.set(func(op string) error {
			if op != "search" && op != "has" {
				return fault.New(fault.Permanent, "", "refused for now")
			}
			return nil
		}, nil)
		state, fact := r.event("e1", "42", "ana", "v1", now), r.fact("f1", "1001", "captured", "1", now)
		require.Equal(r.t, orchestration.Rejected, e.Handle(r.t.Context(), state).Verdict)
		require.Equal(r.t, orchestration.Rejected, e.Handle(r.t.Context(), fact).Verdict)
		r.target.set(nil, nil)
		r.settle(e, r.event("e2", "42", "ana", "v2", now.Add(time.Second)))
		r.settle(e, r.fact("f2", "1001", "refunded", "2", now.Add(time.Second)))
		state.Generation, fact.Generation = 2, 2
		require.Equal(r.t, orchestration.Superseded, e.Handle(r.t.Context(), state).Verdict)
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), fact).Verdict)
		require.Equal(r.t, 2, r.target.puts)
	})
}

func TestWhatAStepTellsIsSentBeforeItIsRecordedAndIsTheSameEventWhenSentAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		boundaries := 0
		for dieAt := 0; dieAt <= boundaries; dieAt++ {
			r.outbox.sent = nil
			l := newLife(dieAt)
			ev := r.fact("e-"+time.Duration(dieAt).String(), "1001", "captured", "1", time.Now())
			r.engine("w1", withFacts(r), mortal(l)).Handle(r.t.Context(), ev)
			if dieAt == 0 {
				boundaries = l.calls
			}
			r.settle(r.engine("w2", withFacts(r), impatient), ev)
			require.Len(r.t, r.outbox.ids(), 1, "told, whenever the process died, and with one id")
			for _, again := range r.outbox.sent {
				require.JSONEq(r.t, string(r.outbox.sent[0].Data), string(again.Data), "a look does not know whose the effect is, so that is on record before it is told")
			}
			pass(window)
		}
		require.Equal(r.t, boundaries+1, r.target.puts)
	})
}

func TestAnEffectThatCouldNotBeToldIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.target.lag = lease // longer than the first pause: the next look does not see it yet
		until := time.Now().Add(2 * time.Second)
		r.outbox.fail = func() error {
			if time.Now().Before(until) {
				return fault.New(fault.Transient, "", "the broker is away")
			}
			return nil
		}
		e := r.engine("w1", func(o *orchestration.Options) {
			o.SaveFor, o.Reschedule = time.Second, []time.Duration{time.Second, time.Second, time.Second}
		})
		r.settle(e, r.event("e1", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, r.target.only(r.t).id, r.bound("shop", "42"))
		require.Len(r.t, r.outbox.ids(), 1)
	})
}
