package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker"
)

func TestALineSaysWhoWhenAndWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := time.Local
		time.Local = time.FixedZone("far", 9*3600)
		defer func() { time.Local = zone }()
		m := NewMetrics(known(2, 1, 1, 1))
		z, to := logger(t, m, "info")
		z.Named("worker").Info("ready")
		z.Debug("not in production")
		require.Len(t, to.lines(t), 1)
		require.Equal(t, map[string]any{"time": "2000-01-01T00:00:00Z", "level": "info", "logger": "worker", "msg": "ready", "service.name": "signalbox",
			"service.version": "1.2.3", "service.instance.id": "pod-1", "deployment.environment.name": "test"}, to.lines(t)[0])
		require.InDelta(t, 1, testutil.ToFloat64(m.logMessages.WithLabelValues("info")), 0)
		require.InDelta(t, 0, testutil.ToFloat64(m.logMessages.WithLabelValues("debug")), 0)
	})
}

func TestDebugBecomesInfoWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &log{}
		z, err := NewLogger(LogOptions{To: to, Level: "debug", DebugUntil: time.Now().Add(time.Hour)}, NewMetrics(known(1, 1, 1, 1)))
		require.NoError(t, err)
		z.Debug("before")
		<-time.After(time.Hour) // of the bubble's clock
		z.Debug("after")
		z.Info("still")
		require.Contains(t, to.text(), "before")
		require.NotContains(t, to.text(), "after")
		require.Contains(t, to.text(), "still")
	})
	_, err := NewLogger(LogOptions{Level: "loud"}, nil)
	require.ErrorContains(t, err, "log level")
}

func TestOneLineForEachOutcome(t *testing.T) {
	failure := &fault.Error{Kind: fault.Permanent, Operation: "Customers.Create", Status: 400, Class: "invalid"}
	for name, tc := range map[string]struct {
		in         worker.Settled
		level, msg string
		reason     any
	}{
		"done":        {settled(worker.ResultCompleted, orchestration.Outcome{Verdict: orchestration.Completed}), "info", "message settled", nil},
		"for later":   {settled(worker.ResultRescheduled, orchestration.Outcome{Verdict: orchestration.Postponed, Cause: orchestration.CauseGate}), "info", "message settled", nil},
		"given back":  {settled(worker.ResultAbandoned, orchestration.Outcome{Verdict: orchestration.Interrupted}), "info", "message settled", nil},
		"a lost lock": {settled(worker.ResultLockLost, orchestration.Outcome{Verdict: orchestration.Lost}), "warn", "message not settled", nil},
		"a dead letter of the producer": {settled(worker.ResultDeadLettered, orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.SchemaInvalid, Err: failure}),
			"warn", "message dead-lettered", "SchemaInvalid"},
		"a dead letter of the target": {settled(worker.ResultDeadLettered, orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.CsuRejected, Err: failure}),
			"warn", "message dead-lettered", "CsuRejected"},
		"a dead letter of ours": {settled(worker.ResultDeadLettered, orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.Bug, Err: failure}),
			"error", "message dead-lettered", "Bug"},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMetrics(known(3, 2, 3, 4))
			z, to := logger(t, m, "info")
			o := m.Worker(z, hasher, false)
			tc.in.Outcome.Scenario, tc.in.Outcome.Step, tc.in.Outcome.Attempt = "scenario-0", "step-1", 2
			o.Settled(o.Received(t.Context(), tc.in.Delivery), tc.in)
			require.Len(t, to.lines(t), 1)
			line := to.lines(t)[0]
			require.Equal(t, tc.level, line["level"])
			require.Equal(t, tc.msg, line["msg"])
			require.Equal(t, tc.reason, line["dead_letter_reason"])
			require.Equal(t, string(tc.in.Result), line["outcome"])
			for key, want := range map[string]any{
				"correlation_id": "9a1e0d7c-1111-4222-8333-444455556666", "event_id": "6f1f8c0e-53a4-4d0e-9a6b-2f5d1c7b9e44",
				"event_type": "signalbox.type-0.v1", "event_source": "https://shop.example", "queue": "queue-1",
				"message_id": "0b5f1d5e-9f5a-4c39-9c1c-3f8e0a1b2c3d", "sequence_number": 42.0, "delivery_count": 1.0,
				"scenario": "scenario-0", "step": "step-1", "attempt": 2.0, "duration_s": 1.5, "wait_s": 0.25, "size_b": 512.0,
			} {
				require.Equal(t, want, line[key], key)
			}
			if tc.reason != nil {
				require.Equal(t, "Customers.Create: permanent: status 400", line["error"])
				require.Equal(t, "invalid", line["error_type"])
			}
			for key := range line {
				require.Contains(t, fields, key, "a field that the reference does not have")
			}
		})
	}
}

