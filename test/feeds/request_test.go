package feeds

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/prices"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	"github.com/signalbox/signalbox/test/sim/sink"
	"github.com/signalbox/signalbox/worker"
)

// answering is a world with a queue for answers.
func answering() harness.Options {
	return harness.Options{CSU: selling(10), Queues: []servicebus.Queue{{Name: "shop-answers"}}, Env: map[string]string{"SIGNALBOX_SINKS": `[{"name":"crm","url":"http://127.0.0.1:2/hooks",` +
		`"secrets":["` + sink.DefaultSecret + `"]},{"name":"answers","type":"servicebus","entity":"shop-answers"}]`}}
}

// requested sends a request with an address for the answer.
func (f *fleet) requested(id, data, replyTo string) {
	m := app.Message(orchestration.Event{Source: "https://shop.example.com", ID: id, Type: prices.RequestType, Time: time.Now(), Data: json.RawMessage(data)})
	m.ReplyTo = replyTo
	f.Send(m)
	f.Settle(time.Hour)
}

// answers are those in the queue, by request.
func (f *fleet) answers() map[string]prices.Answered {
	browser := f.Bus().Queue("shop-answers").Browse()
	defer browser.Close(f.T.Context())
	got, err := browser.Peek(f.T.Context(), 0, 100)
	require.NoError(f.T, err)
	all := map[string]prices.Answered{}
	for _, m := range got {
		var a prices.Answered
		require.NoError(f.T, json.Unmarshal(m.Body, &a))
		require.NotContains(f.T, all, a.Request, "each is answered once")
		require.Equal(f.T, orchestration.DeriveCorrelationID("https://shop.example.com", a.Request), m.CorrelationID)
		require.Equal(f.T, a.Request, m.Properties["cloudEvents_subject"], "which a sink with sessions makes the session")
		all[a.Request] = a
	}
	return all
}

func TestARequestForPricesIsAnsweredWhereItSaysAlsoAfterARetry(t *testing.T) {
	t.Parallel()
	bubble(t, answering(), func(f *fleet) {
		require.NoError(f.T, f.CSU.PutPriceRules(csu.PriceRule{ID: "vip", Kind: csu.Agreement, Product: first, Price: "0.50", Customer: "C-7"}))
		f.join(nil)
		f.requested("r1", `{"products": ["68719490000", "68719499999"]}`, "shop-answers")
		_, err := f.CSU.Inject(csu.Fault{Kind: csu.Error, Status: 503, For: 3 * time.Minute})
		require.NoError(f.T, err)
		f.requested("r2", `{"products": ["68719490000"], "customer": "C-7"}`, "shop-answers")
		got := f.answers()
		require.Len(f.T, got, 2)
		require.True(f.T, got["r1"].Prices[0].Priced)
		require.False(f.T, got["r1"].Prices[1].Priced, "left out by the CSU, and said so")
		require.Equal(f.T, "0.5", got["r2"].Prices[0].Price)
		require.Empty(f.T, f.Sink.Events(), "nobody else is told")
	})
}

func TestABasketIsPricedAsAWhole(t *testing.T) {
	t.Parallel()
	o := answering()
	o.CSU.Coupons = []csu.Coupon{{Code: "SPRING", Percent: "10"}}
	bubble(t, o, func(f *fleet) {
		f.join(nil)
		f.requested("r1", `{"basket": [{"product": "68719490000", "quantity": 2}, {"product": "68719490001", "quantity": "1"}], "coupons": ["SPRING"]}`, "shop-answers")
		got := f.answers()["r1"].Basket
		require.NotNil(f.T, got)
		require.Len(f.T, got.Lines, 2)
		sum := decimal.Zero
		for _, l := range got.Lines {
			sum = sum.Add(decimal.RequireFromString(l.Total))
		}
		require.Equal(f.T, sum.String(), got.Total)
		require.True(f.T, decimal.RequireFromString(got.Discount).IsPositive())
		require.Empty(f.T, f.CSU.Carts(), "nothing is kept")
	})
}

func TestARequestWithoutAnAddressThatMayBeAnsweredBecomesADeadLetterThatSaysSo(t *testing.T) {
	t.Parallel()
	bubble(t, answering(), func(f *fleet) {
		f.join(nil)
		for i, address := range []string{"", "signalbox-live", "somewhere"} {
			f.requested("r"+string(rune('1'+i)), `{"products": ["68719490000"]}`, address)
		}
		require.Equal(f.T, 3, f.DeadLetters())
		for _, m := range f.Letters() {
			require.Equal(f.T, "BusinessRule", m.DeadLetterReason)
			require.Contains(f.T, m.DeadLetterDescription, "ReplyTo")
		}
	})
}

func TestARecordIDThatNoRecordCanHaveIsRefusedByTheSchema(t *testing.T) {
	t.Parallel()
	bubble(t, answering(), func(f *fleet) {
		f.join(nil)
		f.requested("r1", `{"basket": [{"product": "9999999999999999999", "quantity": 2}]}`, "shop-answers")
		f.requested("r2", `{"products": ["007"]}`, "shop-answers")
		require.Equal(f.T, 2, f.DeadLetters())
		for _, m := range f.Letters() {
			require.Equal(f.T, "SchemaInvalid", m.DeadLetterReason, m.DeadLetterDescription)
			require.Contains(f.T, m.DeadLetterDescription, "/0")
		}
	})
}

func TestABusinessEventOfATopicAsksForAnExport(t *testing.T) {
	t.Parallel()
	const subscription = "hq-events/Subscriptions/signalbox"
	bubble(t, harness.Options{CSU: selling(5), Topics: []servicebus.Topic{{Name: "hq-events", Subscriptions: []servicebus.Subscription{{Name: "signalbox"}}}}, From: subscription, Env: map[string]string{
		"SIGNALBOX_SOURCES": `[{"source":"urn:hq","format":"business-events","queue":"` + subscription + `","exports":["ContosoProductsReleasedBusinessEvent=products"]}]`,
	}}, func(f *fleet) {
		f.join(nil)
		for range 2 { // headquarters may send it again
			f.Send(worker.Message{ID: "m1", ContentType: "application/json", Body: []byte(`{"BusinessEventId":"ContosoProductsReleasedBusinessEvent",` +
				`"BusinessEventLegalEntity":"USRT","EventId":"{3C47A4CD-6EDC-4319-B893-3F862EED65FD}","EventTimeIso8601":"1999-12-31T23:59:00Z"}`)})
		}
		f.Settle(time.Hour)
		require.Zero(f.T, f.DeadLetters())
		f.requireComplete()
		require.Len(f.T, f.told(product, 0), 5, "it asked once")
	})
}
