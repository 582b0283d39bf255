package orders

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
)

// The methods of a Payment.
const (
	ByCard        = "card"
	ByGiftCard    = "giftCard"
	ByLoyaltyCard = "loyaltyCard"
	ByAccount     = "account"
)

// operations are the methods in headquarters' numbers: what a tender type is, whatever its id.
var operations = map[string]int{ByCard: csuclient.PayCard, ByGiftCard: csuclient.PayGiftCard, ByLoyaltyCard: csuclient.PayLoyaltyCard, ByAccount: csuclient.PayAccount}

// Operation is headquarters' number of the payment's method.
func (p Payment) Operation() int { return operations[p.Method] }

// Payment is how a part of the total is paid. It is a part of the order: after that D365 is the one who captures, voids and pays back.
type Payment struct {
	Method      string          `json:"method"`
	TenderType  string          `json:"tenderType"` // headquarters' id; when absent, the channel's only one of the method
	Amount      decimal.Decimal `json:"amount"`
	Card        *Card           `json:"card"`
	GiftCard    pii.Text        `json:"giftCard"`
	LoyaltyCard pii.Text        `json:"loyaltyCard"`
}

// Card is a card that has been authorised. Token, authorization and capture are what a payment SDK has serialised, and pass through
// unread.
type Card struct {
	Type           string   `json:"type"` // headquarters' id of the card type
	Masked         pii.Text `json:"masked"`
	Token          pii.Text `json:"token"`
	Authorization  pii.Text `json:"authorization"`
	Capture        pii.Text `json:"capture"`
	ServiceAccount string   `json:"serviceAccount"` // of the payment connector that they were made with
	Reference      string   `json:"reference"`      // the processor's
	UniqueID       pii.Text `json:"uniqueId"`       // the token's, in the vault
	Holder         pii.Text `json:"holder"`
	Expires        string   `json:"expires"` // such as 2028-04
}

// blobs are the places of the data where whatever looks like the number of a card is none.
func blobs() map[string]int {
	all := map[string]int{}
	Blobs("/payments/*", all)
	return all
}

// Blobs adds the opaque members of a payment to numbers.
func Blobs(payment string, numbers map[string]int) {
	for _, name := range []string{"token", "authorization", "capture"} {
		numbers[payment+"/card/"+name] = orchestration.AnyNumber
	}
}

// payments are the event's as the CSU is to have them. account is the customer's.
func (o orders) payments(ctx context.Context, r *run, account string) ([]csuclient.Payment, error) {
	if len(r.In.Payments) == 0 {
		return nil, nil
	}
	sum := decimal.Zero
	for _, p := range r.In.Payments {
		sum = sum.Add(p.Amount)
	}
	if !sum.Equal(r.In.Total) {
		return nil, wrong("/payments", fmt.Sprintf("come to %s %s, while %s are to be paid; send all of them, or none if it is paid later", sum, r.In.Currency, r.In.Total))
	}
	var out []csuclient.Payment
	for i, p := range r.In.Payments {
		pointer := fmt.Sprintf("/payments/%d", i)
		if err := p.Complete(pointer, r.In.Customer != "", r.Channel); err != nil {
			return nil, err
		}
		typ, err := TenderType(ctx, o.csu(r.Channel), r.Channel, pointer, p)
		if err != nil {
			return nil, err
		}
		out = append(out, p.AsPaid(typ, account))
	}
	return out, nil
}

// AsPaid is the payment as the CSU is to have it. typ is headquarters' id of how it is made, account the customer's.
func (p Payment) AsPaid(typ, account string) csuclient.Payment {
	c := csuclient.Payment{TypeID: typ, Amount: p.Amount, GiftCard: p.GiftCard, LoyaltyCard: p.LoyaltyCard}
	if p.Method == ByAccount {
		c.CustomerID = account
	}
	if p.Card != nil {
		c.CardType, c.Masked, c.Token, c.Authorization, c.Capture = p.Card.Type, p.Card.Masked, p.Card.Token, p.Card.Authorization, p.Card.Capture
		c.ServiceAccount, c.Reference = p.Card.ServiceAccount, p.Card.Reference
	}
	return c
}

// Complete says whether a payment has what its method needs, and nothing of another. customer says that the order has one.
func (p Payment) Complete(pointer string, customer bool, ch orchestration.Channel) error {
	for _, of := range []struct {
		method, member string
		given          bool
	}{{ByCard, "card", p.Card != nil}, {ByGiftCard, "giftCard", !p.GiftCard.IsZero()}, {ByLoyaltyCard, "loyaltyCard", !p.LoyaltyCard.IsZero()}} {
		switch {
		case of.given && of.method != p.Method:
			return wrong(pointer+"/"+of.member, "belongs to another method than "+p.Method)
		case !of.given && of.method == p.Method:
			return wrong(pointer+"/"+of.member, "is missing, which the method needs")
		}
	}
	if p.Method == ByAccount && !customer {
		return wrong(pointer+"/method", "is the customer's account, and the order is a guest's")
	}
	if p.Card == nil {
		return nil
	}
	switch uses := ch.UsesCarts(); {
	case uses && !p.Card.Authorization.IsZero():
		return wrong(pointer+"/card/authorization", fmt.Sprintf("is given, while channel %s places carts, whose checkout authorises the token by itself; leave it out, or have the channel upload its orders", ch.Name))
	case uses && p.Card.Type == "":
		return wrong(pointer+"/card/type", "is missing, which a checkout needs")
	case !uses && p.Card.Authorization.IsZero():
		return wrong(pointer+"/card/authorization", "is missing: an order that is uploaded brings its authorization; a token alone would be charged by nobody")
	}
	if len(ch.ServiceAccounts) == 0 {
		return wrong(pointer+"/card/serviceAccount", fmt.Sprintf("cannot be held against channel %s, which names no service_accounts; have them set to those of its payment connectors, then replay", ch.Name))
	}
	if !slices.Contains(ch.ServiceAccounts, p.Card.ServiceAccount) {
		return wrong(pointer+"/card/serviceAccount", fmt.Sprintf("is none of channel %s, so that headquarters could not capture the payment; authorise with the channel's payment connector", ch.Name))
	}
	return nil
}

// TenderTypes lists the ways to pay that a channel knows.
type TenderTypes interface {
	TenderTypes(ctx context.Context, fresh bool) ([]csuclient.TenderType, error)
}

// TenderType is headquarters' id of how a payment is made.
func TenderType(ctx context.Context, csu TenderTypes, ch orchestration.Channel, pointer string, p Payment) (string, error) {
	var ids []string
	for _, fresh := range []bool{false, true} { // a person may have set it up and replayed the event
		all, err := csu.TenderTypes(ctx, fresh)
		if err != nil {
			return "", err
		}
		ids = nil
		for _, t := range all {
			if t.Operation == p.Operation() {
				ids = append(ids, t.ID)
			}
		}
		switch {
		case p.TenderType != "" && slices.Contains(ids, p.TenderType):
			return p.TenderType, nil
		case p.TenderType == "" && len(ids) == 1:
			return ids[0], nil
		}
	}
	switch {
	case len(ids) == 0:
		return "", wrong(pointer+"/method", fmt.Sprintf("is one that channel %s does not take; set up a payment method for it in headquarters, then replay", ch.Name))
	case p.TenderType == "":
		return "", wrong(pointer+"/tenderType", "is missing, and the channel has several of the method: give one of "+strings.Join(ids, ", "))
	}
	return "", wrong(pointer+"/tenderType", "is none of the method; give one of "+strings.Join(ids, ", "))
}
