// Package cards runs payment card numbers into the fleet, in every place of a message, and looks for their digits in everything that is
// left behind.
package cards

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/deadletter"
	"github.com/signalbox/signalbox/worker/deadletter/redisledger"
	"github.com/signalbox/signalbox/worker/envelope"
)

func TestMain(m *testing.M) {
	harness.Main(m, func(m *testing.M) { goleak.VerifyTestMain(m) })
}

const (
	pan     = "4111 1111 1111 1111"
	digits  = "4111111111111111"
	changed = "signalbox.customer.changed.v1"
	refused = "signalbox.customer.refused.v1"
)

var queues = []string{harness.SourceQueue, harness.OwnQueue, harness.BulkQueue, harness.ReplayQueue}

// message is a customer's event that change makes worse.
func message(change func(ev *orchestration.Event, data map[string]any)) worker.Message {
	ev := orchestration.Event{Source: harness.Source, ID: uuid.NewString(), Type: changed, Time: time.Now()}
	data := map[string]any{"id": "C-1", "email": "jane@example.com", "firstName": "Jane", "lastName": "Doe"}
	change(&ev, data)
	ev.CorrelationID = orchestration.DeriveCorrelationID(ev.Source, ev.ID)
	if ev.Data == nil {
		ev.Data, _ = json.Marshal(data) // a map of texts and numbers
	}
	return app.Message(ev)
}

func member(name string, value any) worker.Message {
	return message(func(_ *orchestration.Event, data map[string]any) { data[name] = value })
}

func attribute(change func(ev *orchestration.Event)) worker.Message {
	return message(func(ev *orchestration.Event, _ map[string]any) { change(ev) })
}

func raw(body string) worker.Message {
	return message(func(ev *orchestration.Event, _ map[string]any) { ev.Data = json.RawMessage(body) })
}

func around(change func(m *worker.Message)) worker.Message {
	m := member("lastName", "Doe")
	change(&m)
	return m
}

func structured(members map[string]any) worker.Message {
	event := map[string]any{"specversion": "1.0", "id": uuid.NewString(), "source": harness.Source, "type": changed, "time": time.Now().Format(time.RFC3339)}
	for name, value := range members {
		event[name] = value
	}
	body, _ := json.Marshal(event) // as above
	return worker.Message{ID: uuid.NewString(), ContentType: envelope.ContentTypeStructured, Body: body}
}

