package csuclient_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

const (
	firstProduct  = 68719490000 // 1.00
	secondProduct = 68719490001 // 2.07
)

var houston = &csuclient.Address{Street: pii.New("1 Main St"), City: pii.New("Houston"), State: pii.New("TX"), ZipCode: pii.New("77001"), Country: "USA"}

var byStandard = csuclient.Delivery{Mode: "99", Preference: csuclient.DeliverToAddress, Address: houston}

func requireAmount(t *testing.T, want string, got interface{ String() string }) {
	t.Helper()
	require.True(t, amount(want).Equal(amount(got.String())), "%s, not %s", got, want)
}

func requireCode(t *testing.T, kind fault.Kind, code string, err error) {
	t.Helper()
	require.Equal(t, code, faultOf(t, kind, err).Code)
}

// filled is a cart of three of the first product and two of the second, delivered by the standard mode.
func (u unit) filled(t *testing.T, n csuclient.NewCart) csuclient.Cart {
	t.Helper()
	k, err := u.channel.CreateCart(t.Context(), n)
	require.NoError(t, err)
	k, err = u.channel.AddCartLines(t.Context(), k.ID, k.Version, []csuclient.CartLine{{ProductID: firstProduct, Quantity: amount("3")}, {ProductID: secondProduct, Quantity: amount("2")}})
	require.NoError(t, err)
	k, err = u.channel.SetDelivery(t.Context(), k.ID, byStandard)
	require.NoError(t, err)
	return k
}

func cash(k csuclient.Cart) csuclient.Checkout {
	return csuclient.Checkout{Version: k.Version, ReceiptEmail: pii.NewEmail("jane@example.test"), Tenders: []csuclient.Tender{{TypeID: "1", Amount: k.Due, Currency: "USD"}}}
}

func TestACartIsFilledReadAndCheckedOut(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) {
		o.Channels = []csu.Channel{{OUN: csu.DefaultOUN, TaxPercent: "10"}}
		o.Coupons = []csu.Coupon{{Code: "HALF", Percent: "50"}}
	}, func(t *testing.T, u unit) {
		ctx := t.Context()
		k := u.filled(t, csuclient.NewCart{ID: "web-1", Comment: pii.New("leave at the door")})
		require.Equal(t, []any{"web-1", int64(3), 2, "P000001"}, []any{k.ID, k.Version, len(k.Lines), k.Lines[0].ItemID})
		k, err := u.channel.UpdateCartLines(ctx, k.ID, k.Version, []csuclient.CartLine{{ID: k.Lines[0].ID, Quantity: amount("1.5")}})
		require.NoError(t, err)
		k, err = u.channel.AddCoupons(ctx, k.ID, []string{"HALF"})
		require.NoError(t, err)
		k, err = u.channel.AddCharge(ctx, k.ID, csuclient.Charge{Code: "HANDLING", Amount: amount("4.99")})
		require.NoError(t, err)
		read, err := u.channel.ReadCart(ctx, k.ID)
		require.NoError(t, err)
		require.Equal(t, k.Version, read.Version)
		requireAmount(t, "2.82", read.Subtotal)
		requireAmount(t, "2.82", read.Discount)
		requireAmount(t, "0.79", read.Tax)
		requireAmount(t, "8.60", read.Due)
		require.Equal(t, []any{"leave at the door", "HALF", "HANDLING", "Houston"}, []any{read.Comment.Reveal(), read.Coupons[0].Code, read.Charges[0].Code, read.Lines[0].ShipTo.City.Reveal()})

		order, err := u.channel.CheckOut(ctx, k.ID, cash(k))
		require.NoError(t, err)
		require.Equal(t, []any{"web-1", ""}, []any{order.ID, order.SalesID})
		requireAmount(t, "8.60", order.Total)
		found, err := u.channel.FindOrder(ctx, order.Reference)
		require.NoError(t, err)
		require.Equal(t, order.ID, found.ID)
	})
}

