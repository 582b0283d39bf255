package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/watch"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/orchestration/scenarios/heartbeat"
	"github.com/signalbox/signalbox/orchestration/schedule"
	"github.com/signalbox/signalbox/worker"
)

const (
	budget   = 5000 // series of one process, of 12 event types and 60 steps
	outbound = 6000 // of all scenarios: with what goes out there are half as many types and steps again (docs/decisions/033)
)

func exposition(t *testing.T, m *Metrics) string {
	t.Helper()
	families, err := m.Registry().Gather()
	require.NoError(t, err)
	var b bytes.Buffer
	for _, f := range families {
		_, err := expfmt.MetricFamilyToText(&b, f)
		require.NoError(t, err)
	}
	return b.String()
}

func TestPromtoolAcceptsTheMetrics(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not installed; on Debian: apt-get install prometheus (or the binary of github.com/prometheus/prometheus/cmd/promtool)")
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(exposition(t, whole(known(3, 2, 3, 4))))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}

func TestEveryMetricStandsAtZeroBeforeTheFirstEvent(t *testing.T) {
	text := exposition(t, whole(known(3, 2, 3, 4)))
	for _, f := range whole(known(3, 2, 3, 4)).Families() {
		has(t, text, "# TYPE "+f.Name+" "+f.Type+"\n")
		require.True(t, strings.HasPrefix(f.Name, "signalbox_") || strings.HasPrefix(f.Name, "messaging_") || strings.HasPrefix(f.Name, "http_server_"), f.Name)
		require.NotContains(t, f.Labels, "job")
		require.NotContains(t, f.Labels, "instance")
	}
	for _, want := range []string{
		`signalbox_messages_total{event_type="signalbox.type-0.v1",outcome="dead_lettered",queue="queue-1"} 0`,
		`signalbox_dead_letters_total{event_type="unknown",fault="producer",queue="queue-2",reason="SchemaInvalid"} 0`,
		`signalbox_step_runs_total{outcome="timeout",scenario="scenario-1",step="step-2"} 0`,
		`signalbox_csu_requests_total{operation="Things.Do3",result="throttled"} 0`,
		`signalbox_idempotency_checks_total{result="error"} 0`,
		`signalbox_redis_errors_total{command="claim",error_type="timeout"} 0`,
		`signalbox_worker_paused{queue="queue-1",reason="gate"} 0`,
		`signalbox_redactions_total{class="contact"} 0`,
		`signalbox_queue_sample_failures_total{queue="queue-2"} 0`,
		`signalbox_heartbeat_seen_timestamp_seconds{queue="signalbox-live"} 0`,
		`signalbox_mapping_lookups_total{entity="customer",result="miss"} 0`,
		`signalbox_step_enabled{scenario="scenario-1",step="step-2"} 1`,
		`signalbox_gate_concurrency_limit{lane="replay"} 32`,
		`signalbox_gate_closed_until_timestamp_seconds 0`,
		`signalbox_dependency_up{dependency="servicebus"} 0`,
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/metrics"} 0`,
		`signalbox_field_map_warnings_total{rule="phone",source="crm"} 0`,
		`signalbox_redis_pool_timeouts_total 2`,
	} {
		has(t, text, want+"\n")
	}
}