// everywhere is a card number in each place of a message, by what the dead letter says of it.
func everywhere() map[string]worker.Message {
	return map[string]worker.Message{
		"a text":           member("lastName", "Doe, card "+pan),
		"with dashes":      member("lastName", "4111-1111-1111-1111"),
		"a number":         member("loyalty", 4111111111111111),
		"nested":           member("a", map[string]any{"b": []any{map[string]any{"c": pan}}}),
		"a name":           member("a", map[string]any{pan: true}),
		"a phone":          member("phone", pan),
		"a type of nobody": message(func(ev *orchestration.Event, data map[string]any) { ev.Type, data["card"] = "com.example.paid.v1", pan }),
		"a channel":        message(func(ev *orchestration.Event, data map[string]any) { ev.Channel, data["card"] = "nowhere", pan }),
		"in the future": message(func(ev *orchestration.Event, data map[string]any) {
			ev.Time, data["card"] = time.Now().Add(time.Hour), pan
		}),
		"the id":            attribute(func(ev *orchestration.Event) { ev.ID = digits }),
		"the source":        attribute(func(ev *orchestration.Event) { ev.Source = "https://shop.example.com/" + digits }),
		"the subject":       attribute(func(ev *orchestration.Event) { ev.Subject = pan }),
		"a type":            attribute(func(ev *orchestration.Event) { ev.Type = pan }),
		"no JSON":           raw(`{"card":"` + pan + `"`),
		"a name twice":      raw(`{"card":"` + pan + `","a":1,"a":2}`),
		"escaped, twice":    raw(`{"card":"\u0034111 1111 1111 1111","a":1,"a":2}`),
		"a property":        around(func(m *worker.Message) { m.Properties["x-card"] = pan }),
		"a property's name": around(func(m *worker.Message) { m.Properties["x "+pan] = "x" }),
		"a long":            around(func(m *worker.Message) { m.Properties["x-card"] = int64(4111111111111111) }),
		"forged":            around(func(m *worker.Message) { m.Properties[envelope.PropertyReplay] = pan }),
		"an extension":      around(func(m *worker.Message) { m.Properties["cloudEvents_card"] = pan }),
		"a message id":      around(func(m *worker.Message) { m.ID = pan }),
		"a label":           around(func(m *worker.Message) { m.Subject = pan }),
		"a correlation id":  around(func(m *worker.Message) { m.CorrelationID = digits }),
		"a bad time":        around(func(m *worker.Message) { m.Properties["cloudEvents_time"] = pan }),
		"structured":        structured(map[string]any{"data": map[string]any{"id": "C-1", "card": pan}}),
		"beside the data":   structured(map[string]any{"card": digits, "data": map[string]any{"id": "C-1"}}),
		"base64":            structured(map[string]any{"data_base64": base64.StdEncoding.EncodeToString([]byte(`{"card":"` + pan + `"}`))}),
		"base64, unread":    structured(map[string]any{"time": "never", "data_base64": base64.StdEncoding.EncodeToString([]byte(`{"card":"` + pan + `"}`))}),
		"no event at all":   {ID: uuid.NewString(), ContentType: "text/plain", Body: []byte("card " + pan)},
	}
}

func all(of map[string]worker.Message) (out []worker.Message) {
	for _, m := range of {
		out = append(out, m)
	}
	return out
}

// clean asserts that text is there and has no card number, whatever stands between its digits.
func clean(t testing.TB, where, text string) {
	t.Helper()
	require.NotEmpty(t, text, where)
	bare := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if at := strings.Index(bare, digits); at >= 0 {
		require.Fail(t, "a card number", "%s: …%s…", where, bare[max(0, at-80):min(len(bare), at+80)])
	}
	require.NotContains(t, text, base64.StdEncoding.EncodeToString([]byte(`{"card":"`+pan+`"}`)), where)
	require.NotContains(t, text, orchestration.DeriveCorrelationID(harness.Source, digits), "%s: a hash of the number", where)
}

// cleanEverywhere looks into every queue, active, scheduled, deferred and dead, every key of Redis, and what the receiver was told. It
// gives the dead letters.
func cleanEverywhere(t testing.TB, w *harness.World) (letters []worker.Message) {
	t.Helper()
	ctx := context.Background()
	for _, name := range queues {
		live, dead := w.Bus().Queue(name).Browse(), w.Bus().Queue(name).DeadLetters()
		waiting, err := live.Peek(ctx, 0, 250)
		require.NoError(t, err)
		buried, err := dead.Peek(ctx, 0, 250)
		require.NoError(t, err)
		live.Close(ctx)
		dead.Close(ctx)
		for _, m := range append(waiting, buried...) {
			m.Handle = nil
			clean(t, "a message of "+name, fmt.Sprintf("%+v %s", m, m.Body))
		}
		letters = append(letters, buried...)
	}
	for key, value := range w.Remembered() {
		clean(t, "Redis", key+" "+value)
	}
	if w.Sink != nil {
		for _, e := range w.Sink.Events() {
			clean(t, "what the receiver was told", fmt.Sprintf("%+v %s", e, e.Data))
		}
	}
	return letters
}

// explained asserts that each letter is a refusal without a body, and that each message has one.
func explained(t testing.TB, letters []worker.Message, messages int) {
	t.Helper()
	origins := map[any]bool{}
	for _, m := range letters {
		require.Equal(t, "CardDataRefused", m.DeadLetterReason)
		require.Contains(t, m.DeadLetterDescription, "looks like a payment card number")
		require.Contains(t, m.DeadLetterDescription, "token")
		require.Empty(t, m.Body)
		origins[m.Properties[envelope.PropertyOrigin]] = true
	}
	require.Len(t, letters, messages)
	require.Len(t, origins, messages, "one for each message")
}