func TestACheckoutWhoseAnswerIsLostIsAConflictTheSecondTimeAndOneOrder(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.LabRoles = true }, func(t *testing.T, u unit) {
		ctx := t.Context()
		account, err := u.sim.AddCustomer(map[string]any{"Name": "Jane"})
		require.NoError(t, err)
		k := u.filled(t, csuclient.NewCart{CustomerID: account})
		u.inject(t, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCheckout, Next: 1})
		_, err = u.channel.CheckOut(ctx, k.ID, cash(k))
		requireKind(t, fault.Ambiguous, err)
		_, err = u.channel.CheckOut(ctx, k.ID, cash(k))
		requireCode(t, fault.Conflict, "CartAlreadyCheckedOut", err)
		_, err = u.channel.ReadCart(ctx, k.ID)
		require.ErrorIs(t, err, csuclient.ErrNotFound)
		order, err := u.channel.FindOrderByTransaction(ctx, k.ID)
		require.NoError(t, err)
		history, err := u.channel.CustomerOrders(ctx, account)
		require.NoError(t, err)
		require.Len(t, history, 1)
		require.Equal(t, order.Reference, history[0].Reference)
		_, err = u.channel.CheckOut(ctx, "never", cash(k))
		require.ErrorIs(t, err, csuclient.ErrNotFound)
		require.Len(t, u.sim.SalesOrders(), 1)
	})
}

func TestWhatIsStaleIsAConflictAndWhatIsWrongIsPermanent(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		ctx := t.Context()
		k := u.filled(t, csuclient.NewCart{ID: "mine"})
		_, err := u.channel.CreateCart(ctx, csuclient.NewCart{ID: "mine"})
		requireCode(t, fault.Conflict, "DuplicateObject", err)
		_, err = u.channel.AddCartLines(ctx, k.ID, 1, []csuclient.CartLine{{ProductID: firstProduct, Quantity: amount("1")}})
		requireCode(t, fault.Conflict, "InvalidCartVersion", err)
		comment := pii.New("x")
		_, err = u.channel.UpdateCart(ctx, k.ID, 1, csuclient.CartChanges{Comment: &comment})
		requireCode(t, fault.Conflict, "InvalidCartVersion", err)
		_, err = u.channel.AddCartLines(ctx, k.ID, k.Version, []csuclient.CartLine{{ProductID: 7, Quantity: amount("1")}})
		f := faultOf(t, fault.Permanent, err)
		require.Equal(t, []string{"InvalidCartLinesAggregateError", "InvalidCartSalesLineAdd for ProductNotFound"}, []string{f.Code, f.Detail})
		_, err = u.channel.AddCoupons(ctx, k.ID, []string{"NONE"})
		requireCode(t, fault.Permanent, "InvalidCouponCode", err)
		lost := byStandard
		lost.Address = &csuclient.Address{City: pii.New("x"), State: pii.New("XX"), Country: "USA"}
		_, err = u.channel.SetDelivery(ctx, k.ID, lost)
		f = faultOf(t, fault.Permanent, err)
		require.Equal(t, []string{"InvalidShippingAddress", "InvalidStateProvince at State"}, []string{f.Code, f.Detail})
		wrong := cash(k)
		wrong.Tenders[0].Amount = amount("7.13")
		_, err = u.channel.CheckOut(ctx, k.ID, wrong)
		requireCode(t, fault.Permanent, "AmountDueMustBePaidBeforeCheckout", err)
		u.inject(t, csu.Fault{Kind: csu.Decline, Next: 1})
		_, err = u.channel.CheckOut(ctx, k.ID, cash(k))
		requireCode(t, fault.Permanent, "UnableToAuthorizePayment", err)
		_, err = u.channel.CheckOut(ctx, k.ID, cash(k))
		require.NoError(t, err)
	})
}

