// Package orders places orders of every kind: sent, fetched, paid in every way, refused for every reason; and looks for what they were paid
// with in all that is left behind.
package orders

import (
	"encoding/json"
	"fmt"
	"strings"
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

// The secrets of a payment. A token may well hold digits that look like a card number.
const (
	token         = "<!-- canary-token 4111111111111111 --><CardToken/>"
	authorization = "<!-- canary-authorization 5555555555554444 --><Authorization/>"
	capture       = "<!-- canary-capture --><Capture/>"
	masked        = "411111******9876"
	giftCard      = "GIFT-canary-1"
	loyaltyCard   = "LOYAL-canary-1"
)

var secrets = []string{"canary", "4111111111111111", "5555555555554444", "******9876"}

const card = `{"type": "VISA", "masked": "` + masked + `", "token": "` + token + `", "authorization": "` + authorization + `", "serviceAccount": "service-account-1", "reference": "P-1"}`

// order is one of a guest: 10 USD for a loaf of bread.
func order(id, members string) worker.Message {
	data := `{"id": "` + id + `", "email": "ana@example.com", "currency": "USD", "lines": [{"product": "bread", "quantity": 2, "price": 5}], "total": 10` + members + `}`
	return event(id, "signalbox.order.placed.v1", data)
}

// orderAs is the same order under an event id of its own.
func orderAs(eventID, id string) worker.Message {
	return event(eventID, "signalbox.order.placed.v1", `{"id": "`+id+`", "email": "ana@example.com", "currency": "USD", "lines": [{"product": "bread", "quantity": 2, "price": 5}], "total": 10}`)
}

func event(id, typ, data string) worker.Message {
	return app.Message(orchestration.Event{Source: harness.Source, ID: id, Type: typ, Time: time.Now(), Data: json.RawMessage(data),
		CorrelationID: orchestration.DeriveCorrelationID(harness.Source, id)})
}

// shop is a world whose CSU sells bread, and whose channel has tables.
func shop(t *testing.T) *harness.World {
	return shopOf(t, csu.Options{Products: csu.MakeProducts(3), OrderSync: 2 * time.Second}, `"order_mode":"upload"`)
}

// shopOf is the same with a CSU and a row of the channel table of its own.
func shopOf(t *testing.T, o csu.Options, row string) *harness.World {
	w := harness.NewVirtual(t, harness.Options{Sink: true, CSU: o, Env: map[string]string{
		"SIGNALBOX_CHANNELS": `[{"name":"main","csu":"default","oun":"HOUSTON","legal_entity":"usrt","currency":"USD","language":"en-us","sinks":["` + harness.SinkName + `"],
			"stores":["shop-1=STORE1","shop-3=STORE3"],"delivery_modes":["standard=99","express=11","curbside=60"],"service_accounts":["service-account-1"],` + row + `}]`,
		"SIGNALBOX_ORDERS_CONFIRM_AFTER": "1s", "SIGNALBOX_LOG_LEVEL": "debug", "SIGNALBOX_LOG_DEBUG_UNTIL": time.Now().Add(time.Hour).Format(time.RFC3339),
	}})
	w.Bind("product", "bread", harness.Bread())
	return w
}

// made gives the sales orders by the source's numbers.
func made(t *testing.T, w *harness.World, ids ...string) map[string]csu.SalesOrder {
	t.Helper()
	byID, out := map[string]csu.SalesOrder{}, map[string]csu.SalesOrder{}
	for _, o := range w.CSU.SalesOrders() {
		byID[o.SalesID()] = o
	}
	for _, id := range ids {
		sales, _ := w.BoundTo("order", harness.Source, id)
		require.Contains(t, byID, sales, id)
		out[id] = byID[sales]
	}
	return out
}

func TestEachWayOfDeliveryReachesHeadquarters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		const home = `"address": {"name": "Ana", "street": "1 Harbour Street", "city": "Redmond", "state": "WA", "zip": "98052", "country": "USA"}`
		w.Send(
			order("sent", `, "delivery": {"mode": "standard", `+home+`}`),
			order("from-store", `, "delivery": {"mode": "standard", "shipFrom": "shop-3", `+home+`}`),
			order("fetched", `, "delivery": {"pickup": {"store": "shop-1"}}`),
			order("curbside", `, "delivery": {"mode": "curbside", "pickup": {"store": "shop-1", "from": "2026-12-01T09:00:00Z", "to": "2026-12-01T10:00:00Z"}},
				"attributes": [{"name": "car", "value": "a blue van"}]`),
		)
		w.Send(event("mixed", "signalbox.order.placed.v1", `{"id": "mixed", "email": "ana@example.com", "currency": "USD", "total": 10,
			"delivery": {"mode": "standard", `+home+`}, "lines": [{"product": "bread", "quantity": 1, "price": 5},
			{"product": "bread", "quantity": 1, "price": 5, "delivery": {"pickup": {"store": "shop-1"}}}]}`))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		require.Empty(t, w.Letters())
		all := made(t, w, "sent", "from-store", "fetched", "curbside", "mixed")
		line := func(id string, i int) []any {
			l := all[id].Lines()[i]
			to, _ := l["ShippingAddress"].(map[string]any)
			return []any{l["DeliveryMode"], l["FulfillmentStoreId"], l["InventoryLocationId"], fmt.Sprint(to["RecordId"]) != "0" && to["RecordId"] != nil}
		}
		at := func(i int) string { return csu.DefaultStores()[i].Number }
		for id, want := range map[string][]any{
			"sent": {"99", "", "", false}, "from-store": {"99", at(2), at(2), false}, "fetched": {"60", at(0), at(0), true}, "curbside": {"60", at(0), at(0), true}, "mixed": {"99", "", "", false},
		} {
			got := line(id, 0)
			for i := range 3 {
				require.Equal(t, want[i], orEmpty(got[i]), "%s %v", id, got)
			}
			require.Equal(t, want[3], got[3], "%s: by the record of the store's address", id)
		}
		require.Equal(t, []any{"60", at(0)}, line("mixed", 1)[:2])
		require.Contains(t, fmt.Sprint(all["curbside"].Lines()[0]["PickupTimeslotStartDateTime"]), "2026-12-01T09:00:00")
		require.Contains(t, fmt.Sprint(all["curbside"]["AttributeValues"]), "a blue van")
	})
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}

