package telemetry

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/watch"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
	"github.com/signalbox/signalbox/worker"
)

// election is a watchman who may lead or not.
type election struct {
	leads bool
	seen  watch.Sight
}

func (e *election) Sight() (watch.Sight, bool) { return e.seen, e.leads }

func TestOnlyTheElectedProcessSpeaksForTheFleet(t *testing.T) {
	at := time.Unix(1_800_000_000, 250e6)
	e := &election{seen: watch.Sight{
		Queues: []watch.Sample{
			{Queue: "queue-1", Counted: true, Counts: watch.Counts{Active: 3, Scheduled: 2, DeadLetter: 1, Size: 4096, MaxSize: 1 << 30},
				Oldest: at, OldestDead: at, Found: true, FoundDead: true, Took: 250 * time.Millisecond, At: at},
			{Queue: "queue-2", Found: true, Took: time.Second}, // the broker does not count it for us
		},
		Beats:  map[string]time.Time{"queue-1": at},
		Waits:  map[watch.Wait]int{{Scenario: "scenario-0", Cause: "gate"}: 2, {Scenario: "of another version", Cause: "hq"}: 1, {Scenario: "of a third", Cause: "hq"}: 1},
		Safety: redisstore.Safety{Policy: "allkeys-lru", Persistence: redisstore.PersistenceOK}, Members: 4,
	}}
	m := NewMetrics(known(3, 2, 3, 4))
	m.WatchFleet(e)
	require.NotContains(t, exposition(t, m), "signalbox_queue_messages", "another process speaks for the fleet")

	e.leads = true
	text := exposition(t, m)
	for _, want := range []string{
		`signalbox_queue_messages{queue="queue-1",state="active"} 3`,
		`signalbox_queue_messages{queue="queue-1",state="scheduled"} 2`,
		`signalbox_queue_messages{queue="queue-1",state="dead_letter"} 1`,
		`signalbox_queue_oldest_message_enqueued_timestamp_seconds{queue="queue-1",state="active"} 1.80000000025e+09`,
		`signalbox_queue_oldest_message_enqueued_timestamp_seconds{queue="queue-1",state="dead_letter"} 1.80000000025e+09`,
		`signalbox_queue_oldest_message_enqueued_timestamp_seconds{queue="queue-2",state="active"} 0`,
		`signalbox_queue_size_bytes{queue="queue-1"} 4096`,
		`signalbox_queue_max_size_bytes{queue="queue-1"} 1.073741824e+09`,
		`signalbox_queue_sample_duration_seconds{queue="queue-1"} 0.25`,
		`signalbox_queue_last_sample_timestamp_seconds{queue="queue-1"} 1.80000000025e+09`,
		`signalbox_queue_last_sample_timestamp_seconds{queue="queue-2"} 0`,
		`signalbox_heartbeat_sent_timestamp_seconds{queue="queue-1"} 1.80000000025e+09`,
		`signalbox_waiting{cause="gate",scenario="scenario-0"} 2`,
		`signalbox_waiting{cause="hq",scenario="unknown"} 2`,
		`signalbox_redis_eviction_risk 1`,
		`signalbox_redis_persistence_ok 1`,
		`signalbox_members 4`,
	} {
		has(t, text, want+"\n")
	}
	require.NotContains(t, text, `signalbox_queue_messages{queue="queue-2"`, "what could not be read is missing, not 0")
	require.NotContains(t, text, `state="dead_letter",queue="queue-2"`)

	e.seen.Safety = redisstore.Safety{}
	require.NotContains(t, exposition(t, m), "signalbox_redis_persistence_ok", "a server that does not tell is no alarm")
}

