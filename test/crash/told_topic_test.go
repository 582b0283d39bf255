package crash

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
)

// receivers are where two sinks lead: a topic's subscriber, and a queue.
var receivers = []string{"outcomes/Subscriptions/erp", "desk"}

// toTopic are the options of a world whose outcomes go to a topic and to a queue, which detect duplicates.
func toTopic() harness.Options {
	return harness.Options{
		Queues: []servicebus.Queue{{Name: "desk", DuplicateDetection: true, DuplicateWindow: time.Hour}},
		Topics: []servicebus.Topic{{Name: "outcomes", DuplicateDetection: true, DuplicateWindow: time.Hour, Subscriptions: []servicebus.Subscription{{Name: "erp"}}}},
		Env: map[string]string{
			"SIGNALBOX_CHANNELS": `[{"name":"main","csu":"default","oun":"HOUSTON","legal_entity":"usrt","currency":"USD","language":"en-us","sinks":["erp","desk"]}]`,
			"SIGNALBOX_SINKS":    `[{"name":"erp","type":"servicebus","entity":"outcomes","sessions":true,"timeout":"1s"},{"name":"desk","type":"servicebus","entity":"desk","timeout":"1s"}]`,
		},
	}
}

// TestStoppedAtAnyBoundaryATopicHasEveryOutcomeOnce: what is sent again has the same id, so a broker that detects duplicates drops it.
func TestStoppedAtAnyBoundaryATopicHasEveryOutcomeOnce(t *testing.T) {
	for name, s := range tellings {
		if len(s.faults) > 0 {
			continue // of a receiver that is not there
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 1; ; at += 3 * harness.Stride {
				crossed, passed := s.stopTopicAt(t, at)
				if !crossed {
					require.Greater(t, at, 10, "the run has more boundaries than that: %v", passed)
					require.Contains(t, passed, "before sink erp")
					break
				}
			}
		})
	}
}

// stopTopicAt is stopAt with a topic for a receiver.
func (s telling) stopTopicAt(t *testing.T, at int) (crossed bool, passed []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, toTopic())
		events := s.publish(w)
		b := &harness.Boundaries{At: at}
		stopped := make(chan struct{})
		b.Do = func(string) { b.Die(); close(stopped) }
		first := w.Start(b)
		select {
		case <-stopped:
			crossed = true
		case <-wait(w.Empty):
		}
		first.Stop()
		second := w.Start(nil)
		<-wait(w.Empty)
		second.Stop()
		passed = b.Passed()
		where := "never"
		if crossed {
			where = passed[at-1]
		}
		for _, receiver := range receivers {
			s.checkTopic(t, w, receiver, events, where)
		}
		<-time.After(time.Minute) // a stopped process asks in vain for a while; its goroutines must have ended
	})
	return crossed, passed
}

// checkTopic holds what a receiver has against what happened.
func (s telling) checkTopic(t testing.TB, w *harness.World, receiver string, events []harness.Customer, where string) {
	t.Helper()
	browser := w.Bus().Queue(receiver).Browse()
	defer browser.Close(t.Context())
	got, err := browser.Peek(t.Context(), 0, 100)
	require.NoError(t, err)
	ids, byEvent, last := map[string]bool{}, map[string][]string{}, ""
	for _, m := range got {
		require.False(t, ids[m.ID], "%s: %s came twice", where, m.ID)
		ids[m.ID] = true
		require.Equal(t, m.ID, property(m, "id"), where)
		byEvent[m.CorrelationID] = append(byEvent[m.CorrelationID], m.Subject)
		var said struct{ AccountNumber string }
		require.NoError(t, json.Unmarshal(m.Body, &said))
		if m.Subject == relayed {
			account, _ := w.Bound(harness.Source, "C-1")
			require.Equal(t, account, said.AccountNumber, where)
			require.Greater(t, property(m, "sequence"), last, "%s: behind something newer", where)
			last = property(m, "sequence")
		}
	}
	for _, e := range events {
		got, want := byEvent[orchestration.DeriveCorrelationID(harness.Source, e.Event)], s.told[e.Event]
		if want == "" { // overtaken: told before that, or not at all
			require.LessOrEqual(t, len(got), 1, "%s: %s", where, e.Event)
			continue
		}
		require.Equal(t, []string{want}, got, "%s: %s", where, e.Event)
	}
}

func property(m worker.Message, name string) string {
	text, _ := m.Properties["cloudEvents_"+name].(string)
	return text
}