// everyPath drives every observer once; id stands wherever a message could put something of its own.
func everyPath(t *testing.T, ctx context.Context, o observers, id string, i int) {
	t.Helper()
	pick := func(n int) int { return i % n }
	kinds, reasons, verdicts := fault.Kinds(), fault.Reasons(), 8
	failure := &fault.Error{Kind: kinds[pick(len(kinds))], Class: id, Code: id, Operation: id, Detail: id}

	ctx = o.worker.Received(ctx, worker.Delivery{Queue: id, MessageID: id, Bytes: i, DeliveryCount: i})
	o.engine.Claimed(ctx, id, id)
	o.engine.LeaseLost(ctx, id, id)
	o.engine.StepDone(ctx, id, id, id, time.Second)
	o.engine.StepDone(ctx, "scenario-0", id, "ok", time.Second)
	o.engine.StepRetried(ctx, id, id, failure.Kind)
	o.engine.AlreadyThere(ctx, id, id)
	o.engine.Tainted(ctx, id, id)
	o.engine.Bound(ctx, id, id)
	o.engine.LookedUp(ctx, id, id, id)
	o.engine.Resumed(ctx, id)
	o.engine.Finished(ctx, id, orchestration.Outcome{Verdict: orchestration.Verdict(pick(verdicts)), Reason: fault.Reason(id)}, time.Second)
	o.engine.Reported(ctx, id, fault.Reason(id), id)
	o.engine.Panicked(ctx, id, id, []byte(id))

	s := settled(worker.Results()[pick(len(worker.Results()))], orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.Reason(id), Err: failure, Scenario: id, Step: id})
	s.Delivery.Queue, s.Event.ID, s.Event.Type, s.Event.Source, s.Event.CorrelationID = id, id, id, id, id
	o.worker.Settled(ctx, s)
	s.Delivery.Queue, s.Outcome.Reason, s.Err = "queue-1", reasons[pick(len(reasons))], errors.New(id)
	o.worker.Settled(ctx, s)
	o.worker.Rescheduled(ctx, id, worker.Why(id), time.Now())
	o.worker.LockRenewed(ctx, id, id, errors.New(id))
	o.worker.Reconnected(ctx, id, id, errors.New(id))
	for _, call := range []string{id, "send", "receive"} {
		o.worker.Called(ctx, id, call, time.Second, nil)
		o.worker.Called(ctx, id, call, time.Second, failure)
	}
	o.worker.Panicked(ctx, id, id, []byte(id))

	o.csu.Request(csuclient.Request{Operation: id, Result: id, Status: i, Code: id, RequestID: id, Lane: id, CorrelationID: id, Took: time.Second})
	o.csu.Throttled(time.Duration(i)*time.Second, true)
	o.csu.Waited(id, time.Second)
	o.csu.TokenRefreshed(i%2 == 0, time.Now())
	o.csu.InFlight(1)
	o.csu.InFlight(-1)
	o.watch.Sampled(id, failure)
	o.watch.Asked(failure)
	o.watch.Beaten(id, failure)
	o.timers.Known(id, schedule.Record{})
	o.timers.Skipped(id, i)
	o.timers.Ended(id, schedule.Record{State: []schedule.State{schedule.OK, schedule.Failed, schedule.Lost}[pick(3)]}, time.Second)
	request := requests[pick(len(requests))]
	o.http(request.route, request.method, request.status, time.Second)
	o.http("", id, 404, time.Second)
	o.swept(Sweep{id, id, id}, i%2 == 0, map[string]int{mismatches[pick(len(mismatches))]: 1, id: 1})
	o.worker.Settled(ctx, worker.Settled{Event: orchestration.Event{Type: heartbeat.EventType, Origin: orchestration.Origin{Queue: id}}, Result: worker.ResultCompleted})

	for _, cmd := range []redis.Cmder{redis.NewCmd(ctx, id), redis.NewCmd(ctx, "evalsha", id), redis.NewCmd(ctx, "get", id)} {
		fail := func(context.Context, redis.Cmder) error { return errors.New(id) }
		_ = o.redis.ProcessHook(fail)(ctx, cmd)
		_ = o.redis.ProcessPipelineHook(func(context.Context, []redis.Cmder) error { return nil })(ctx, []redis.Cmder{cmd})
	}
}

// requests are what is asked of the admin port, and how it answers; anybody may ask for anything else.
var requests = []struct {
	route, method string
	status        int
}{{"/metrics", "GET", 200}, {"/livez", "GET", 200}, {"/livez", "GET", 503}, {"/readyz", "GET", 200}, {"/readyz", "GET", 503},
	{"/startupz", "GET", 200}, {"/startupz", "GET", 503}, {"", "GET", 404}, {"", "POST", 405}}

type observers struct {
	watch  watch.Observer
	http   func(route, method string, status int, took time.Duration)
	engine orchestration.Observer
	worker worker.Observer
	csu    csuclient.Observer
	redis  redis.Hook
	timers schedule.Observer
	swept  func(Sweep, bool, map[string]int)
}

