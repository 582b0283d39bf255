package csu

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	first  = 68719490000 // 1.00
	second = 68719490001 // 2.07
)

// act calls an action of a cart and wants it to succeed.
func (c *client) act(id, action, body string) Cart {
	c.t.Helper()
	a := c.tryAct(id, action, body)
	require.Equal(c.t, 200, a.status, a.raw)
	return a.body
}

func (c *client) tryAct(id, action, body string) answerOf {
	return c.do("POST", "Carts('"+id+"')/"+action, body)
}

// newCart makes a cart with lines, product and quantity in pairs, that are shipped by the standard mode.
func (c *client) newCart(lines ...int64) Cart {
	c.t.Helper()
	made := c.do("POST", "Carts", `{}`)
	require.Equal(c.t, 201, made.status, made.raw)
	k := Cart(made.body)
	for i := 0; i+1 < len(lines); i += 2 {
		k = c.act(k.ID(), "AddCartLines", fmt.Sprintf(`{"cartLines":[{"ProductId":%d,"Quantity":%d}],"cartVersion":%s}`, lines[i], lines[i+1], k["Version"]))
	}
	return k
}

const home = `{"Street":"1 Main St","City":"Houston","State":"TX","ZipCode":"77001","ThreeLetterISORegionName":"USA"}`

func (c *client) ship(k Cart) Cart {
	c.t.Helper()
	return c.act(k.ID(), "UpdateDeliverySpecification", `{"deliverySpecification":{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":1,"DeliveryAddress":`+home+`}}`)
}

func requireRefused(t *testing.T, status int, id string, a answerOf) {
	t.Helper()
	require.Equal(t, []any{status, id}, []any{a.status, a.errorID()}, a.raw)
}

func TestACartKeepsTheIDOfItsClientUnlessTheEnvironmentMakesItsOwn(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	made := c.do("POST", "Carts", `{"Id":"mine","Comment":"hello","TotalAmount":99}`)
	require.Equal(t, 201, made.status, made.raw)
	require.Equal(t, []any{"mine", json.Number("1"), json.Number("0.00"), "hello"}, []any{made.body["Id"], made.body["Version"], made.body["TotalAmount"], made.body["Comment"]})
	requireRefused(t, 400, "DuplicateObject", c.do("POST", "Carts", `{"Id":"mine"}`))
	read := c.do("GET", "Carts('mine')", "")
	require.Equal(t, 200, read.status)
	require.Equal(t, made.body["Version"], read.body["Version"])
	requireRefused(t, 404, "CartNotFound", c.do("GET", "Carts('other')", ""))

	c.sim.Configure(func(o *Options) { o.OwnCartIDs = true })
	for range 2 {
		made = c.do("POST", "Carts", `{"Id":"mine"}`)
		require.Equal(t, 201, made.status, made.raw)
		require.NotEqual(t, "mine", made.body["Id"])
	}
	require.Len(t, c.sim.Carts(), 3)
}

func TestAStaleVersionIsRefusedAndNoneIsNotCompared(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	k := c.newCart(first, 1)
	require.Equal(t, json.Number("2"), k["Version"])
	a := c.tryAct(k.ID(), "AddCartLines", `{"cartLines":[{"ProductId":68719490000,"Quantity":1}],"cartVersion":1}`)
	requireRefused(t, 400, "InvalidCartVersion", a)
	require.Equal(t, typeCart, a.body["TypeName"])
	requireRefused(t, 400, "InvalidCartVersion", c.tryAct(k.ID(), "Checkout", `{"receiptEmail":"a@example.test","cartVersion":1}`))
	requireRefused(t, 400, "InvalidCartVersion", c.do("PATCH", "Carts('"+k.ID()+"')", `{"Version":1,"Comment":"x"}`))
	require.Len(t, c.sim.Carts()[0].Lines(), 1, "a refusal leaves no trace")
	k = c.act(k.ID(), "AddCartLines", `{"cartLines":[{"ProductId":68719490000,"Quantity":1}],"cartVersion":null}`)
	require.Len(t, k.Lines(), 2)
}

func TestLinesComeAllTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Products: append(MakeProducts(5), Product{RecordID: 7, ItemID: "B", Unit: "ea", Price: "1", Blocked: true})})
	k := c.newCart()
	a := c.tryAct(k.ID(), "AddCartLines", `{"cartLines":[{"ProductId":68719490000,"Quantity":1},{"ProductId":1,"Quantity":1},{"ProductId":68719490000,"Quantity":0},{"ProductId":7,"Quantity":1},
		{"ProductId":68719490000,"Quantity":-1},{"ProductId":68719490000,"Quantity":1,"UnitOfMeasureSymbol":"box"},{"ProductId":68719490000,"Price":1,"IsPriceKeyedIn":true}]}`)
	requireRefused(t, 400, "InvalidCartLinesAggregateError", a)
	require.Equal(t, strings.Split(strings.Repeat("InvalidCartSalesLineAdd ", 6), " ")[:6], a.validationIDs())
	for _, why := range []string{"ProductNotFound", "InvalidQuantity", "ProductIsBlocked", "SalesMustHaveQuantityGreaterThanZero", "InvalidUnitOfMeasure", "EnteringPriceNotAllowed"} {
		require.Contains(t, a.raw, why)
	}
	require.Empty(t, c.sim.Carts()[0].Lines())

	k = c.act(k.ID(), "AddCartLines", `{"cartLines":[{"ProductId":68719490000,"Quantity":2},{"ItemId":"P000002"}]}`)
	require.Equal(t, []any{"P000001", json.Number("1"), "ea"}, []any{k.Lines()[0]["ItemId"], k.Lines()[0]["LineNumber"], k.Lines()[0]["UnitOfMeasureSymbol"]})
	require.Equal(t, json.Number(fmt.Sprint(int64(second))), k.Lines()[1]["ProductId"])
	line := str(k.Lines()[0], "LineId")
	k = c.act(k.ID(), "UpdateCartLines", `{"cartLines":[{"LineId":"`+line+`","Quantity":5}]}`)
	require.Equal(t, json.Number("7.07"), k["TotalAmount"])
	requireRefused(t, 400, "DuplicatedCartLines", c.tryAct(k.ID(), "UpdateCartLines", `{"cartLines":[{"LineId":"`+line+`"},{"LineId":"`+line+`"}]}`))
	requireRefused(t, 400, "InvalidCartLinesAggregateError", c.tryAct(k.ID(), "UpdateCartLines", `{"cartLines":[{"LineId":"none","Quantity":5}]}`))
	requireRefused(t, 400, "ObjectNotFound", c.tryAct(k.ID(), "RemoveCartLines", `{"cartLineIds":["none"]}`))
	k = c.act(k.ID(), "RemoveCartLines", `{"cartLineIds":["`+line+`"]}`)
	require.Len(t, k.Lines(), 1)
	require.Equal(t, json.Number("2.07"), k["AmountDue"])
}

func TestTheSumsOfACart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		channel Channel
		want    map[string]string
	}{
		"without tax they are exact": {Channel{OUN: DefaultOUN}, map[string]string{"NetPrice": "9.21", "DiscountAmount": "0.92", "SubtotalAmount": "8.29", "ChargeAmount": "4.99", "TaxAmount": "0.00", "TotalAmount": "13.28", "AmountDue": "13.28"}},
		"tax is added":               {Channel{OUN: DefaultOUN, TaxPercent: "8.25"}, map[string]string{"SubtotalAmount": "8.29", "SubtotalAmountWithoutTax": "8.29", "TaxAmount": "1.09", "TotalAmount": "14.37"}},
		"tax is included":            {Channel{OUN: DefaultOUN, TaxPercent: "19", PriceIncludesTax: true}, map[string]string{"SubtotalAmount": "8.29", "SubtotalAmountWithoutTax": "6.97", "TaxAmount": "2.12", "TotalAmount": "13.28"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := overPipe(t, Options{Channels: []Channel{tc.channel}, Coupons: []Coupon{{Code: "TEN", Percent: "10"}}})
			k := c.newCart(first, 3, second, 3)
			k = c.act(k.ID(), "AddCoupons", `{"couponCodes":["ten"]}`)
			k = c.act(k.ID(), "AddCharge", `{"moduleTypeValue":3,"chargeCode":"HANDLING","amount":4.99}`)
			for member, want := range tc.want {
				require.Equal(t, json.Number(want), k[member], member)
			}
			require.Equal(t, json.Number("6"), k["TotalItems"])
		})
	}
}

