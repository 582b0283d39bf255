package returns

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func amount(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func TestThePartsOfALineComeToTheWholeAndTheLastOneGetsTheRest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		whole, bought string
		places        int32
		parts, want   []string
	}{
		{"10.00", "3", 2, []string{"1", "1", "1"}, []string{"3.33", "3.34", "3.33"}},
		{"0.01", "3", 2, []string{"1", "1", "1"}, []string{"0", "0.01", "0"}},
		{"0.05", "2", 2, []string{"1", "1"}, []string{"0.03", "0.02"}},
		{"100", "3", 0, []string{"2", "1"}, []string{"67", "33"}},
		{"1.125", "2", 3, []string{"1", "1"}, []string{"0.563", "0.562"}},
		{"9.99", "1.5", 2, []string{"0.25", "1.25"}, []string{"1.67", "8.32"}},
		{"10.80", "3", 2, []string{"3"}, []string{"10.8"}},
	} {
		before := decimal.Zero
		var got []string
		for _, part := range tc.parts {
			after := before.Add(amount(part))
			got = append(got, share(amount(tc.whole), before, after, amount(tc.bought), tc.places).String())
			before = after
		}
		require.Equal(t, tc.want, got, tc.whole)
	}
}

func TestInWhateverPartsALineComesBackNotACentIsLost(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		bought := decimal.New(1+r.Int64N(5000), -int32(r.IntN(3)))
		whole, places := decimal.New(r.Int64N(1_000_000), -2), int32(2)
		sum, before := decimal.Zero, decimal.Zero
		for before.LessThan(bought) {
			after := decimal.Min(bought, before.Add(decimal.New(1+r.Int64N(4000), -int32(r.IntN(3)))))
			part := share(whole, before, after, bought, places)
			require.False(t, part.IsNegative(), "%s of %s", whole, bought)
			require.True(t, part.Equal(part.Truncate(places)))
			sum, before = sum.Add(part), after
		}
		require.True(t, sum.Equal(whole), "%s of %s came to %s", whole, bought, sum)
	}
}

// sold is an order of three loaves and a kilo and a half of butter.
func sold() csuclient.SalesOrder {
	return csuclient.SalesOrder{ID: "T", Currency: "USD", Lines: []csuclient.SalesLine{
		{Number: amount("1"), ProductID: 1, ItemID: "P1", Unit: "ea", Quantity: amount("3"), Price: amount("3.34"), Discount: amount("0.02"), Tax: amount("0.80"), Net: amount("10.00"), Total: amount("10.80")},
		{Number: amount("2"), ProductID: 2, ItemID: "P2", Unit: "kg", Quantity: amount("1.5"), Price: amount("6.66"), Net: amount("9.99"), Total: amount("9.99"), Warehouse: "WH1"},
	}}
}

func back(total string, lines ...Line) Requested {
	return Requested{ID: "R", Order: "W", Currency: "USD", Method: byMail, Lines: lines, Total: amount(total)}
}

func TestWhatComesBackIsNegativeAndNamesWhatItWasSoldBy(t *testing.T) {
	t.Parallel()
	var is csuclient.SalesOrder
	q := back("5.27", Line{Line: 2, Quantity: amount("0.25"), Reason: "DEFECT"}, Line{Line: 1, Quantity: amount("1")})
	require.NoError(t, q.amounts(&is, sold(), nil))
	for i, want := range []string{"1 T 2 P2 kg -0.25 6.66 0 0 -1.67 -1.67 WH1 [{DEFECT}]", "2 T 1 P1 ea -1 3.34 -0.01 -0.27 -3.33 -3.6  []"} {
		l := is.Lines[i]
		require.Equal(t, want, fmt.Sprint(l.Number, " ", l.ReturnOf, " ", l.ReturnOfLine, " ", l.ItemID, " ", l.Unit, " ", l.Quantity, " ", l.Price, " ", l.Discount, " ", l.Tax,
			" ", l.Net, " ", l.Total, " ", l.Warehouse, " ", l.Reasons))
	}
	require.Equal(t, "-5 -0.01 -0.27 -5.27", fmt.Sprint(is.Net, is.Discount, is.Tax, is.Total))

	included := sold()
	included.TaxIncluded = true
	is, q = csuclient.SalesOrder{}, back("3.33", Line{Line: 1, Quantity: amount("1")})
	require.NoError(t, q.amounts(&is, included, nil), "taxes are in the prices")
	require.Equal(t, "-3.33", is.Lines[0].Total.String())
}

func TestAReturnThatIsNotAsItWasSoldIsRefusedWithTheField(t *testing.T) {
	t.Parallel()
	one := csuclient.SalesOrder{Lines: []csuclient.SalesLine{{ReturnOf: "T", ReturnOfLine: amount("1"), Quantity: amount("-1")}, {ReturnOf: "other", ReturnOfLine: amount("1"), Quantity: amount("-1")}}}
	of := func(n int, quantity string) Line { return Line{Line: n, Quantity: amount(quantity)} }
	for _, tc := range []struct {
		q       Requested
		earlier []csuclient.SalesOrder
		says    string
	}{
		{back("10.80", of(1, "3")), nil, ""},
		{back("7.20", of(1, "2")), []csuclient.SalesOrder{one}, ""},
		{back("3.61", of(1, "1")), nil, "/total says 3.61 USD, while what comes back was sold for 3.60; correct it at the source: each part of a line is rounded so that all of them come to the line"},
		{back("14.40", of(1, "4")), nil, "/lines/0/quantity is more than the 3 that are left of the 3 bought"},
		{back("10.80", of(2, "1.5"), of(1, "3")), []csuclient.SalesOrder{one}, "/lines/1/quantity is more than the 2 that are left of the 3 bought"},
		{back("1", of(3, "1")), nil, "/lines/0/line is no line of the order, which has 2"},
	} {
		var is csuclient.SalesOrder
		err := tc.q.amounts(&is, sold(), tc.earlier)
		if tc.says == "" {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, tc.says, fault.As(err).Detail)
		require.Equal(t, fault.BusinessRule, fault.As(err).Reason)
	}
	elsewhere := sold()
	elsewhere.Lines[0].Returned = amount("3")
	var is csuclient.SalesOrder
	q := back("3.60", of(1, "1"))
	require.ErrorContains(t, q.amounts(&is, elsewhere, nil), "more than the 0 that are left", "what the CSU says has come back in a store counts")
}

func TestWhatAnEmployeeDoesIsSaidToBeAnEmployees(t *testing.T) {
	t.Parallel()
	price := amount("1")
	for pointer, change := range map[string]func(*Requested){
		"":               func(*Requested) {},
		"/order":         func(q *Requested) { q.Order = "" },
		"/lines/0/price": func(q *Requested) { q.Lines[0].Price = &price },
		"/lines/1/line":  func(q *Requested) { q.Lines = append(q.Lines, q.Lines[0]) },
		"/store":         func(q *Requested) { q.Method = inStore },
	} {
		q := back("3.60", Line{Line: 1, Quantity: amount("1")})
		change(&q)
		if err := q.check(); pointer != "" {
			require.Equal(t, []any{fault.BusinessRule, pointer}, []any{fault.As(err).Reason, fault.As(err).Pointer})
		} else {
			require.NoError(t, err)
		}
	}
}