// TestAHeartbeatMovesNoRate: on every path, save the transport's and that of dead letters.
func TestAHeartbeatMovesNoRate(t *testing.T) {
	k := known(3, 2, 3, 4)
	k.Scenarios = append(k.Scenarios, heartbeat.Scenario().Outline())
	m := NewMetrics(k)
	require.NotContains(t, exposition(t, m), `"heartbeat"`)
	z, to := logger(t, m, "info")
	w, e, ctx := m.Worker(z, hasher, false), m.Engine(z), t.Context()
	before := exposition(t, m)

	beat := settled(worker.ResultCompleted, orchestration.Outcome{Verdict: orchestration.Completed, Scenario: heartbeat.Name})
	beat.Event.Type, beat.Event.Origin.Queue, beat.Delivery.Queue = heartbeat.EventType, "queue-2", "signalbox-live" // by a copy
	e.StepDone(ctx, heartbeat.Name, "come-through", "ok", time.Millisecond)
	e.LookedUp(ctx, heartbeat.Name, "queue", "miss")
	e.Resumed(ctx, heartbeat.Name)
	e.Finished(ctx, heartbeat.Name, orchestration.Outcome{Verdict: orchestration.Completed}, time.Millisecond)
	for _, r := range worker.Results() {
		if r != worker.ResultCompleted && r != worker.ResultSuperseded && r != worker.ResultDeadLettered {
			beat.Result = r
			w.Settled(ctx, beat)
		}
	}
	require.Equal(t, steady(before), steady(exposition(t, m)), "on its way it shows nowhere")
	require.Empty(t, to.text())

	beat.Result = worker.ResultCompleted
	w.Settled(ctx, beat)
	after := exposition(t, m)
	require.NotContains(t, after, `signalbox_heartbeat_seen_timestamp_seconds{queue="queue-2"} 0`, "seen for the queue it was sent to")
	require.Contains(t, after, `signalbox_heartbeat_seen_timestamp_seconds{queue="signalbox-live"} 0`)
	require.Equal(t, steady(before), steady(after), "and nowhere else")

	beat.Result, beat.Outcome = worker.ResultDeadLettered, orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.Bug}
	w.Settled(ctx, beat)
	has(t, exposition(t, m), `signalbox_dead_letters_total{event_type="unknown",fault="platform",queue="signalbox-live",reason="Bug"} 1`+"\n")
}

// steady is an exposition without what moves by itself.
func steady(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "signalbox_") && !strings.Contains(line, "_heartbeat_seen_") || strings.HasPrefix(line, "messaging_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestDependenciesShowHowTheLastTryWent(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	z, _ := logger(t, m, "error")
	require.NotContains(t, exposition(t, m), "signalbox_dependency_up", "nobody has needed one yet")
	requires := func(up bool) {
		t.Helper()
		text := exposition(t, m)
		for _, d := range []string{"redis", "csu", "entra", "servicebus"} {
			has(t, text, `signalbox_dependency_up{dependency="`+d+`"} `+map[bool]string{true: "1", false: "0"}[up]+"\n")
		}
	}
	broker := &talkingWorker{}
	m.WatchWorker(broker)
	c, hook := m.CSU(z), m.Redis()
	command := func(err error) {
		_ = hook.ProcessHook(func(context.Context, redis.Cmder) error { return err })(t.Context(), redis.NewCmd(t.Context(), "get", "x"))
	}
	command(context.DeadlineExceeded)
	c.Request(csuclient.Request{Operation: "Things.Do1", Result: csuclient.ResultNetwork})
	c.TokenRefreshed(false, time.Time{})
	requires(false)
	command(redis.Nil)
	c.Request(csuclient.Request{Operation: "Things.Do1", Result: csuclient.ResultThrottled})
	c.TokenRefreshed(true, time.Now())
	broker.answers = true
	requires(true)
	has(t, exposition(t, m), `signalbox_worker_receivers{queue="queue-1"} 1`+"\n")
	has(t, exposition(t, m), `signalbox_worker_receivers{queue="signalbox-live"} 0`+"\n")
}

// talkingWorker has one queue that the broker answers for, or not, and one that it does not.
type talkingWorker struct {
	idleWorker
	answers bool
}

func (w *talkingWorker) Queues() []worker.QueueStatus {
	return []worker.QueueStatus{{Queue: "queue-1", Answered: w.answers}, {Queue: "signalbox-live", Answered: true, Trouble: "notfound"}}
}

func TestWhatTheWatchmanCannotDoIsToldOnce(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	z, to := logger(t, m, "info")
	o := m.Watch(z)
	for range 3 {
		o.Sampled("queue-1", worker.ErrUnauthorized)
		o.Asked(errors.New("connection refused"))
		o.Beaten("queue-1", worker.ErrConnectionLost)
	}
	has(t, exposition(t, m), `signalbox_queue_sample_failures_total{queue="queue-1"} 3`+"\n")
	lines := to.lines(t)
	require.Len(t, lines, 3)
	require.Equal(t, "unauthorized", lines[0]["error_type"])
	require.Equal(t, "queue-1", lines[0]["queue"])
	o.Sampled("queue-1", nil)
	o.Sampled("queue-1", worker.ErrUnauthorized)
	require.Len(t, to.lines(t), 4, "again, when it was well in between")
}

func TestTheGateIsExported(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	m.WatchGate(openGate{until: time.Unix(1_800_000_000, 0)})
	text := exposition(t, m)
	has(t, text, "signalbox_gate_closed_until_timestamp_seconds 1.8e+09\n")
	has(t, text, `signalbox_gate_concurrency_limit{lane="live"} 32`+"\n")
}
