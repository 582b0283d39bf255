package orders

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

// bringBack is a return by mail of some of the bread of an order: one loaf is 5 USD.
func bringBack(id, of string, quantity, total float64, members string) worker.Message {
	return event(id, "signalbox.return.requested.v1", fmt.Sprintf(`{"id": %q, "order": %q, "currency": "USD", "method": "mail",
		"lines": [{"line": 1, "quantity": %v, "reason": "DEFECT"}], "total": %v%s}`, id, of, quantity, total, members))
}

// returned gives the CSU's orders that bring something back, by the source's number of the return.
func returned(t *testing.T, w *harness.World, ids ...string) map[string]csu.SalesOrder {
	t.Helper()
	w.CSU.CatchUp()
	byID, out := map[string]csu.SalesOrder{}, map[string]csu.SalesOrder{}
	for _, o := range w.CSU.SalesOrders() {
		byID[o.ID()] = o
	}
	for _, id := range ids {
		transaction, _ := w.BoundTo("return", harness.Source, id)
		require.Contains(t, byID, transaction, id)
		require.NotEmpty(t, byID[transaction].SalesID(), "headquarters takes %s", id)
		out[id] = byID[transaction]
	}
	return out
}

func members(m map[string]any, names ...string) string {
	var out []string
	for _, n := range names {
		out = append(out, fmt.Sprint(m[n]))
	}
	return strings.Join(out, " ")
}

func tenders(o csu.SalesOrder) (out []map[string]any) {
	lines, _ := o["TenderLines"].([]any)
	for _, l := range lines {
		m, _ := l.(map[string]any)
		out = append(out, m)
	}
	return out
}

func TestAReturnIsUploadedOnceBeforeOrAfterItsOrderWasPlaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(bringBack("R-early", "early", 2, 10, ""), order("early", ""), order("W-1", ""))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		w.Send(bringBack("R-1", "W-1", 1, 5, ""))
		w.Settle(time.Minute)
		again := bringBack("R-1", "W-1", 1, 5, "")
		again.Properties["cloudEvents_id"] = "R-1-again"
		w.Send(again, bringBack("R-2", "W-1", 1, 5, ""))
		w.Settle(time.Minute)
		require.Empty(t, w.Letters())
		all, original := returned(t, w, "R-early", "R-1", "R-2"), made(t, w, "W-1")["W-1"]
		require.Len(t, w.CSU.SalesOrders(), 5)
		for _, id := range []string{"R-1", "R-2"} {
			require.Equal(t, "-5 -5 ana@example.com USD 27", members(all[id], "TotalAmount", "NetAmount", "ReceiptEmail", "CurrencyCode", "TransactionTypeValue"))
			l := all[id].Lines()[0]
			require.Equal(t, "-1 5 -5 1 "+original.ID(), members(l, "Quantity", "Price", "NetAmount", "ReturnLineNumber", "ReturnTransactionId"))
			require.Contains(t, fmt.Sprint(l["ReasonCodeLines"]), "DEFECT")
		}
		require.Equal(t, []string{fmt.Sprintf(`{"id":"R-2","order":"W-1","transaction":%q,"reference":%q}`, all["R-2"].ID(), all["R-2"].ChannelReferenceID())},
			told(w, "signalbox.return.relayed.v1")["R-2"])
	})
}

func TestAReturnWhoseAnswerIsLostIsThereOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(order("W-1", ""))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		_, err := w.CSU.Inject(csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpUploadOrder, Next: 1})
		require.NoError(t, err)
		w.Send(bringBack("R-1", "W-1", 1, 5, ""), bringBack("R-2", "W-1", 1, 5, ""), bringBack("R-3", "W-1", 1, 5, ""))
		w.Settle(10 * time.Minute)
		require.Len(t, w.CSU.SalesOrders(), 3, "the order and two returns: the third is one too many, whichever it is")
		require.Len(t, w.Letters(), 1)
		require.Contains(t, w.Letters()[0].DeadLetterDescription, "/lines/0/quantity is more than the 0 that are left of the 2 bought")
		require.Len(t, told(w, "signalbox.return.refused.v1"), 1)
		require.Len(t, told(w, "signalbox.return.relayed.v1"), 2)
		w.CSU.CatchUp()
		require.Empty(t, w.CSU.RefusedOrders(), "headquarters finds nothing wrong")
	})
}

func TestWithoutRedisAReturnIsStillFoundAndWhatWasTakenIsStillKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(order("W-1", ""))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		w.Send(bringBack("R-1", "W-1", 1, 5, ""))
		w.Settle(time.Minute)
		require.NoError(t, w.Redis.FlushAll(t.Context()).Err())
		w.Send(bringBack("R-1", "W-1", 1, 5, ""), bringBack("R-2", "W-1", 2, 10, ""))
		w.Settle(time.Hour)
		require.Len(t, w.CSU.SalesOrders(), 2)
		require.Len(t, w.Letters(), 1)
		require.Contains(t, w.Letters()[0].DeadLetterDescription, "more than the 1 that are left of the 2 bought")
		returned(t, w, "R-1")
	})
}