func TestACartThatCouldNotBeKnownAgainIsNotTouched(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		ctx := t.Context()
		one := []csuclient.CartLine{{ProductID: firstProduct}}
		for name, do := range map[string]func() error{
			"lines without a version":    func() error { _, err := u.channel.AddCartLines(ctx, "k", 0, one); return err },
			"no lines":                   func() error { _, err := u.channel.AddCartLines(ctx, "k", 1, nil); return err },
			"a header without a version": func() error { _, err := u.channel.UpdateCart(ctx, "k", 0, csuclient.CartChanges{}); return err },
			"no cart":                    func() error { _, err := u.channel.AddCoupons(ctx, "", nil); return err },
			"a read of none":             func() error { _, err := u.channel.ReadCart(ctx, ""); return err },
			"a checkout without version": func() error {
				_, err := u.channel.CheckOut(ctx, "k", csuclient.Checkout{ReceiptEmail: pii.NewEmail("a@b")})
				return err
			},
			"a checkout without e-mail": func() error { _, err := u.channel.CheckOut(ctx, "k", csuclient.Checkout{Version: 1}); return err },
			"a cancellation of nothing": func() error { return u.channel.CancelOrder(ctx, "") },
		} {
			require.Equal(t, fault.Bug, fault.As(do()).Reason, name)
		}
		require.Empty(t, u.seen.results())
	})
}

func TestACartIsPricedCopiedChangedAndEmptied(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) {
		o.KeyedPrices, o.Coupons = true, []csu.Coupon{{Code: "HALF", Percent: "50"}}
	}, func(t *testing.T, u unit) {
		ctx := t.Context()
		lines := []csuclient.CartLine{{ProductID: firstProduct, Quantity: amount("2"), Keyed: true, Price: amount("9.99")}, {ProductID: firstProduct, Quantity: amount("1"), Price: amount("7")}}
		priced, err := u.channel.PriceCart(ctx, csuclient.NewCart{Lines: lines}, []string{"HALF", "NONE"})
		require.NoError(t, err)
		requireAmount(t, "10.49", priced.Total)
		require.Empty(t, u.sim.Carts())

		k, err := u.channel.CreateCart(ctx, csuclient.NewCart{Lines: lines, OrderNumber: "W-1"})
		require.NoError(t, err)
		requireAmount(t, "20.98", k.Total)
		copied, err := u.channel.CopyCart(ctx, k.ID)
		require.NoError(t, err)
		require.NotEqual(t, k.ID, copied.ID)
		comment := pii.New("gift")
		copied, err = u.channel.UpdateCart(ctx, copied.ID, copied.Version, csuclient.CartChanges{Comment: &comment})
		require.NoError(t, err)
		require.Equal(t, []any{"gift", "W-1"}, []any{copied.Comment.Reveal(), copied.OrderNumber})
		copied, err = u.channel.RemoveCartLines(ctx, copied.ID, []string{copied.Lines[0].ID})
		require.NoError(t, err)
		requireAmount(t, "1.00", copied.Total)
	})
}

