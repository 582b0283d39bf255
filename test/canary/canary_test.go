// Package canary runs marked personal data through the fleet, in good and in bad times, and looks for the mark in
// everything that the fleet leaves behind.
package canary

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/sink"
	"github.com/signalbox/signalbox/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type run struct {
	w *harness.World
	p *harness.Process
}

func TestNoPersonalValueIsInLogsMetricsDeadLettersOrRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, harness.Options{Sink: true, Env: map[string]string{"SIGNALBOX_LOG_LEVEL": "debug",
			"SIGNALBOX_LOG_DEBUG_UNTIL": time.Now().Add(12 * time.Hour).Format(time.RFC3339), "SIGNALBOX_SOURCES": crmSource(t)}})
		r := &run{w: w, p: w.StartWith(nil, func(parts *app.Parts) {
			inner := parts.WrapCSU
			parts.WrapCSU = func(next http.RoundTripper) http.RoundTripper { return echo{inner(next)} }
		})}
		r.goodTimes()
		r.withoutHeadquarters()
		r.badEvents()
		r.rows()
		r.badCSU()
		r.badRedis()
		r.badSink()
		r.p.Stop()

		require.GreaterOrEqual(t, len(w.CSU.Customers()), 8, "the marked values arrived")
		clean(t, "the log", r.p.Log())
		require.NotEmpty(t, r.p.Lines("request to the CSU"), "at debug level")
		clean(t, "the metrics", r.p.Metrics())
		require.Zero(t, r.p.Count(telemetry.Redactions), "the net under the log had nothing to catch")
		r.cleanLetters()
		r.cleanRedis()
		r.cleanOutcomes()
	})
}

// goodTimes has customers of every kind, told of twice and changed.
func (r *run) goodTimes() {
	t := r.w.T
	r.publish(changed, encoded(t, person("C-1")))
	r.publish(changed, encoded(t, with(person("C-2"), "organization", "Kanari & Söner")))
	r.publish(changed, encoded(t, person("C-3")), nosy)
	r.publish(changed, encoded(t, with(person("C-4"), "id", email("id"))))
	r.w.Settle(time.Hour)
	r.publish(changed, encoded(t, with(person("C-1"), "email", email("changed"))))
	r.w.Settle(time.Hour)
}

// withoutHeadquarters has customers with provisional accounts: one is promoted, one is not in time, one is refused on the way.
func (r *run) withoutHeadquarters() {
	t := r.w.T
	r.w.CSU.SetHeadquarters(false)
	r.publish(changed, encoded(t, person("C-41")))
	r.publish(changed, encoded(t, with(person("C-42"), "id", email("hq"))))
	<-time.After(time.Minute)
	r.publish(changed, encoded(t, with(person("C-41"), "phone", "+1"+digits+"1")))
	r.publish(changed, encoded(t, with(person("C-1"), "phone", "+1"+digits+"2")))
	<-time.After(10 * time.Minute)
	r.publish("signalbox.customer.promote.v1", encoded(t, map[string]any{"id": "C-41", "email": email("forged"), "account": "kanari"}))
	r.publish(changed, encoded(t, with(person("C-43"), "addresses", []any{address("USA")}))) // a state that the CSU does not know
	r.w.CSU.SetHeadquarters(true)
	r.w.Settle(time.Hour)
}

// badEvents can never succeed, each for another reason.
func (r *run) badEvents() {
	t := r.w.T
	r.publish(changed, encoded(t, without(person("C-10"), "email")))
	r.publish(changed, encoded(t, with(person("C-11"), "firstName", []any{"Kanari"})))
	r.publish(changed, encoded(t, with(person("C-12"), email("member"), "Kanari")), nosy)
	r.publish(changed, encoded(t, with(person("C-13"), "city", strings.Repeat("Kanari", 20))))
	r.publish(changed, []byte(`{"email":"`+email("14")+`","`+email("twice")+`":1,"`+email("twice")+`":2}`))
	r.publish(changed, []byte(`{"email": Kanari`))
	r.publish("com.contoso.unknown.v1", encoded(t, person("C-15")), nosy)
	r.publish(changed, encoded(t, person("C-16")), func(m *worker.Message) { m.Properties["cloudEvents_signalboxchannel"] = email("channel") })
	r.publish(changed, encoded(t, person("C-17")), func(m *worker.Message) { m.Properties["cloudEvents_time"] = "Kanari" })
	r.publish(changed, encoded(t, person("C-18")), func(m *worker.Message) { m.Properties["cloudEvents_correlationid"] = email("correlation") })
	r.publish(changed, encoded(t, person("C-19")), func(m *worker.Message) { m.ContentType = "text/kanari; name=" + email("type") })
	r.publish(changed, encoded(t, person("C-1")), nosy) // the id of C-3's event
	r.publish(changed, encoded(t, with(person("C-3"), "id", "C-3-again")))
	r.w.Settle(time.Hour)
}

