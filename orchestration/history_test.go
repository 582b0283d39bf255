package orchestration_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// Whoever asks what an event waits for wants to know what the target said, too.
func TestTheHistoryOfARunSaysWhatFailed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		last := func(id string) redisstore.RunMoment {
			run, found, err := redisstore.NewTracer(r.client, r.keys).ByEvent(r.t.Context(), "shop", id)
			require.NoError(r.t, err)
			require.True(r.t, found)
			return run.History[len(run.History)-1]
		}
		e := r.engine("w1", func(o *orchestration.Options) { o.WaitInRun, o.Reschedule = time.Second, []time.Duration{time.Second} })
		for want, f := range map[string]fault.Error{
			"gate Things.Search 429":                          {Kind: fault.Throttled, Operation: "Things.Search", Status: 429, Wait: time.Hour},
			"backoff Things.Search timeout":                   {Kind: fault.Transient, Operation: "Things.Search", Class: "timeout"},
			"blocked Things.Search 403":                       {Kind: fault.Blocked, Operation: "Things.Search", Status: 403},
			"CsuRejected Things.Search 400 InvalidPostalCode": {Kind: fault.Permanent, Operation: "Things.Search", Status: 400, Code: "InvalidPostalCode"},
			"promotion Things.Search 404 ThingNotFound":       {Kind: fault.Dependency, Waits: fault.ForPromotion, Operation: "Things.Search", Status: 404, Code: "ThingNotFound"},
		} {
			r.target.set(func(string) error { return &f }, nil)
			ev := r.event(want, want, want, "v1", time.Now())
			e.Handle(r.t.Context(), ev)
			m := last(want)
			require.Equal(r.t, want, m.Why+" "+m.Failed)
			require.Equal(r.t, "create-thing", m.Step)
		}
		r.target.set(func(string) error {
			return &fault.Error{Kind: fault.Transient, Operation: "Things.Search", Status: 503}
		}, nil)
		require.Equal(r.t, fault.AttemptsExhausted, r.untilSettled(e, r.event("e9", "9", "nine", "v1", time.Now())).Reason)
		require.Equal(r.t, "Things.Search 503", last("e9").Failed)
	})
}
