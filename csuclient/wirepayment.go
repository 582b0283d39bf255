package csuclient

import (
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"
)

// As in wire.go: what goes over the wire of an uploaded order's payments and attributes.

type wirePayment struct {
	TenderLineID             string `json:"TenderLineId"`
	LineNumber               json.Number
	TransactionID            string `json:"TransactionId"`
	ChannelID                int64  `json:"ChannelId,omitempty"`
	TenderTypeID             string `json:"TenderTypeId"`
	Amount                   json.Number
	AuthorizedAmount         json.Number
	Currency                 string
	CardTypeID               string `json:"CardTypeId,omitempty"`
	MaskedCardNumber         string `json:",omitempty"`
	CardToken                string `json:",omitempty"`
	Authorization            string `json:",omitempty"`
	CaptureToken             string `json:",omitempty"`
	CardPaymentAccountID     string `json:"CardPaymentAccountId,omitempty"`
	AuthorizationReferenceID string `json:"AuthorizationReferenceId,omitempty"`
	GiftCardID               string `json:"GiftCardId,omitempty"`
	LoyaltyCardID            string `json:"LoyaltyCardId,omitempty"`
	CustomerID               string `json:"CustomerId,omitempty"`
	IsPreProcessed           bool
	StatusValue              int
	ProcessingTypeValue      int // 0: immediate

	IsLinkedRefund             bool        `json:",omitempty"`
	LinkedPaymentTransactionID string      `json:"LinkedPaymentTransactionId,omitempty"`
	LinkedPaymentLineNumber    json.Number `json:",omitempty"`
	LinkedPaymentCurrency      string      `json:",omitempty"`
}

// tenders writes the payments. A card that is authorised is pending until headquarters captures it; a refund of a payment is headquarters'
// to make; whatever else there is has been taken.
func (o SalesOrder) tenders() []wirePayment {
	out := make([]wirePayment, 0, len(o.Payments))
	for i, p := range o.Payments {
		status := tenderCommitted
		if !p.Authorization.IsZero() && p.Capture.IsZero() {
			status = tenderPending
		}
		wire := wirePayment{
			TenderLineID: fmt.Sprintf("%s-%d", o.ID, i+1), LineNumber: exact(decimal.NewFromInt(int64(i + 1))), TransactionID: o.ID, ChannelID: o.ChannelID,
			TenderTypeID: p.TypeID, Amount: exact(p.Amount), AuthorizedAmount: exact(p.Amount), Currency: o.Currency,
			CardTypeID: p.CardType, MaskedCardNumber: p.Masked.Reveal(), CardToken: p.Token.Reveal(), Authorization: p.Authorization.Reveal(),
			CaptureToken: p.Capture.Reveal(), CardPaymentAccountID: p.ServiceAccount, AuthorizationReferenceID: p.Reference,
			GiftCardID: p.GiftCard.Reveal(), LoyaltyCardID: p.LoyaltyCard.Reveal(), CustomerID: p.CustomerID, IsPreProcessed: true, StatusValue: status,
		}
		if p.RefundOf != "" {
			wire.IsLinkedRefund, wire.LinkedPaymentTransactionID, wire.LinkedPaymentLineNumber, wire.LinkedPaymentCurrency = true, p.RefundOf, exact(p.RefundOfLine), o.Currency
			wire.IsPreProcessed, wire.StatusValue = false, tenderNotProcessed
		}
		out = append(out, wire)
	}
	return out
}

// wireAttribute says its type, without which the value would not be read: the base type has none.
type wireAttribute struct {
	Type      string `json:"@odata.type"`
	Name      string
	TextValue string
}

func newAttribute(a Attribute) wireAttribute {
	return wireAttribute{Type: "#Microsoft.Dynamics.Commerce.Runtime.DataModel.AttributeTextValue", Name: a.Name, TextValue: a.Text.Reveal()}
}