func TestIDsThatProducersMakeUpAreHashed(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	z, to := logger(t, m, "info")
	o := m.Worker(z, hasher, false)
	s := settled(worker.ResultCompleted, orchestration.Outcome{})
	s.Delivery.MessageID, s.Event.ID, s.Event.CorrelationID = "jane@example.com", "jane@example.com", "jane@example.com"
	o.Settled(o.Received(t.Context(), s.Delivery), s)
	line := to.lines(t)[0]
	require.Regexp(t, `^h-[0-9a-f]{16}$`, line["message_id"])
	require.Regexp(t, `^h-[0-9a-f]{16}$`, line["event_id"])
	require.NotEqual(t, line["message_id"], line["event_id"], "each use has its own hash")
	require.NotContains(t, line, "correlation_id")
	require.InDelta(t, 0, redactions(m), 0, "the net had nothing to catch")
}

func TestSamplingThinsOutInfoOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(known(3, 2, 3, 4))
		z, to := logger(t, m, "info")
		o := m.Worker(z, hasher, true)
		count := map[string]int{}
		for range 1000 {
			o.Settled(t.Context(), settled(worker.ResultCompleted, orchestration.Outcome{}))
			o.Settled(t.Context(), settled(worker.ResultDeadLettered, orchestration.Outcome{Verdict: orchestration.Rejected, Reason: fault.Expired}))
		}
		o.Settled(t.Context(), settled(worker.ResultSuperseded, orchestration.Outcome{}))
		for _, l := range to.lines(t) {
			count[l["outcome"].(string)]++
		}
		require.Equal(t, map[string]int{"completed": 109, "dead_lettered": 1000, "superseded": 1}, count)
		require.InDelta(t, 1000, testutil.ToFloat64(m.messages.WithLabelValues("queue-1", "signalbox.type-0.v1", "completed")), 0)
	})
}

func TestEventsOfTheEngineNameTheirMessage(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	z, to := logger(t, m, "info")
	w, e := m.Worker(z, hasher, false), m.Engine(z)
	ctx := w.Received(t.Context(), settled("", orchestration.Outcome{}).Delivery)
	e.Tainted(ctx, "scenario-0", "step-1")
	e.LeaseLost(ctx, "scenario-0", "step-1")
	e.Bound(ctx, "customer", "conflict")
	e.Bound(ctx, "customer", "created")
	e.Reported(ctx, "scenario-0", fault.DuplicateAccount, "two accounts hold the address")
	e.Panicked(ctx, "scenario-0", "step-1", []byte("goroutine 1"))
	w.LockRenewed(ctx, "queue-1", "lost", worker.ErrLockLost)
	w.LockRenewed(ctx, "queue-1", "ok", nil)
	w.Reconnected(ctx, "queue-1", "connlost", worker.ErrConnectionLost)
	w.Panicked(ctx, "queue-1", "a value that might be a body", []byte("goroutine 1"))
	w.Panicked(ctx, "queue-1", anIndexError(), []byte("goroutine 1"))

	lines := to.lines(t)
	require.Len(t, lines, 9)
	for i, want := range []string{"warn", "warn", "warn", "warn", "error", "warn", "warn", "error", "error"} {
		require.Equal(t, want, lines[i]["level"], "%v", lines[i])
		require.Equal(t, "queue-1", lines[i]["queue"])
		for key := range lines[i] {
			require.Contains(t, fields, key)
		}
	}
	require.Equal(t, "panic", lines[7]["error"])
	require.Contains(t, lines[8]["error"], "index out of range")
}

func anIndexError() (value any) {
	defer func() { value = recover() }()
	var none []int
	return none[len(none)+1]
}

func TestRequestsToTheCSUAreLinesAtDebug(t *testing.T) {
	m := NewMetrics(known(3, 2, 3, 4))
	z, to := logger(t, m, "debug")
	o := m.CSU(z)
	o.Request(csuclient.Request{Operation: "Things.Do1", Result: "client_error", Status: 400, Code: "InvalidAddress", RequestID: "r-1",
		CorrelationID: "9a1e0d7c-1111-4222-8333-444455556666", Took: time.Second})
	o.Throttled(2*time.Second, true)
	o.TokenRefreshed(false, time.Time{})
	lines := to.lines(t)
	require.Len(t, lines, 3)
	require.Equal(t, "Things.Do1", lines[0]["operation"])
	require.InDelta(t, 400, lines[0]["http.response.status_code"], 0)
	require.Equal(t, "InvalidAddress", lines[0]["csu_error_code"])
	require.InDelta(t, 2, lines[1]["retry_after_s"], 0)
	require.Equal(t, "warn", lines[2]["level"])
}

func redactions(m *Metrics) float64 {
	sum := 0.0
	for _, c := range redactionClasses {
		sum += testutil.ToFloat64(m.redactions.WithLabelValues(c))
	}
	return sum
}

type talkative struct{ text string }

func (t talkative) String() string { return t.text }
func (t talkative) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString("inner", t.text)
	return nil
}

