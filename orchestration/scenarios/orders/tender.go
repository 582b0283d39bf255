package orders

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
)

// tenders are the payments as a checkout takes them. They must come to what the CSU makes of the cart, to the cent: what the tolerance
// leaves between that and the event is put on the greatest of them. A cart that is not known has none.
func (o orders) tenders(r *run, want csuclient.SalesOrder, k csuclient.Cart) ([]csuclient.Tender, error) {
	if want.ReceiptEmail.IsZero() {
		return nil, wrong("/email", "is missing, which a checkout needs")
	}
	if len(want.Payments) == 0 && !r.In.Total.IsZero() {
		return nil, wrong("/payments", "is missing: a checkout takes the payments with the order")
	}
	out := make([]csuclient.Tender, len(want.Payments))
	greatest, sum := 0, decimal.Zero
	for i, p := range want.Payments {
		out[i] = csuclient.Tender{TypeID: p.TypeID, Amount: p.Amount, Currency: r.In.Currency, CustomerID: p.CustomerID, GiftCard: p.GiftCard, LoyaltyCard: p.LoyaltyCard.Reveal()}
		if in := r.In.Payments[i].Card; in != nil {
			c := &csuclient.Card{TypeID: in.Type, Token: in.Token, UniqueID: in.UniqueID, ServiceAccount: in.ServiceAccount, Masked: in.Masked, Name: in.Holder}
			if in.Expires != "" {
				at, err := time.Parse("2006-01", in.Expires)
				if err != nil {
					return nil, wrong(fmt.Sprintf("/payments/%d/card/expires", i), "is no month such as 2028-04")
				}
				c.Year, c.Month = at.Year(), int(at.Month())
			}
			out[i].Card = c
		}
		if p.Amount.GreaterThan(out[greatest].Amount) {
			greatest = i
		}
		sum = sum.Add(p.Amount)
	}
	if k.Version > 0 && len(out) > 0 && within(k.Due, sum, tolerance(r)) {
		out[greatest].Amount = out[greatest].Amount.Add(k.Due.Sub(sum))
	}
	return out, nil
}
