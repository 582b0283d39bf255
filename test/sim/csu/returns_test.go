package csu

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bought checks out a cart of three of the first product and two of the second, 7.14 by gift card.
func (c *client) bought() SalesOrder {
	c.t.Helper()
	a := c.checkOut(c.ship(c.newCart(first, 3, second, 2)).ID(), `{"TenderTypeId":"8","Amount":7.14,"GiftCardId":"G1"}`)
	require.Equal(c.t, 200, a.status, a.raw)
	return a.body
}

func bringBack(from string, line, quantity int) string {
	return fmt.Sprintf(`{"ProductId":%d,"Quantity":%d,"ReturnTransactionId":%q,"ReturnLineNumber":%d}`, first+line-1, quantity, from, line)
}

func TestAReturnIsACartThatNamesWhatItBringsBack(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{GiftCards: []GiftCard{{ID: "G1", Balance: "100"}}})
	o := c.bought()
	k := c.newCart()
	k = c.act(k.ID(), "AddCartLines", `{"cartLines":[`+bringBack(o.ID(), 1, -2)+`,`+bringBack(o.ID(), 2, -1)+`]}`)
	require.Equal(t, json.Number("-4.07"), k["AmountDue"])
	requireRefused(t, 400, "IncorrectPaymentAmountSign", c.checkOut(k.ID(), `{"TenderTypeId":"8","Amount":4.07,"GiftCardId":"G1"}`))
	linked := func(line int) string {
		return fmt.Sprintf(`{"TenderTypeId":"8","Amount":-4.07,"GiftCardId":"G1","IsLinkedRefund":true,"LinkedPaymentTransactionId":%q,"LinkedPaymentLineNumber":%d}`, o.ID(), line)
	}
	requireRefused(t, 400, "InvalidLinkedPayment", c.checkOut(k.ID(), linked(2)))
	back := c.checkOut(k.ID(), linked(1))
	require.Equal(t, 200, back.status, back.raw)
	require.Equal(t, json.Number("-4.07"), back.body["TotalAmount"])
	require.Equal(t, json.Number("96.93"), c.do("POST", "GetGiftCard", `{"giftCardId":"G1"}`).body["Balance"])

	again := c.newCart()
	a := c.tryAct(again.ID(), "AddCartLines", `{"cartLines":[`+bringBack(o.ID(), 1, -2)+`]}`)
	requireRefused(t, 400, "InvalidCartLinesAggregateError", a)
	require.Contains(t, a.raw, "CannotReturnMoreThanPurchased", "two of three are back")
	again = c.act(again.ID(), "AddCartLines", `{"cartLines":[`+bringBack(o.ID(), 1, -1)+`]}`)
	require.Equal(t, json.Number("-1.00"), again["AmountDue"])
}

func TestAReturnThatIsNoneIsRefusedByName(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{KeyedPrices: true, GiftCards: []GiftCard{{ID: "G1", Balance: "100"}}})
	o, other := c.bought(), c.bought()
	for lines, want := range map[string]string{
		bringBack("none", 1, -1):                                      "SalesOrderNotFound",
		bringBack(o.ID(), 9, -1):                                      "ReturnLineNumberNotFound",
		bringBack(o.ID(), 1, 1):                                       "ReturnsMustHaveQuantityLesserThanZero",
		bringBack(o.ID(), 1, -4):                                      "CannotReturnMoreThanPurchased",
		bringBack(o.ID(), 1, -2) + "," + bringBack(o.ID(), 1, -2):     "CannotReturnMoreThanPurchased",
		bringBack(o.ID(), 1, -1) + "," + bringBack(other.ID(), 1, -1): "CannotReturnMultipleTransactions",
		`{"ProductId":68719490000,"Quantity":-1,"ReturnTransactionId":"` + o.ID() + `","ReturnLineNumber":1,"IsPriceKeyedIn":true,"Price":1}`: "NoPriceOverrideForReturns",
		`{"ProductId":68719490000,"Quantity":-1,"ReturnInventTransId":"none"}`:                                                                "ReturnLineNumberNotFound",
	} {
		a := c.tryAct(c.newCart().ID(), "AddCartLines", `{"cartLines":[`+lines+`]}`)
		requireRefused(t, 400, "InvalidCartLinesAggregateError", a)
		require.Contains(t, a.raw, want)
	}
}

func TestTwoCartsDoNotBringBackTheSame(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{GiftCards: []GiftCard{{ID: "G1", Balance: "100"}}})
	o := c.bought()
	a, b := c.newCart(), c.newCart()
	for _, k := range []Cart{a, b} {
		c.act(k.ID(), "AddCartLines", `{"cartLines":[`+bringBack(o.ID(), 1, -3)+`]}`)
	}
	refund := `{"TenderTypeId":"8","Amount":-3.00,"GiftCardId":"G1"}`
	require.Equal(t, 200, c.checkOut(a.ID(), refund).status)
	requireRefused(t, 400, "CannotReturnMoreThanPurchased", c.checkOut(b.ID(), refund))
}