func TestTenThousandRandomIDsMakeNoSeries(t *testing.T) {
	const operations = 26
	require.LessOrEqual(t, len(csuclient.Labels()), operations, "let new operations share a label")
	m := whole(known(6, 12, 5, operations)) // 6 queues, 12 event types, 60 steps
	withinBudget(t, m, budget)
}

// TestTheScenariosThereAreStayWithinTheBudget: they have more event types and steps than those made up above.
func TestTheScenariosThereAreStayWithinTheBudget(t *testing.T) {
	k := known(6, 0, 0, 0)
	for _, s := range scenarios.All(scenarios.Parts{}) {
		k.Scenarios = append(k.Scenarios, s.Outline())
	}
	k.Kinds, k.Operations, k.Schedules = scenarios.Kinds(), csuclient.Labels(), schedules(20) // as many as config allows
	k.Sweeps = sweeps(20)
	withinBudget(t, whole(k), outbound)
}

func withinBudget(t *testing.T, m *Metrics, budget int) {
	t.Helper()
	fresh := series(t, m)
	require.Less(t, fresh, budget, "before the first event")

	z := zap.NewNop() // lines are not the subject here
	o := observers{m.Watch(z), m.HTTP, m.Engine(z), m.Worker(z, hasher, false), m.CSU(z), m.Redis(), m.Schedules(z), m.Swept}
	r := rand.New(rand.NewPCG(1, 2))
	random := func() string { return fmt.Sprintf("%x@example.com/%d", r.Uint64(), r.Uint64()) }
	for i := range 200 { // every closed value once; these series are the ones that failures bring
		everyPath(t, t.Context(), o, random(), i)
	}
	before := series(t, m)
	require.Less(t, before, budget, "after every kind of failure")
	t.Logf("%d series at the start, %d after every kind of failure", fresh, before)
	for i := range 10_000 {
		everyPath(t, t.Context(), o, random(), i)
	}
	require.Equal(t, before, series(t, m))
	require.NotContains(t, exposition(t, m), "example.com", "no id became a label")
}

// TestMoreTypesOfOurOwnCostLittle: beyond the twelve types of the budget there may be as many that only we send, each by our own queues
// alone, as those that sinks are told; config holds what may be added to that.
func TestMoreTypesOfOurOwnCostLittle(t *testing.T) {
	k := known(6, 12, 5, 26)
	twelve := series(t, NewMetrics(k))
	for i := range 30 {
		k.Scenarios = append(k.Scenarios, orchestration.Outline{Name: fmt.Sprintf("sink-%d", i), Handles: fmt.Sprintf("signalbox.told-%d.v1", i), Internal: true})
	}
	m := NewMetrics(k)
	require.Less(t, series(t, m)-twelve, 30*50)
	require.NotContains(t, exposition(t, m), `signalbox_messages_total{event_type="signalbox.told-1.v1",outcome="completed",queue="queue-1"}`)
	require.Contains(t, exposition(t, m), `signalbox_messages_total{event_type="signalbox.told-1.v1",outcome="completed",queue="signalbox-live"} 0`)
}

// TestAScheduleHasSixteenSeries: the budget is measured for two of them, and config bounds how many there may be.
func TestAScheduleHasSixteenSeries(t *testing.T) {
	k := known(6, 12, 5, 26)
	two := series(t, whole(k))
	k.Schedules = schedules(20)
	require.Equal(t, two+18*16, series(t, whole(k)))
}

