package csuclient_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

func amount(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func bread() csuclient.SalesOrder {
	return csuclient.SalesOrder{
		ID: "web-1", Reference: "R-1", ChannelID: 5, CustomerID: "000001", ReceiptEmail: pii.NewEmail("jane@example.test"), Currency: "USD",
		Placed: time.Date(2026, 11, 28, 23, 30, 0, 0, time.UTC), Net: amount("20.10"), Discount: amount("0.30"), Tax: amount("1.61"), Charge: amount("4.99"), Total: amount("26.70"),
		ShipTo: &csuclient.Address{Street: pii.New("1 Main St"), City: pii.New("Houston"), Country: "USA"},
		Lines: []csuclient.SalesLine{{Number: amount("1"), ProductID: 68719490000, ItemID: "P000001", Unit: "ea", Quantity: amount("3"), Price: amount("6.80"),
			Discount: amount("0.30"), Tax: amount("1.61"), Net: amount("20.10"), Total: amount("21.71"), DeliveryMode: "99"}},
		Charges: []csuclient.ChargeLine{{Code: "FREIGHT", Amount: amount("4.99"), Shipping: true}},
	}
}

func TestAnUploadedOrderIsFoundByItsReferenceWithEveryAmountExact(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.OrderSync = time.Minute }, func(t *testing.T, u unit) {
		ctx := t.Context()
		_, err := u.channel.FindOrder(ctx, "R-1")
		require.ErrorIs(t, err, csuclient.ErrNotFound)
		made, err := u.channel.UploadOrder(ctx, bread())
		require.NoError(t, err)
		require.Equal(t, []any{"web-1", "R-1", ""}, []any{made.ID, made.Reference, made.SalesID})

		found, err := u.channel.FindOrder(ctx, "R-1")
		require.NoError(t, err)
		require.Empty(t, found.SalesID, "headquarters does not have it yet")
		want := bread()
		for name, pair := range map[string][2]decimal.Decimal{"net": {want.Net, found.Net}, "discount": {want.Discount, found.Discount}, "tax": {want.Tax, found.Tax},
			"charge": {want.Charge, found.Charge}, "total": {want.Total, found.Total}, "price": {want.Lines[0].Price, found.Lines[0].Price},
			"line": {want.Lines[0].Total, found.Lines[0].Total}, "freight": {want.Charges[0].Amount, found.Charges[0].Amount}} {
			require.True(t, pair[0].Equal(pair[1]), "%s: %s, not %s", name, pair[1], pair[0])
		}
		require.Equal(t, []any{"000001", "jane@example.test", "1 Main St", want.Placed}, []any{found.CustomerID, found.ReceiptEmail.Reveal(), found.ShipTo.Street.Reveal(), found.Placed})
		<-time.After(2 * time.Minute)
		found, err = u.channel.FindOrder(ctx, "R-1")
		require.NoError(t, err)
		require.Equal(t, "SO-000001", found.SalesID)

		stored := u.sim.SalesOrders()[0]
		require.Equal(t, "2026-11-28T00:00:00Z", stored["BusinessDate"])
		for member, want := range map[string]string{"NetAmountWithoutTax": "20.1", "NetAmountWithTax": "21.71", "TaxAmountExclusive": "1.61", "TaxAmountInclusive": "0", "GrossAmount": "26.7", "NumberOfItems": "3"} {
			require.EqualValues(t, want, stored[member], member)
		}
	})
}

func TestOfAnOrderWhoseAnswerIsLostOneIsFoundAndARepeatIsAConflict(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		u.inject(t, csu.Fault{Kind: csu.CommitThenDrop, Operation: csu.OpUploadOrder, Next: 1})
		_, err := u.channel.UploadOrder(t.Context(), bread())
		requireKind(t, fault.Ambiguous, err)
		_, err = u.channel.UploadOrder(t.Context(), bread())
		requireKind(t, fault.Conflict, err)
		_, err = u.channel.FindOrder(t.Context(), "R-1")
		require.NoError(t, err)
		require.Len(t, u.sim.SalesOrders(), 1)
	})
}

