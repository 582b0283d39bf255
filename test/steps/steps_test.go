// Package steps puts steps of a configuration into scenarios, and looks at what becomes of orders and customers then: in the CSU, at a
// sink, at a system that is asked, and in all that is left behind.
package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

func TestMain(m *testing.M) {
	harness.Main(m, func(m *testing.M) { goleak.VerifyTestMain(m) })
}

// asked is the system that http-calls ask. It takes a second request with the same key as the first.
type asked struct {
	mu     sync.Mutex
	keys   []string // of the requests, in order
	bodies []string
	tokens []string
	before func(n int) // of the n-th request, before it is answered
	answer func(n int, w http.ResponseWriter)
}

func (a *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.keys, a.bodies, a.tokens = append(a.keys, r.Header.Get("Idempotency-Key")), append(a.bodies, string(body)), append(a.tokens, r.Header.Get("Authorization"))
	n, before, answer := len(a.keys), a.before, a.answer
	a.mu.Unlock()
	if before != nil {
		before(n)
	}
	if answer != nil {
		answer(n, w)
		return
	}
	_, _ = io.WriteString(w, `{"decision": "accept", "id": "D-17", "of": "canary@example.com"}`)
}

func (a *asked) requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.keys...)
}

const (
	guard = `{"scenario":"orders","name":"check-country","type":"guard","before":"place-order","when":".delivery.address.country != \"USA\"",
		"refuse":"We do not ship there.","pointer":"/delivery/address/country"}`
	score = `{"scenario":"orders","name":"score-fraud","type":"http-call","before":"place-order","url":"` + harness.AskedURL + `/score","body":"{id, email, total}","repeat":"by_key",
		"secret":"Bearer canary-secret","refuse_if":".decision == \"refuse\"","refuse":"The fraud check refused it.","keep":".id","timeout":"1s"}`
	note = `{"scenario":"orders","name":"note-decision","type":"fieldmap","before":"place-order","map":".attributes += [{name: \"fraud\", value: $kept[\"score-fraud\"]}]"}`
	tell = `{"scenario":"orders","name":"tell-warehouse","type":"emit","after":"check-out-cart","event":"contoso.order.accepted.v1","data":"{id, order: $learned.order, decision: $kept[\"score-fraud\"], lines: (.lines | length)}"}`
)

// shop is a world whose CSU sells bread, with steps in its scenarios.
func shop(t *testing.T, at *asked, rows ...string) *harness.World {
	w := harness.NewVirtual(t, harness.Options{Sink: true, Asked: at, CSU: csu.Options{Products: csu.MakeProducts(3), OrderSync: 2 * time.Second}, Env: map[string]string{
		"SIGNALBOX_SCENARIOS_STEPS": "[" + strings.Join(rows, ",") + "]", "SIGNALBOX_ORDERS_CONFIRM_AFTER": "1s",
		"SIGNALBOX_LOG_LEVEL": "debug", "SIGNALBOX_LOG_DEBUG_UNTIL": time.Now().Add(time.Hour).Format(time.RFC3339),
	}})
	w.Bind("product", "bread", harness.Bread())
	return w
}

func order(id, country string) worker.Message {
	data := `{"id": "` + id + `", "email": "canary@example.com", "currency": "USD", "lines": [{"product": "bread", "quantity": 2, "price": 5}], "total": 10, "delivery": {"mode": "99",
		"address": {"name": "Canary", "street": "1 Harbour Street", "city": "Redmond", "state": "WA", "zip": "98052", "country": "` + country + `"}}}`
	return app.Message(orchestration.Event{Source: harness.Source, ID: "e-" + id, Type: "signalbox.order.placed.v1", Time: time.Now(), Data: json.RawMessage(data),
		CorrelationID: orchestration.DeriveCorrelationID(harness.Source, "e-"+id)})
}

// accepted are the sink's events of the type that the warehouse is told.
func accepted(w *harness.World) (all []string) {
	for _, e := range w.Sink.Events() {
		if e.Type == "contoso.order.accepted.v1" {
			all = append(all, e.Subject+" "+string(e.Data))
		}
	}
	return all
}