func TestEachWayOfARefundReachesHeadquartersAndIsSeenNowhereElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(
			order("card", `, "payments": [{"method": "card", "amount": 10, "card": `+card+`}]`),
			order("several", `, "payments": [{"method": "giftCard", "amount": 4, "giftCard": "`+giftCard+`"}, {"method": "card", "amount": 6, "card": `+card+`}]`),
			event("c1", "signalbox.customer.changed.v1", `{"id": "7", "email": "bob@example.com", "firstName": "Bob", "lastName": "Contoso"}`),
			event("account", "signalbox.order.placed.v1", `{"id": "account", "customer": "7", "currency": "USD", "lines": [{"product": "bread", "quantity": 2, "price": 5}], "total": 10}`),
		)
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		w.Send(
			bringBack("linked", "card", 1, 5, `, "refunds": [{"method": "card", "amount": 5}]`),
			bringBack("both", "several", 1, 5, `, "refunds": [{"method": "giftCard", "amount": 4, "payment": 1}, {"method": "card", "amount": 1}]`),
			bringBack("credit", "account", 1, 5, `, "refunds": [{"method": "account", "amount": 5}]`),
		)
		w.Settle(time.Minute)
		w.Send(
			bringBack("token", "card", 1, 5, `, "refunds": [{"method": "card", "amount": 3, "card": `+card+`}, {"method": "giftCard", "amount": 2, "giftCard": "`+giftCard+`"}]`),
			bringBack("short", "several", 1, 5, `, "refunds": [{"method": "card", "amount": 4, "card": `+card+`}]`),
		)
		w.Settle(time.Minute)
		all, originals := returned(t, w, "linked", "both", "credit", "token"), made(t, w, "card", "several", "account")
		link := []string{"Amount", "TenderTypeId", "IsLinkedRefund", "LinkedPaymentLineNumber", "StatusValue", "IsPreProcessed", "LinkedPaymentTransactionId"}
		require.Equal(t, "-5 3 true 1 1 false "+originals["card"].ID(), members(tenders(all["linked"])[0], link...))
		require.Equal(t, "-4 8 true 1 1 false "+originals["several"].ID(), members(tenders(all["both"])[0], link...))
		require.Equal(t, "-1 3 true 2 1 false "+originals["several"].ID(), members(tenders(all["both"])[1], link...))
		require.Equal(t, "-5 4 "+fmt.Sprint(originals["account"]["CustomerId"]), members(tenders(all["credit"])[0], "Amount", "TenderTypeId", "CustomerId"))
		require.Equal(t, "-3 3 "+token+" "+authorization+" service-account-1 <nil>",
			members(tenders(all["token"])[0], "Amount", "TenderTypeId", "CardToken", "Authorization", "CardPaymentAccountId", "IsLinkedRefund"))
		require.Equal(t, "-2 8 "+giftCard, members(tenders(all["token"])[1], "Amount", "TenderTypeId", "GiftCardId"))

		require.Contains(t, sentences(t, w)["short"], "/refunds come to 4 USD, while 5 come back")
		for _, l := range w.Letters() {
			nowhere(t, "a dead letter's properties", fmt.Sprint(l.DeadLetterReason, l.DeadLetterDescription, l.Properties))
		}
		nowhere(t, "the log", p.Log())
		for key, value := range w.Remembered() {
			nowhere(t, "Redis", key+value)
		}
		for _, e := range w.Sink.Events() {
			nowhere(t, "the sink", fmt.Sprintf("%+v %s", e, e.Data))
		}
	})
}

func TestGoodsThatComeBackInAStoreGoToItsStock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(order("W-1", ""), inStore(bringBack("R-1", "W-1", 1, 5, `, "store": "shop-3"`)), inStore(bringBack("R-2", "W-1", 1, 5, `, "store": "shop-9"`)))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		at := csu.DefaultStores()[2].Number
		require.Equal(t, at+" "+at, members(returned(t, w, "R-1")["R-1"].Lines()[0], "FulfillmentStoreId", "InventoryLocationId"))
		require.Contains(t, sentences(t, w)["R-2"], "/store is not in the stores of channel main")
	})
}

// inStore says store in place of mail.
func inStore(m worker.Message) worker.Message {
	m.Body = []byte(strings.Replace(string(m.Body), `"mail"`, `"store"`, 1))
	return m
}

