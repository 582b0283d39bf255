package orchestration_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

const (
	madeType    = "example.thing.made.v1"
	refusedType = "example.thing.refused.v1"
	laterType   = "example.thing.later.v1"
)

// telling is things whose first step tells two sinks and follows up, and that tells of rejections.
func telling(r *rig) func(*orchestration.Options) {
	p := things(r.target)
	note := p.Steps[0].Note
	p.Steps[0].Note = func(run *run) {
		note(run)
		run.Tell(madeType, map[string]string{"thing": run.State.Thing})
		run.Follow(laterType, map[string]string{"id": run.In.ID}, time.Hour)
	}
	p.Refused = refusedType
	return func(o *orchestration.Options) {
		o.Scenarios = []orchestration.Scenario{p}
		o.Channels = orchestration.Channels{{Name: "main", CSU: "default", LegalEntity: "usmf", Sinks: []string{"crm", "audit"}}}
	}
}

func (o *outbox) of(typ string) (out []orchestration.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.sent {
		if e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

func TestEverySinkOfTheChannelIsToldUnderAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		require.Equal(r.t, orchestration.Completed, r.engine("w1", telling(r)).Handle(r.t.Context(), ev).Verdict)
		told := r.outbox.of(madeType)
		require.Len(r.t, told, 3, "one for each sink; the things themselves emit one of this type, too")
		sinks := map[string]string{}
		for _, e := range told {
			sinks[e.Sink] = e.ID
		}
		require.Len(r.t, sinks, 3)
		require.NotEqual(r.t, sinks["crm"], sinks["audit"])
		require.JSONEq(r.t, `{"thing":"000001"}`, string(told[1].Data))
		require.Equal(r.t, "42", told[1].Subject)
	})
}

func TestAFollowUpWaitsInTheBroker(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		require.Equal(r.t, orchestration.Completed, r.engine("w1", telling(r)).Handle(r.t.Context(), ev).Verdict)
		later := r.outbox.of(laterType)
		require.Len(r.t, later, 1)
		require.Equal(r.t, "shop", later[0].Source)
		require.Equal(r.t, "42", later[0].Subject)
		require.Equal(r.t, ev.CorrelationID, later[0].CorrelationID)
		require.Equal(r.t, time.Now().Add(time.Hour), later[0].NotBefore)
		require.NotEqual(r.t, ev.ID, later[0].ID)
	})
}

func TestARejectionIsToldBeforeItStands(t *testing.T) {
	t.Parallel()
	refused := func(r *rig) orchestration.Event {
		r.target.set(func(op string) error {
			if op == "create" {
				return fault.New(fault.Permanent, fault.CsuRejected, "no")
			}
			return nil
		}, nil)
		return r.event("e1", "42", "ana", "v1", time.Now())
	}
	inBubble(t, func(r *rig) {
		ev := refused(r)
		o := r.engine("w1", telling(r)).Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		told := r.outbox.of(refusedType)
		require.Len(r.t, told, 2)
		var got orchestration.Refusal
		require.NoError(r.t, json.Unmarshal(told[0].Data, &got))
		require.Equal(r.t, orchestration.Refusal{ID: "42", EventID: "e1", EventType: eventType, Reason: "CsuRejected", Detail: "no", Step: "create-thing"}, got)

		again := r.engine("w1", telling(r)).Handle(r.t.Context(), ev) // the same message, delivered once more
		require.Equal(r.t, orchestration.Rejected, again.Verdict)
		for id, n := range r.outbox.ids() {
			require.Equal(r.t, 2, n, "%s is told under the same id", id)
		}
		ev.Generation++ // a copy: the process that told died before the dead letter, and its claim was waited for
		require.Equal(r.t, orchestration.Rejected, r.engine("w1", telling(r)).Handle(r.t.Context(), ev).Verdict)
		require.Len(r.t, r.outbox.ids(), 2, "it is the same refusal")
		ev.Generation, ev.Replay = ev.Generation+1, "job-1" // a replay that is refused, too
		require.Equal(r.t, orchestration.Rejected, r.engine("w1", telling(r)).Handle(r.t.Context(), ev).Verdict)
		require.Len(r.t, r.outbox.ids(), 4)
	})
	t.Run("and waits while nobody can be told", func(t *testing.T) {
		inBubble(t, func(r *rig) {
			ev := refused(r)
			down := true
			r.outbox.fail = func() error {
				if down {
					return errors.New("broker away")
				}
				return nil
			}
			e := r.engine("w1", telling(r), func(o *orchestration.Options) { o.SaveFor = 3 * time.Second })
			o := e.Handle(r.t.Context(), ev)
			require.Equal(r.t, orchestration.Postponed, o.Verdict)
			h, err := r.client.HGetAll(r.t.Context(), r.keys.Run(r.keys.RunID("shop", "e1"))).Result()
			require.NoError(r.t, err)
			require.NotContains(r.t, h, "rej", "a copy that is sent because of that is no replay by a person")
			down = false
			require.Equal(r.t, orchestration.Rejected, r.untilSettled(e, ev).Verdict)
			require.Len(r.t, r.outbox.ids(), 2)
		})
	})
}