// clean asserts that nothing of the event or of a secret is in what is left behind.
func clean(t *testing.T, w *harness.World, logs ...string) {
	t.Helper()
	for _, l := range w.Letters() {
		logs = append(logs, fmt.Sprint(l.DeadLetterReason, l.DeadLetterDescription, l.Properties))
	}
	for _, key := range w.Redis.Keys(t.Context(), "*").Val() {
		logs = append(logs, key, fmt.Sprint(w.Redis.Get(t.Context(), key).Val(), w.Redis.HGetAll(context.Background(), key).Val()))
	}
	for _, text := range logs {
		require.NotContains(t, strings.ToLower(text), "canary")
	}
}

func TestEveryTypeOfStepDoesItsPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := &asked{}
		w := shop(t, at, guard, score, note, tell)
		p := w.Start(nil)
		defer p.Stop()
		w.Send(order("7", "USA"), order("8", "AUT"))
		w.Settle(time.Minute)
		require.Len(t, w.CSU.SalesOrders(), 1)
		require.Contains(t, fmt.Sprint(w.CSU.SalesOrders()[0]["AttributeValues"]), "D-17", "the map changes what is placed")
		require.Len(t, at.requests(), 1, "a refused order is nobody's business")
		require.JSONEq(t, `{"id": "7", "email": "canary@example.com", "total": 10}`, at.bodies[0])
		require.Equal(t, "Bearer canary-secret", at.tokens[0])
		require.Len(t, accepted(w), 1)
		require.Regexp(t, `^7 \{"decision":"D-17","id":"7","lines":1,"order":"[0-9a-f-]+"\}$`, accepted(w)[0])
		require.Len(t, w.Letters(), 1)
		require.Equal(t, "BusinessRule", w.Letters()[0].DeadLetterReason)
		require.Contains(t, w.Letters()[0].DeadLetterDescription, "We do not ship there.")
		require.Contains(t, fmt.Sprint(w.Letters()[0].Properties), "check-country", "a dead letter names the step")
		clean(t, w, p.Log())
	})
}

// TestACallIsMadeOnceUnderOneKeyWhateverBecomesOfTheProcess: the process is gone after the system was asked and before that is on record.
func TestACallIsMadeUnderOneKeyWhateverBecomesOfTheProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &harness.Boundaries{}
		at := &asked{before: func(n int) {
			if n == 1 {
				b.Die()
			}
		}}
		w := shop(t, at, score, note, tell)
		first := w.Start(b)
		w.Send(order("7", "USA"))
		for len(at.requests()) == 0 {
			<-time.After(100 * time.Millisecond)
		}
		first.Stop()
		second := w.Start(nil)
		defer second.Stop()
		w.Settle(2 * time.Minute)
		keys := at.requests()
		require.Len(t, keys, 2)
		require.Equal(t, keys[0], keys[1])
		require.NotEmpty(t, keys[0])
		require.Len(t, w.CSU.SalesOrders(), 1)
		require.Contains(t, fmt.Sprint(w.CSU.SalesOrders()[0]["AttributeValues"]), "D-17")
		require.Len(t, accepted(w), 1)
		require.Empty(t, w.Letters())
		clean(t, w, second.Log())
	})
}

func TestACallThatMustNotBeRepeatedGoesToAPersonWhenItIsInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := &asked{answer: func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }}
		w := shop(t, at, strings.Replace(score, "by_key", "never", 1))
		p := w.Start(nil)
		defer p.Stop()
		w.Send(order("7", "USA"))
		w.Settle(time.Minute)
		require.Len(t, at.requests(), 1)
		require.Empty(t, w.CSU.SalesOrders())
		require.Equal(t, "OutcomeUnknown", w.Letters()[0].DeadLetterReason)
		require.Contains(t, fmt.Sprint(w.Letters()[0].Properties), "score-fraud")
	})
}

func TestASystemThatIsBusyIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := &asked{answer: func(n int, w http.ResponseWriter) {
			if n < 3 {
				w.Header().Set("Retry-After", "20")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			_, _ = io.WriteString(w, `{"decision": "refuse"}`)
		}}
		w := shop(t, at, score)
		p := w.Start(nil)
		defer p.Stop()
		w.Send(order("7", "USA"))
		w.Settle(5 * time.Minute)
		require.Len(t, at.requests(), 3)
		require.Contains(t, w.Letters()[0].DeadLetterDescription, "The fraud check refused it.")
		require.Empty(t, w.CSU.SalesOrders())
	})
}