// The net has to hold for every kind of field there is.
func TestTheNetCatchesEveryKindOfField(t *testing.T) {
	const mail = "jane.doe@example.com"
	for name, field := range map[string]zap.Field{
		"text":           zap.String("f", "for "+mail),
		"texts":          zap.Strings("f", []string{"a", mail}),
		"bytes":          zap.ByteString("f", []byte(mail)),
		"an error":       zap.Error(errors.New("no customer " + mail)),
		"an URL's error": zap.Error(&url.Error{Op: "Get", URL: "https://csu/Customers('" + mail + "')", Err: errors.New("refused " + mail)}),
		"a stringer":     zap.Stringer("f", talkative{mail}),
		"an object":      zap.Object("f", talkative{mail}),
		"inline":         zap.Inline(talkative{mail}),
		"a tree":         zap.Reflect("f", map[string]any{"a": []any{1, mail}, mail: true}),
		"errors":         zap.Errors("f", []error{errors.New(mail)}),
		"a dictionary":   zap.Dict("f", zap.String("g", mail)),
		"anything":       zap.Reflect("f", struct{ Mail string }{mail}),
		"a pointer":      zap.Stringp("f", pointer(mail)),
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMetrics(known(1, 1, 1, 1))
			z, to := logger(t, m, "info")
			z.Info("said", field)
			z.With(field).Info("said")
			require.Len(t, to.lines(t), 2)
			require.NotContains(t, to.text(), "jane")
			require.NotContains(t, to.text(), "example.com")
			require.Contains(t, to.text(), redacted)
			require.GreaterOrEqual(t, testutil.ToFloat64(m.redactions.WithLabelValues("contact")), 2.0)
		})
	}
	m := NewMetrics(known(1, 1, 1, 1))
	z, to := logger(t, m, "info")
	z.Info("said to "+mail, zap.Int("n", 4111111111111111), zap.Bool("b", true), zap.Time("t", time.Unix(0, 0)), zap.Duration("d", time.Second))
	require.NotContains(t, to.text(), mail)
	require.InDelta(t, 4111111111111111, to.lines(t)[0]["n"], 0, "numbers are left alone")
}

func pointer[T any](v T) *T { return &v }

func TestWhatMasksItselfIsNotCaught(t *testing.T) {
	m := NewMetrics(known(1, 1, 1, 1))
	z, to := logger(t, m, "info")
	z.Info("said", zap.Stringer("a", pii.NewEmail("jane@example.com")), zap.Reflect("b", secret.New("hunter2hunter2")), zap.Reflect("c", pii.New("Jane")))
	require.NotContains(t, to.text(), "jane")
	require.NotContains(t, to.text(), "hunter2")
	require.NotContains(t, to.text(), "Jane")
	require.InDelta(t, 0, redactions(m), 0)
}

func TestLinesCannotBeForged(t *testing.T) {
	m := NewMetrics(known(1, 1, 1, 1))
	z, to := logger(t, m, "info")
	z.Info("said", zap.String("f", "a\nb\r{\"level\":\"error\"}\x1b[31m\u202eevil\u2066\u0085"))
	require.Len(t, bytes.Split(bytes.TrimSpace([]byte(to.text())), []byte("\n")), 1)
	for _, hidden := range []string{"\x1b", "\u202e", "\u2066", "\u0085", "\r"} {
		require.NotContains(t, to.text(), hidden)
	}
	require.Contains(t, to.lines(t)[0]["f"], `\u202eevil`, "shown, not dropped")
}

func TestErrorsAreDescribedWithoutTheirURL(t *testing.T) {
	address := &url.Error{Op: "Get", URL: "https://csu.example/Customers('jane')?x=1", Err: errors.New("connection refused")}
	require.Equal(t, "Get: connection refused", describe(fmt.Errorf("read customer: %w", address)))
	require.Equal(t, "", describe(nil))
	require.Equal(t, "Customers.Read: transient: status 503", describe(fmt.Errorf("x: %w", &fault.Error{Kind: fault.Transient, Operation: "Customers.Read", Status: 503})))
}

func TestTheReferenceListsEveryField(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/logs.md")
	require.NoError(t, err)
	var listed []string
	for line := range strings.Lines(string(page)) {
		if names, ok := strings.CutPrefix(line, "| `"); ok {
			names, _, _ = strings.Cut(names, " |")
			listed = append(listed, strings.Split(strings.Trim(names, "`"), "` `")...)
		}
	}
	slices.Sort(listed)
	require.Equal(t, slices.Sorted(slices.Values(fields)), listed)
}

// Whoever writes a line elsewhere uses a field of the reference, by this test.
func TestNobodyMakesUpAField(t *testing.T) {
	field := regexp.MustCompile(`\bzap\.[A-Z]\w*\("([^"]+)",`)
	found := 0
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range field.FindAllSubmatch(source, -1) {
			found++
			require.Contains(t, fields, string(m[1]), path)
		}
		return nil
	})
	require.NoError(t, err)
	require.Positive(t, found)
}