// badCSU refuses, fails, forgets to answer, and repeats what it was sent.
func (r *run) badCSU() {
	r.publish(changed, encoded(r.w.T, with(person("C-20"), "addresses", []any{address("XXX")})))
	r.w.Settle(time.Hour)
	r.w.CSU.Configure(func(o *csu.Options) { o.Limits.Street = 5 })
	r.publish(changed, encoded(r.w.T, person("C-21")))
	r.w.Settle(time.Hour)
	r.w.CSU.Configure(func(o *csu.Options) { o.Limits.Street = 0 })
	for i, f := range []csu.Fault{{Kind: csu.Error, Status: 400, Next: 1}, {Kind: csu.Error, Status: 429, Next: 1}, {Kind: csu.Error, Status: 500, Next: 3},
		{Kind: csu.CommitThenDrop, Next: 1}, {Kind: csu.CommitThenError, Next: 1}, {Kind: csu.Unauthorized, Next: 4}, {Kind: csu.Drop, Next: 2}} {
		_, err := r.w.CSU.Inject(f)
		require.NoError(r.w.T, err)
		r.publish(changed, encoded(r.w.T, person(fmt.Sprint("C-3", i))))
		r.w.Settle(time.Hour)
	}
	r.twoAccounts()
}

// twoAccounts have one e-mail address, which a person must be told of.
func (r *run) twoAccounts() {
	for range 2 {
		_, err := r.w.CSU.AddCustomer(map[string]any{"Email": email("C-40"), "FirstName": "Kanari", "LastName": "Kanari", "Addresses": []any{}})
		require.NoError(r.w.T, err)
	}
	r.publish(changed, encoded(r.w.T, person("C-40")))
	r.w.Settle(time.Hour)
	require.NotEmpty(r.w.T, r.p.Lines("the event went through, and a person should look at what was found"))
}

func (r *run) badRedis() {
	r.w.Mini.SetError("LOADING Redis is loading the dataset in memory")
	r.publish(changed, encoded(r.w.T, person("C-50")))
	<-time.After(5 * time.Second)
	r.w.Mini.SetError("")
	r.w.Settle(time.Hour)
	r.w.DropRedis()
	r.publish(changed, encoded(r.w.T, person("C-51")))
	r.w.Settle(time.Hour)
	require.Positive(r.w.T, r.p.Count(telemetry.RedisErrors))
}

// badSink refuses, fails, loses answers, and repeats what it was sent.
func (r *run) badSink() {
	for i, f := range []sink.Fault{{Kind: sink.Error, Status: 400, Next: 1}, {Kind: sink.Error, Status: 401, Next: 1}, {Kind: sink.Error, Status: 429, Next: 1},
		{Kind: sink.Error, Status: 500, Next: 1}, {Kind: sink.AcceptThenDrop, Next: 1}, {Kind: sink.AcceptThenError, Next: 1}, {Kind: sink.Drop, Next: 4},
		{Kind: sink.Latency, Delay: time.Minute, Next: 1}} {
		_, err := r.w.Sink.Inject(f)
		require.NoError(r.w.T, err)
		r.publish(changed, encoded(r.w.T, with(person(fmt.Sprint("C-6", i)), "email", email(fmt.Sprint("sink", i)))), nosy)
		r.publish(changed, encoded(r.w.T, person(fmt.Sprint("C-7", i))))
		r.w.Settle(time.Hour)
	}
	r.w.CutSink()
	r.publish(changed, encoded(r.w.T, person("C-80")))
	<-time.After(time.Minute)
	r.w.MendSink()
	r.w.Settle(time.Hour)
	require.Positive(r.w.T, r.p.Count(telemetry.SinkDeliveries, "result", "invalid"))
	require.Positive(r.w.T, r.p.Count(telemetry.SinkDeliveries, "result", "unauthorized"))
	require.Positive(r.w.T, r.p.Count(telemetry.SinkDeliveries, "result", "timeout"))
}

