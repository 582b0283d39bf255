package csu

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pay checks a cart out with one line of cash.
func (c *client) pay(k Cart, amount string) answerOf {
	return c.checkOut(k.ID(), `{"TenderTypeId":"1","Currency":"USD","Amount":`+amount+`}`)
}

func (c *client) checkOut(id string, tenders ...string) answerOf {
	return c.tryAct(id, "Checkout", `{"receiptEmail":"ana@example.test","cartTenderLines":[`+strings.Join(tenders, ",")+`]}`)
}

func TestACartBecomesAnOrderThatIsFoundLikeAnUploadedOne(t *testing.T) {
	inBubble(t, Options{OrderSync: 5 * time.Second, Channels: []Channel{{OUN: DefaultOUN, TaxPercent: "10"}}}, func(t *testing.T, c *client) {
		k := c.ship(c.newCart(first, 3, second, 1))
		paid := c.pay(k, "5.58")
		require.Equal(t, 200, paid.status, paid.raw)
		o := SalesOrder(paid.body)
		require.Equal(t, []any{k.ID(), "", 2}, []any{o.ID(), o.SalesID(), len(o.Lines())})
		require.Equal(t, []any{json.Number("5.07"), json.Number("0.51"), json.Number("5.58"), json.Number("0"), "ana@example.test"},
			[]any{o["NetAmount"], o["TaxAmount"], o["TotalAmount"], o["AmountDue"], o["ReceiptEmail"]})
		require.Equal(t, []any{"99", "Houston"}, []any{o.Lines()[0]["DeliveryMode"], o.Lines()[0]["ShippingAddress"].(map[string]any)["City"]})
		require.Len(t, o["TenderLines"], 1)
		require.Empty(t, c.sim.Carts())

		reference := o.ChannelReferenceID()
		require.GreaterOrEqual(t, len(reference), 11)
		require.LessOrEqual(t, len(reference), 20)
		require.Equal(t, k.ID(), SalesOrder(c.byReference(reference, 1).body).ID())
		require.Equal(t, 404, c.byReference(reference, 2).status)
		<-time.After(6 * time.Second)
		require.Equal(t, "SO-000001", SalesOrder(c.byReference(reference, 2).body).SalesID())
		last := c.sim.Ledger()[len(c.sim.Ledger())-1]
		require.Equal(t, []any{OpCheckout, k.ID(), 200}, []any{last.Operation, last.Order, last.Status})
	})
}

func TestOfACheckoutWhoseAnswerIsLostTheSecondSaysThatItWas(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, c *client) {
		for _, kind := range []Kind{CommitThenDrop, CommitThenError} {
			k := c.ship(c.newCart(first, 1))
			c.inject(Fault{Kind: kind, Operation: OpCheckout, Next: 1})
			a := c.pay(k, "1.00")
			require.NotEqual(t, 200, a.status)
			requireRefused(t, 400, "CartAlreadyCheckedOut", c.pay(k, "1.00"))
			require.Equal(t, 404, c.do("GET", "Carts('"+k.ID()+"')", "").status)
			requireRefused(t, 400, "DuplicateObject", c.do("POST", "Carts", `{"Id":"`+k.ID()+`"}`))
		}
		require.Len(t, c.sim.SalesOrders(), 2)
		k := c.ship(c.newCart(first, 1))
		c.inject(Fault{Kind: Drop, Operation: OpCheckout, Next: 1})
		require.Error(t, c.pay(k, "1.00").err)
		c.inject(Fault{Kind: Throttle, Operation: OpCheckout, Next: 1})
		require.Equal(t, 429, c.pay(k, "1.00").status)
		require.Equal(t, 200, c.pay(k, "1.00").status, "nothing had happened")
		requireRefused(t, 400, "CartNotFound", c.checkOut("never"))
	})
}

func TestACartIsReadOnlyWhileItIsCheckedOut(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, c *client) {
		k := c.ship(c.newCart(first, 1))
		hold := c.inject(Fault{Kind: Hold, Operation: OpCheckout, Point: PointCommit})
		done := make(chan answerOf, 1)
		go func() { done <- c.pay(k, "1.00") }()
		<-time.After(time.Second)
		requireRefused(t, 400, "UpdateOfReadOnlyCart", c.tryAct(k.ID(), "AddCartLines", `{"cartLines":[{"ProductId":68719490000}]}`))
		requireRefused(t, 400, "UpdateOfReadOnlyCart", c.pay(k, "1.00"))
		require.Equal(t, 200, c.do("GET", "Carts('"+k.ID()+"')", "").status)
		c.sim.Clear(hold)
		require.Equal(t, 200, (<-done).status)
	})
}

