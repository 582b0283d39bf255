package returns

import (
	"context"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios/orders"
)

// refunds are the event's as the CSU is to have them: negative payments, each of which names a payment of the order that headquarters pays
// back, or what else the money goes by.
func (o returns) refunds(ctx context.Context, r *run, original csuclient.SalesOrder, earlier []csuclient.SalesOrder) ([]csuclient.Payment, error) {
	if len(r.In.Refunds) == 0 {
		return nil, nil
	}
	if err := r.In.comeTo(); err != nil {
		return nil, err
	}
	var out []csuclient.Payment
	for i, f := range r.In.Refunds {
		pointer := fmt.Sprintf("/refunds/%d", i)
		var p csuclient.Payment
		var err error
		if f.named() {
			p, err = o.byWhatIsNamed(ctx, r, pointer, f, original.CustomerID)
		} else {
			p, err = o.toPayment(ctx, r, pointer, f, original, slices.Concat(earlier, []csuclient.SalesOrder{{Payments: out}}))
		}
		if err != nil {
			return nil, err
		}
		p.Amount = f.Amount.Neg()
		out = append(out, p)
	}
	return out, nil
}

// comeTo holds the refunds against the total. None has more digits than its currency, which the total has not.
func (q Requested) comeTo() error {
	places, err := orders.Places(q.Currency)
	if err != nil {
		return err
	}
	sum := decimal.Zero
	for i, f := range q.Refunds {
		if !f.Amount.Equal(f.Amount.Truncate(places)) {
			return orders.Wrong(fmt.Sprintf("/refunds/%d/amount", i), fmt.Sprintf("has more than the %d digits behind the point that %s has", places, q.Currency))
		}
		sum = sum.Add(f.Amount)
	}
	if !sum.Equal(q.Total) {
		return orders.Wrong("/refunds", fmt.Sprintf("come to %s %s, while %s come back; send all of them, or none if it is settled in headquarters", sum, q.Currency, q.Total))
	}
	return nil
}

// named says whether a refund names itself what the money goes by.
func (f Refund) named() bool {
	return f.Card != nil || !f.GiftCard.IsZero() || !f.LoyaltyCard.IsZero() || f.Method == orders.ByAccount && f.Of == 0
}

func (o returns) byWhatIsNamed(ctx context.Context, r *run, pointer string, f Refund, account string) (csuclient.Payment, error) {
	if f.Of != 0 {
		return csuclient.Payment{}, orders.Wrong(pointer+"/payment", "is given beside another way; money goes back to a payment of the order, or by what the refund names")
	}
	ch := r.Channel
	ch.OrderMode = orchestration.OrderUpload // whatever orders are: a refund that was made brings its authorization
	if err := f.Complete(pointer, account != "", ch); err != nil {
		return csuclient.Payment{}, err
	}
	typ, err := orders.TenderType(ctx, o.csu(r.Channel), r.Channel, pointer, f.Payment)
	return f.AsPaid(typ, account), err
}

// toPayment lets headquarters pay back what was paid. others are the returns that have been paid back, this one's refunds so far included.
func (o returns) toPayment(ctx context.Context, r *run, pointer string, f Refund, original csuclient.SalesOrder, others []csuclient.SalesOrder) (csuclient.Payment, error) {
	if len(original.Payments) == 0 && f.Of != 0 { // a scale unit may keep payments to itself: the order's were numbered as they came
		typ, err := orders.TenderType(ctx, o.csu(r.Channel), r.Channel, pointer, f.Payment)
		return csuclient.Payment{TypeID: typ, RefundOf: original.ID, RefundOfLine: decimal.NewFromInt(int64(f.Of))}, err
	}
	types, err := o.csu(r.Channel).TenderTypes(ctx, false)
	if err != nil {
		return csuclient.Payment{}, err
	}
	var fit []csuclient.Payment
	for _, paid := range original.Payments {
		ofMethod := slices.ContainsFunc(types, func(t csuclient.TenderType) bool { return t.ID == paid.TypeID && t.Operation == f.Operation() })
		if ofMethod && (f.Of == 0 || paid.Line.Equal(decimal.NewFromInt(int64(f.Of)))) && (f.TenderType == "" || f.TenderType == paid.TypeID) {
			fit = append(fit, paid)
		}
	}
	switch {
	case len(fit) == 0:
		return csuclient.Payment{}, orders.Wrong(pointer+"/payment", "names no payment of the order that was made by the method, as far as the CSU shows them; say what the money goes back by")
	case len(fit) > 1:
		return csuclient.Payment{}, orders.Wrong(pointer+"/payment", "is missing, and the order has several payments of the method; give the number of one")
	}
	paid := fit[0]
	if left := paid.Amount.Sub(paidBack(others, original.ID, paid.Line)); f.Amount.GreaterThan(left) {
		return csuclient.Payment{}, orders.Wrong(pointer+"/amount", fmt.Sprintf("is more than the %s that are left of the payment", left))
	}
	return csuclient.Payment{TypeID: paid.TypeID, CardType: paid.CardType, Masked: paid.Masked, ServiceAccount: paid.ServiceAccount, GiftCard: paid.GiftCard,
		LoyaltyCard: paid.LoyaltyCard, CustomerID: paid.CustomerID, RefundOf: original.ID, RefundOfLine: paid.Line}, nil
}

// paidBack is how much of a payment has been paid back.
func paidBack(others []csuclient.SalesOrder, original string, line decimal.Decimal) decimal.Decimal {
	sum := decimal.Zero
	for _, o := range others {
		for _, p := range o.Payments {
			if p.RefundOf == original && p.RefundOfLine.Equal(line) {
				sum = sum.Sub(p.Amount)
			}
		}
	}
	return sum
}