func TestALineIsPickedUpInASlotOfAStoreNearBy(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) {
		o.Timeslots = csu.Timeslots{Interval: time.Hour, Capacity: 3}
	}, func(t *testing.T, u unit) {
		ctx := t.Context()
		near, err := u.channel.StoresNear(ctx, 29.75, -95.36, 50, csuclient.StoresToPickUp)
		require.NoError(t, err)
		require.Equal(t, []string{"STORE1", "STORE2"}, []string{near[0].Number, near[1].Number})
		ships, err := u.channel.Stores(ctx, csuclient.StoresThatShip, false)
		require.NoError(t, err)
		require.Equal(t, []string{"STORE1", "STORE3"}, []string{ships[0].Number, ships[1].Number})
		slots, err := u.channel.Timeslots(ctx, near[0].Number, "60", time.Now(), time.Now().Add(24*time.Hour))
		require.NoError(t, err)
		require.Equal(t, 3, slots[0].Capacity)
		modes, err := u.channel.DeliveryModes(ctx, false)
		require.NoError(t, err)
		require.Contains(t, modes, csuclient.DeliveryMode{Code: "60", Description: "Customer pickup"})

		k := u.filled(t, csuclient.NewCart{})
		options, err := u.channel.DeliveryOptions(ctx, k.ID, *houston, []string{k.Lines[0].ID})
		require.NoError(t, err)
		require.Equal(t, "11", options[1].Code)
		requireAmount(t, "14.9", options[1].Charge)
		k, err = u.channel.SetLineDeliveries(ctx, k.ID, []csuclient.LineDelivery{
			{LineID: k.Lines[0].ID, Delivery: csuclient.Delivery{Mode: "60", Preference: csuclient.DeliverAtStore, Store: near[0].Number, Address: &csuclient.Address{RecordID: near[0].AddressID},
				SlotFrom: slots[0].From, SlotTo: slots[0].To}},
			{LineID: k.Lines[1].ID, Delivery: csuclient.Delivery{Mode: "99", Preference: csuclient.DeliverToAddress, Address: houston, ShipFrom: "STORE3"}},
		})
		require.NoError(t, err)
		require.Equal(t, []string{"STORE1", "STORE1", "STORE3"}, []string{k.Lines[0].StoreID, k.Lines[0].Warehouse, k.Lines[1].StoreID})
		_, err = u.channel.CheckOut(ctx, k.ID, cash(k))
		require.NoError(t, err)
		left, err := u.channel.Timeslots(ctx, near[0].Number, "60", time.Now(), time.Now().Add(24*time.Hour))
		require.NoError(t, err)
		require.Equal(t, 2, left[0].Capacity)
	})
}

func TestAReturnGoesBackToThePaymentItCameFrom(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) {
		o.GiftCards = []csu.GiftCard{{ID: "G1", Pin: "12", Balance: "10"}}
	}, func(t *testing.T, u unit) {
		ctx := t.Context()
		number, pin := pii.New("G1"), pii.New("12")
		k := u.filled(t, csuclient.NewCart{})
		c := cash(k)
		c.Tenders = []csuclient.Tender{{TypeID: "8", Amount: k.Due, GiftCard: number, GiftCardPin: pin}}
		order, err := u.channel.CheckOut(ctx, k.ID, c)
		require.NoError(t, err)
		card, err := u.channel.ReadGiftCard(ctx, number, pin)
		require.NoError(t, err)
		requireAmount(t, "2.86", card.Balance)
		_, err = u.channel.ReadGiftCard(ctx, number, pii.New("13"))
		require.ErrorIs(t, err, csuclient.ErrNotFound)

		back, err := u.channel.CreateCart(ctx, csuclient.NewCart{Lines: []csuclient.CartLine{{ProductID: secondProduct, Quantity: amount("-1"), ReturnOf: order.ID, ReturnNumber: amount("2")}}})
		require.NoError(t, err)
		requireAmount(t, "-2.07", back.Due)
		returned, err := u.channel.CheckOut(ctx, back.ID, csuclient.Checkout{Version: back.Version, ReceiptEmail: c.ReceiptEmail,
			Tenders: []csuclient.Tender{{TypeID: "8", Amount: back.Due, GiftCard: number, Refund: &csuclient.Refund{Order: order.ID, Line: amount("1")}}}})
		require.NoError(t, err)
		card, err = u.channel.ReadGiftCard(ctx, number, pin)
		require.NoError(t, err)
		requireAmount(t, "4.93", card.Balance)
		for _, o := range u.sim.SalesOrders() {
			tender := o["TenderLines"].([]any)[0].(map[string]any)
			require.Equal(t, o.ID() == returned.ID, tender["IsLinkedRefund"] == true && tender["LinkedPaymentTransactionId"] == order.ID)
		}
		u.sim.SetHeadquarters(false)
		_, err = u.channel.ReadGiftCard(ctx, number, pin)
		require.Equal(t, fault.ForHQ, faultOf(t, fault.Transient, err).Waits)
	})
}