func TestACheckoutThatIsRefusedLeavesTheCartAsItWas(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	k := c.newCart(first, 1)
	requireRefused(t, 400, "RequiredValueNotFound", c.tryAct(k.ID(), "Checkout", `{}`))
	requireRefused(t, 400, "InvalidEmailAddress", c.tryAct(k.ID(), "Checkout", `{"receiptEmail":"nobody"}`))
	requireRefused(t, 400, "DeliveryModeMissing", c.pay(k, "1.00"))
	requireRefused(t, 400, "RequiredValueNotFound", c.checkOut(c.newCart().ID()))
	k = c.ship(k)
	requireRefused(t, 400, "MissingRequiredCartTenderLines", c.checkOut(k.ID()))
	requireRefused(t, 400, "AmountDueMustBePaidBeforeCheckout", c.pay(k, "0.99"))
	requireRefused(t, 400, "AmountDueMustBePaidBeforeCheckout", c.pay(k, "1.01"))
	requireRefused(t, 400, "IncorrectPaymentAmountSign", c.pay(k, "-1.00"))
	requireRefused(t, 400, "UnableToLocateTenderTypeWithGivenId", c.checkOut(k.ID(), `{"TenderTypeId":"77","Amount":1}`))
	requireRefused(t, 400, "TokenizedPaymentCardNotExpected", c.tryAct(k.ID(), "Checkout", `{"receiptEmail":"a@example.test","tokenizedPaymentCard":{}}`))
	requireRefused(t, 400, "Microsoft_Dynamics_RetailServer_BadRequest", c.tryAct(k.ID(), "Checkout", `{"receiptMail":"a@example.test"}`))
	c.inject(Fault{Kind: Decline, Next: 1})
	a := c.pay(k, "1.00")
	requireRefused(t, 400, "UnableToAuthorizePayment", a)
	require.Equal(t, typePayment, a.body["TypeName"])
	deposit := c.do("POST", "Carts", `{"CartTypeValue":5}`)
	requireRefused(t, 400, "NotValidCartTypeForCheckout", c.checkOut(str(deposit.body, "Id")))
	require.Empty(t, c.sim.SalesOrders())
	require.Equal(t, 200, c.pay(k, "1.00").status, "it can still be checked out")
}

func TestAnOrderNumberIsTheReferenceWhereTheEnvironmentMakesItSo(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	for _, want := range []bool{false, true} {
		c.sim.Configure(func(o *Options) { o.OrderNumberIsReference = want })
		k := c.ship(c.newCart(first, 1))
		require.Equal(t, 204, c.do("PATCH", "Carts('"+k.ID()+"')", `{"OrderNumber":"WEB-7"}`).status)
		require.Equal(t, want, str(c.pay(k, "1.00").body, "ChannelReferenceId") == "WEB-7")
	}
}

func TestAnOrderMadeInRealTimeHasItsNumberAndNeedsHeadquarters(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{OrdersInRealTime: true, HQDown: true})
	k := c.ship(c.newCart(first, 1))
	requireRefused(t, 500, "HeadquarterCommunicationFailure", c.pay(k, "1.00"))
	c.sim.SetHeadquarters(true)
	require.Equal(t, "SO-000001", str(c.pay(k, "1.00").body, "SalesId"))
}

