package csuclient

import (
	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/internal/pii"
)

// The values of TenderType.Operation: what a tender type is, whatever its id.
const (
	PayCash        = 200
	PayCard        = 201
	PayAccount     = 202
	PayLoyaltyCard = 207
	PayGiftCard    = 214
)

// TenderType is a way to pay that the channel knows. Ids are configuration; go by Operation.
type TenderType struct {
	ID        string `json:"TenderTypeId"`
	Name      string `json:"Name"`
	Operation int    `json:"OperationId"`
	Connector string `json:"ConnectorId"`
}

// CardType is a kind of card that the channel takes.
type CardType struct {
	ID           string `json:"TypeId"`
	Name         string `json:"Name"`
	TenderTypeID string `json:"PaymentMethodId"`
}

// GiftCard is what a gift card has left.
type GiftCard struct {
	Balance  decimal.Decimal `json:"Balance"`
	Currency string          `json:"BalanceCurrencyCode"`
}

// Tender is a payment of a checkout; with a negative amount a refund. Besides type, amount and currency it has what its type needs.
type Tender struct {
	TypeID   string
	Amount   decimal.Decimal
	Currency string

	CustomerID  string   // account
	GiftCard    pii.Text // number
	GiftCardPin pii.Text
	LoyaltyCard string
	Card        *Card // card
	Refund      *Refund
}

// Card is a card that another system has turned into a token. The token is opaque: whoever made it knows what is in it.
type Card struct {
	TypeID         string
	Token          pii.Text
	UniqueID       pii.Text
	ServiceAccount string // of the payment connector; it must be the channel's
	Masked         pii.Text
	Name           pii.Text
	Year, Month    int // of expiry
}

// Refund names the payment that money goes back to.
type Refund struct {
	Order string          // transaction id
	Line  decimal.Decimal // line number of the tender
}

// Checkout is what makes an order of a cart.
type Checkout struct {
	Version      int64 // of the cart
	ReceiptEmail pii.Email
	Tenders      []Tender // they come to Cart.Due, to the cent
}