func desk(w *harness.World) *deadletter.Desk {
	ledger := redisledger.New(w.Redis, w.Keys())
	d := &deadletter.Desk{Outbox: w.Bus(), Lane: harness.ReplayQueue, Ledger: ledger, Jobs: ledger,
		Runs: redisstore.NewTracer(w.Redis, w.Keys()), Hasher: w.Hasher()}
	for _, name := range queues {
		d.Shelves = append(d.Shelves, deadletter.Shelf{Queue: name, Own: name != harness.SourceQueue, Peek: w.Bus().Queue(name).DeadLetters()})
	}
	return d
}

func sweep(t testing.TB, w *harness.World) (removed int) {
	for _, name := range queues {
		dead := w.Bus().Queue(name).DeadLetters()
		s := deadletter.Sweeper{Ledger: redisledger.New(w.Redis, w.Keys()), Hasher: w.Hasher(), Wait: 200 * time.Millisecond}
		swept, err := s.Sweep(context.Background(), name, dead)
		require.NoError(t, err)
		dead.Close(context.Background())
		removed += swept.Removed
	}
	return removed
}

func TestACardNumberIsNowhereOnceItsMessageWasHandled(t *testing.T) {
	w := harness.NewReal(t, harness.Options{Sink: true, Env: map[string]string{"SIGNALBOX_LOG_LEVEL": "debug",
		"SIGNALBOX_LOG_DEBUG_UNTIL": time.Now().Add(time.Hour).Format(time.RFC3339)}})
	sent := everywhere()
	w.Send(all(sent)...)
	p := w.Start(nil)
	w.Settle(time.Minute)
	explained(t, cleanEverywhere(t, w), len(sent))
	require.Empty(t, w.CSU.Ledger(), "nothing was written")
	require.NotEmpty(t, w.Sink.Events())
	for _, e := range w.Sink.Events() {
		require.Equal(t, refused, e.Type)
		require.Contains(t, string(e.Data), "CardDataRefused")
	}

	// A second message of the same event is refused, too, and explained by a letter of its own.
	again := member("lastName", pan)
	w.Send(again, around(func(m *worker.Message) { m.Properties, m.Body = again.Properties, again.Body }))
	w.Settle(time.Minute)
	explained(t, cleanEverywhere(t, w), len(sent)+2)

	// There is nothing to replay: that is said, and is no failure.
	d := desk(w)
	foreseen := 0
	require.NoError(t, deadletter.Foresee(t.Context(), d.Shelves, deadletter.Selection{}, nil, 1, 0, func(v deadletter.Verdict) error {
		foreseen++
		require.Equal(t, deadletter.WouldSkip, v.Would)
		require.Contains(t, v.Because, "publish the event anew")
		require.True(t, v.Withheld)
		return nil
	}))
	require.Equal(t, len(sent)+2, foreseen)
	job, err := d.Run(t.Context(), d.NewJob(deadletter.Replayed, deadletter.Selection{}))
	require.NoError(t, err)
	require.Equal(t, deadletter.Count{Skipped: foreseen, Withheld: foreseen}, job.Count)
	require.True(t, w.Empty())
	job, err = d.Run(t.Context(), d.NewJob(deadletter.Discarded, deadletter.Selection{}))
	require.NoError(t, err)
	require.Equal(t, foreseen, job.Count.Done)
	require.Equal(t, foreseen, sweep(t, w))
	require.Empty(t, cleanEverywhere(t, w))

	p.Stop()
	clean(t, "the log", p.Log())
	clean(t, "the metrics", p.Metrics())
	require.Zero(t, p.Count(telemetry.Redactions), "the net under the log had nothing to catch")
	require.EqualValues(t, len(sent)+2, p.Count(telemetry.DeadLetters, "reason", "CardDataRefused"))
}

