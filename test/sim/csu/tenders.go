package csu

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// The values of RetailOperation that a TenderType may have, and of TenderLineStatus.
const (
	PayCash    = 200
	PayCard    = 201
	PayAccount = 202
	PayLoyalty = 207
	PayGift    = 214

	tenderPending   = 2
	tenderVoided    = 3
	tenderCommitted = 4
)

// TenderType is a way to pay; its id is configuration, its operation says what it is.
type TenderType struct {
	ID, Name  string
	Operation int         // one of Pay…
	Most      json.Number // of one order; empty: any amount
	Refunds   []string    // tender types that money paid by this one may go back by; empty: any
}

// DefaultTenderTypes are those of Microsoft's demonstration data as far as samples show them.
func DefaultTenderTypes() []TenderType {
	return []TenderType{{ID: "1", Name: "Cash", Operation: PayCash}, {ID: "3", Name: "Cards", Operation: PayCard}, {ID: "4", Name: "Customer account", Operation: PayAccount},
		{ID: "8", Name: "Gift card", Operation: PayGift}, {ID: "10", Name: "Loyalty card", Operation: PayLoyalty}}
}

// Connector is a payment connector that is set up for the channel.
type Connector struct {
	ID             string // PaymentConnectorId
	ServiceAccount string // what a card token must be of
}

// DefaultConnectors are those of a simulator that was told none.
func DefaultConnectors() []Connector { return []Connector{{"TestConnector", "service-account-1"}} }

// GiftCard is one that headquarters keeps. Its balance is in its currency.
type GiftCard struct {
	ID, Pin  string
	Balance  json.Number
	Currency string // default: the channel's
}

// LoyaltyCard is a customer's; a point is worth one of the channel's currency (inferred: it is a setting).
type LoyaltyCard struct {
	ID, Customer string
	Points       json.Number
	Blocked      bool
	NoTender     bool // it collects points and cannot pay
}

// cardTypes are those that the channel takes.
var cardTypes = []string{"VISA", "MASTER", "AMEXPRESS"}

func (c *call) tenderType(id string) (TenderType, bool) {
	at := slices.IndexFunc(c.sim.opts.TenderTypes, func(t TenderType) bool { return t.ID == id })
	if at < 0 {
		return TenderType{}, false
	}
	return c.sim.opts.TenderTypes[at], true
}

// payment is what a checkout takes from whom.
type payment struct {
	tender   TenderType
	sent     map[string]any
	amount   decimal.Decimal
	before   decimal.Decimal // what earlier lines of the same checkout take from the same card or payment
	original map[string]any  // of a linked refund
}

// source names the card or the payment that a tender line draws on.
func (p payment) source() string {
	if yes(p.sent, "IsLinkedRefund") {
		return str(p.sent, "LinkedPaymentTransactionId") + " " + dec(p.sent, "LinkedPaymentLineNumber").String()
	}
	return str(p.sent, "GiftCardId")
}

func paymentError(id, message string) *apiError {
	return &apiError{http.StatusBadRequest, typePayment, id, message, nil}
}

func tenderError(id, message string) *apiError {
	return &apiError{http.StatusBadRequest, typeTender, id, message, nil}
}

// refusePayments checks the tender lines of a checkout against what is due, in the order of the real service; the caller holds the lock.
func (c *call) refusePayments(k *cart, sent []map[string]any) ([]payment, *apiError) {
	due := dec(k.members, "AmountDue")
	if len(sent) == 0 && !due.IsZero() {
		return nil, cartError(idNoTenders, "nothing pays what is due")
	}
	var payments []payment
	sum, cards, loyalty, accounts := decimal.Zero, 0, 0, 0
	for _, line := range sent {
		t, known := c.tenderType(str(line, "TenderTypeId"))
		amount := dec(line, "Amount")
		most, limited := toDecimal(t.Most)
		switch {
		case !known:
			return nil, tenderError(idTenderType, "there is no such tender type")
		case amount.Sign() != due.Sign():
			return nil, tenderError(idAmountSign, "the amount has the wrong sign")
		case limited && amount.Abs().GreaterThan(most):
			return nil, tenderError(idPaymentLimit, "the amount is more than the tender type allows")
		case str(line, "Currency") != "" && str(line, "Currency") != c.channel.withDefaults().Currency:
			return nil, tenderError(idPaymentRequest, "the currency is not the channel's")
		}
		switch t.Operation {
		case PayCard:
			cards++
		case PayLoyalty:
			loyalty++
		case PayAccount:
			accounts++
		}
		sum = sum.Add(amount)
		payments = append(payments, payment{tender: t, sent: line, amount: amount})
	}
	switch {
	case !sum.Equal(due):
		return nil, cartError(idAmountDue, "the tender lines do not come to what is due")
	case cards > 1:
		return nil, paymentError(idManyCards, "an order is paid with one card")
	case loyalty > 1:
		return nil, paymentError(idManyLoyalty, "an order is paid with one loyalty card")
	case accounts > 1:
		return nil, paymentError(idManyAccounts, "an order is paid by one account")
	}
	drawn := map[string]decimal.Decimal{}
	for i := range payments {
		from := payments[i].source()
		payments[i].before = drawn[from]
		drawn[from] = drawn[from].Add(payments[i].amount)
		if err := c.refusePayment(k, &payments[i]); err != nil {
			return nil, err
		}
	}
	return payments, nil
}

