package csuclient

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/internal/pii"
)

// LongestReference is how many characters of a channel reference id the CSU keeps.
const LongestReference = 50

// SalesOrder is an order of the CSU. Amounts are in the order's currency and exact: they are never binary fractions. It decodes from
// the CSU's JSON; encoding it gives masks (wire.go sends).
type SalesOrder struct {
	ID           string          `json:"Id"`                 // the transaction id, which the client chooses
	Reference    string          `json:"ChannelReferenceId"` // what everybody knows the order by; up to LongestReference
	SalesID      string          `json:"SalesId"`            // headquarters' number; empty until it has the order
	Status       int             `json:"StatusValue"`        // OrderCreated and the like
	ChannelID    int64           `json:"ChannelId"`
	CustomerID   string          `json:"CustomerId"` // account number; empty for a guest
	ReceiptEmail pii.Email       `json:"ReceiptEmail"`
	Currency     string          `json:"CurrencyCode"` // ISO 4217
	Placed       time.Time       `json:"CreatedDateTime"`
	TaxIncluded  bool            `json:"IsTaxIncludedInPrice"`
	Net          decimal.Decimal `json:"NetAmount"`      // of the lines, after discount
	Discount     decimal.Decimal `json:"DiscountAmount"` // of the lines
	Tax          decimal.Decimal `json:"TaxAmount"`      // of lines and charges
	Charge       decimal.Decimal `json:"ChargeAmount"`
	Total        decimal.Decimal `json:"TotalAmount"` // to be paid
	DeliveryMode string          `json:"DeliveryMode"`
	ShipTo       *Address        `json:"ShippingAddress"`
	Lines        []SalesLine     `json:"SalesLines"`
	Charges      []ChargeLine    `json:"ChargeLines"`
	Payments     []Payment       `json:"TenderLines"`
	Attributes   []Attribute     `json:"AttributeValues"`
}

// Attribute is one that headquarters has declared for orders, with a text.
type Attribute struct {
	Name string   `json:"Name"`
	Text pii.Text `json:"TextValue"`
}

// Payment is what has been paid, or may be taken, of an order that is uploaded. Besides type and amount it has what its type needs.
// What a payment SDK has serialised is opaque: it is made elsewhere, sent as it is, and read by headquarters' payment connector.
type Payment struct {
	TypeID         string          `json:"TenderTypeId"`
	Amount         decimal.Decimal `json:"Amount"`
	CardType       string          `json:"CardTypeId"`
	Masked         pii.Text        `json:"MaskedCardNumber"`
	Token          pii.Text        `json:"CardToken"`     // opaque
	Authorization  pii.Text        `json:"Authorization"` // opaque
	Capture        pii.Text        `json:"CaptureToken"`  // opaque; empty while nothing has been captured
	ServiceAccount string          `json:"CardPaymentAccountId"`
	Reference      string          `json:"AuthorizationReferenceId"` // the processor's
	GiftCard       pii.Text        `json:"GiftCardId"`
	LoyaltyCard    pii.Text        `json:"LoyaltyCardId"`
	CustomerID     string          `json:"CustomerId"` // whose account it goes on
	Line           decimal.Decimal `json:"LineNumber"` // 1, 2, ...; an upload numbers them in their order

	// Of a refund, whose amount is negative: the payment that headquarters is to pay back, by transaction id and line number. Empty:
	// it goes back by what else is said here.
	RefundOf     string          `json:"LinkedPaymentTransactionId"`
	RefundOfLine decimal.Decimal `json:"LinkedPaymentLineNumber"`
}

// SalesLine is a line of an order.
type SalesLine struct {
	Number       decimal.Decimal `json:"LineNumber"` // 1, 2, ...
	ProductID    int64           `json:"ProductId"`
	ItemID       string          `json:"ItemId"`
	Unit         string          `json:"SalesOrderUnitOfMeasure"`
	Quantity     decimal.Decimal `json:"Quantity"`
	Price        decimal.Decimal `json:"Price"`          // of one
	Discount     decimal.Decimal `json:"DiscountAmount"` // of the line
	Tax          decimal.Decimal `json:"TaxAmount"`
	Net          decimal.Decimal `json:"NetAmount"`   // after discount
	Total        decimal.Decimal `json:"TotalAmount"` // with tax
	DeliveryMode string          `json:"DeliveryMode"`
	ShipTo       *Address        `json:"ShippingAddress"`
	Store        string          `json:"FulfillmentStoreId"`  // where it is picked up, or shipped from
	Warehouse    string          `json:"InventoryLocationId"` // empty: the channel's
	PickupFrom   *time.Time      `json:"PickupTimeslotStartDateTime"`
	PickupTo     *time.Time      `json:"PickupTimeslotEndDateTime"`
	Returned     decimal.Decimal `json:"ReturnQuantity"` // so much has come back, as far as the CSU says

	// Of a line that brings something back, whose quantity and amounts are negative: what it was sold by, and why it comes back.
	ReturnOf     string          `json:"ReturnTransactionId"`
	ReturnOfLine decimal.Decimal `json:"ReturnLineNumber"`
	Reasons      []Reason        `json:"ReasonCodeLines"`
}

// Reason is one of the reason codes of headquarters.
type Reason struct {
	Code string `json:"ReasonCodeId"`
}

// ChargeLine is what an order costs besides its lines, such as shipping.
type ChargeLine struct {
	Code     string          `json:"ChargeCode"`
	Amount   decimal.Decimal `json:"CalculatedAmount"`
	Tax      decimal.Decimal `json:"TaxAmount"`
	Shipping bool            `json:"IsShipping"`
}

// The values of SalesOrder.Status: how far headquarters is with it.
const (
	OrderCreated    = 1
	OrderProcessing = 2
	OrderDelivered  = 3
	OrderInvoiced   = 4
	OrderConfirmed  = 5
	OrderSent       = 6
	OrderCanceled   = 7
	OrderLost       = 8
)

// The values of SalesTransactionType, TenderLineStatus and SearchLocation that are used.
const (
	transactionOnlineOrder = 27 // PendingSalesOrder: headquarters makes a sales order of it
	tenderNotProcessed     = 1  // TenderLineStatus NotProcessed: headquarters is to do it
	tenderPending          = 2  // TenderLineStatus PendingCommit: authorised
	tenderCommitted        = 4  // TenderLineStatus Committed: captured
	searchLocal            = 1  // the channel's own database, which knows a new order at once, and its SalesId once headquarters has it
)