// A dead letter from before, or of the broker's own, still has its body: replaying it leaves one that has none.
func TestReplayingADeadLetterWithACardNumberTakesItOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, harness.Options{Lock: 5 * time.Minute})
		w.Send(member("lastName", pan))
		q := w.Bus().Queue(harness.SourceQueue)
		got, err := q.Receive(t.Context(), 1)
		require.NoError(t, err)
		require.NoError(t, q.DeadLetter(t.Context(), got[0], "MaxDeliveryCountExceeded", "", nil))
		q.Reopen(t.Context())
		d := desk(w)
		job, err := d.Run(t.Context(), d.NewJob(deadletter.Replayed, deadletter.Selection{}))
		require.NoError(t, err)
		require.Equal(t, 1, job.Count.Done)
		require.Equal(t, 1, sweep(t, w))
		p := w.Start(nil)
		w.Settle(time.Hour)
		p.Stop()
		explained(t, cleanEverywhere(t, w), 1)
		clean(t, "the log", p.Log())
		for _, s := range d.Shelves {
			s.Peek.(interface{ Close(context.Context) }).Close(t.Context())
		}
	})
}

func TestStoppedAtAnyBoundaryACardIsRefusedByOneDeadLetter(t *testing.T) {
	for name, m := range map[string]func() worker.Message{
		"by the door":     func() worker.Message { return member("lastName", pan) },
		"by the envelope": func() worker.Message { return attribute(func(ev *orchestration.Event) { ev.Subject = pan }) },
	} {
		for _, detects := range []bool{false, true} {
			for at := 1; ; at++ {
				passed, crossed := stopAt(t, m, at, detects)
				if !crossed {
					require.Contains(t, passed, "after send", name)
					require.Contains(t, passed, "before complete", name)
					require.Contains(t, passed, "before dead-letter", name)
					break
				}
			}
		}
	}
}

// stopAt has the first process stopped at one boundary, with and without a broker that drops what has the message ID of another.
func stopAt(t *testing.T, m func() worker.Message, at int, detects bool) (passed []string, crossed bool) {
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, harness.Options{Sink: true, Duplicates: detects})
		w.Send(m())
		b := &harness.Boundaries{At: at}
		stopped := make(chan struct{})
		b.Do = func(string) { b.Die(); close(stopped) }
		first := w.Start(b)
		for !w.Empty() && !b.Reached() {
			<-time.After(100 * time.Millisecond)
		}
		crossed = b.Reached()
		first.Stop()
		second := w.Start(nil)
		w.Settle(time.Hour)
		second.Stop()
		passed = b.Passed()
		explained(t, cleanEverywhere(t, w), 1)
		told := map[string]bool{}
		for _, e := range w.Sink.Events() {
			require.False(t, e.Changed)
			told[e.ID] = true
		}
		require.LessOrEqual(t, len(told), 1)
		clean(t, "the logs", first.Log()+second.Log())
		<-time.After(time.Minute) // a stopped process asks in vain for a while; its goroutines must have ended
	})
	return passed, crossed
}

func TestKilledBetweenStubAndCompleteThereIsOneDeadLetter(t *testing.T) {
	for _, at := range []string{"after send", "before complete", "before dead-letter", "after dead-letter"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			w := harness.NewReal(t, harness.Options{Lease: time.Second, Lock: 2 * time.Second})
			w.Send(member("lastName", pan))
			first := w.Spawn("kill", at)
			require.Eventually(t, func() bool { _, killed := first.Killed(); return killed }, time.Minute, 20*time.Millisecond)
			second := w.Spawn("run", "")
			require.Eventually(t, w.Empty, time.Minute, 20*time.Millisecond)
			second.Signal(syscall.SIGTERM)
			<-second.Ended()
			explained(t, cleanEverywhere(t, w), 1)
			clean(t, "the logs", first.Log()+second.Log())
		})
	}
}
