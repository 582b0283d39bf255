package csuclient

import (
	"encoding/json"
	"time"

	"github.com/signalbox/signalbox/internal/pii"
)

// As in wire.go: what goes over the wire of carts.

type wireCart struct {
	ID            string         `json:"Id,omitempty"`
	CustomerID    string         `json:"CustomerId,omitempty"`
	LoyaltyCardID string         `json:"LoyaltyCardId,omitempty"`
	OrderNumber   string         `json:",omitempty"`
	Comment       string         `json:",omitempty"`
	CartLines     []wireCartLine `json:",omitempty"`
	Coupons       []wireCoupon   `json:",omitempty"`

	AttributeValues []wireAttribute `json:",omitempty"`
	CartTypeValue   int             `json:",omitempty"`
}

type wireCoupon struct{ Code string }

type wireCartChanges struct {
	Version       int64
	CustomerID    *string `json:"CustomerId,omitempty"`
	LoyaltyCardID *string `json:"LoyaltyCardId,omitempty"`
	Comment       *string `json:",omitempty"`
}

type wireCartLine struct {
	LineID              string      `json:"LineId,omitempty"`
	ProductID           int64       `json:"ProductId,omitempty"`
	UnitOfMeasureSymbol string      `json:",omitempty"`
	Quantity            json.Number `json:",omitempty"`
	IsPriceKeyedIn      bool        `json:",omitempty"`
	Price               json.Number `json:",omitempty"`
	ReturnTransactionID string      `json:"ReturnTransactionId,omitempty"`
	ReturnLineNumber    json.Number `json:",omitempty"`
}

type wireCartLines struct {
	CartLines   []wireCartLine `json:"cartLines"`
	CartVersion int64          `json:"cartVersion"`
}

type wireLineIDs struct {
	CartLineIDs []string `json:"cartLineIds"`
}

type wireCoupons struct {
	CouponCodes []string `json:"couponCodes"`
}

type wireCharge struct {
	ModuleTypeValue int         `json:"moduleTypeValue"`
	ChargeCode      string      `json:"chargeCode"`
	Amount          json.Number `json:"amount"`
}

type wireDelivery struct {
	Specification wireSpecification `json:"deliverySpecification"`
}

type wireLineDeliveries struct {
	Specifications []wireLineDelivery `json:"lineDeliverySpecifications"`
}

type wireLineDelivery struct {
	LineID                string `json:"LineId"`
	DeliverySpecification wireSpecification
}

type wireSpecification struct {
	DeliveryModeID                 string `json:"DeliveryModeId"`
	DeliveryPreferenceTypeValue    int
	DeliveryAddress                *wireAddress `json:",omitempty"`
	PickUpStoreID                  string       `json:"PickUpStoreId,omitempty"`
	PickupTimeslotStartDateTime    *time.Time   `json:",omitempty"`
	PickupTimeslotEndDateTime      *time.Time   `json:",omitempty"`
	ElectronicDeliveryEmailAddress string       `json:",omitempty"`
	ShipFromStoreID                string       `json:"ShipFromStoreId,omitempty"`
	RequestedDeliveryDate          *time.Time   `json:",omitempty"`
}

type wireCheckout struct {
	ReceiptEmail    string           `json:"receiptEmail"`
	CartTenderLines []wireCartTender `json:"cartTenderLines"`
	CartVersion     int64            `json:"cartVersion"`
}

// cartTenderType is the type hint that tender lines carry in every sample.
const cartTenderType = "#Microsoft.Dynamics.Commerce.Runtime.DataModel.CartTenderLine"

type wireCartTender struct {
	Type                       string `json:"@odata.type"`
	TenderTypeID               string `json:"TenderTypeId"`
	Amount                     json.Number
	Currency                   string         `json:",omitempty"`
	CustomerID                 string         `json:"CustomerId,omitempty"`
	GiftCardID                 string         `json:"GiftCardId,omitempty"`
	GiftCardPin                string         `json:",omitempty"`
	LoyaltyCardID              string         `json:"LoyaltyCardId,omitempty"`
	CardTypeID                 string         `json:"CardTypeId,omitempty"`
	TokenizedPaymentCard       *wireTokenCard `json:",omitempty"`
	IsLinkedRefund             bool           `json:",omitempty"`
	LinkedPaymentTransactionID string         `json:"LinkedPaymentTransactionId,omitempty"`
	LinkedPaymentLineNumber    json.Number    `json:",omitempty"`
}

