package orders

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

const address = `{"street": "1 Main St", "city": "Houston", "state": "TX", "zip": "77001", "country": "USA"}`

// tokenised is a card that the checkout authorises.
const tokenised = `{"type": "VISA", "masked": "` + masked + `", "token": "` + token + `", "uniqueId": "U-1", "holder": "Ana", "expires": "2030-04", "serviceAccount": "service-account-1"}`

// basket is a guest's order of two loaves for 1 USD each, 10 % of tax added, sent for nothing.
func basket(id, members string) worker.Message { return basketAs(id, id, members) }

// basketAs is the same under another event id.
func basketAs(eventID, id, members string) worker.Message {
	return event(eventID, "signalbox.order.placed.v1", `{"id": "`+id+`", "email": "ana@example.com", "currency": "USD", "delivery": {"mode": "standard", "address": `+address+`}, `+members+`}`)
}

const (
	loaves = `"lines": [{"product": "bread", "quantity": 2, "price": 1, "tax": 0.2}], "total": 2.2, "payments": [{"method": "card", "amount": 2.2, "card": ` + tokenised + `}]`
)

// cartShop is a shop whose orders are carts.
func cartShop(t *testing.T, row string, change func(*csu.Options)) *harness.World {
	o := csu.Options{Products: csu.MakeProducts(3), OrderSync: 2 * time.Second, Channels: []csu.Channel{{TaxPercent: "10"}},
		Coupons: []csu.Coupon{{Code: "HALF", Percent: "50"}}, LabRoles: true, GiftCards: []csu.GiftCard{{ID: giftCard, Balance: "100"}}}
	if change != nil {
		change(&o)
	}
	return shopOf(t, o, `"order_mode":"cart"`+row)
}

func TestACartIsFilledComparedAndCheckedOutOnce(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*csu.Options){
		"by the documented roles":                        func(o *csu.Options) { o.LabRoles = false },
		"by the lab's roles":                             nil,
		"where the order number is the reference":        func(o *csu.Options) { o.LabRoles, o.OrderNumberIsReference = false, true },
		"where an id is kept and prices include the tax": func(o *csu.Options) { o.Channels[0].TaxPercent = "0" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := cartShop(t, "", change)
				body := loaves
				if name == "where an id is kept and prices include the tax" {
					body = `"lines": [{"product": "bread", "quantity": 2, "price": 1}], "total": 2, "payments": [{"method": "card", "amount": 2, "card": ` + tokenised + `}]`
				}
				w.Send(basket("W-1", body), basketAs("other-event", "W-1", body))
				p := w.Start(nil)
				stop := sync.OnceFunc(p.Stop)
				defer stop()
				w.Settle(2 * time.Minute)
				require.Empty(t, w.Letters())
				o := made(t, w, "W-1")["W-1"]
				require.Len(t, w.CSU.SalesOrders(), 1)
				require.Empty(t, w.CSU.Carts(), "it has become the order")
				require.Equal(t, "99", o.Lines()[0]["DeliveryMode"])
				stop()

				w.Redis.FlushAll(t.Context()) // all that is known is lost, and the source publishes everything anew
				w.Bind("product", "bread", harness.Bread())
				w.Send(basketAs("from-a-backup", "W-1", body))
				p = w.Start(nil)
				defer p.Stop()
				w.Settle(10 * time.Minute)
				require.Len(t, w.CSU.SalesOrders(), 1)
				if name == "by the documented roles" { // nobody knows its reference any more, nor may look for it
					require.Contains(t, letters(w)["orders-confirm"], "look for "+o["Id"].(string)+" in headquarters")
				} else {
					require.Empty(t, w.Letters())
				}
				nowhere(t, "the log", p.Log())
				nowhere(t, "the metrics", p.Metrics())
				for key, value := range w.Remembered() {
					nowhere(t, "Redis", key+value)
				}
			})
		})
	}
}

