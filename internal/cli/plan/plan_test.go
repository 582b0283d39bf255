package plan_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/plan"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// line is an event as the tests write it; its subject is its e-mail address.
type line struct{ ID, Object, Email string }

func decode(text []byte) (orchestration.Event, error) {
	var l line
	if json.Unmarshal(text, &l) != nil {
		return orchestration.Event{}, &fault.Error{Kind: fault.Poison, Reason: fault.Malformed, Pointer: "/x", Detail: "not JSON"}
	}
	return orchestration.Event{Source: "shop", ID: l.ID, Type: "t", Data: text}, nil
}

type identifier struct{}

func (identifier) Identify(ev orchestration.Event) (orchestration.Identity, error) {
	var l line
	if err := json.Unmarshal(ev.Data, &l); err != nil || l.Object == "" {
		return orchestration.Identity{}, errors.New("it cannot be told")
	}
	return orchestration.Identity{Entity: mapping.Ref{Kind: "customer", Scope: "s", Source: "shop", ID: l.Object},
		Keys: []orchestration.Key{{Kind: "email", Value: pii.New(l.Email)}}}, nil
}

// planner answers each event with what a test says of it; nothing: it would act.
type planner struct {
	says  func(ev orchestration.Event, turn int) orchestration.Plan
	turns map[string]int
}

func (p planner) Plan(_ context.Context, ev orchestration.Event) orchestration.Plan {
	p.turns[ev.ID]++
	if p.says != nil {
		return p.says(ev, p.turns[ev.ID])
	}
	return orchestration.Plan{Outcome: orchestration.Outcome{Verdict: orchestration.Completed, Scenario: "customers"}, Tells: []string{"customer.relayed"},
		Steps: []orchestration.PlannedStep{{Name: "find-it", Will: orchestration.WillFind}, {Name: "make-it", Will: orchestration.WillAct,
			Effects: []orchestration.Effect{{Operation: "Customers.Create", Fields: []string{"Email", "Name"}}}}}}
}

func run(t *testing.T, in string, says func(orchestration.Event, int) orchestration.Plan) (plan.Summary, []plan.Event, string, error) {
	t.Helper()
	var events []plan.Event
	var out strings.Builder
	p := planner{says, map[string]int{}}
	sum, err := plan.Run(t.Context(), plan.Options{In: strings.NewReader(in), Decode: decode, Planner: p, Identify: identifier{}, MaxBytes: 200,
		Planned: func(ev plan.Event) error {
			events = append(events, ev)
			return ev.Print(&out)
		}})
	require.NoError(t, sum.Print(&out))
	return sum, events, out.String(), err
}

func TestAPlanSaysStepsCallsAndWhatWouldBeTold(t *testing.T) {
	t.Parallel()
	sum, events, out, err := run(t, `{"ID":"e1","Object":"1","Email":"a"}`+"\n\n"+`{"ID":"ana@example.com","Object":"2","Email":"b"}`+"\n"+`{"ID":"e3","Object":"1","Email":"c"}`+"\n"+
		`{"ID":"e4","Object":"9","Email":"b"}`+"\nnonsense\n"+strings.Repeat("x", 300)+"\n"+`{"ID":"e7"}`, nil)
	require.NoError(t, err)
	require.Equal(t, `line 1: shop e1 would be done
  find-it finds it there
  make-it acts
    Customers.Create: Email, Name
  tells customer.relayed
line 3: shop [masked] would be done
  find-it finds it there
  make-it acts
    Customers.Create: Email, Name
  tells customer.relayed
line 4: shop e3 would be done [line 1 is about the same object]
  find-it finds it there
  make-it acts
    Customers.Create: Email, Name
  tells customer.relayed
line 5: shop e4 would be done [line 3 is about the same object]
  find-it finds it there
  make-it acts
    Customers.Create: Email, Name
  tells customer.relayed
line 6: - - would be a dead letter: Malformed: /x: not JSON
line 7: - - would be a dead letter: TooLarge: the line has more than 200 bytes, the limit of worker.max_body
line 8: shop e7 would be done
  find-it finds it there
  make-it acts
    Customers.Create: Email, Name
  tells customer.relayed
7 events: 5 completed, 2 rejected; 5 of them would act: 5 × Customers.Create
A plan writes nothing. It is right as of now, for each event as if the others were not there.
`, out)
	require.Len(t, events, 7)
	require.Equal(t, exit.Partly, exit.From(sum.Verdict(nil)).Code)
}

