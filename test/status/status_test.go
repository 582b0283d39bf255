// Package status sends the business events of headquarters through the whole fleet, from their queue to the sinks of the orders' sources.
package status

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/sink"
	"github.com/signalbox/signalbox/worker"
)

func TestMain(m *testing.M) {
	harness.Main(m, func(m *testing.M) { goleak.VerifyTestMain(m) })
}

const (
	scope        = "default/usrt"
	headquarters = "urn:contoso:headquarters"

	invoiced = "SalesInvoicePostedBusinessEvent"
	shipped  = "ContosoPackingSlipPostedBusinessEvent"
	personal = "CUST-canary-7" // whom the invoice goes to
)

// shop is a world whose source queue takes business events, too.
func shop(t *testing.T, o csu.Options, env ...string) *harness.World {
	settings := map[string]string{
		"SIGNALBOX_SOURCES": `[{"name":"headquarters","source":"` + headquarters + `","queue":"` + harness.SourceQueue + `","format":"business-events",
			"statuses":["` + shipped + `=shipped","ContosoSalesOrderConfirmedBusinessEvent=confirmed","ContosoNoiseBusinessEvent=ignored"]}]`,
		"SIGNALBOX_WORKER_WAKE_EVERY": "1m", "SIGNALBOX_WORKER_RECEIVE_WAIT": "1m", // minutes pass quickly
		"SIGNALBOX_LOG_LEVEL": "debug", "SIGNALBOX_LOG_DEBUG_UNTIL": time.Now().Add(20 * time.Hour).Format(time.RFC3339),
	}
	for i := 0; i < len(env); i += 2 {
		settings[env[i]] = env[i+1]
	}
	o.Products = csu.MakeProducts(1)
	w := harness.NewVirtual(t, harness.Options{Sink: true, CSU: o, Env: settings, Defaults: true})
	bind(t, w, "product", harness.Source, "bread", fmt.Sprint(csu.MakeProducts(1)[0].RecordID))
	return w
}

func bind(t *testing.T, w *harness.World, kind, source, id, d365 string) {
	t.Helper()
	require.NoError(t, w.TryBind(mapping.Ref{Kind: kind, Source: source, ID: id}, d365))
}

// news is a business event as headquarters sends it. control is the number that another sending has another of.
func news(id, businessEvent, sales string, control int, more ...string) worker.Message {
	now := time.Now().UTC()
	body := fmt.Sprintf(`{"BusinessEventId":%q,"BusinessEventLegalEntity":"USRT","ContextRecordSubject":"","ControlNumber":%d,"EventId":%q,`+
		`"EventTime":"/Date(%d)/","EventTimeIso8601":%q,"InitiatingUserAADObjectId":"{410A2690-5EC2-42EE-9F2A-E75B4E324930}","InvoiceAccount":%q,`+
		`"InvoiceAmountInAccountingCurrency":10.0,"InvoiceId":"CIV-000112","LegalEntity":"usrt","MajorVersion":0,"MinorVersion":0,`+
		`"ParentContextRecordSubjects":[],"SalesOrderId":%q}`, businessEvent, 5637611083+control, id, now.UnixMilli(), now.Format(time.RFC3339Nano), personal, sales)
	for i := 0; i < len(more); i += 2 {
		body = strings.Replace(body, more[i], more[i+1], 1)
	}
	return worker.Message{ID: uuid.NewString(), Body: []byte(body)}
}

func order(id string) worker.Message {
	return app.Message(orchestration.Event{Source: harness.Source, ID: id, Type: "signalbox.order.placed.v1", Time: time.Now(),
		CorrelationID: orchestration.DeriveCorrelationID(harness.Source, id),
		Data:          json.RawMessage(`{"id": "` + id + `", "email": "ana@example.com", "currency": "USD", "lines": [{"product": "bread", "quantity": 2, "price": 5}], "total": 10}`)})
}

// told are the statuses that the sink has.
func told(w *harness.World) (all []sink.Event) {
	for _, e := range w.Sink.Events() {
		if e.Type == "signalbox.order.status.v1" {
			all = append(all, e)
		}
	}
	return all
}

const (
	e1 = "3C47A4CD-6EDC-4319-B893-3F862EED65F1"
	e2 = "3C47A4CD-6EDC-4319-B893-3F862EED65F2"
)

func TestAStatusIsToldOnceToTheSinkOfTheOrdersSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t, csu.Options{})
		bind(t, w, "order", harness.Source, "W-1", "SO-1")
		p := w.Start(nil)
		defer p.Stop()
		first, at := news(e1, shipped, "SO-1", 0), time.Now().UTC()
		w.Send(first, news(e2, invoiced, "SO-1", 1))
		w.Settle(time.Minute)
		<-time.After(time.Second) // sent again, it has another ControlNumber, and may have another time
		w.Send(news(e1, shipped, "SO-1", 2), first)
		w.Settle(time.Minute)
		require.Zero(t, w.DeadLetters())
		require.EqualValues(t, 2, p.Count(telemetry.Messages, "outcome", "duplicate"))

		all := told(w)
		require.Len(t, all, 2)
		said := map[string]sink.Event{}
		for _, e := range all {
			require.Equal(t, []any{harness.Source, "W-1", 1}, []any{e.Source, e.Subject, len(e.Deliveries)})
			require.NotContains(t, string(e.Data), "canary")
			var data struct{ Status string }
			require.NoError(t, json.Unmarshal(e.Data, &data))
			said[data.Status] = e
		}
		require.JSONEq(t, `{"id":"W-1","salesId":"SO-1","status":"invoiced","at":"`+at.Format(time.RFC3339Nano)+`","invoice":"CIV-000112","businessEvent":"`+invoiced+`"}`,
			string(said["invoiced"].Data))
		require.JSONEq(t, `{"id":"W-1","salesId":"SO-1","status":"shipped","at":"`+at.Format(time.RFC3339Nano)+`","invoice":"CIV-000112","businessEvent":"`+shipped+`"}`,
			string(said["shipped"].Data))
		nowhere(t, w, p)
	})
}