func TestACheckoutWhoseAnswerIsLostMakesOneOrder(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*csu.Options)
		fault  csu.Fault
	}{
		"the checkout, where the order may be looked for":      {nil, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCheckout, Next: 1}},
		"the checkout, where only the CSU knows":               {func(o *csu.Options) { o.LabRoles = false }, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCheckout, Next: 1}},
		"the checkout, where the reference is ours":            {func(o *csu.Options) { o.LabRoles, o.OrderNumberIsReference = false, true }, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCheckout, Next: 1}},
		"the cart's making":                                    {nil, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCreateCart, Next: 1}},
		"its lines":                                            {func(o *csu.Options) { o.LabRoles = false }, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpAddCartLines, Next: 1}},
		"its delivery":                                         {nil, csu.Fault{Kind: csu.CommitThenError, Operation: csu.OpDeliverySpec, Next: 1}},
		"a charge":                                             {func(o *csu.Options) { o.LabRoles = false }, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpAddCharge, Next: 1}},
		"the checkout, which headquarters' absence has failed": {func(o *csu.Options) { o.LabRoles = false }, csu.Fault{Kind: csu.Error, Status: 500, Operation: csu.OpCheckout, Next: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := cartShop(t, "", tc.change)
				_, err := w.CSU.Inject(tc.fault)
				require.NoError(t, err)
				w.Send(basket("W-1", `"lines": [{"product": "bread", "quantity": 2, "price": 1, "tax": 0.2}], "charges": [{"code": "HANDLING", "amount": 1, "tax": 0.1}], "total": 3.3,
					"payments": [{"method": "card", "amount": 3.3, "card": `+tokenised+`}]`))
				p := w.Start(nil)
				defer p.Stop()
				w.Settle(30 * time.Minute)
				require.Len(t, w.CSU.SalesOrders(), 1)
				o := w.CSU.SalesOrders()[0]
				require.Equal(t, "3.30", fmt.Sprint(o["TotalAmount"]))
				if id, _ := w.BoundTo("order", harness.Source, "W-1"); id != o.SalesID() { // it is bound to what is known of it
					require.Equal(t, o["Id"], id)
					require.Len(t, w.Letters(), 1, "the order, by its confirmation")
					require.Equal(t, "NotPermitted", w.Letters()[0].DeadLetterReason)
				} else {
					require.Empty(t, w.Letters())
				}
			})
		})
	}
}

func TestACustomersHistoryIsAskedForOnlyWhereThereIsADoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := cartShop(t, "", func(o *csu.Options) { o.LabRoles = false })
		history := func() (n int64) {
			for _, of := range w.CSU.Stats().ByStatus[csu.OpOrderHistory] {
				n += of
			}
			return n
		}
		buys := func(id string) worker.Message {
			return basketAs(id, id, `"customer": "7", `+loaves)
		}
		w.Send(event("c1", "signalbox.customer.changed.v1", `{"id": "7", "email": "bob@example.com", "firstName": "Bob", "lastName": "Contoso"}`), buys("W-1"))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(2 * time.Minute)
		require.Zero(t, history())
		_, err := w.CSU.Inject(csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCheckout, Next: 1})
		require.NoError(t, err)
		w.Send(buys("W-2"))
		w.Settle(10 * time.Minute)
		require.Positive(t, history())
		require.Empty(t, w.Letters(), "it says the reference, too")
		made(t, w, "W-1", "W-2")
		require.Len(t, w.CSU.SalesOrders(), 2)
	})
}

func TestACheckoutThatNobodyCanFindOutAboutIsGivenToAPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := cartShop(t, "", func(o *csu.Options) { o.LabRoles, o.CartIdle = false, 3*time.Second })
		_, err := w.CSU.Inject(csu.Fault{Kind: csu.Error, Status: 500, Operation: csu.OpCheckout, Next: 1})
		require.NoError(t, err)
		w.Send(basket("W-1", loaves))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(30 * time.Minute)
		require.Empty(t, w.CSU.SalesOrders())
		require.Len(t, w.Letters(), 1)
		require.Equal(t, "OutcomeUnknown", w.Letters()[0].DeadLetterReason)
		require.Contains(t, letters(w)["W-1"], "check-out-cart: the checkout of cart ")

		w.Send(basketAs("anew", "W-1", loaves)) // as the letter says
		w.Settle(10 * time.Minute)
		made(t, w, "W-1")
		require.Len(t, w.CSU.SalesOrders(), 1)
	})
}

func TestACartThatAnEarlierEventHasLeftIsBroughtToWhatIsWanted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := cartShop(t, "", nil)
		w.Send(basket("W-1", `"coupons": ["HALF"], "lines": [{"product": "bread", "quantity": 3, "price": 9}], "total": 27, "payments": [{"method": "card", "amount": 27, "card": `+tokenised+`}]`))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		require.Len(t, w.Letters(), 1)
		require.Len(t, w.CSU.Carts(), 1)
		w.Send(basketAs("corrected", "W-1", loaves))
		w.Settle(time.Minute)
		o := made(t, w, "W-1")["W-1"]
		require.Equal(t, "2.20", fmt.Sprint(o["TotalAmount"]), "neither the coupon nor the lines of before")

		w.Send(basketAs("changed", "W-1", `"lines": [{"product": "bread", "quantity": 3, "price": 1, "tax": 0.3}], "total": 3.3, "payments": [{"method": "card", "amount": 3.3, "card": `+tokenised+`}]`))
		w.Settle(time.Minute)
		require.Contains(t, letters(w)["changed"], "the order has been placed already, and differs in /total, /lines/0/quantity")
		require.Len(t, w.CSU.SalesOrders(), 1)
	})
}

func TestACSUThatMakesCartIDsOfItsOwnGetsNoOrderTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := cartShop(t, "", func(o *csu.Options) { o.OwnCartIDs = true })
		w.Send(basket("W-1", loaves))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		require.Empty(t, w.CSU.SalesOrders())
		require.Contains(t, letters(w)["W-1"], "fill-cart: the CSU has not kept the id of a cart")
	})
}