func TestACouponThatDoesNotHoldIsRefusedByName(t *testing.T) {
	inBubble(t, Options{Coupons: []Coupon{{Code: "OFF", Inactive: true}, {Code: "OLD", Until: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)}, {Code: "NEW", From: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Code: "MEMBER", NeedsCustomer: true}, {Code: "ONCE", Percent: "50", Limit: 1}, {Code: "ALONE", Exclusive: true, Percent: "1"}}}, func(t *testing.T, c *client) {
		k := c.newCart(first, 1)
		for code, want := range map[string]string{"NONE": "InvalidCouponCode", "OFF": "InactiveCouponCode", "OLD": "ExpiredCouponCode", "NEW": "NotStartedCouponCode", "MEMBER": "CouponRequiresCustomerOnCart"} {
			requireRefused(t, 400, want, c.tryAct(k.ID(), "AddCoupons", `{"couponCodes":["`+code+`"]}`))
		}
		k = c.act(k.ID(), "AddCoupons", `{"couponCodes":["ONCE","once"]}`)
		require.Len(t, k["Coupons"], 1)
		requireRefused(t, 400, "ExclusiveCouponCannotBeAppliedWithOtherCoupons", c.tryAct(k.ID(), "AddCoupons", `{"couponCodes":["ALONE"]}`))
		k = c.ship(k)
		require.Equal(t, json.Number("0.50"), k["AmountDue"])
		require.Equal(t, 200, c.pay(k, "0.50").status)
		other := c.newCart(first, 1)
		requireRefused(t, 400, "ExceededUsageLimitCouponCode", c.tryAct(other.ID(), "AddCoupons", `{"couponCodes":["ONCE"]}`))
		other = c.act(other.ID(), "AddCoupons", `{"couponCodes":["ALONE"]}`)
		require.Empty(t, c.act(other.ID(), "RemoveCoupons", `{"couponCodes":["alone","none"]}`)["Coupons"])
	})
}

func TestAKeyedPriceIsTakenWhereItIsAllowed(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{KeyedPrices: true})
	k := c.newCart()
	k = c.act(k.ID(), "AddCartLines", `{"cartLines":[{"ProductId":68719490000,"Quantity":3,"IsPriceKeyedIn":true,"Price":6.335},{"ProductId":68719490000,"Price":4}]}`)
	require.Equal(t, []any{json.Number("6.335"), json.Number("1.00"), json.Number("20.01")}, []any{k.Lines()[0]["Price"], k.Lines()[1]["Price"], k["TotalAmount"]}, "a price that is not keyed in is not looked at")
	line := str(k.Lines()[0], "LineId")
	k = c.act(k.ID(), "UpdateCartLines", `{"cartLines":[{"LineId":"`+line+`","Quantity":1}]}`)
	require.Equal(t, json.Number("6.335"), k.Lines()[0]["Price"], "it stays")
	requireRefused(t, 400, "InvalidCartLinesAggregateError", c.tryAct(k.ID(), "AddCartLines", `{"cartLines":[{"ProductId":68719490000,"IsPriceKeyedIn":true}]}`))
}

