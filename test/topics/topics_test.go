package topics

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/worker"
)

func order(id string) worker.Message {
	return app.Message(orchestration.Event{Source: harness.Source, ID: id, Type: "signalbox.order.placed.v1", Time: time.Now(),
		CorrelationID: orchestration.DeriveCorrelationID(harness.Source, id),
		Data:          json.RawMessage(`{"id": "` + id + `", "email": "ana@example.com", "currency": "USD", "lines": [{"product": "bread", "quantity": 2, "price": 5}], "total": 10}`)})
}

// poor is a customer without what a customer must have.
func poor(id string) worker.Message {
	return app.Message(orchestration.Event{Source: harness.Source, ID: id, Type: "signalbox.customer.changed.v1", Time: time.Now(),
		CorrelationID: orchestration.DeriveCorrelationID(harness.Source, id), Data: json.RawMessage(`{"id": "P-1"}`)})
}

func (f *fleet) inject(faults ...csu.Fault) {
	f.T.Helper()
	for _, one := range faults {
		_, err := f.CSU.Inject(one)
		require.NoError(f.T, err)
	}
}

// Events of ours fail in every way there is: they are tried again, put off, throttled, wait for another and are woken, are dead-lettered
// and replayed. Whoever else has subscribed gets each event once, and no heartbeat; and what came to the topic ends in the CSU.
func TestWhatBecomesOfOurCopyIsNoConcernOfAnotherSubscriber(t *testing.T) {
	o := harness.Options{CSU: csu.Options{Products: csu.MakeProducts(1)},
		Env: map[string]string{"SIGNALBOX_SAMPLER_INTERVAL": "10m", "SIGNALBOX_HEARTBEAT_INTERVAL": "10m", "SIGNALBOX_WORKER_WAKE_EVERY": "1m",
			"SIGNALBOX_WORKER_RECEIVE_WAIT": "1m", "SIGNALBOX_ORDERS_CONFIRM_AFTER": "10m"}}
	bubble(t, o, func(f *fleet) {
		billing, warehouse := f.subscribe("billing"), f.subscribe("warehouse")
		var sent, orders []string
		publish := func(c harness.Customer) harness.Customer {
			f.Publish(c)
			sent = append(sent, c.Event)
			return c
		}
		place := func(id string) {
			f.Send(order(id))
			sent, orders = append(sent, id), append(orders, id)
		}

		var all []harness.Customer
		f.inject(csu.Fault{Kind: csu.Error, Status: 400, Operation: csu.OpCreateCustomer, For: 30 * time.Minute}) // for a person
		all = append(all, publish(customer(7, "e7", time.Now())))
		f.Send(worker.Message{ID: "nonsense", Body: []byte("no event")}, poor("poor"))
		sent = append(sent, "nonsense", "poor")
		f.Settle(patience)
		<-time.After(30 * time.Minute)
		counts, err := f.Broker.Counts(ours)
		require.NoError(f.T, err)
		require.Equal(f.T, 2, counts.DeadLetter, "in the subscription's own dead-letter queue")
		require.Len(f.T, f.Letters(), 3)

		f.inject(csu.Fault{Kind: csu.Error, Status: 500, Operation: csu.OpSearchByFields, Next: 1}, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCreateCustomer, Next: 1})
		all = append(all, publish(customer(0, "e0", time.Now()))) // a step is tried again; a write may have arrived, so that it waits
		f.Settle(patience)
		require.Positive(f.T, f.count(telemetry.RescheduledMessages, "reason", "taint"))

		f.inject(csu.Fault{Kind: csu.Error, Status: 500, For: 10 * time.Minute}) // put off again and again
		for i := range 4 {
			all = append(all, publish(customer(i+1, fmt.Sprintf("e%d", i+1), time.Now())))
		}
		place("W-1") // waits for its product, which nobody has bound
		f.settledButFor(1)
		require.Greater(f.T, f.count(telemetry.RescheduledMessages, "reason", "throttled"), 4.0)
		require.Positive(f.T, f.count(telemetry.RescheduledMessages, "reason", "dependency"))
		f.Bind("product", "bread", fmt.Sprint(csu.MakeProducts(1)[0].RecordID))
		f.Settle(patience)

		f.inject(csu.Fault{Kind: csu.Error, Status: 429, RetryAfter: csu.RetryAfterSeconds, Wait: 2 * time.Minute, For: 5 * time.Minute})
		all = append(all, publish(customer(5, "e5", time.Now())))
		before := f.count(telemetry.RescheduledMessages, "reason", "throttled")
		f.Settle(patience)
		require.Greater(f.T, f.count(telemetry.RescheduledMessages, "reason", "throttled"), before)

		f.Broker.DropConnections() // everybody's
		all = append(all, publish(customer(6, "e6", time.Now())))
		f.Settle(patience)

		job := f.replay()
		require.Equal(f.T, 3, job.Count.Done, "%+v", job)
		f.Settle(patience)
		counts, err = f.Broker.Counts(ours)
		require.NoError(f.T, err)
		require.Zero(f.T, counts.DeadLetter, "what was replayed is taken out")
		place("W-2")
		f.Settle(patience)
		<-time.After(15 * time.Minute) // heartbeats

		for _, c := range all {
			f.RequireState(c)
		}
		require.Len(f.T, f.CSU.SalesOrders(), 2)
		require.Empty(f.T, f.CSU.DuplicateEmails())
		require.Equal(f.T, 2, f.DeadLetters(), "nonsense stays nonsense")
		billing.stop()
		warehouse.stop()
		billing.requireOnce(f.T, sent)
		warehouse.requireOnce(f.T, orders)

		for _, queue := range []string{harness.OwnQueue, harness.ReplayQueue} {
			require.Positive(f.T, f.count(telemetry.HeartbeatSeen, "queue", queue), queue)
		}
		require.Zero(f.T, f.count(telemetry.HeartbeatSeen, "queue", ours))
		require.Positive(f.T, f.count(telemetry.QueueLastSample, "queue", ours), "it is looked at all the same")
		require.Positive(f.T, f.count(telemetry.Messages, "queue", ours))
	})
}

