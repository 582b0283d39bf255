package worker

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/envelope"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestSettlement(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		outcome    orchestration.Outcome
		deliveries int
		want       Settlement
	}{
		"what is done is completed":          {orchestration.Outcome{Verdict: orchestration.Completed}, 1, Settlement{Action: Complete, Result: ResultCompleted}},
		"what was done before is completed":  {orchestration.Outcome{Verdict: orchestration.Duplicate}, 1, Settlement{Action: Complete, Result: ResultDuplicate}},
		"an overtaken state is completed":    {orchestration.Outcome{Verdict: orchestration.Superseded}, 1, Settlement{Action: Complete, Result: ResultSuperseded}},
		"a replaced copy is completed":       {orchestration.Outcome{Verdict: orchestration.Surplus}, 1, Settlement{Action: Complete, Result: ResultSurplus}},
		"a lost claim settles nothing":       {orchestration.Outcome{Verdict: orchestration.Lost}, 9, Settlement{Action: Nothing, Result: ResultLockLost}},
		"an unknown verdict settles nothing": {orchestration.Outcome{Verdict: 99}, 1, Settlement{Action: Nothing, Result: ResultLockLost}},
		"a drain gives the message back":     {orchestration.Outcome{Verdict: orchestration.Interrupted}, 5, Settlement{Action: Abandon, Result: ResultAbandoned}},
		"over half of the deliveries a copy starts again": {
			orchestration.Outcome{Verdict: orchestration.Interrupted}, 6,
			Settlement{Action: Reschedule, Result: ResultRescheduled, Why: WhyDrain},
		},
		"a throttled event waits as long as it was told": {
			orchestration.Outcome{Verdict: orchestration.Postponed, Cause: orchestration.CauseGate, After: time.Minute}, 1,
			Settlement{Action: Reschedule, Result: ResultRescheduled, Why: WhyThrottled, At: noon.Add(time.Minute)},
		},
		"a run that took too long goes on at once": {
			orchestration.Outcome{Verdict: orchestration.Postponed, Cause: orchestration.CauseContinue}, 1,
			Settlement{Action: Reschedule, Result: ResultRescheduled, Why: WhyContinue},
		},
		"a rejected event waits for a person, who is told the step first": {
			orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.CsuRejected, Detail: "The CSU\n refused it.", Step: "create-account"}, 1,
			Settlement{Action: DeadLetter, Result: ResultDeadLettered, Reason: fault.CsuRejected, Description: "create-account: The CSU refused it."},
		},
		"a rejection without a reason is a defect of ours": {
			orchestration.Outcome{Verdict: orchestration.Rejected, Detail: "x"}, 1,
			Settlement{Action: DeadLetter, Result: ResultDeadLettered, Reason: fault.Bug, Description: "x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, settlementFor(tc.outcome, Message{DeliveryCount: tc.deliveries}, 10, noon))
		})
	}
}

func TestNoCopyIsMadeOfWhatIsToBeRefusedForItsBody(t *testing.T) {
	t.Parallel()
	o := orchestration.Outcome{Verdict: orchestration.Interrupted, Reason: fault.CardDataRefused}
	require.Equal(t, Settlement{Action: Abandon, Result: ResultAbandoned}, settlementFor(o, Message{DeliveryCount: 9}, 10, noon))
}

func TestEveryCauseHasAReasonToReschedule(t *testing.T) {
	t.Parallel()
	for _, cause := range orchestration.Causes() {
		require.Contains(t, Whys(), whyOf[cause], cause)
	}
}

func TestADescriptionFitsAKibibyteAndStaysUTF8(t *testing.T) {
	t.Parallel()
	for n := range 4 {
		got := describe(orchestration.Outcome{Detail: strings.Repeat("x", n) + strings.Repeat("é", 1000)})
		require.LessOrEqual(t, len(got), maxDescription)
		require.True(t, utf8.ValidString(got))
		require.True(t, strings.HasSuffix(got, "é…"))
	}
}

func TestACopyIsTheMessageUnderANewIDInTheNextGeneration(t *testing.T) {
	t.Parallel()
	m := Message{
		ID: "first", ContentType: "application/json", CorrelationID: "c", Subject: "s", Body: []byte(`{"a":1}`), Queue: "orders", ExpiresAt: noon,
		Properties: map[string]any{"traceparent": "00-1-2-01", "Diagnostic-Id": "00-1-2-01", envelope.PropertyAttempt: int64(1)},
	}
	origin := orchestration.Origin{Queue: "orders", Enqueued: noon, Sequence: 7}
	ev := orchestration.Event{Generation: 2, Attempt: 1, Origin: origin, Expires: noon.Add(time.Hour)}

	got := copyOf(m, ev, 3)

	require.NotEqual(t, m.ID, got.ID)
	require.NotEqual(t, got.ID, copyOf(m, ev, 3).ID, "each send has its own message ID: a repeated one may be dropped as a duplicate")
	require.Equal(t, m.Body, got.Body)
	require.Equal(t, m.CorrelationID, got.CorrelationID)
	require.Zero(t, got.ExpiresAt, "a time to live would start again at every copy")
	require.Equal(t, map[string]any{
		"traceparent": "00-1-2-01", "Diagnostic-Id": "00-1-2-01",
		envelope.PropertyGeneration: int64(3), envelope.PropertyAttempt: int64(3),
		envelope.PropertyOrigin: "orders@2026-11-23T12:00:00Z#7", envelope.PropertyExpires: "2026-11-23T13:00:00Z",
	}, got.Properties)
	require.Equal(t, int64(1), m.Properties[envelope.PropertyAttempt], "the original's properties are left alone")
}

func TestAnAttemptNeverGoesDown(t *testing.T) {
	t.Parallel()
	got := copyOf(Message{}, orchestration.Event{Attempt: 4}, 0)
	require.Equal(t, int64(4), got.Properties[envelope.PropertyAttempt])
}