func TestMoneyGoesBackAsThePolicyAllows(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{NoMixedReturns: true, GiftCards: []GiftCard{{ID: "G1", Balance: "100"}}, TenderTypes: []TenderType{{ID: "1", Operation: PayCash}, {ID: "8", Operation: PayGift, Refunds: []string{"8"}}}})
	o := c.bought()
	k := c.newCart()
	c.act(k.ID(), "AddCartLines", `{"cartLines":[`+bringBack(o.ID(), 1, -1)+`]}`)
	requireRefused(t, 400, "PaymentViolatesReturnPolicy", c.checkOut(k.ID(), `{"TenderTypeId":"1","Amount":-1.00}`))
	require.Equal(t, 200, c.checkOut(k.ID(), `{"TenderTypeId":"8","Amount":-1.00,"GiftCardId":"G1"}`).status)
	mixed := c.newCart(first, 1)
	mixed = c.ship(c.act(mixed.ID(), "AddCartLines", `{"cartLines":[`+bringBack(o.ID(), 1, -1)+`]}`))
	requireRefused(t, 400, "MixingSalesAndReturnsProhibited", c.checkOut(mixed.ID()))
	c.sim.Configure(func(o *Options) { o.NoMixedReturns = false })
	require.Equal(t, 200, c.checkOut(mixed.ID()).status, "nothing is due")
}

func TestALineIsReturnedByTheIDThatHeadquartersGaveIt(t *testing.T) {
	inBubble(t, Options{OrderSync: time.Second, GiftCards: []GiftCard{{ID: "G1", Balance: "100"}}}, func(t *testing.T, c *client) {
		o := c.bought()
		<-time.After(2 * time.Second)
		id := str(SalesOrder(c.byReference(o.ChannelReferenceID(), 1).body).Lines()[1], "InventoryTransactionId")
		k := c.act(c.newCart().ID(), "AddCartLines", `{"cartLines":[{"ProductId":68719490001,"Quantity":-1,"ReturnInventTransId":"`+id+`"}]}`)
		require.Equal(t, []any{o.ID(), json.Number("2")}, []any{k.Lines()[0]["ReturnTransactionId"], k.Lines()[0]["ReturnLineNumber"]})
	})
}

func TestNotMoreGoesBackToAPaymentThanItPaid(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{GiftCards: []GiftCard{{ID: "G1", Balance: "100"}}})
	a := c.checkOut(c.ship(c.newCart(first, 3)).ID(), `{"TenderTypeId":"8","Amount":1.00,"GiftCardId":"G1"}`, `{"TenderTypeId":"1","Amount":2.00}`)
	require.Equal(t, 200, a.status, a.raw)
	id := str(a.body, "Id")
	linked := func(amount string) string {
		return `{"TenderTypeId":"8","GiftCardId":"G1","IsLinkedRefund":true,"LinkedPaymentTransactionId":"` + id + `","LinkedPaymentLineNumber":1,"Amount":` + amount + `}`
	}
	k := c.newCart()
	c.act(k.ID(), "AddCartLines", `{"cartLines":[`+bringBack(id, 1, -2)+`]}`)
	requireRefused(t, 400, "RefundAmountMoreThanAllowed", c.checkOut(k.ID(), linked("-2.00")))
	requireRefused(t, 400, "RefundAmountMoreThanAllowed", c.checkOut(k.ID(), linked("-1.00"), linked("-1.00")))
	require.Equal(t, 200, c.checkOut(k.ID(), linked("-1.00"), `{"TenderTypeId":"1","Amount":-1.00}`).status)
	k = c.newCart()
	c.act(k.ID(), "AddCartLines", `{"cartLines":[`+bringBack(id, 1, -1)+`]}`)
	requireRefused(t, 400, "RefundAmountMoreThanAllowed", c.checkOut(k.ID(), linked("-1.00")))
}

// uploaded is an order of some of the first product; from, when it is given, is what it brings back.
func uploaded(id, from, lines string) string {
	return fmt.Sprintf(`{"Id":%q,"ChannelReferenceId":%q,"CurrencyCode":"USD","SalesLines":[%s]}`, id, "R-"+id, strings.ReplaceAll(lines, "FROM", from))
}

func TestHeadquartersFindsWhatIsWrongWithAnUploadedReturnWhenItLands(t *testing.T) {
	const back = `{"LineNumber":1,"ProductId":68719490000,"Quantity":%d,"ReturnTransactionId":"FROM","ReturnLineNumber":%d}`
	inBubble(t, Options{OrderSync: time.Second}, func(t *testing.T, c *client) {
		upload := func(id, from, lines string) {
			require.Equal(t, 201, c.upload(uploaded(id, from, lines)).status, "the scale unit checks nothing")
			<-time.After(2 * time.Second)
		}
		upload("sold", "", `{"LineNumber":1,"ProductId":68719490000,"Quantity":3}`)
		upload("one", "sold", fmt.Sprintf(back, -2, 1))
		upload("too-much", "sold", fmt.Sprintf(back, -2, 1))
		upload("twice", "sold", fmt.Sprintf(back, -1, 1)+","+fmt.Sprintf(back, -1, 1))
		upload("wrong-sign", "sold", fmt.Sprintf(back, 1, 1))
		upload("no-line", "sold", fmt.Sprintf(back, -1, 2))
		upload("no-order", "none", fmt.Sprintf(back, -1, 1))
		upload("of-nothing", "", `{"LineNumber":1,"ProductId":68719490000,"Quantity":-1}`)
		upload("rest", "sold", fmt.Sprintf(back, -1, 1))
		require.Equal(t, []string{"no-line", "no-order", "of-nothing", "too-much", "twice", "wrong-sign"}, c.sim.RefusedOrders())
		require.Equal(t, 6, c.sim.RetryOrders())
		<-time.After(2 * time.Second)
		require.Len(t, c.sim.RefusedOrders(), 6, "they are no better")
	})
}