func TestASettledMessageIsCountedOnce(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	z, _ := logger(t, m, "error")
	o := m.Worker(z, hasher, false)
	o.Settled(t.Context(), settled(worker.ResultCompleted, orchestration.Outcome{Verdict: orchestration.Completed}))

	dead := settled(worker.ResultDeadLettered, orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.CsuRejected,
		Err: &fault.Error{Kind: fault.Permanent, Class: "invalid"}})
	o.Settled(t.Context(), dead)

	drained := settled(worker.ResultAbandoned, orchestration.Outcome{Verdict: orchestration.Interrupted})
	drained.Drained, drained.Wait = true, 0
	o.Settled(t.Context(), drained)

	lost := settled(worker.ResultLockLost, orchestration.Outcome{Verdict: orchestration.Lost})
	lost.Err, lost.Wait = worker.ErrLockLost, 0
	o.Settled(t.Context(), lost)

	count := func(outcome string) float64 {
		return testutil.ToFloat64(m.messages.WithLabelValues("queue-1", "signalbox.type-0.v1", outcome))
	}
	for _, r := range []string{"completed", "dead_lettered", "abandoned", "lock_lost"} {
		require.InDelta(t, 1, count(r), 0, r)
	}
	require.InDelta(t, 1, testutil.ToFloat64(m.deadLetters.WithLabelValues("queue-1", "signalbox.type-0.v1", "CsuRejected", "target")), 0)
	require.InDelta(t, 1, testutil.ToFloat64(m.shutdownAbandoned.WithLabelValues("queue-1")), 0)
	require.InDelta(t, float64(time.Now().Unix()), testutil.ToFloat64(m.lastSuccess.WithLabelValues("queue-1")), 5)

	text := exposition(t, m)
	for _, want := range []string{
		`signalbox_message_wait_seconds_count{queue="queue-1"} 2`,
		`signalbox_message_freshness_seconds_count{event_type="signalbox.type-0.v1"} 2`,
		`signalbox_message_freshness_seconds_bucket{event_type="signalbox.type-0.v1",le="1"} 0`,
		`signalbox_message_freshness_seconds_bucket{event_type="signalbox.type-0.v1",le="5"} 2`,
		`signalbox_message_deliveries_count{queue="queue-1"} 3`,
		`messaging_process_duration_seconds_count{error_type="",messaging_destination_name="queue-1",messaging_operation_name="process",messaging_system="servicebus"} 2`,
		`messaging_process_duration_seconds_count{error_type="invalid",messaging_destination_name="queue-1",messaging_operation_name="process",messaging_system="servicebus"} 1`,
		`messaging_process_duration_seconds_count{error_type="lock_lost",messaging_destination_name="queue-1",messaging_operation_name="process",messaging_system="servicebus"} 1`,
	} {
		has(t, text, want+"\n")
	}
}

func TestTheReasonOfADeadLetter(t *testing.T) {
	for name, tc := range map[string]struct {
		in   worker.Settled
		want fault.Reason
	}{
		"the engine's":                          {settled(worker.ResultDeadLettered, orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.Expired}), fault.Expired},
		"a rejection without one is our defect": {settled(worker.ResultDeadLettered, orchestration.Outcome{Verdict: orchestration.Rejected}), fault.Bug},
		"no room for a copy":                    {settled(worker.ResultDeadLettered, orchestration.Outcome{Verdict: orchestration.Postponed}), fault.TooLarge},
		"none when it was not dead-lettered":    {settled(worker.ResultLockLost, orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.Expired}), ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, deadLetterReason(tc.in)) })
	}
}

