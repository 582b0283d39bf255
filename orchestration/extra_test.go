package orchestration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

type extra = orchestration.Extra

// stepping puts steps into things, and switches some of its own off.
func stepping(r *rig, off []string, extras ...extra) func(*orchestration.Options) {
	return func(o *orchestration.Options) {
		o.Scenarios = []orchestration.Scenario{orchestration.With(things(r.target), extras, off)}
		o.Channels[0].Sinks = []string{"crm"}
	}
}

var errGuarded = fault.New(fault.Permanent, fault.BusinessRule, "not this one")

// guarding refuses everything before a step.
func guarding(before string) extra {
	return extra{Name: "guard-thing", Does: "guard", Before: before, Look: func(orchestration.View) error { return errGuarded }}
}

// valued makes the value of a thing another one for the steps behind it.
func valued(before string, made func(is changed) any) extra {
	return extra{Name: "map-thing", Does: "fieldmap", Before: before, Map: func(v orchestration.View) (json.RawMessage, error) {
		var is changed
		if err := json.Unmarshal(v.Data(), &is); err != nil {
			return nil, err
		}
		return json.Marshal(made(is))
	}}
}

func shouting(is changed) any {
	is.Value = strings.ToUpper(is.Value)
	return is
}

// told is a system that is called and keeps the keys that it was called with.
type called struct{ keys []string }

func (c *called) call(before string, sure orchestration.Certainty) extra {
	return extra{Name: "call-system", Does: "http-call", Before: before, Sure: sure, Act: func(_ context.Context, v orchestration.View) error {
		c.keys = append(c.keys, v.EventToken("call"))
		v.Keep("call-system", fmt.Sprintf("D-%d", len(c.keys)))
		return nil
	}}
}

func emitting(after string) extra {
	return extra{Name: "tell-others", Does: "emit", After: after, Look: func(orchestration.View) error { return nil }, Tell: func(v orchestration.View) error {
		learned, err := v.Learned()
		v.Tell("contoso.thing.v1", map[string]any{"learned": learned, "kept": v.Kept(), "data": v.Data()}, "tell-others")
		return err
	}}
}

func TestAddedStepsSeeTheRunAndRunInTheirPlaces(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		c := &called{}
		e := r.engine("w1", stepping(r, nil, c.call("create-thing", orchestration.Repeatable), valued("create-thing", shouting), emitting("create-thing")))
		o := e.Handle(r.t.Context(), r.event("e1", "42", "ana", "loud", time.Now()))
		require.Equal(r.t, orchestration.Completed, o.Verdict, "%v", o.Err)
		require.Equal(r.t, "LOUD", r.target.only(r.t).value)
		told := r.outbox.of("contoso.thing.v1")
		require.Len(r.t, told, 1)
		require.JSONEq(r.t, `{"learned": {"Thing": "000001", "Created": true}, "kept": {"call-system": "D-1"}, "data": {"id": "42", "key": "ana", "value": "LOUD"}}`, string(told[0].Data))
		require.Equal(r.t, "42", told[0].Subject)

		again := e.Handle(r.t.Context(), r.event("e1", "42", "ana", "loud", time.Now()))
		require.Equal(r.t, orchestration.Duplicate, again.Verdict, "the event is what was received")
		other := e.Handle(r.t.Context(), r.event("e1", "42", "ana", "LOUD", time.Now()))
		require.Equal(r.t, fault.IDConflict, other.Reason, "and not what a map made of it")
	})
}

