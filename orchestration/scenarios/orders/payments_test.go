package orders

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func card() *Card {
	return &Card{Type: "VISA", Masked: pii.New("411111******1111"), Token: pii.New("<token/>"), Authorization: pii.New("<authorization/>"), ServiceAccount: "account-1", Reference: "R-1"}
}

func TestAnOrderMayBePaidInSeveralWays(t *testing.T) {
	t.Parallel()
	o, _, r := town(Placed{Customer: "1001", Currency: "USD", Total: amount("30.00"), Payments: []Payment{
		{Method: ByCard, Amount: amount("17.5"), Card: card()},
		{Method: ByGiftCard, TenderType: "9", Amount: amount("10"), GiftCard: pii.New("G-1")},
		{Method: ByAccount, Amount: amount("2.50")},
	}})
	got, err := o.payments(t.Context(), r, "000007")
	require.NoError(t, err)
	require.Equal(t, []csuclient.Payment{
		{TypeID: "3", Amount: amount("17.5"), CardType: "VISA", Masked: pii.New("411111******1111"), Token: pii.New("<token/>"), Authorization: pii.New("<authorization/>"),
			ServiceAccount: "account-1", Reference: "R-1"},
		{TypeID: "9", Amount: amount("10"), GiftCard: pii.New("G-1")},
		{TypeID: "4", Amount: amount("2.50"), CustomerID: "000007"},
	}, got)
}

func TestAPaymentThatCannotBeIsRefusedBeforeTheCallWithItsField(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]Payment{
		"/payments come to 9 USD, while 10 are to be paid; send all of them, or none if it is paid later":                       {Method: ByCard, Amount: amount("9"), Card: card()},
		"/payments/0/card is missing, which the method needs":                                                                   {Method: ByCard},
		"/payments/0/giftCard belongs to another method than card":                                                              {Method: ByCard, Card: card(), GiftCard: pii.New("G-1")},
		"/payments/0/method is the customer's account, and the order is a guest's":                                              {Method: ByAccount},
		"/payments/0/tenderType is missing, and the channel has several of the method: give one of 8, 9":                        {Method: ByGiftCard, GiftCard: pii.New("G-1")},
		"/payments/0/tenderType is none of the method; give one of 8, 9":                                                        {Method: ByGiftCard, TenderType: "3", GiftCard: pii.New("G-1")},
		"/payments/0/method is one that channel web does not take; set up a payment method for it in headquarters, then replay": {Method: ByLoyaltyCard, LoyaltyCard: pii.New("L-1")},
		"/payments/0/card/serviceAccount is none of channel web, so that headquarters could not capture the payment; authorise with the channel's payment connector": {
			Method: ByCard, Card: &Card{Token: pii.New("t"), Authorization: pii.New("a"), ServiceAccount: "account-2"}},
		"/payments/0/card/authorization is missing: an order that is uploaded brings its authorization; a token alone would be charged by nobody": {
			Method: ByCard, Card: &Card{Token: pii.New("t"), ServiceAccount: "account-1"}},
	} {
		if p.Amount.IsZero() {
			p.Amount = amount("10")
		}
		o, _, r := town(Placed{Currency: "USD", Total: amount("10"), Payments: []Payment{p}})
		_, err := o.payments(t.Context(), r, "")
		require.Error(t, err, want)
		f := fault.As(err)
		require.Equal(t, []any{fault.BusinessRule, want}, []any{f.Reason, f.Detail})
	}
	o, _, r := town(Placed{Currency: "USD", Total: amount("10"), Payments: []Payment{{Method: ByCard, Amount: amount("10"), Card: card()}}})
	r.Channel.ServiceAccounts = nil
	_, err := o.payments(t.Context(), r, "")
	require.ErrorContains(t, err, "names no service_accounts")
}

// Whatever prints, encodes or logs an order prints masks in place of what a payment holds.
func TestWhatAPaymentHoldsIsNeverPrinted(t *testing.T) {
	t.Parallel()
	in := Placed{Payments: []Payment{{Card: card(), GiftCard: pii.New("G-secret"), LoyaltyCard: pii.New("L-secret")}}}
	o := csuclient.SalesOrder{Payments: []csuclient.Payment{{Token: pii.New("<token/>"), Authorization: pii.New("<authorization/>"), Capture: pii.New("<capture/>"),
		Masked: pii.New("411111******1111"), GiftCard: pii.New("G-secret"), LoyaltyCard: pii.New("L-secret")}}}
	encoded, err := json.Marshal(o)
	require.NoError(t, err)
	text := fmt.Sprintf("%v %+v %#v %v %+v %s", in, in, *in.Payments[0].Card, o, o, encoded)
	for _, secret := range []string{"token/", "authorization/", "capture/", "1111", "secret"} {
		require.NotContains(t, text, secret)
	}
}