// cleanOutcomes looks at what the receiver was told: ids that the sources chose, and nothing else of the events.
func (r *run) cleanOutcomes() {
	t := r.w.T
	types := map[string]int{}
	for _, e := range r.w.Sink.Events() {
		types[e.Type]++
		own := map[string]any{}
		require.NoError(t, json.Unmarshal(e.Data, &own))
		delete(own, "id")      // the source's own number of the customer
		delete(own, "eventId") // and of its event: the receiver could not tell otherwise what it is told of
		clean(t, "an outcome", fmt.Sprint(e.ID, e.Type, e.Source, e.Sequence, e.Time, e.CorrelationID, " ", own))
		require.True(t, !strings.Contains(strings.ToLower(e.Subject), mark) || e.Subject == email("id") || e.Subject == email("hq"), "a subject that the producer chose: %s", e.Subject)
	}
	require.Greater(t, types["signalbox.customer.relayed.v1"], 20)
	require.GreaterOrEqual(t, types["signalbox.customer.refused.v1"], 8)
}

// clean asserts that there is text and no mark in it.
func clean(t testing.TB, where, text string) {
	t.Helper()
	require.NotEmpty(t, text, where)
	require.NotContains(t, strings.ToLower(text), mark, where)
	require.NotContains(t, text, digits, where)
}

// producers are the properties that a producer set; the broker and we add the others.
var producers = regexp.MustCompile(`^(cloudEvents_.*|x-customer|Kanari)$`)

func (r *run) cleanLetters() {
	t := r.w.T
	seen := map[string]bool{}
	for _, m := range r.w.Letters() {
		if m.DeadLetterReason == "SinkRejected" {
			clean(t, "an outcome that was refused", string(m.Body))
		} else {
			require.Contains(t, strings.ToLower(string(m.Body)), mark, "the event itself is kept")
		}
		clean(t, "a dead letter", m.DeadLetterReason+" "+m.DeadLetterDescription)
		require.LessOrEqual(t, len(m.DeadLetterDescription), 1024)
		seen[m.DeadLetterReason] = true
		for k, v := range m.Properties {
			if !producers.MatchString(k) {
				clean(t, k, fmt.Sprint(k, " ", v))
			}
		}
	}
	for _, reason := range []string{"SchemaInvalid", "Malformed", "UnknownType", "UnknownChannel", "IdConflict", "MappingConflict", "CsuRejected", "SinkRejected", "BusinessRule"} {
		require.True(t, seen[reason], "a dead letter of reason %s, among %v", reason, seen)
	}
}

// cleanRedis looks at every key with its value. Only bindings and the epoch are kept for ever, but not what only says which
// account took a provisional one's place.
func (r *run) cleanRedis() {
	ctx, t := context.Background(), r.w.T
	keys, err := r.w.Redis.Keys(ctx, "*").Result()
	require.NoError(t, err)
	require.Greater(t, len(keys), 20)
	for _, key := range keys {
		var value any
		switch kind := r.w.Redis.Type(ctx, key).Val(); kind {
		case "string":
			value, err = r.w.Redis.Get(ctx, key).Result()
		case "hash":
			value, err = r.w.Redis.HGetAll(ctx, key).Result()
		case "set":
			value, err = r.w.Redis.SMembers(ctx, key).Result()
		default:
			require.Fail(t, "a type that is not looked into", "%s of %s", kind, key)
		}
		require.NoError(t, err)
		clean(t, "Redis", fmt.Sprint(key, " ", value))
		moved, _ := value.(map[string]string)
		kept := (len(moved) != 1 || moved[">"] == "") && slices.ContainsFunc([]string{":map:", ":mapr:", ":epoch"}, func(part string) bool { return strings.Contains(key, part) })
		if kept && strings.Contains(key, ":map:") { // a version without a binding, of what sinks were told, is not
			kept = r.w.Redis.HExists(ctx, key, "v").Val()
		}
		require.Equal(t, kept, r.w.Redis.PTTL(ctx, key).Val() < 0, "the lifetime of %s", key)
	}
}

// Labels come from closed lists: what producers choose makes no series.
func TestManyIdsMakeNoMoreSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, harness.Options{Slots: 32})
		r := &run{w: w, p: w.Start(nil)}
		series := func() int {
			n := 0
			for line := range strings.Lines(r.p.Metrics()) {
				if !strings.HasPrefix(line, "#") {
					n++
				}
			}
			return n
		}
		some := func(n int) {
			for range n {
				r.publish(changed, encoded(t, person(uuid.NewString())))
				r.publish("com.contoso."+uuid.NewString(), []byte(`{}`))
				r.publish(changed, []byte(`{"`+uuid.NewString()+`":1}`))
			}
			w.Settle(time.Hour)
			synctest.Wait() // the last one is counted after the broker knows
		}
		some(1)
		before := series()
		some(100)
		require.Equal(t, before, series())
		r.p.Stop()
	})
}