// settledButFor waits until nothing is left but n copies that wait.
func (f *fleet) settledButFor(n int) {
	f.T.Helper()
	for end := time.Now().Add(patience); ; <-time.After(time.Minute) {
		in, err := f.Broker.Counts(ours)
		require.NoError(f.T, err)
		own, err := f.Broker.Counts(harness.OwnQueue)
		require.NoError(f.T, err)
		if in.Active == 0 && own.Active == 0 && own.Scheduled == n {
			return
		}
		require.True(f.T, time.Now().Before(end), "%+v %+v", in, own)
	}
}

// A process dies in the middle of a batch, and all links break: nothing is lost, nobody hears anything twice.
func TestAFleetThatDiesAndComesBackLeavesTheOtherSubscriberAlone(t *testing.T) {
	bubble(t, harness.Options{CSU: csu.Options{Latency: 200 * time.Millisecond}}, func(f *fleet) {
		billing := f.subscribe("billing")
		var all []harness.Customer
		var sent []string
		for i := range 40 {
			all, sent = append(all, customer(i, fmt.Sprintf("e%d", i), time.Now())), append(sent, fmt.Sprintf("e%d", i))
		}
		f.Publish(all...)
		<-time.After(300 * time.Millisecond)
		f.processes[0].Die()
		f.processes[0].Stop()
		require.NoError(f.T, f.Broker.DetachLinks(ours))
		f.processes = append(f.processes[1:], f.Start(nil))
		f.Settle(patience)
		for _, c := range all {
			f.RequireState(c)
		}
		require.Zero(f.T, f.DeadLetters())
		billing.stop()
		billing.requireOnce(f.T, sent)
	})
}

const (
	headquarters = "urn:contoso:headquarters"
	invoiced     = "SalesInvoicePostedBusinessEvent"
)

// news is a business event of a sales order, as headquarters sends it to a topic.
func news(id, sales string) worker.Message {
	now := time.Now().UTC()
	return worker.Message{ID: uuid.NewString(), Body: fmt.Appendf(nil, `{"BusinessEventId":%q,"BusinessEventLegalEntity":"USRT","ControlNumber":1,"EventId":%q,`+
		`"EventTimeIso8601":%q,"InvoiceId":"CIV-000112","LegalEntity":"usrt","SalesOrderId":%q}`, invoiced, id, now.Format(time.RFC3339Nano), sales)}
}