func TestAReturnThatCannotBeIsRefusedWithTheFieldAndTheSinksAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.Send(order("W-1", `, "payments": [{"method": "giftCard", "amount": 4, "giftCard": "`+giftCard+`"}, {"method": "card", "amount": 6, "card": `+card+`}]`),
			order("W-2", ""), cancel("c", "W-2", ""))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		w.CSU.CatchUp()
		w.Bind("order", "OLD", "SO-9")
		w.Send(
			event("no-order", "signalbox.return.requested.v1", `{"id": "no-order", "currency": "USD", "method": "mail", "lines": [{"line": 1, "quantity": 1}], "total": 5}`),
			bringBack("price", "W-1", 1, 5.5, ""),
			bringBack("line", "W-1", 1, 5, `, "refunds": [{"method": "loyaltyCard", "amount": 5}]`),
			bringBack("much", "W-1", 1, 5, `, "refunds": [{"method": "giftCard", "amount": 5}]`),
			bringBack("fraction", "W-1", 1, 5, `, "refunds": [{"method": "card", "amount": 4.995}, {"method": "card", "amount": 0.005}]`),
			bringBack("two-ways", "W-1", 1, 5, `, "refunds": [{"method": "card", "amount": 5, "payment": 2, "card": `+card+`}]`),
			bringBack("guest", "W-1", 1, 5, `, "refunds": [{"method": "account", "amount": 5}]`),
			bringBack("cancelled", "W-2", 1, 5, ""),
			bringBack("old", "OLD", 1, 5, ""),
			event("euro", "signalbox.return.requested.v1", `{"id": "euro", "order": "W-1", "currency": "EUR", "method": "mail", "lines": [{"line": 1, "quantity": 1}], "total": 5}`),
		)
		w.Settle(time.Minute)
		said, refused := sentences(t, w), told(w, "signalbox.return.refused.v1")
		for id, want := range map[string]string{
			"no-order": "/order is missing: goods without their order are taken back by an employee in a store",
			"price":    "/total says 5.5 USD, while what comes back was sold for 5.00",
			"line":     "/refunds/0/payment names no payment of the order that was made by the method",
			"much":     "/refunds/0/amount is more than the 4 that are left of the payment",
			"fraction": "/refunds/0/amount has more than the 2 digits",
			"two-ways": "/refunds/0/payment is given beside another way",
			"guest":    "/refunds/0/method is the customer's account, and the order is a guest's", "cancelled": "/order is cancelled in headquarters",
			"old": "/order was not placed by signalbox.order.placed.v1", "euro": "/currency is not USD",
		} {
			require.Contains(t, said[id], want, id)
			require.Len(t, refused[id], 1, id)
		}
		require.Len(t, said, 10)
		require.Equal(t, 2, written(w, csu.OpUploadOrder), "the two orders")
	})
}

func TestOrdersThatWerePlacedAsCartsAreCancelledAndComeBack(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*csu.Options){
		"by the documented roles":                 func(o *csu.Options) { o.LabRoles = false },
		"by the lab's roles":                      nil,
		"where the order number is the reference": func(o *csu.Options) { o.LabRoles, o.OrderNumberIsReference = false, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := cartShop(t, "", change)
				w.Send(basket("W-1", loaves), basket("W-2", loaves), cancel("c-2", "W-2", ""))
				p := w.Start(nil)
				defer p.Stop()
				w.Settle(10 * time.Minute)
				require.Empty(t, w.Letters())
				require.Equal(t, "7", status(t, w, "W-2"))
				o := made(t, w, "W-1")["W-1"]
				w.Send(bringBack("R-1", "W-1", 1, 1.1, `, "refunds": [{"method": "card", "amount": 1.1}]`))
				w.Settle(10 * time.Minute)
				if name == "by the documented roles" { // nobody knows the reference but whom it was told
					require.Contains(t, sentences(t, w)["R-1"], "give the reference that signalbox.order.relayed.v1 told")
					w.Send(bringBack("R-other", "W-1", 1, 1.1, `, "reference": "`+made(t, w, "W-2")["W-2"].ChannelReferenceID()+`"`))
					w.Send(bringBack("R-2", "W-1", 1, 1.1, `, "reference": "`+o.ChannelReferenceID()+`", "refunds": [{"method": "card", "amount": 1.1}]`))
					w.Settle(10 * time.Minute)
					require.Contains(t, sentences(t, w)["R-other"], "/reference is that of another order")
					returned(t, w, "R-2")
					return
				}
				require.Empty(t, w.Letters())
				is := returned(t, w, "R-1")["R-1"]
				require.Equal(t, "-1.1 -1 -0.1", members(is, "TotalAmount", "NetAmount", "TaxAmount"))
				require.Equal(t, o.ID()+" true", members(tenders(is)[0], "LinkedPaymentTransactionId", "IsLinkedRefund"))
			})
		})
	}
}