// nowhere holds that whom an invoice goes to is in neither the log nor Redis.
func nowhere(t *testing.T, w *harness.World, p *harness.Process) {
	t.Helper()
	require.NotContains(t, p.Log(), "canary")
	require.NotContains(t, w.Mini.Dump(), "canary")
}

func TestAStatusThatComesBeforeTheSalesIdIsToldOnceTheOrderHasIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t, csu.Options{OrderSync: 2 * time.Second}, "SIGNALBOX_ORDERS_CONFIRM_AFTER", "10m")
		p := w.Start(nil)
		defer p.Stop()
		w.Send(order("W-1"))
		<-time.After(10 * time.Second) // headquarters has it; who confirms looks only later
		sales := w.CSU.SalesOrders()[0].SalesID()
		require.NotEmpty(t, sales)
		w.Send(news(e1, invoiced, sales, 0))
		<-time.After(8 * time.Minute)
		require.Empty(t, told(w))
		w.Settle(time.Hour)
		require.Len(t, told(w), 1)
		require.Equal(t, "W-1", told(w)[0].Subject)
		require.Zero(t, w.DeadLetters())
	})
}

func TestWhatIsNotOursEndsQuietly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open        bool // an order of ours waits for its sales id, which never comes
		from, until time.Duration
	}{"soon when no order of ours waits for its sales id": {false, 15 * time.Minute, 25 * time.Minute}, "in the end when one does": {true, 20 * time.Minute, 25 * time.Minute}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := shop(t, csu.Options{OrderSync: 1000 * time.Hour}, "SIGNALBOX_ORDERS_CONFIRM_AFTER", "8m", "SIGNALBOX_ORDERS_STATUS_PATIENCE", "20m")
				p := w.Start(nil)
				defer p.Stop()
				if c.open {
					w.Send(order("W-1"))
					<-time.After(10 * time.Second)
				}
				began := time.Now()
				w.Send(news(e1, invoiced, "SO-STORE-1", 0))
				for w.RunRecord(headquarters, strings.ToLower(e1)) == "" && time.Since(began) < 2*time.Hour {
					<-time.After(time.Minute)
				}
				require.GreaterOrEqual(t, time.Since(began), c.from)
				require.LessOrEqual(t, time.Since(began), c.until)
				require.EqualValues(t, 1, p.Count(telemetry.StepRuns, "step", "leave-order"), "it is counted")
				require.Empty(t, told(w))
				require.Zero(t, w.DeadLetters())
			})
		})
	}
}

func TestABusinessEventThatNobodyReadsEndsAsItShould(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t, csu.Options{})
		p := w.Start(nil)
		defer p.Stop()
		w.Send(
			news(e1, "BusinessEventsTestEndpointContract", "", 0, `"USRT"`, `"dat"`, time.Now().UTC().Format(time.RFC3339Nano), "1900-01-01T00:00:00Z", fmt.Sprint(5637611083), "-9223372036854775808"),
			news(e2, "ContosoNoiseBusinessEvent", "SO-1", 0),
		)
		w.Settle(time.Minute)
		require.Zero(t, w.DeadLetters())
		require.EqualValues(t, 2, p.Count(telemetry.Messages, "outcome", "completed"))

		for want, m := range map[string]worker.Message{
			"UnknownType: /BusinessEventId: The source's statuses and exports do not say what this business event stands for": news(uuid.NewString(), "ContosoOtherBusinessEvent", "SO-1", 0),
			"UnknownChannel: /BusinessEventLegalEntity: No row of the channel table":                                          news(uuid.NewString(), invoiced, "SO-1", 0, `"USRT"`, `"usmf"`),
			"SchemaInvalid: /SalesOrderId: The business event names no sales order in any of SalesOrderId":                    news(uuid.NewString(), invoiced, " ", 0),
			"Malformed: /EventId: The business event has no id":                                                               news("", invoiced, "SO-1", 0),
			"Malformed: /BusinessEventId: The message is no business event":                                                   {ID: uuid.NewString(), Body: []byte(`{"EventId":"canary"}`)},
			"Malformed: The message is no business event: it is no JSON object":                                               {ID: uuid.NewString(), Body: []byte(`["canary"]`)},
		} {
			before := w.DeadLetters()
			w.Send(m)
			w.Settle(time.Minute)
			letters := w.Letters()
			require.Len(t, letters, before+1, want)
			said := letters[before].DeadLetterReason + ": " + letters[before].DeadLetterDescription
			require.Contains(t, said, want)
			require.NotContains(t, said, "canary")
			require.Equal(t, string(m.Body), string(letters[before].Body), "as it came")
		}
		require.Empty(t, told(w))
		nowhere(t, w, p)
	})
}