func TestWhatAnApplicationMayNotDo(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Anonymous: true, GiftCards: []GiftCard{{ID: "G1", Balance: "1"}}, Clients: []Client{{ID: DefaultClientID, Secret: DefaultClientSecret}, {ID: "till", Secret: "s", Role: RoleEmployee}, {ID: "web", Secret: "s", Role: RoleCustomer}}})
	employee := "id_token " + str(c.form("/contoso/oauth2/token", "client_id", "till", "client_secret", "s", "resource", c.base).body, "access_token")
	customer := "id_token " + str(c.form("/contoso/oauth2/token", "client_id", "web", "client_secret", "s", "resource", c.base).body, "access_token")
	application := c.header.Get("Authorization")
	k := c.newCart(first, 1)
	tender, charge := `{"cartTenderLine":{"TenderTypeId":"8","Amount":0.40,"GiftCardId":"G1"}}`, `{"moduleTypeValue":3,"chargeCode":"HANDLING","amount":1}`
	for _, tc := range []struct {
		action, body string
		who          map[string]int
	}{
		{"AddTenderLine", tender, map[string]int{application: 403, customer: 403, "": 403, employee: 200}},
		{"AddCharge", charge, map[string]int{application: 200, customer: 403, "": 403, employee: 200}},
		{"RecallOrder", `{}`, map[string]int{application: 403, customer: 403, "": 403, employee: 400}},
		{"AddPreprocessedTenderLine", `{}`, map[string]int{application: 403, employee: 400}},
		{"AddCartLines", `{"cartLines":[{"ProductId":68719490000}]}`, map[string]int{application: 200, customer: 200, "": 200, employee: 200}},
		{"RemoveCartLines", `{"cartLineIds":[]}`, map[string]int{application: 200, customer: 200, "": 200, employee: 403}},
	} {
		for token, want := range tc.who {
			a := c.do("POST", "Carts('"+k.ID()+"')/"+tc.action, tc.body, "Authorization", token)
			require.Equal(t, want, a.status, "%s %s %s", tc.action, token, a.raw)
			if want == 403 {
				require.Equal(t, []string{typeAuthorization, "AuthorizationFailed"}, []string{str(a.body, "TypeName"), a.errorID()})
			}
		}
	}
	read := c.do("GET", "Carts('"+k.ID()+"')", "")
	require.Equal(t, json.Number("0.40"), read.body["AmountPaid"])
	line := str(entries(read.body, "TenderLines")[0], "TenderLineId")
	read = c.do("POST", "Carts('"+k.ID()+"')/VoidTenderLine", `{"tenderLineId":"`+line+`"}`, "Authorization", employee)
	require.Equal(t, json.Number("0.00"), read.body["AmountPaid"], read.raw)
	require.Equal(t, json.Number("1.00"), c.do("POST", "GetGiftCard", `{"giftCardId":"G1"}`).body["Balance"], "what was voided is given back")
	require.Equal(t, 403, c.do("POST", "SalesOrders/CheckInForOrderPickup", `{}`).status)
	require.Equal(t, 403, c.do("GET", "GetPaymentMerchantInformation(hardwareProfileId='HW1')", "").status)
	require.Equal(t, 200, c.do("GET", "GetPaymentMerchantInformation(hardwareProfileId='HW1')", "", "Authorization", employee).status)
	c.sim.Configure(func(o *Options) { o.Anonymous = false })
	require.Equal(t, 401, c.do("POST", "Carts", `{}`, "Authorization", "").status, "off by default")
}

func TestACheckoutIsValidatedBeforehand(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	k := c.newCart(first, 1)
	a := c.do("GET", "Carts('"+k.ID()+"')/ValidateForCheckout(cartVersion=2)", "")
	require.Len(t, entries(a.body, "ValidationFailuresByCartLines"), 1, a.raw)
	requireRefused(t, 400, "InvalidCartVersion", c.do("GET", "Carts('"+k.ID()+"')/ValidateForCheckout(cartVersion=1)", ""))
	k = c.ship(k)
	require.Empty(t, entries(c.do("GET", "Carts('"+k.ID()+"')/ValidateForCheckout(cartVersion=null)", "").body, "ValidationFailuresByCartLines"))
}

func TestWhatIsShownIsACopyOfWhatIsStored(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	k := c.ship(c.newCart(first, 1))
	shown := c.sim.Carts()[0]
	require.NotContains(t, shown, "@odata.context", "an answer leaves nothing behind")
	shown["Comment"], shown.Lines()[0]["Quantity"] = "mine", "mine"
	require.Equal(t, []any{nil, json.Number("1")}, []any{c.sim.Carts()[0]["Comment"], c.sim.Carts()[0].Lines()[0]["Quantity"]})
	require.Equal(t, 200, c.pay(k, "1.00").status)
	order := c.sim.SalesOrders()[0]
	require.NotContains(t, order, "@odata.context")
	order["SalesId"], order.Lines()[0]["Quantity"] = "mine", "mine"
	require.Equal(t, []any{"", json.Number("1")}, []any{c.sim.SalesOrders()[0].SalesID(), c.sim.SalesOrders()[0].Lines()[0]["Quantity"]})
}