func TestAReturnNamesWhatItBringsBackAndWhichPaymentIsPaidBack(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.OrderSync = time.Minute }, func(t *testing.T, u unit) {
		ctx := t.Context()
		sold := bread()
		sold.Payments = []csuclient.Payment{{TypeID: "8", Amount: amount("26.70"), GiftCard: pii.New("G1")}}
		_, err := u.channel.UploadOrder(ctx, sold)
		require.NoError(t, err)
		found, err := u.channel.FindOrder(ctx, "R-1")
		require.NoError(t, err)
		require.Equal(t, "1", found.Payments[0].Line.String(), "an upload numbers its payments")

		<-time.After(2 * time.Minute)
		back := bread()
		back.ID, back.Reference, back.Charges, back.Charge = "web-2", "R-2", nil, amount("0")
		back.Net, back.Discount, back.Tax, back.Total = amount("-6.70"), amount("-0.10"), amount("-0.54"), amount("-7.24")
		back.Lines = []csuclient.SalesLine{{Number: amount("1"), ProductID: 68719490000, ItemID: "P000001", Unit: "ea", Quantity: amount("-1"), Price: amount("6.80"), Discount: amount("-0.10"),
			Tax: amount("-0.54"), Net: amount("-6.70"), Total: amount("-7.24"), ReturnOf: "web-1", ReturnOfLine: amount("1"), Reasons: []csuclient.Reason{{Code: "DEFECT"}}}}
		back.Payments = []csuclient.Payment{{TypeID: "8", Amount: amount("-7.24"), RefundOf: "web-1", RefundOfLine: amount("1")}}
		_, err = u.channel.UploadOrder(ctx, back)
		require.NoError(t, err)
		<-time.After(2 * time.Minute)
		found, err = u.channel.FindOrder(ctx, "R-2")
		require.NoError(t, err)
		require.NotEmpty(t, found.SalesID, "headquarters takes it")
		l, p := found.Lines[0], found.Payments[0]
		require.Equal(t, []string{"web-1", "1", "-1", "-6.7", "DEFECT"}, []string{l.ReturnOf, l.ReturnOfLine.String(), l.Quantity.String(), l.Net.String(), l.Reasons[0].Code})
		require.Equal(t, []string{"web-1", "1", "-7.24"}, []string{p.RefundOf, p.RefundOfLine.String(), p.Amount.String()})
		raw := u.sim.SalesOrders()[1]
		require.EqualValues(t, "-6.8", raw.Lines()[0]["GrossAmount"], "amounts agree in sign")
		require.NotContains(t, u.sim.SalesOrders()[0].Lines()[0], "ReturnLineNumber", "a line that sells says nothing of returns")
	})
}

func TestAnOrderThatCouldNotBeFoundAgainIsNotSent(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		for _, change := range []func(*csuclient.SalesOrder){
			func(o *csuclient.SalesOrder) { o.ID = "" },
			func(o *csuclient.SalesOrder) { o.Reference = "" },
			func(o *csuclient.SalesOrder) { o.Reference = "012345678901234567890123456789012345678901234567890" },
		} {
			o := bread()
			change(&o)
			_, err := u.channel.UploadOrder(t.Context(), o)
			require.Equal(t, fault.Bug, fault.As(err).Reason)
		}
		require.Empty(t, u.seen.results())
	})
}

func TestAProductIsReadOnceAnHour(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.Products = csu.MakeProducts(120) }, func(t *testing.T, u unit) {
		var ids []int64
		for i := range int64(121) {
			ids = append(ids, 68719490000+i)
		}
		found, err := u.channel.Products(t.Context(), ids)
		require.NoError(t, err)
		require.Len(t, found, 120, "one is not there")
		require.Equal(t, csuclient.Product{ID: 68719490119, ItemID: "P000120", Name: "Product 120", Unit: "ea"}, found[68719490119])
		require.Equal(t, []string{"OrgUnits.GetOrgUnitConfiguration ok", "Products.GetByIds ok", "Products.GetByIds ok", "Products.GetByIds ok"}, u.seen.results())
		_, err = u.channel.Products(t.Context(), ids[:100])
		require.NoError(t, err)
		require.Len(t, u.seen.results(), 4, "nothing is asked for again")
		<-time.After(2 * time.Hour)
		_, err = u.channel.Products(t.Context(), ids[:1])
		require.NoError(t, err)
		require.Equal(t, "Products.GetByIds ok", u.seen.results()[len(u.seen.results())-1])
	})
}