func TestEachWayToPayReachesHeadquartersAndIsSeenNowhereElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(
			order("card", `, "payments": [{"method": "card", "amount": 10, "card": `+card+`}]`),
			order("captured", `, "payments": [{"method": "card", "amount": 10, "card": `+strings.Replace(card, `"reference"`, `"capture": "`+capture+`", "reference"`, 1)+`}]`),
			order("several", `, "payments": [{"method": "giftCard", "amount": 4, "giftCard": "`+giftCard+`"}, {"method": "loyaltyCard", "amount": 1, "loyaltyCard": "`+loyaltyCard+`"},
				{"method": "card", "tenderType": "3", "amount": 5, "card": `+card+`}]`),
			event("c1", "signalbox.customer.changed.v1", `{"id": "7", "email": "bob@example.com", "firstName": "Bob", "lastName": "Contoso"}`),
			event("account", "signalbox.order.placed.v1", `{"id": "account", "customer": "7", "currency": "USD", "lines": [{"product": "bread", "quantity": 2, "price": 5}], "total": 10,
				"payments": [{"method": "account", "amount": 10}]}`),
			order("refused", `, "payments": [{"method": "card", "amount": 9, "card": `+card+`}]`),
			order("card-again", `, "payments": [{"method": "card", "amount": 9.99, "card": `+card+`}]`),
		)
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		all := made(t, w, "card", "captured", "several", "account")
		tender := func(id string, i int, names ...string) (out []any) {
			lines, _ := all[id]["TenderLines"].([]any)
			l, _ := lines[i].(map[string]any)
			for _, n := range names {
				out = append(out, fmt.Sprint(l[n]))
			}
			return out
		}
		require.Equal(t, []any{"3", "10", token, authorization, "2", "service-account-1", masked},
			tender("card", 0, "TenderTypeId", "Amount", "CardToken", "Authorization", "StatusValue", "CardPaymentAccountId", "MaskedCardNumber"))
		require.Equal(t, []any{capture, "4"}, tender("captured", 0, "CaptureToken", "StatusValue"))
		require.Equal(t, []any{"8", "4", giftCard}, tender("several", 0, "TenderTypeId", "Amount", "GiftCardId"))
		require.Equal(t, []any{"10", "1", loyaltyCard}, tender("several", 1, "TenderTypeId", "Amount", "LoyaltyCardId"))
		require.Equal(t, []any{"3", "5"}, tender("several", 2, "TenderTypeId", "Amount"))
		require.Equal(t, []any{"4", all["account"]["CustomerId"]}, tender("account", 0, "TenderTypeId", "CustomerId"))

		for _, l := range w.Letters() {
			require.Equal(t, "BusinessRule", l.DeadLetterReason)
			require.Contains(t, l.DeadLetterDescription, "/payments come to 9")
			nowhere(t, "a dead letter's properties", fmt.Sprint(l.DeadLetterReason, l.DeadLetterDescription, l.Properties))
		}
		require.Len(t, w.Letters(), 2)
		nowhere(t, "the log", p.Log())
		nowhere(t, "the metrics", p.Metrics())
		for key, value := range w.Remembered() {
			nowhere(t, "Redis", key+value)
		}
		for _, e := range w.Sink.Events() {
			nowhere(t, "the sink", fmt.Sprintf("%+v %s", e, e.Data))
		}
	})
}

func nowhere(t *testing.T, where, text string) {
	t.Helper()
	require.NotEmpty(t, text, where)
	for _, s := range secrets {
		if at := strings.Index(text, s); at >= 0 {
			require.Fail(t, "a secret of a payment", "%s: %s", where, text[max(0, at-60):min(len(text), at+40)])
		}
	}
}

func TestAnOrderThatTheChannelHasForgottenIsNotPlacedAgain(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]string{"upload": `"order_mode":"upload"`, "cart": `"order_mode":"cart"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := shopOf(t, csu.Options{Products: csu.MakeProducts(3), OrderSync: 2 * time.Second, LabRoles: true}, row)
				say := func(event string) {
					w.Send(basketAs(event, "W-1", strings.NewReplacer("2.2", "2", "0.2", "0").Replace(loaves)))
					w.Settle(2 * time.Minute)
				}
				if name == "upload" {
					say = func(event string) {
						w.Send(orderAs(event, "W-1"))
						w.Settle(2 * time.Minute)
					}
				}
				p := w.Start(nil)
				defer p.Stop()
				say("first")
				sales, _ := w.BoundTo("order", harness.Source, "W-1")
				require.Len(t, w.CSU.SalesOrders(), 1)
				require.Empty(t, w.Letters())
				w.CSU.Reset() // a channel's database does not keep its orders for ever
				say("from-a-backup")
				require.Empty(t, w.CSU.SalesOrders())
				require.Len(t, w.Letters(), 1)
				require.Equal(t, "BusinessRule", w.Letters()[0].DeadLetterReason)
				require.Contains(t, w.Letters()[0].DeadLetterDescription, "the order has been placed already, and is bound to "+sales)
			})
		})
	}
}