func TestAHeaderIsChangedAndWhatTheServerOwnsIsNot(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{LoyaltyCards: []LoyaltyCard{{ID: "L1", Customer: "000002"}}})
	_, err := c.sim.AddCustomer(map[string]any{"Name": "Ana"})
	require.NoError(t, err)
	_, err = c.sim.AddCustomer(map[string]any{"Name": "Bob", "Blocked": true})
	require.NoError(t, err)
	k := c.newCart(first, 1)
	path := "Carts('" + k.ID() + "')"
	require.Equal(t, 204, c.do("PATCH", path, `{"CustomerId":"000001","Comment":"gift"}`).status)
	a := c.do("PATCH", path, `{"Comment":"gifts","TotalAmount":1.0}`, "Prefer", "return=representation")
	require.Equal(t, 200, a.status, a.raw)
	require.Equal(t, []any{"gifts", "000001", json.Number("4")}, []any{a.body["Comment"], a.body["CustomerId"], a.body["Version"]})
	for body, want := range map[string]string{`{"TotalAmount":2}`: "PropertyUpdateNotAllowed", `{"CartLines":[{"ProductId":1}]}`: "PropertyUpdateNotAllowed", `{"CustomerId":"999999"}`: "CustomerNotFound",
		`{"CustomerId":"000002"}`: "CustomerAccountIsBlocked", `{"LoyaltyCardId":"L1"}`: "ConflictLoyaltyCardCustomerAndTransactionCustomer",
		`{"CustomerId":"000001","LoyaltyCardId":"L1"}`: "CannotUpdateCustomerAndLoyaltyCardAtTheSameTime"} {
		requireRefused(t, 400, want, c.do("PATCH", path, body))
	}
}

func TestACartThatNobodyTouchesIsGone(t *testing.T) {
	inBubble(t, Options{CartIdle: time.Hour, TokenLifetime: 24 * time.Hour}, func(t *testing.T, c *client) {
		k := c.newCart(first, 1)
		<-time.After(59 * time.Minute)
		k = c.ship(k)
		<-time.After(59 * time.Minute)
		require.Equal(t, 200, c.do("GET", "Carts('"+k.ID()+"')", "").status)
		<-time.After(time.Minute)
		require.Empty(t, c.sim.Carts())
		require.Equal(t, 404, c.do("GET", "Carts('"+k.ID()+"')", "").status)
		requireRefused(t, 400, "CartNotFound", c.tryAct(k.ID(), "Checkout", `{"receiptEmail":"a@example.test"}`))
	})
}

func TestADocumentIsPricedWithoutTaxChargesAndATrace(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Channels: []Channel{{OUN: DefaultOUN, TaxPercent: "10"}}, Coupons: []Coupon{{Code: "TEN", Percent: "10"}}})
	a := c.do("POST", "CalculateSalesDocument", `{"salesDocument":{"Id":"x","CartLines":[{"ProductId":68719490001,"Quantity":10}],"Coupons":[{"Code":"TEN"},{"Code":"NONE"}]}}`)
	require.Equal(t, 200, a.status, a.raw)
	require.Equal(t, []any{json.Number("20.70"), json.Number("2.07"), json.Number("18.63"), json.Number("0.00")}, []any{a.body["NetPrice"], a.body["DiscountAmount"], a.body["TotalAmount"], a.body["TaxAmount"]})
	require.Empty(t, c.sim.Carts())
	require.Empty(t, c.sim.Ledger())
	requireRefused(t, 400, "RequiredValueNotFound", c.do("POST", "CalculateSalesDocument", `{"salesDocument":{"CartLines":[]}}`))
}

func TestACopyIsAnotherCart(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{LabRoles: true})
	k := c.newCart(first, 1)
	copied := c.act(k.ID(), "Copy", `{"targetCartType":2}`)
	require.NotEqual(t, k.ID(), copied.ID())
	require.Equal(t, []any{json.Number("2"), json.Number("1"), json.Number("1.00")}, []any{copied["CartTypeValue"], copied["Version"], copied["TotalAmount"]})
	found := c.do("POST", "Carts/Search", `{"cartSearchCriteria":{"CartTypeValue":2}}`)
	require.Len(t, entries(found.body, "value"), 1, found.raw)
}