func TestACartThatTheCSUMakesAnotherSumOfIsNotCheckedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := cartShop(t, `,"price_tolerance":"0.02"`, nil)
		w.Send(
			basket("dear", `"lines": [{"product": "bread", "quantity": 2, "price": 1.5, "tax": 0.3}], "total": 3.3, "payments": [{"method": "card", "amount": 3.3, "card": `+tokenised+`}]`),
			basket("taxed", `"lines": [{"product": "bread", "quantity": 2, "price": 1, "tax": 0.1}], "total": 2.1, "payments": [{"method": "card", "amount": 2.1, "card": `+tokenised+`}]`),
			basket("near", `"lines": [{"product": "bread", "quantity": 2, "price": 1, "tax": 0.19}], "total": 2.19, "payments": [{"method": "giftCard", "amount": 1, "giftCard": "`+giftCard+`"},
				{"method": "card", "amount": 1.19, "card": `+tokenised+`}]`),
			basket("coupon", `"coupons": ["half"], "lines": [{"product": "bread", "quantity": 2, "price": 1, "discount": 1, "tax": 0.1}], "total": 1.1,
				"payments": [{"method": "card", "amount": 1.1, "card": `+tokenised+`}]`),
			basket("express", `"lines": [{"product": "bread", "quantity": 2, "price": 1, "tax": 0.2, "delivery": {"mode": "express", "address": `+address+`}}], "total": 2.2,
				"payments": [{"method": "card", "amount": 2.2, "card": `+tokenised+`}]`),
			basket("charged", `"lines": [{"product": "bread", "quantity": 2, "price": 1, "tax": 0.2, "delivery": {"mode": "express", "address": `+address+`}}],
				"charges": [{"code": "FREIGHT", "amount": 14.90, "tax": 1.49, "shipping": true}], "total": 18.59, "payments": [{"method": "card", "amount": 18.59, "card": `+tokenised+`}]`),
			basket("unpaid", `"lines": [{"product": "bread", "quantity": 2, "price": 1, "tax": 0.2}], "total": 2.2`),
			basket("authorised", `"lines": [{"product": "bread", "quantity": 2, "price": 1, "tax": 0.2}], "total": 2.2, "payments": [{"method": "card", "amount": 2.2, "card": `+card+`}]`),
			basket("fetched", `"lines": [{"product": "bread", "quantity": 2, "price": 1, "tax": 0.2, "delivery": {"pickup": {"store": "shop-1"}}}], "total": 2.2,
				"payments": [{"method": "card", "amount": 2.2, "card": `+tokenised+`}]`),
		)
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(10 * time.Minute)
		for id, want := range map[string]string{
			"dear":       "/lines/0/price and discount come to 3.00 USD, while the CSU makes them 2.00",
			"taxed":      "/total says 2.10 USD, while the CSU makes it 2.20: lines 2.00 after discount, taxes 0.20, charges 0.00",
			"express":    "/charges has no FREIGHT, which the CSU charges with 14.90",
			"unpaid":     "/payments is missing: a checkout takes the payments with the order",
			"authorised": "/payments/0/card/authorization is given",
		} {
			require.Contains(t, letters(w)[id], want, id)
		}
		require.Len(t, w.Letters(), 5)
		all := made(t, w, "near", "coupon", "charged", "fetched")
		require.Len(t, w.CSU.SalesOrders(), 4)
		tenders, _ := all["near"]["TenderLines"].([]any)
		require.Equal(t, []string{"1.00", "1.20"}, []string{fmt.Sprint(tenders[0].(map[string]any)["Amount"]), fmt.Sprint(tenders[1].(map[string]any)["Amount"])}, "what is left goes on the greatest")
		require.Equal(t, "STORE1", all["fetched"].Lines()[0]["FulfillmentStoreId"])
	})
}

func TestAnOrderThatIsUploadedIsPricedBeforehandWhereTheChannelSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := shopOf(t, csu.Options{Products: csu.MakeProducts(3), OrderSync: 2 * time.Second, Coupons: []csu.Coupon{{Code: "HALF", Percent: "50"}}}, `"check_prices":true`)
		w.Send(order("dear", ""),
			event("right", "signalbox.order.placed.v1", `{"id": "right", "email": "ana@example.com", "currency": "USD", "coupons": ["HALF"], "lines": [{"product": "bread", "quantity": 2, "price": 1, "discount": 1}], "total": 1}`))
		p := w.Start(nil)
		defer p.Stop()
		w.Settle(time.Minute)
		made(t, w, "right")
		require.Len(t, w.CSU.SalesOrders(), 1)
		require.Contains(t, letters(w)["dear"], "/lines/0/price and discount come to 10.00 USD, while the CSU makes them 2.00")
	})
}

// letters are the descriptions of the dead letters, by what their events are about.
func letters(w *harness.World) map[string]string {
	out := map[string]string{}
	for _, l := range w.Letters() {
		id, _ := l.Properties["cloudEvents_id"].(string)
		if l.Subject == "signalbox.order.confirm.v1" { // our own, under an id that nobody else knows
			id = "orders-confirm"
		}
		out[id] = l.DeadLetterDescription
	}
	return out
}