func TestACardIsPaidByATokenOfTheChannelsAccount(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		ctx := t.Context()
		types, err := u.channel.TenderTypes(ctx, false)
		require.NoError(t, err)
		require.Contains(t, types, csuclient.TenderType{ID: "3", Name: "Cards", Operation: csuclient.PayCard, Connector: "TestConnector"})
		_, err = u.channel.TenderTypes(ctx, false)
		require.NoError(t, err)
		require.Equal(t, []string{"GetTenderTypes ok", "GetTenderTypes ok"}, u.seen.results(), "one reading, of a page and the empty one after it")
		cards, err := u.channel.ReadCardTypes(ctx)
		require.NoError(t, err)
		require.Equal(t, "3", cards[0].TenderTypeID)
		k := u.filled(t, csuclient.NewCart{})
		c := cash(k)
		card := &csuclient.Card{TypeID: "VISA", Token: pii.New("<opaque/>"), ServiceAccount: "other", Masked: pii.New("4111********1111"), Year: 2099, Month: 12}
		c.Tenders = []csuclient.Tender{{TypeID: "3", Amount: k.Due, Currency: "USD", Card: card}}
		_, err = u.channel.CheckOut(ctx, k.ID, c)
		requireCode(t, fault.Permanent, "PaymentConnectorNotFound", err)
		card.ServiceAccount = "service-account-1"
		_, err = u.channel.CheckOut(ctx, k.ID, c)
		require.NoError(t, err)
		stored := u.sim.SalesOrders()[0]["TenderLines"].([]any)[0].(map[string]any)
		require.Equal(t, "<opaque/>", stored["CardToken"])
	})
}

func TestACancellationIsAskedForOnce(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.OrderSync = time.Second }, func(t *testing.T, u unit) {
		ctx := t.Context()
		order, err := u.channel.UploadOrder(ctx, bread())
		require.NoError(t, err)
		require.ErrorIs(t, u.channel.CancelOrder(ctx, "SO-000001"), csuclient.ErrNotFound)
		<-time.After(2 * time.Second)
		u.inject(t, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpCancelOrder, Next: 1})
		requireKind(t, fault.Ambiguous, u.channel.CancelOrder(ctx, "SO-000001"))
		requireCode(t, fault.Conflict, "AsynchronousOrderCancellationWorkflowAlreadyExists", u.channel.CancelOrder(ctx, "SO-000001"))
		<-time.After(2 * time.Second)
		found, err := u.channel.FindOrder(ctx, order.Reference)
		require.NoError(t, err)
		require.Equal(t, 7, found.Status)
		_, err = u.channel.FindOrderByTransaction(ctx, order.ID)
		require.Equal(t, "AuthorizationFailed", faultOf(t, fault.Blocked, err).Code, "the documents do not give it to an application")
	})
}

func TestAPlannedCheckoutSendsNothing(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		told := map[string][]string{}
		ctx := csuclient.WithCall(t.Context(), csuclient.Call{Plan: func(operation string, fields []string) { told[operation] = fields }})
		k, err := u.channel.CreateCart(ctx, csuclient.NewCart{CustomerID: "000001"})
		require.NoError(t, err)
		require.Equal(t, []any{csuclient.Planned, int64(1)}, []any{k.ID, k.Version})
		k, err = u.channel.AddCartLines(ctx, k.ID, k.Version, []csuclient.CartLine{{ProductID: firstProduct}})
		require.NoError(t, err)
		order, err := u.channel.CheckOut(ctx, k.ID, cash(k))
		require.NoError(t, err)
		require.Equal(t, csuclient.Planned, order.Reference)
		require.Equal(t, map[string][]string{"Carts.Create": {"CustomerId"}, "Carts.AddCartLines": {"cartLines", "cartVersion"},
			"Carts.Checkout": {"cartTenderLines", "cartVersion", "receiptEmail"}}, told)
		require.Empty(t, u.seen.results())
	})
}