func TestEachVerdictHasItsWords(t *testing.T) {
	t.Parallel()
	outcome := func(o orchestration.Outcome) func(orchestration.Event, int) orchestration.Plan {
		return func(orchestration.Event, int) orchestration.Plan { return orchestration.Plan{Outcome: o} }
	}
	for want, o := range map[string]orchestration.Outcome{
		"would change nothing":                    {Verdict: orchestration.Completed},
		"would be superseded: a newer state":      {Verdict: orchestration.Superseded},
		"would be a duplicate: it was done":       {Verdict: orchestration.Duplicate},
		"would be dropped: a later copy of it":    {Verdict: orchestration.Surplus},
		"would wait for promotion, 5m0s":          {Verdict: orchestration.Postponed, Cause: orchestration.CausePromotion, After: 5 * time.Minute},
		"would be a dead letter: BusinessRule: x": {Verdict: orchestration.Rejected, Reason: fault.BusinessRule, Detail: "x"},
		"would wait for backoff (Customers.Create 503)": {Verdict: orchestration.Postponed, Cause: orchestration.CauseBackoff,
			Err: &fault.Error{Kind: fault.Transient, Operation: "Customers.Create", Status: 503}},
	} {
		_, _, out, err := run(t, `{"ID":"e1"}`, outcome(o))
		require.NoError(t, err)
		require.Contains(t, out, want)
	}
}

func TestAPlanWaitsForItsTurnAtTheTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, events, _, err := run(t, `{"ID":"e1"}`, func(_ orchestration.Event, turn int) orchestration.Plan {
			if turn < 3 {
				return orchestration.Plan{Outcome: orchestration.Outcome{Verdict: orchestration.Postponed, Cause: orchestration.CauseGate, After: 10 * time.Second}}
			}
			return orchestration.Plan{}
		})
		require.NoError(t, err)
		require.Equal(t, "completed", events[0].Verdict)
		require.Equal(t, 20*time.Second, time.Since(began))

		_, events, _, err = run(t, `{"ID":"e1"}`, func(orchestration.Event, int) orchestration.Plan {
			return orchestration.Plan{Outcome: orchestration.Outcome{Verdict: orchestration.Postponed, Cause: orchestration.CauseGate, After: time.Hour}}
		})
		require.NoError(t, err)
		require.Equal(t, "gate", events[0].Cause, "it is not waited for all day")
	})
}

func TestAStoreThatIsGoneEndsThePlan(t *testing.T) {
	t.Parallel()
	sum, events, _, err := run(t, `{"ID":"e1"}`+"\n"+`{"ID":"e2"}`+"\n"+`{"ID":"e3"}`, func(ev orchestration.Event, _ int) orchestration.Plan {
		if ev.ID == "e2" {
			return orchestration.Plan{Outcome: orchestration.Outcome{Verdict: orchestration.Postponed, Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}}
		}
		return orchestration.Plan{}
	})
	require.ErrorContains(t, err, "plan line 2")
	require.Len(t, events, 1)
	require.Equal(t, exit.Partly, exit.From(sum.Verdict(err)).Code)
	require.Equal(t, exit.Unreachable, exit.From(plan.Summary{}.Verdict(err)).Code)
	require.Equal(t, exit.Nothing, exit.From(plan.Summary{}.Verdict(nil)).Code)
}