func (c *call) refusePayment(k *cart, p *payment) *apiError {
	if p.amount.IsNegative() {
		return c.refuseRefund(k, p)
	}
	switch p.tender.Operation {
	case PayCard:
		return c.refuseCard(p.sent)
	case PayAccount:
		return c.refuseAccount(k, p)
	case PayGift:
		return c.refuseGiftCard(p)
	case PayLoyalty:
		return c.refuseLoyalty(k, p)
	}
	return nil
}

// refuseCard checks a card: a token that one of our connectors made, or the code of a hosted page. What the token holds is not looked at.
func (c *call) refuseCard(sent map[string]any) *apiError {
	card, tokenized := sent["TokenizedPaymentCard"].(map[string]any)
	accepted, hosted := sent["CardPaymentAcceptResult"].(map[string]any)
	switch {
	case len(c.sim.opts.Connectors) == 0:
		return paymentError(idNoConnector, "no payment connector is set up for the channel")
	case hosted && str(accepted, "AccessCode") != "":
		settings, _ := accepted["Settings"].(map[string]any)
		if id := str(settings, "PaymentConnectorId"); id != "" && !slices.ContainsFunc(c.sim.opts.Connectors, func(o Connector) bool { return o.ID == id }) {
			return paymentError(idConnector, "the payment connector is not known")
		}
		return nil
	case !tokenized:
		return paymentError(idPaymentRequest, "the card has no token")
	}
	info, _ := card["CardTokenInfo"].(map[string]any)
	now := time.Now().UTC()
	year, month := int(num(card, "ExpirationYear")), int(num(card, "ExpirationMonth"))
	switch {
	case str(info, "CardToken") == "":
		return paymentError(idCardToken, "the card token is missing")
	case !slices.ContainsFunc(c.sim.opts.Connectors, func(o Connector) bool { return o.ServiceAccount == str(info, "ServiceAccountId") }):
		return paymentError(idConnector, "the card token is not of a service account of this channel")
	case !slices.Contains(cardTypes, cmp.Or(str(sent, "CardTypeId"), str(card, "CardTypeId"))):
		return paymentError(idCardType, "the card type is missing or not taken")
	case year != 0 && (month < 1 || month > 12 || year < now.Year() || year == now.Year() && month < int(now.Month())):
		return paymentError(idCardExpired, "the card has expired")
	}
	return nil
}

func (c *call) refuseAccount(k *cart, p *payment) *apiError {
	account := str(p.sent, "CustomerId")
	if account == "" || account != str(k.members, "CustomerId") {
		return paymentError(idAccountOfAnother, "the account is not that of the cart's customer")
	}
	rec, known := c.sim.lookUp(account)
	if !known {
		return paymentError(idAccountOfAnother, "the account is not known")
	}
	allowed, said := rec.members["AllowOnAccountPayment"].(bool)
	limit := dec(rec.members, "CreditLimit")
	switch {
	case said && !allowed: // inferred: who was created without the member may
		return paymentError(idAccountNotAllowed, "the customer may not pay on account")
	case yes(rec.members, "MandatoryCreditLimit") && p.amount.GreaterThan(limit):
		return paymentError(idCreditLimit, "the amount is over the customer's credit limit")
	}
	return nil
}

// cardOfGift finds a gift card; its balance is what checkouts have left of it.
func (c *call) cardOfGift(id string) (GiftCard, decimal.Decimal, bool) {
	at := slices.IndexFunc(c.sim.opts.GiftCards, func(g GiftCard) bool { return g.ID == id })
	if id == "" || at < 0 {
		return GiftCard{}, decimal.Zero, false
	}
	g := c.sim.opts.GiftCards[at]
	g.Currency = cmp.Or(g.Currency, c.channel.withDefaults().Currency)
	balance, _ := toDecimal(g.Balance)
	return g, balance.Sub(c.sim.store.spent["gift "+id]), true
}