func TestAMapIsMadeAnewAndTheSameInEveryGo(t *testing.T) {
	t.Parallel()
	for at := 1; ; at++ {
		over := false
		inBubble(t, func(r *rig) {
			c := &called{}
			steps := []extra{c.call("create-thing", orchestration.Repeatable), valued("create-thing", shouting), emitting("update-thing")}
			l := newLife(at)
			ev := r.event("e1", "42", "ana", "loud", time.Now())
			r.engine("w1", stepping(r, nil, steps...), mortal(l)).Handle(r.t.Context(), ev)
			over = !l.dead()
			pass(lease + time.Second)
			o := r.untilSettled(r.engine("w2", stepping(r, nil, steps...)), ev)
			require.Contains(r.t, []orchestration.Verdict{orchestration.Completed, orchestration.Duplicate}, o.Verdict, "stopped at %d: %v", at, o.Err)
			require.Equal(r.t, "LOUD", r.target.only(r.t).value, "stopped at %d", at)
			for _, k := range c.keys {
				require.Equal(r.t, c.keys[0], k, "stopped at %d", at)
			}
			for id := range r.outbox.ids() {
				require.NotEmpty(r.t, id)
			}
			ids := map[string]bool{}
			for _, e := range r.outbox.of("contoso.thing.v1") {
				ids[e.ID] = true
			}
			require.Len(r.t, ids, 1, "stopped at %d", at)
			text := fmt.Sprint(r.redis.Dump())
			require.NotContains(r.t, strings.ToLower(text), "loud", "stopped at %d", at)
		})
		if over {
			require.Greater(t, at, 8)
			return
		}
	}
}

func TestAMapMustNotChangeWhatTheEventIs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		made func(is changed) any
		says string
	}{
		"the id":      {func(is changed) any { is.ID = "43"; return is }, "it changes the id of the thing"},
		"a key":       {func(is changed) any { is.Key = "bob"; return is }, "it changes a natural key"},
		"the schema":  {func(is changed) any { is.Key = "a"; return is }, `/key does not keep the schema's rule "minLength"`},
		"a member":    {func(is changed) any { return map[string]string{"key": is.Key} }, "the data lacks id"},
		"nothing":     {func(changed) any { return nil }, "the data does not keep the schema's rule"},
		"its failure": {func(changed) any { return func() {} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				o := r.engine("w1", stepping(r, nil, valued("create-thing", tc.made))).Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now()))
				require.NotEqual(r.t, orchestration.Completed, o.Verdict)
				require.Equal(r.t, "map-thing", o.Step, "it is the step's doing")
				require.Empty(r.t, r.target.things)
				if tc.says == "" { // an error that nobody has classified may pass
					return
				}
				require.Equal(r.t, fault.BusinessRule, o.Reason)
				require.Contains(r.t, o.Detail, "the step map-thing of the configuration makes data that cannot be: "+tc.says)
			})
		})
	}
}

// TestAStepThatComesWithAConfigurationDoesNotComeAfterWhatItIsToComeBefore: the first process had another configuration.
func TestAStepThatComesWithAConfigurationDoesNotComeAfterWhatItIsToComeBefore(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]func(c *called) extra{
		"a guard": func(*called) extra { return guarding("create-thing") },
		"a call":  func(c *called) extra { return c.call("create-thing", orchestration.Repeatable) },
		"a map":   func(*called) extra { return valued("create-thing", shouting) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				stuck := extra{Name: "wait-thing", Does: "http-call", After: "create-thing", Sure: orchestration.Repeatable, Act: func(context.Context, orchestration.View) error {
					return fault.New(fault.Blocked, "", "not now")
				}}
				ev := r.event("e1", "42", "ana", "quiet", time.Now())
				o := r.engine("w1", stepping(r, nil, stuck)).Handle(r.t.Context(), ev)
				require.Equal(r.t, orchestration.Postponed, o.Verdict)
				require.Equal(r.t, "quiet", r.target.only(r.t).value)
				c := &called{}
				ev.Generation++
				seen := ""
				look := extra{Name: "see-thing", Does: "guard", After: "create-thing", Look: func(v orchestration.View) error { seen = string(v.Data()); return nil }}
				o = r.untilSettled(r.engine("w2", stepping(r, nil, later(c), look)), ev)
				require.Equal(r.t, orchestration.Completed, o.Verdict, "%v", o.Err)
				require.Empty(r.t, c.keys)
				require.Contains(r.t, seen, "quiet", "the run goes on with the data that it began with")
			})
		})
	}
}

func TestAGuardThatComesWhileAWriteIsInDoubtDoesNotHideIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		l := newLife(0)
		r.target.after = func(context.Context, string) error { l.kill(); return errors.New("reset") }
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		r.engine("w1", mortal(l)).Handle(r.t.Context(), ev)
		r.target.after = nil
		pass(lease + time.Second)
		o := r.untilSettled(r.engine("w2", stepping(r, nil, guarding("create-thing"))), ev)
		require.Equal(r.t, orchestration.Rejected, o.Verdict)
		require.Contains(r.t, o.Detail, "not this one; a write of an earlier go may have been made all the same: check the target")
	})
}