type wireTokenCard struct {
	CardTypeID      string `json:"CardTypeId"`
	NameOnCard      string `json:",omitempty"`
	ExpirationYear  int    `json:",omitempty"`
	ExpirationMonth int    `json:",omitempty"`
	CardTokenInfo   wireToken
}

type wireToken struct {
	CardToken        string
	UniqueCardID     string `json:"UniqueCardId,omitempty"`
	ServiceAccountID string `json:"ServiceAccountId"`
	MaskedCardNumber string `json:",omitempty"`
}

type wireDocument struct {
	SalesDocument wireCart `json:"salesDocument"`
}

func newCart(n NewCart) wireCart {
	w := wireCart{ID: n.ID, CustomerID: n.CustomerID, LoyaltyCardID: n.LoyaltyCard, OrderNumber: n.OrderNumber, Comment: n.Comment.Reveal(),
		CartLines: each(n.Lines, newCartLine), AttributeValues: each(n.Attributes, newAttribute)}
	if n.Checkout {
		w.CartTypeValue = checkoutCart
	}
	return w
}

const checkoutCart = 2 // CartType

func newCartLine(l CartLine) wireCartLine {
	w := wireCartLine{LineID: l.ID, ProductID: l.ProductID, UnitOfMeasureSymbol: l.Unit, Quantity: exact(l.Quantity), ReturnTransactionID: l.ReturnOf}
	if l.Keyed {
		w.IsPriceKeyedIn, w.Price = true, exact(l.Price)
	}
	if l.ReturnOf != "" {
		w.ReturnLineNumber = exact(l.ReturnNumber)
	}
	return w
}

func newSpecification(d Delivery) wireSpecification {
	return wireSpecification{
		DeliveryModeID: d.Mode, DeliveryPreferenceTypeValue: d.Preference, DeliveryAddress: shipTo(d.Address), PickUpStoreID: d.Store,
		PickupTimeslotStartDateTime: moment(d.SlotFrom), PickupTimeslotEndDateTime: moment(d.SlotTo),
		ElectronicDeliveryEmailAddress: d.Email.Reveal(), ShipFromStoreID: d.ShipFrom, RequestedDeliveryDate: moment(d.Wished),
	}
}

// moment is nil for no time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func newCheckout(c Checkout) wireCheckout {
	return wireCheckout{c.ReceiptEmail.Reveal(), each(c.Tenders, newTender), c.Version}
}

func newTender(t Tender) wireCartTender {
	w := wireCartTender{
		Type: cartTenderType, TenderTypeID: t.TypeID, Amount: exact(t.Amount), Currency: t.Currency, CustomerID: t.CustomerID,
		GiftCardID: t.GiftCard.Reveal(), GiftCardPin: t.GiftCardPin.Reveal(), LoyaltyCardID: t.LoyaltyCard,
	}
	if c := t.Card; c != nil {
		w.CardTypeID = c.TypeID
		w.TokenizedPaymentCard = &wireTokenCard{CardTypeID: c.TypeID, NameOnCard: c.Name.Reveal(), ExpirationYear: c.Year, ExpirationMonth: c.Month,
			CardTokenInfo: wireToken{c.Token.Reveal(), c.UniqueID.Reveal(), c.ServiceAccount, c.Masked.Reveal()}}
	}
	if r := t.Refund; r != nil {
		w.IsLinkedRefund, w.LinkedPaymentTransactionID, w.LinkedPaymentLineNumber = true, r.Order, exact(r.Line)
	}
	return w
}

type wireGiftCard struct {
	GiftCardID string `json:"giftCardId"`
	Pin        string `json:"pin,omitempty"`
}

func newGiftCard(number, pin pii.Text) wireGiftCard {
	return wireGiftCard{number.Reveal(), pin.Reveal()}
}