func (c *call) refuseGiftCard(p *payment) *apiError {
	g, balance, known := c.cardOfGift(str(p.sent, "GiftCardId"))
	switch {
	case c.headquartersAway():
		return headquartersUnreachable()
	case !known || g.Pin != "" && g.Pin != str(p.sent, "GiftCardPin"):
		return paymentError(idUnauthorized, "the gift card is not known, or its pin is wrong")
	case g.Currency != c.channel.withDefaults().Currency:
		return paymentError(idGiftCurrency, "the gift card is in another currency")
	case p.amount.Add(p.before).GreaterThan(balance):
		return paymentError(idGiftBalance, "the amount is over the gift card's balance")
	}
	return nil
}

func (c *call) refuseLoyalty(k *cart, p *payment) *apiError {
	id := str(p.sent, "LoyaltyCardId")
	at := slices.IndexFunc(c.sim.opts.LoyaltyCards, func(l LoyaltyCard) bool { return l.ID == id })
	if at < 0 {
		return paymentError(idUnauthorized, "the loyalty card is not known")
	}
	l := c.sim.opts.LoyaltyCards[at]
	points, _ := toDecimal(l.Points)
	switch {
	case l.Blocked:
		return paymentError(idLoyaltyBlocked, "the loyalty card is blocked")
	case l.NoTender:
		return paymentError(idLoyaltyNoTender, "the loyalty card cannot pay")
	case l.Customer != "" && str(k.members, "CustomerId") != "" && l.Customer != str(k.members, "CustomerId"):
		return paymentError(idCardOfAnother, "the loyalty card is another customer's")
	case p.amount.GreaterThan(points.Sub(c.sim.store.spent["loyalty "+id])):
		return paymentError(idLoyaltyPoints, "there are not enough points")
	}
	return nil
}

// pay books a payment and gives the order's tender line. Cards are authorised, everything else is captured at once.
func (c *call) pay(p payment, order string, at int) map[string]any {
	line := map[string]any{
		"TenderLineId": c.sim.newLineID(), "LineNumber": number(int64(at + 1)), "TransactionId": order, "TenderTypeId": p.tender.ID, "Amount": money(p.amount),
		"AuthorizedAmount": money(p.amount), "Currency": c.channel.withDefaults().Currency, "StatusValue": number(tenderCommitted), "IsPreProcessed": false,
		"RefundableAmount": money(decimal.Max(p.amount, decimal.Zero)),
	}
	for _, name := range []string{"CustomerId", "GiftCardId", "LoyaltyCardId", "CardTypeId", "IsLinkedRefund", "LinkedPaymentTransactionId", "LinkedPaymentLineNumber"} {
		if v, sent := p.sent[name]; sent {
			line[name] = v
		}
	}
	switch p.tender.Operation {
	case PayCard:
		card, _ := p.sent["TokenizedPaymentCard"].(map[string]any)
		info, _ := card["CardTokenInfo"].(map[string]any)
		line["StatusValue"], line["CardPaymentAccountId"], line["MaskedCardNumber"] = number(tenderPending), str(info, "ServiceAccountId"), str(info, "MaskedCardNumber")
		line["CardTypeId"] = cmp.Or(str(p.sent, "CardTypeId"), str(card, "CardTypeId"))
		line["CardToken"], line["Authorization"] = str(info, "CardToken"), "<authorized/>"
	case PayGift:
		c.sim.store.spend("gift "+str(p.sent, "GiftCardId"), p.amount)
	case PayLoyalty:
		c.sim.store.spend("loyalty "+str(p.sent, "LoyaltyCardId"), p.amount)
	}
	if p.original != nil {
		p.original["RefundableAmount"] = money(dec(p.original, "RefundableAmount").Add(p.amount))
	}
	return line
}

// giveBack undoes what a tender line took off a card.
func (c *call) giveBack(line map[string]any) {
	for kind, name := range map[string]string{"gift ": "GiftCardId", "loyalty ": "LoyaltyCardId"} {
		if id := str(line, name); id != "" {
			c.sim.store.spend(kind+id, dec(line, "Amount").Neg())
		}
	}
}

func (s *store) spend(what string, amount decimal.Decimal) { s.spent[what] = s.spent[what].Add(amount) }

// merchants are the cart's MerchantProperties: one entry for each connector.
func (c *call) merchants() []any {
	out := []any{}
	for _, o := range c.sim.opts.Connectors {
		out = append(out, map[string]any{"PaymentConnectorName": o.ID, "ServiceAccountId": o.ServiceAccount})
	}
	return out
}