func TestAPlanSaysWhatStepsWouldDoAndAsksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := &asked{}
		w := shop(t, at, guard, strings.Replace(score, `"keep":".id",`, "", 1), tell)
		var planner *app.App
		p := w.StartWith(nil, func(parts *app.Parts) {
			look := *parts
			look.LookOnly, look.Log = true, io.Discard
			var err error
			planner, err = app.New(w.Config(), look)
			require.NoError(t, err)
		})
		defer p.Stop()
		defer func() { require.NoError(t, planner.Close(context.Background())) }()
		require.NoError(t, planner.Probe(t.Context()))
		var ev orchestration.Event
		ev.Source, ev.ID, ev.Type, ev.Time, ev.CorrelationID = harness.Source, "e-7", "signalbox.order.placed.v1", time.Now(), orchestration.DeriveCorrelationID(harness.Source, "e-7")
		var body struct{ Data json.RawMessage }
		m := order("7", "USA")
		if json.Unmarshal(m.Body, &body) == nil && body.Data != nil {
			ev.Data = body.Data
		} else {
			ev.Data = m.Body
		}
		plan := planner.Engine().Plan(t.Context(), ev)
		require.Equal(t, orchestration.Completed, plan.Outcome.Verdict, "%+v", plan.Outcome)
		var will []string
		for _, s := range plan.Steps {
			will = append(will, s.Name+" "+string(s.Will))
		}
		require.Equal(t, []string{"reserve-stock skip", "check-country found", "score-fraud act", "place-order act", "fill-cart skip", "check-out-cart skip", "tell-warehouse found"}, will)
		require.Equal(t, []orchestration.Effect{{Operation: "POST 127.0.0.1", Fields: []string{"email", "id", "total"}}}, plan.Steps[2].Effects)
		require.Contains(t, plan.Tells, "contoso.order.accepted.v1")
		require.Empty(t, at.requests())
		require.Empty(t, w.CSU.SalesOrders())
	})
}

func TestAnAccountThatExistsIsLeftAsItIsWhileItsStepIsOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := harness.NewVirtual(t, harness.Options{Env: map[string]string{"SIGNALBOX_SCENARIOS_STEPS_OFF": "customers/update-account"}})
		p := w.Start(nil)
		defer p.Stop()
		is := harness.Customer{Event: "e1", ID: "7", Email: "ana@example.com", First: "Ana", Last: "Contoso", Phone: "+14255550100", City: "Redmond", At: time.Now()}
		w.Publish(is)
		w.Settle(time.Minute)
		changed := is
		changed.Event, changed.City, changed.At = "e2", "Houston", is.At.Add(time.Second)
		w.Publish(changed)
		w.Settle(time.Minute)
		require.Empty(t, w.Letters())
		w.RequireState(is)
	})
}

// TestStoppedAtAnyBoundaryAnExtendedScenarioComesToTheSameEnd: one order, one key, one word to the warehouse, and nothing of the order in the store.
func TestStoppedAtAnyBoundaryAnExtendedScenarioComesToTheSameEnd(t *testing.T) {
	t.Parallel()
	for at := 1; ; at += 3 * harness.Stride { // the protocol itself is stopped everywhere elsewhere
		reached := false
		synctest.Test(t, func(t *testing.T) {
			system := &asked{}
			w := shop(t, system, guard, score, note, tell)
			b := &harness.Boundaries{At: at}
			b.Do = func(string) { b.Die() }
			first := w.Start(b)
			w.Send(order("7", "USA"))
			for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && !b.Reached(); {
				<-time.After(100 * time.Millisecond)
			}
			reached = b.Reached()
			first.Stop()
			second := w.Start(nil)
			defer second.Stop()
			w.Settle(5 * time.Minute)
			require.Empty(t, w.Letters(), "stopped at %d", at)
			require.Len(t, w.CSU.SalesOrders(), 1, "stopped at %d", at)
			require.Contains(t, fmt.Sprint(w.CSU.SalesOrders()[0]["AttributeValues"]), "D-17", "stopped at %d", at)
			require.NotEmpty(t, system.requests())
			for _, key := range system.requests() {
				require.Equal(t, system.requests()[0], key, "stopped at %d", at)
			}
			require.Len(t, accepted(w), 1, "stopped at %d", at)
			clean(t, w, first.Log(), second.Log())
		})
		if !reached {
			require.Greater(t, at, 20)
			return
		}
	}
}