func TestAnEventThatNoRunIsBegunForIsToldToo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "x", "v1", time.Now()) // the key is too short for the schema
		ev.Subject = "42"
		o := r.engine("w1", telling(r)).Handle(r.t.Context(), ev)
		require.Equal(r.t, fault.SchemaInvalid, o.Reason)
		told := r.outbox.of(refusedType)
		require.Len(r.t, told, 2)
		require.Equal(r.t, "42", told[0].Subject)
		require.NotContains(r.t, string(told[0].Data), `"x"`, "nothing of the refused data")
	})
}

func TestTheSameIDWithOtherContentIsToldToo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", telling(r))
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now())).Verdict)
		o := e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v2", time.Now()))
		require.Equal(r.t, fault.IDConflict, o.Reason)
		require.Len(r.t, r.outbox.of(refusedType), 2)
	})
}

// The fingerprint is of what the source sent: a field map may be corrected between two deliveries.
func TestACorrectedFieldMapIsNoOtherContent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1")
		first, second := r.event("e1", "42", "ana", "v1", time.Now()), r.event("e1", "42", "ana", "v2", time.Now())
		first.AsReceived = json.RawMessage(`{"row": 1}`)
		second.AsReceived = json.RawMessage(`{"row":1}`)
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), first).Verdict)
		require.Equal(r.t, orchestration.Duplicate, e.Handle(r.t.Context(), second).Verdict)
		second.AsReceived = json.RawMessage(`{"row":2}`)
		require.Equal(r.t, fault.IDConflict, e.Handle(r.t.Context(), second).Reason)
	})
}

func TestAnEventThatCannotBeEncodedIsADefect(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		p := things(r.target)
		p.Steps[0].Note = func(run *run) { run.Follow(laterType, func() {}, 0) }
		o := r.engine("w1", func(o *orchestration.Options) { o.Scenarios = []orchestration.Scenario{p} }).Handle(r.t.Context(),
			r.event("e1", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		require.Empty(r.t, r.outbox.sent)
	})
}

// promoting is a scenario of its own that gives a thing its permanent id.
func promoting(r *rig) func(*orchestration.Options) {
	p := orchestration.Pipeline[changed, learned]{
		Name: "things-promote", Handles: laterType, Version: 1, Order: orchestration.Fact, Schema: []byte(schema), Keep: time.Hour,
		Entity: func(c changed) (string, string) { return "thing", c.ID },
		Steps: []orchestration.Step[changed, learned]{{
			Name: "promote-thing",
			Look: func(_ context.Context, run *run) (bool, error) {
				if run.In.Value == "" {
					return false, &fault.Error{Kind: fault.Dependency, Waits: fault.ForPromotion, Detail: "not promoted yet"}
				}
				run.State.Thing = run.In.Value
				return true, nil
			},
			Note: func(run *run) { run.Rebind(run.Entity(), run.In.Key, run.State.Thing) },
		}},
	}
	return func(o *orchestration.Options) { o.Scenarios = append(o.Scenarios, p) }
}

func TestAPromotionReplacesTheProvisionalIDAndNoOther(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", promoting(r))
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now())).Verdict)
		provisional := r.bound("shop", "42")
		promote := func(id, from, to string) orchestration.Outcome {
			ev := r.event(id, "42", from, to, time.Now())
			ev.Type = laterType
			return e.Handle(r.t.Context(), ev)
		}
		wait := promote("p1", provisional, "")
		require.Equal(r.t, orchestration.Postponed, wait.Verdict)
		require.Equal(r.t, orchestration.CausePromotion, wait.Cause)
		require.Zero(r.t, wait.Attempt)

		require.Equal(r.t, fault.MappingConflict, promote("p2", "another", "A-7").Reason, "it is not bound to that one")
		require.Equal(r.t, orchestration.Completed, promote("p3", provisional, "A-7").Verdict)
		require.Equal(r.t, "A-7", r.bound("shop", "42"))
		require.Equal(r.t, orchestration.Completed, promote("p4", provisional, "A-7").Verdict, "so it is already")
		require.Equal(r.t, "A-7", r.bound("shop", "42"))
		pass(2 * time.Hour)
		require.Zero(r.t, r.client.Exists(r.t.Context(), r.keys.Run(r.keys.RunID("shop", "p3"))).Val(), "its own lifetime")
	})
}

func TestWhatIsToldOfAnotherEntityGoesToItsSourceAndToTheSinksOfItsChannel(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		other := orchestration.Channel{Name: "other", CSU: "default", LegalEntity: "usmf", Sinks: []string{"erp"}}
		p := things(r.target)
		note := p.Steps[0].Note
		p.Steps[0].Note = func(run *run) {
			note(run)
			for _, id := range []string{"a", "b", "b"} {
				run.TellOf(mapping.Ref{Kind: "order", Scope: "default/usmf", Source: "https://elsewhere", ID: id}, other, laterType, map[string]string{"id": id})
			}
		}
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		ev.Subject = "42"
		out := r.engine("w1", func(o *orchestration.Options) { o.Scenarios = []orchestration.Scenario{p} }).Handle(r.t.Context(), ev)
		require.Equal(r.t, orchestration.Completed, out.Verdict)
		told := r.outbox.of(laterType)
		require.Len(r.t, told, 2, "each entity once")
		require.NotEqual(r.t, told[0].ID, told[1].ID)
		for i, id := range []string{"a", "b"} {
			require.Equal(r.t, []string{"https://elsewhere", id, "other", "erp", ev.CorrelationID},
				[]string{told[i].Source, told[i].Subject, told[i].Channel, told[i].Sink, told[i].CorrelationID})
		}
	})
}
