package csu

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

const visa = `{"TenderTypeId":"3","Amount":1.00,"Currency":"USD","CardTypeId":"VISA","TokenizedPaymentCard":{"CardTypeId":"VISA","ExpirationYear":2099,"ExpirationMonth":1,
	"CardTokenInfo":{"CardToken":"<opaque/>","ServiceAccountId":"service-account-1","MaskedCardNumber":"4111********1111"}}}`

func TestEachWayToPayIsCheckedByItsOwnRules(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{
		TenderTypes:  append(DefaultTenderTypes(), TenderType{ID: "5", Operation: PayCash, Most: "0.50"}),
		GiftCards:    []GiftCard{{ID: "G1", Balance: "0.50"}, {ID: "G2", Balance: "9", Pin: "12"}, {ID: "G3", Balance: "9", Currency: "EUR"}},
		LoyaltyCards: []LoyaltyCard{{ID: "L1", Points: "0.5"}, {ID: "L2", Points: "9", Blocked: true}, {ID: "L3", Points: "9", NoTender: true}, {ID: "L4", Points: "9", Customer: "other"}},
	})
	for _, members := range []map[string]any{{"Name": "Ana", "AllowOnAccountPayment": false}, {"Name": "Bob", "MandatoryCreditLimit": true, "CreditLimit": json.Number("0.5")}} {
		_, err := c.sim.AddCustomer(members)
		require.NoError(t, err)
	}
	anonymous, ana, bob := c.ship(c.newCart(first, 1)), c.ship(c.newCart(first, 1)), c.ship(c.newCart(first, 1))
	for cart, account := range map[string]string{ana.ID(): "000001", bob.ID(): "000002"} {
		require.Equal(t, 204, c.do("PATCH", "Carts('"+cart+"')", `{"CustomerId":"`+account+`"}`).status)
	}
	card := func(change string) string {
		return `{"TenderTypeId":"3","Amount":1,"CardTypeId":"VISA","TokenizedPaymentCard":{` + change + `}}`
	}
	for name, tc := range map[string]struct {
		cart, tender, want string
	}{
		"a card without a token":            {anonymous.ID(), `{"TenderTypeId":"3","Amount":1,"CardTypeId":"VISA"}`, "InvalidPaymentRequest"},
		"an empty token":                    {anonymous.ID(), card(`"CardTokenInfo":{}`), "InvalidDataInTokenizedCard"},
		"a token of another account":        {anonymous.ID(), card(`"CardTokenInfo":{"CardToken":"x","ServiceAccountId":"other"}`), "PaymentConnectorNotFound"},
		"a page of another connector":       {anonymous.ID(), `{"TenderTypeId":"3","Amount":1,"CardPaymentAcceptResult":{"AccessCode":"a","Settings":{"PaymentConnectorId":"other"}}}`, "PaymentConnectorNotFound"},
		"a card that has expired":           {anonymous.ID(), card(`"ExpirationYear":2001,"ExpirationMonth":1,"CardTokenInfo":{"CardToken":"x","ServiceAccountId":"service-account-1"}`), "InvalidCardExpirationDate"},
		"a card type that is not taken":     {anonymous.ID(), `{"TenderTypeId":"3","Amount":1,"CardTypeId":"DINERS","TokenizedPaymentCard":{"CardTokenInfo":{"CardToken":"x","ServiceAccountId":"service-account-1"}}}`, "UnableToAuthorizePaymentCardTypeMissingOrNotSupported"},
		"two cards":                         {anonymous.ID(), `{"TenderTypeId":"3","Amount":0.5},{"TenderTypeId":"3","Amount":0.5}`, "MultipleCreditCardPaymentNotSupported"},
		"the account of nobody":             {anonymous.ID(), `{"TenderTypeId":"4","Amount":1,"CustomerId":"000001"}`, "CustomerAccountMismatchBetweenCartAndTenderLine"},
		"an account that may not":           {ana.ID(), `{"TenderTypeId":"4","Amount":1,"CustomerId":"000001"}`, "CustomerAccountPaymentForCustomerWithoutAllowOnAccount"},
		"an account over its limit":         {bob.ID(), `{"TenderTypeId":"4","Amount":1,"CustomerId":"000002"}`, "CustomerAccountPaymentExceedsAvailableCreditLimit"},
		"two accounts":                      {bob.ID(), `{"TenderTypeId":"4","Amount":0.5,"CustomerId":"000002"},{"TenderTypeId":"4","Amount":0.5,"CustomerId":"000002"}`, "MultipleCustomerAccountPaymentsNotAllowed"},
		"more than a gift card has":         {anonymous.ID(), `{"TenderTypeId":"8","Amount":1,"GiftCardId":"G1"}`, "PaymentAmountExceedsGiftBalance"},
		"a gift card that pays twice":       {anonymous.ID(), `{"TenderTypeId":"8","Amount":0.5,"GiftCardId":"G1"},{"TenderTypeId":"8","Amount":0.5,"GiftCardId":"G1"}`, "PaymentAmountExceedsGiftBalance"},
		"a gift card with a wrong pin":      {anonymous.ID(), `{"TenderTypeId":"8","Amount":1,"GiftCardId":"G2","GiftCardPin":"1"}`, "PaymentUsingUnauthorizedAccount"},
		"a gift card in another currency":   {anonymous.ID(), `{"TenderTypeId":"8","Amount":1,"GiftCardId":"G3"}`, "GiftCardCurrencyMismatch"},
		"more than there are points":        {anonymous.ID(), `{"TenderTypeId":"10","Amount":1,"LoyaltyCardId":"L1"}`, "NotEnoughRewardPoints"},
		"a blocked loyalty card":            {anonymous.ID(), `{"TenderTypeId":"10","Amount":1,"LoyaltyCardId":"L2"}`, "BlockedLoyaltyCard"},
		"a loyalty card that cannot pay":    {anonymous.ID(), `{"TenderTypeId":"10","Amount":1,"LoyaltyCardId":"L3"}`, "NoTenderLoyaltyCard"},
		"another customer's loyalty card":   {ana.ID(), `{"TenderTypeId":"10","Amount":1,"LoyaltyCardId":"L4"}`, "ConflictLoyaltyCardCustomerAndTransactionCustomer"},
		"two loyalty cards":                 {anonymous.ID(), `{"TenderTypeId":"10","Amount":0.5,"LoyaltyCardId":"L1"},{"TenderTypeId":"10","Amount":0.5,"LoyaltyCardId":"L1"}`, "NoMoreThanOneLoyaltyTender"},
		"more than a tender type allows":    {anonymous.ID(), `{"TenderTypeId":"5","Amount":1}`, "PaymentExceedsMaximumAmountPerTransaction"},
		"a currency that is not the unit's": {anonymous.ID(), `{"TenderTypeId":"1","Amount":1,"Currency":"EUR"}`, "InvalidPaymentRequest"},
	} {
		requireRefused(t, 400, tc.want, c.checkOut(tc.cart, tc.tender))
		require.Len(t, c.sim.Carts(), 3, name)
	}
	c.sim.Configure(func(o *Options) { o.Connectors = []Connector{} })
	requireRefused(t, 400, "PaymentRequiresMerchantProperties", c.checkOut(anonymous.ID(), visa))
}