func TestTheEngineIsCounted(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	z, _ := logger(t, m, "error")
	o, ctx := m.Engine(z), t.Context()
	o.Claimed(ctx, "scenario-0", "look_only")
	o.Claimed(ctx, "scenario-0", "something new")
	o.LeaseLost(ctx, "scenario-0", "step-1")
	o.StepDone(ctx, "scenario-0", "step-1", "ok", 20*time.Millisecond)
	o.StepDone(ctx, "scenario-0", "step-1", "skipped", 0)
	o.StepRetried(ctx, "scenario-0", "step-1", fault.Conflict)
	o.AlreadyThere(ctx, "scenario-0", "step-1")
	o.LookedUp(ctx, "scenario-0", "customer", "hit")
	o.LookedUp(ctx, "scenario-0", "what else", "what else")
	o.Tainted(ctx, "scenario-0", "step-1")
	o.Bound(ctx, "customer", "created")
	o.Resumed(ctx, "scenario-0")
	for _, v := range []orchestration.Verdict{orchestration.Completed, orchestration.Superseded, orchestration.Rejected, orchestration.Postponed, orchestration.Lost} {
		o.Finished(ctx, "scenario-0", orchestration.Outcome{Verdict: v}, time.Second)
	}
	o.Finished(ctx, "", orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.UnknownType}, time.Millisecond)
	o.Panicked(ctx, "scenario-0", "step-1", []byte("stack"))

	text := exposition(t, m)
	for _, want := range []string{
		`signalbox_idempotency_checks_total{result="look_only"} 1`,
		`signalbox_idempotency_checks_total{result="error"} 1`,
		`signalbox_idempotency_lease_lost_total 1`,
		`signalbox_step_runs_total{outcome="ok",scenario="scenario-0",step="step-1"} 1`,
		`signalbox_step_runs_total{outcome="skipped",scenario="scenario-0",step="step-1"} 1`,
		`signalbox_step_duration_seconds_count{scenario="scenario-0",step="step-1"} 1`,
		`signalbox_step_retries_total{kind="conflict",scenario="scenario-0",step="step-1"} 1`,
		`signalbox_effects_already_there_total{scenario="scenario-0",step="step-1"} 1`,
		`signalbox_taints_total{scenario="scenario-0",step="step-1"} 1`,
		`signalbox_mapping_lookups_total{entity="customer",result="hit"} 1`,
		`signalbox_mapping_lookups_total{entity="unknown",result="error"} 1`,
		`signalbox_mapping_writes_total{entity="customer",outcome="created"} 1`,
		`signalbox_scenario_resumes_total{scenario="scenario-0"} 1`,
		`signalbox_scenario_runs_total{outcome="succeeded",scenario="scenario-0"} 1`,
		`signalbox_scenario_runs_total{outcome="skipped",scenario="scenario-0"} 1`,
		`signalbox_scenario_runs_total{outcome="failed",scenario="scenario-0"} 1`,
		`signalbox_scenario_runs_total{outcome="failed",scenario="unknown"} 1`,
		`signalbox_scenario_duration_seconds_count{scenario="scenario-0"} 3`,
		`signalbox_panics_recovered_total{component="engine"} 1`,
	} {
		has(t, text, want+"\n")
	}
}

func TestTheCSUIsCounted(t *testing.T) {
	k := known(3, 2, 3, 0)
	k.Operations = csuclient.Labels()
	m := NewMetrics(k)
	z, _ := logger(t, m, "info")
	o := m.CSU(z)
	o.Request(csuclient.Request{Operation: "Customers.Create", Result: csuclient.ResultOK, Status: 201, Took: 80 * time.Millisecond})
	o.Request(csuclient.Request{Operation: "Customers.Create", Result: csuclient.ResultClientError, Status: 400, Code: "InvalidAddress"})
	o.Request(csuclient.Request{Operation: "Customers.Create", Result: csuclient.ResultServerError, Status: 500})
	o.Throttled(2*time.Second, true)
	o.Throttled(0, false)
	o.Waited(csuclient.SourceRetryAfter, 3*time.Second)
	o.TokenRefreshed(true, time.Unix(1_800_000_000, 0))
	o.TokenRefreshed(false, time.Time{})
	o.InFlight(1)

	text := exposition(t, m)
	for _, want := range []string{
		`signalbox_csu_requests_total{operation="Customers.Create",result="ok"} 1`,
		`signalbox_csu_requests_total{operation="Customers.Create",result="client_error"} 1`,
		`signalbox_csu_request_duration_seconds_count{operation="Customers.Create"} 3`,
		`signalbox_csu_errors_total{error_code="InvalidAddress"} 1` + "\n",
		`signalbox_csu_errors_total{error_code="other"} 1` + "\n",
		"signalbox_gate_retry_after_seconds_count 1\n",
		`signalbox_gate_wait_seconds_total{source="retry_after"} 3` + "\n",
		`signalbox_csu_token_refresh_total{outcome="error"} 1` + "\n",
		"signalbox_csu_token_expiry_timestamp_seconds 1.8e+09\n",
		"signalbox_csu_inflight_requests 1\n",
	} {
		has(t, text, want)
	}
}