func TestAConditionThatFailsIsItsStepsFailure(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		x := emitting("create-thing")
		x.When = func(orchestration.View) (bool, error) { return false, errGuarded }
		o := r.engine("w1", stepping(r, nil, x)).Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, []any{orchestration.Rejected, "tell-others"}, []any{o.Verdict, o.Step})
		x.When = func(orchestration.View) (bool, error) { return false, nil }
		o = r.engine("w1", stepping(r, nil, x)).Handle(r.t.Context(), r.event("e2", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, orchestration.Completed, o.Verdict)
		require.Empty(r.t, r.outbox.of("contoso.thing.v1"))
	})
}

func TestACallIsNoStateOfTheTarget(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		c := &called{}
		guard := guarding("create-thing")
		now := time.Now()
		newer, older := r.event("e2", "42", "ana", "v2", now.Add(time.Minute)), r.event("e1", "42", "ana", "v1", now)
		require.Equal(r.t, orchestration.Rejected, r.engine("w1", stepping(r, nil, c.call("create-thing", orchestration.Repeatable), guard)).Handle(r.t.Context(), newer).Verdict)
		require.Len(r.t, c.keys, 1)
		require.Equal(r.t, orchestration.Completed, r.untilSettled(r.engine("w2"), older).Verdict, "what was refused has overtaken nothing")
	})
}

func TestWhatDoesNotFitAScenarioIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		bad := []extra{guarding("make-thing"), {Name: "two-places", Before: "create-thing", After: "update-thing", Look: guarding("").Look},
			{Name: "no-kind", After: "create-thing"}, {Name: "once", Before: "create-thing", Act: (&called{}).call("", 0).Act}, {Name: "create-thing", After: "create-thing", Look: guarding("").Look}}
		_, err := orchestration.New(orchestration.Options{Scenarios: []orchestration.Scenario{orchestration.With(things(r.target), bad, []string{"create-thing", "sell-thing"})},
			Store: r.store(), Hasher: hasher, Owner: "w1"})
		require.Error(r.t, err)
		for _, says := range []string{
			`the step "guard-thing" of the configuration stands by "make-thing", which is none of its steps; they are create-thing, update-thing`,
			`the step "two-places" of the configuration stands neither before nor after a step, or both`,
			`the step "no-kind" of the configuration is not one kind of step`, `the step "once" of the configuration is not one kind of step`,
			`the step "create-thing" cannot be off, since the others rely on it`, `the step "sell-thing" is to be off and is none of its own`, `two steps are named "create-thing"`,
		} {
			require.Contains(r.t, err.Error(), says)
		}
	})
}

func TestAStepThatIsOffIsPassedOver(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		p := things(r.target)
		p.Steps[1].Optional = true
		off := func(o *orchestration.Options) {
			o.Scenarios = []orchestration.Scenario{orchestration.With(p, nil, []string{"update-thing"})}
		}
		e := r.engine("w1", off)
		require.True(r.t, e.Outlines()[0].Steps[1].Off)
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now())).Verdict)
		pass(lag)
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e2", "42", "ana", "v2", time.Now())).Verdict)
		require.Equal(r.t, "v1", r.target.only(r.t).value)
	})
}

func TestAnEventForASinkOfATypeThatAnotherConfigurationHasWaits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", func(o *orchestration.Options) { o.OwnQueues = []string{"live"} })
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		ev.Type, ev.Sink, ev.Origin.Queue = "contoso.thing.v1", "crm", "live"
		o := e.Handle(r.t.Context(), ev)
		require.Equal(r.t, []any{orchestration.Postponed, orchestration.CauseContinue}, []any{o.Verdict, o.Cause})
		require.GreaterOrEqual(r.t, o.After, 30*time.Second)
		elsewhere := ev
		elsewhere.Origin.Queue = "in"
		require.Equal(r.t, fault.UnknownType, e.Handle(r.t.Context(), elsewhere).Reason)
		pass(8 * 24 * time.Hour)
		require.Equal(r.t, fault.UnknownType, e.Handle(r.t.Context(), ev).Reason, "not for ever")
	})
}
