package orchestration_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// before and after a plan, everything is as it was: the target, the store, our own queue.
func (r *rig) planned(e *orchestration.Engine, ev orchestration.Event) orchestration.Plan {
	r.t.Helper()
	store, creates, updates, puts, sent := r.redis.Dump(), r.target.creates, r.target.updates, r.target.puts, len(r.outbox.sent)
	p := e.Plan(r.t.Context(), ev)
	require.Equal(r.t, store, r.redis.Dump(), "a plan writes nothing")
	require.Equal(r.t, []int{creates, updates, puts, sent}, []int{r.target.creates, r.target.updates, r.target.puts, len(r.outbox.sent)}, "and does nothing")
	return p
}

func wills(p orchestration.Plan) map[string]orchestration.Will {
	out := map[string]orchestration.Will{}
	for _, s := range p.Steps {
		out[s.Name] = s.Will
	}
	return out
}

// plannable is things whose acts tell a plan what they would do.
func plannable(r *rig) func(*orchestration.Options) {
	p := things(r.target)
	for i := range p.Steps {
		p.Steps[i].Plannable = true
		act, op := p.Steps[i].Act, p.Steps[i].Name
		p.Steps[i].Act = func(ctx context.Context, run *run) error {
			if plan := callerOf(ctx).plan; plan != nil {
				plan(orchestration.Effect{Operation: op, Fields: []string{"key", "value"}})
				run.State.Created = true
				return nil
			}
			return act(ctx, run)
		}
	}
	return func(o *orchestration.Options) { o.Scenarios = []orchestration.Scenario{p} }
}

func TestAPlanSaysWhatHandleWouldDo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", plannable(r))
		at := time.Now()
		first := r.event("e1", "42", "ana", "v1", at)

		p := r.planned(e, first)
		require.Equal(r.t, orchestration.Completed, p.Outcome.Verdict)
		require.True(r.t, p.Acts())
		require.Equal(r.t, map[string]orchestration.Will{"create-thing": orchestration.WillAct, "update-thing": orchestration.WillSkip}, wills(p))
		require.Equal(r.t, []orchestration.Effect{{Operation: "create-thing", Fields: []string{"key", "value"}}}, p.Steps[0].Effects)
		require.Equal(r.t, []string{madeType}, p.Tells)

		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), first).Verdict)
		require.Equal(r.t, orchestration.Duplicate, r.planned(e, first).Outcome.Verdict)

		second := r.event("e2", "42", "ana", "v2", at.Add(time.Minute))
		p = r.planned(e, second)
		require.Equal(r.t, map[string]orchestration.Will{"create-thing": orchestration.WillFind, "update-thing": orchestration.WillAct}, wills(p))
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), second).Verdict)
		require.Equal(r.t, orchestration.Superseded, r.planned(e, r.event("e0", "42", "ana", "v0", at.Add(-time.Minute))).Outcome.Verdict)

		same := r.planned(e, r.event("e3", "42", "ana", "v2", at.Add(2*time.Minute)))
		require.False(r.t, same.Acts(), "everything is there already")
		require.Equal(r.t, orchestration.Completed, same.Outcome.Verdict)
	})
}

func TestAPlanStopsAtAnActThatCannotBePlanned(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		p := r.planned(r.engine("w1"), r.event("e1", "42", "ana", "v1", time.Now()))
		require.Equal(r.t, orchestration.Completed, p.Outcome.Verdict)
		require.Equal(r.t, map[string]orchestration.Will{"create-thing": orchestration.WillAct, "update-thing": orchestration.WillDepend}, wills(p))
	})
}

func TestAPlanSaysWhyAnEventWouldFailOrWait(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", plannable(r))
		require.Equal(r.t, fault.SchemaInvalid, r.planned(e, r.event("bad", "42", "x", "v1", time.Now())).Outcome.Reason)

		ev := r.event("e1", "42", "ana", "v1", time.Now())
		for kind, want := range map[fault.Kind]orchestration.Cause{
			fault.Transient: orchestration.CauseBackoff, fault.Throttled: orchestration.CauseGate, fault.Blocked: orchestration.CauseBlocked,
			fault.Dependency: orchestration.CauseDependency, fault.Unknown: orchestration.CauseBackoff,
		} {
			r.target.set(func(op string) error { return fault.New(kind, "", "no") }, nil)
			p := r.planned(e, ev)
			require.Equal(r.t, orchestration.Postponed, p.Outcome.Verdict)
			require.Equal(r.t, want, p.Outcome.Cause)
			require.Equal(r.t, "create-thing", p.Outcome.Step)
			require.Equal(r.t, orchestration.WillWait, p.Steps[0].Will)
		}
		r.target.set(func(op string) error { return fault.New(fault.Permanent, fault.NotPermitted, "no") }, nil)
		p := r.planned(e, ev)
		require.Equal(r.t, fault.NotPermitted, p.Outcome.Reason)
		require.Equal(r.t, orchestration.WillFail, p.Steps[0].Will)
		require.Equal(r.t, "things", p.Outcome.Scenario)
	})
}

func TestAPlanSeesABindingThatContradicts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", plannable(r))
		require.Equal(r.t, orchestration.Completed, e.Handle(r.t.Context(), r.event("e1", "42", "ana", "v1", time.Now())).Verdict)
		pass(lag)
		twin := r.event("e2", "43", "ana", "v1", time.Now()) // another id of the source for the same key
		p := r.planned(e, twin)
		require.Equal(r.t, fault.MappingConflict, p.Outcome.Reason)
		require.Equal(r.t, fault.MappingConflict, e.Handle(r.t.Context(), twin).Reason, "and so it is")
	})
}

func TestAPlanSeesWhatIsHeldAndWhatIsClosed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		arrived, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
		r.target.set(func(op string) error {
			if op == "create" {
				close(arrived)
				<-goOn
			}
			return nil
		}, nil)
		go func() {
			defer close(ended)
			r.engine("w1").Handle(r.t.Context(), ev)
		}()
		<-arrived
		e := r.engine("w2", plannable(r))
		require.Equal(r.t, orchestration.CauseHeld, r.planned(e, ev).Outcome.Cause)
		r.target.set(nil, func(context.Context, string) error { return fault.New(fault.Ambiguous, "", "reset") })
		r.target.lag = time.Hour // so that no look answers it
		close(goOn)
		<-ended
		require.Equal(r.t, orchestration.CauseTaint, r.planned(e, ev).Outcome.Cause)
	})
}

func TestAPlanOfAReplayCountsAttemptsAnew(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		e := r.engine("w1", plannable(r), func(o *orchestration.Options) { o.Reschedule = []time.Duration{time.Second} })
		r.target.set(func(op string) error { return fault.New(fault.Transient, "", "away") }, nil)
		ev := r.event("e1", "42", "ana", "v1", time.Now())
		require.Equal(r.t, fault.AttemptsExhausted, r.untilSettled(e, ev).Reason)
		r.target.set(nil, nil)
		ev.Generation, ev.Replay = 9, "job-1"
		p := r.planned(e, ev)
		require.Equal(r.t, orchestration.Completed, p.Outcome.Verdict)
		require.Zero(r.t, p.Outcome.Attempt)
	})
}