func TestTheWarningsOfAFieldMapAreCounted(t *testing.T) {
	t.Parallel()
	m := NewMetrics(known(1, 1, 1, 1))
	m.WarnedOfRow("crm", []fieldmap.Warning{{Field: "/data/phone", Rule: fieldmap.WarnPhone}, {Field: "/data/fax", Rule: fieldmap.WarnPhone}})
	m.WarnedOfRow("somebody@example.com", []fieldmap.Warning{{Field: "/data/phone", Rule: "what a source chose"}})
	text := exposition(t, m)
	has(t, text, `signalbox_field_map_warnings_total{rule="phone",source="crm"} 2`)
	has(t, text, `signalbox_field_map_warnings_total{rule="other",source="other"} 1`)
}

func TestTheWorkersStateIsExported(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	m.WatchWorker(idleWorker{paused: []string{"gate", "what else"}, draining: true})
	text := exposition(t, m)
	for _, want := range []string{
		`signalbox_messages_inflight{queue="queue-1"} 3`,
		`signalbox_worker_slots{queue="queue-1"} 32`,
		`signalbox_worker_paused{queue="queue-1",reason="gate"} 1`,
		`signalbox_worker_paused{queue="queue-1",reason="operator"} 1`,
		`signalbox_worker_paused{queue="queue-1",reason="blocked"} 0`,
		`signalbox_draining 1`,
	} {
		has(t, text, want+"\n")
	}
}

func TestErrorTypes(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"none":                     {nil, ""},
		"a lock":                   {fmt.Errorf("settle: %w", worker.ErrLockLost), "lock_lost"},
		"a drain":                  {context.Canceled, "cancelled"},
		"a timeout":                {context.DeadlineExceeded, "timeout"},
		"a connection":             {worker.ErrConnectionLost, "connection_lost"},
		"a queue that is gone":     {worker.ErrNotFound, "not_found"},
		"a fault with a class":     {&fault.Error{Kind: fault.Transient, Class: "server_error"}, "server_error"},
		"a fault by its kind":      {&fault.Error{Kind: fault.Throttled}, "throttled"},
		"a fault of another class": {&fault.Error{Kind: fault.Transient, Class: "jane@example.com"}, "_OTHER"},
		"anything else":            {errors.New("what"), "_OTHER"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, errorType(tc.err)) })
	}
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a pool without connections": {redis.ErrPoolTimeout, "timeout"},
		"a deadline":                 {fmt.Errorf("x: %w", context.DeadlineExceeded), "timeout"},
		"a dial":                     {&net.OpError{Op: "dial", Err: errors.New("refused")}, "network"},
		"a timed-out read":           {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "timeout"},
		"a cancelled caller":         {context.Canceled, "cancelled"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, redisFailure(tc.err)) })
	}
}

func TestAReplayIsCountedByHowItEndedAndIsNeverLate(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	z, _ := logger(t, m, "error")
	o := m.Worker(z, hasher, false)
	for result, v := range map[worker.Result]orchestration.Verdict{
		worker.ResultCompleted: orchestration.Completed, worker.ResultDuplicate: orchestration.Duplicate,
		worker.ResultDeadLettered: orchestration.Rejected, worker.ResultRescheduled: orchestration.Postponed,
	} {
		s := settled(result, orchestration.Outcome{Verdict: v, Reason: fault.CsuRejected})
		s.Event.Replay, s.Event.Time = "job-1", time.Now().Add(-48*time.Hour)
		o.Settled(t.Context(), s)
	}
	require.InDelta(t, 2, testutil.ToFloat64(m.replays.WithLabelValues("queue-1", "resubmitted")), 0)
	require.InDelta(t, 1, testutil.ToFloat64(m.replays.WithLabelValues("queue-1", "dead_lettered_again")), 0)
	has(t, exposition(t, m), `signalbox_message_freshness_seconds_count{event_type="signalbox.type-0.v1"} 0`)
}