func TestACardIsAuthorizedAndItsTokenKeptAsItCame(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	a := c.checkOut(c.ship(c.newCart(first, 1)).ID(), visa)
	require.Equal(t, 200, a.status, a.raw)
	line := entries(a.body, "TenderLines")[0]
	require.Equal(t, []any{"<opaque/>", "service-account-1", json.Number("2"), "VISA"}, []any{line["CardToken"], line["CardPaymentAccountId"], line["StatusValue"], line["CardTypeId"]})
	hosted := c.checkOut(c.ship(c.newCart(first, 1)).ID(), `{"TenderTypeId":"3","Amount":1,"CardPaymentAcceptResult":{"AccessCode":"a","Settings":{"PaymentConnectorId":"TestConnector","ReturnUrl":"https://shop.example.com"}}}`)
	require.Equal(t, 200, hosted.status, hosted.raw)
}

func TestAGiftCardPaysWhatItHas(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{GiftCards: []GiftCard{{ID: "G1", Balance: "1.50"}}, LoyaltyCards: []LoyaltyCard{{ID: "L1", Points: "1"}}})
	balance := func() any { return c.do("POST", "GetGiftCard", `{"giftCardId":"G1"}`).body["Balance"] }
	require.Equal(t, json.Number("1.50"), balance())
	a := c.checkOut(c.ship(c.newCart(first, 2)).ID(), `{"TenderTypeId":"8","Amount":1.20,"GiftCardId":"G1"},{"TenderTypeId":"10","Amount":0.80,"LoyaltyCardId":"L1"}`)
	require.Equal(t, 200, a.status, a.raw)
	require.Equal(t, json.Number("0.30"), balance())
	k := c.ship(c.newCart(first, 1))
	requireRefused(t, 400, "PaymentAmountExceedsGiftBalance", c.checkOut(k.ID(), `{"TenderTypeId":"8","Amount":1,"GiftCardId":"G1"}`))
	requireRefused(t, 400, "NotEnoughRewardPoints", c.checkOut(k.ID(), `{"TenderTypeId":"10","Amount":1,"LoyaltyCardId":"L1"}`))
	requireRefused(t, 400, "ObjectNotFound", c.do("POST", "GetGiftCard", `{"giftCardId":"none"}`))
	c.sim.SetHeadquarters(false)
	requireRefused(t, 500, "HeadquarterCommunicationFailure", c.do("POST", "GetGiftCard", `{"giftCardId":"G1"}`))
	requireRefused(t, 500, "HeadquarterCommunicationFailure", c.checkOut(k.ID(), `{"TenderTypeId":"8","Amount":1,"GiftCardId":"G1"}`))
}

func TestTheWaysToPayAreListed(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{TenderTypes: []TenderType{{ID: "7", Name: "Cards", Operation: PayCard, Refunds: []string{"7"}}}})
	a := c.do("GET", "GetTenderTypes()", "")
	rows := entries(a.body, "value")
	require.Equal(t, []any{"7", json.Number("201"), "TestConnector"}, []any{rows[0]["TenderTypeId"], rows[0]["OperationId"], rows[0]["ConnectorId"]})
	require.Equal(t, "7", entries(c.do("POST", "GetCardTypes", `{}`).body, "value")[0]["PaymentMethodId"])
	require.Equal(t, "7", entries(c.do("GET", "GetReturnPolicy()", "").body, "TenderTypePolicies")[0]["OriginalTenderType"])
}