// Business events of headquarters usually come on a topic.
func TestBusinessEventsOfATopicAreTold(t *testing.T) {
	o := harness.Options{Sink: true, Env: map[string]string{"SIGNALBOX_SOURCES": `[{"name":"headquarters","source":"` + headquarters +
		`","queue":"Events/subscriptions/SignalBox","format":"business-events"}]`}}
	bubble(t, o, func(f *fleet) {
		billing, warehouse := f.subscribe("billing"), f.subscribe("warehouse")
		f.Bind("order", "W-1", "SO-1")
		first, second := news(uuid.NewString(), "SO-1"), news(uuid.NewString(), " ")
		f.Send(first, second)
		f.Settle(patience)
		var told []string
		for _, e := range f.Sink.Events() {
			if e.Type == "signalbox.order.status.v1" {
				told = append(told, e.Subject)
			}
		}
		require.Equal(f.T, []string{"W-1"}, told)
		letters := f.Letters()
		require.Len(f.T, letters, 1, "one names no sales order")
		require.Equal(f.T, []any{"SchemaInvalid", ours}, []any{letters[0].DeadLetterReason, letters[0].Queue})
		billing.stop()
		warehouse.stop()
		billing.requireOnce(f.T, []string{first.ID, second.ID})
		require.Empty(f.T, slices.Concat(warehouse.ids, warehouse.odd))
	})
}

// Outcomes go to a topic of the same namespace, whose subscribers are other systems; the broker is busy, connections drop, the topic is
// taken away and made again. Everybody has the newest of each customer, in order, and nothing twice.
func TestOutcomesGoToATopicWhateverHappensToIt(t *testing.T) {
	outcomes := servicebus.Topic{Name: "outcomes", DuplicateDetection: true, DuplicateWindow: 7 * 24 * time.Hour, Subscriptions: []servicebus.Subscription{{Name: "erp"}}}
	o := harness.Options{Queues: []servicebus.Queue{{Name: "refusals", DuplicateDetection: true}}, Env: map[string]string{
		"SIGNALBOX_CHANNELS": `[{"name":"main","csu":"default","oun":"HOUSTON","legal_entity":"usrt","currency":"USD","language":"en-us","sinks":["erp","desk"]}]`,
		"SIGNALBOX_SINKS": `[{"name":"erp","type":"servicebus","entity":"outcomes","sessions":true,"types":["*.relayed.*"]},` +
			`{"name":"desk","type":"servicebus","entity":"refusals","types":["*.refused.*"]}]`}}
	bubble(t, o, func(f *fleet) {
		require.NoError(f.T, f.Broker.CreateTopic(outcomes))
		require.NoError(f.T, f.Broker.RejectSendsFor("outcomes", 10*time.Minute, "com.microsoft:server-busy"))
		var want []string
		for i := range 5 {
			f.Publish(customer(i, fmt.Sprintf("e%d", i), time.Now()))
			want = append(want, fmt.Sprintf("C-%d", i))
		}
		f.Send(poor("poor"))
		f.Settle(patience)
		require.Positive(f.T, f.count(telemetry.SinkDeliveries, "sink", "erp", "result", "throttled"))
		for i := 5; i < 15; i++ {
			f.Publish(customer(i, fmt.Sprintf("e%d", i), time.Now()))
			want = append(want, fmt.Sprintf("C-%d", i))
			<-time.After(time.Duration(i) * 7 * time.Millisecond)
			f.Broker.DropConnections()
		}
		f.Settle(patience)
		var told []string
		browser := f.Bus().Queue("outcomes/Subscriptions/erp").Browse()
		got, err := browser.Peek(f.T.Context(), 0, 100)
		require.NoError(f.T, err)
		browser.Close(f.T.Context())
		for _, m := range got {
			subject, _ := m.Properties["cloudEvents_subject"].(string)
			told = append(told, subject)
		}
		require.ElementsMatch(f.T, want, told)

		require.NoError(f.T, f.Broker.DeleteTopic("outcomes")) // somebody's mistake
		f.Publish(customer(20, "e20", time.Now()))
		<-time.After(10 * time.Minute)
		require.False(f.T, f.Empty(), "it waits")
		require.Equal(f.T, 1, f.DeadLetters(), "the poor one")
		require.Positive(f.T, f.count(telemetry.SinkDeliveries, "sink", "erp", "result", "not_found"))
		require.NoError(f.T, f.Broker.CreateTopic(outcomes))
		f.Settle(patience)
		counts, err := f.Broker.Counts("outcomes/Subscriptions/erp")
		require.NoError(f.T, err)
		require.Equal(f.T, 1, counts.Active)
		counts, err = f.Broker.Counts("refusals")
		require.NoError(f.T, err)
		require.Equal(f.T, 1, counts.Active)
	})
}
