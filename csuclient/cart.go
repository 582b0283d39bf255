package csuclient

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/internal/pii"
)

// Cart is a cart of the CSU, which computes every amount of it anew after each change. Amounts are in the channel's currency and
// exact. It decodes from the CSU's JSON; encoding it gives masks.
type Cart struct {
	ID          string          `json:"Id"`      // the order that it becomes has it too
	Version     int64           `json:"Version"` // what a change must name; every change raises it
	CustomerID  string          `json:"CustomerId"`
	LoyaltyCard string          `json:"LoyaltyCardId"`
	OrderNumber string          `json:"OrderNumber"`
	Comment     pii.Text        `json:"Comment"`
	Subtotal    decimal.Decimal `json:"SubtotalAmount"` // of the lines, after discount
	Discount    decimal.Decimal `json:"DiscountAmount"`
	Tax         decimal.Decimal `json:"TaxAmount"`
	Charge      decimal.Decimal `json:"ChargeAmount"`
	Total       decimal.Decimal `json:"TotalAmount"`
	Due         decimal.Decimal `json:"AmountDue"` // what the tenders of a checkout must come to; negative: goes back
	Lines       []CartLine      `json:"CartLines"`
	Charges     []ChargeLine    `json:"ChargeLines"`
	Coupons     []Coupon        `json:"Coupons"`
}

// CartLine is a line of a cart. Of what is sent, ID is for changes only; Number, ItemID and every amount but a keyed Price are the CSU's.
type CartLine struct {
	ID        string          `json:"LineId"`
	Number    decimal.Decimal `json:"LineNumber"` // 1, 2, ...
	ProductID int64           `json:"ProductId"`
	ItemID    string          `json:"ItemId"`
	Unit      string          `json:"UnitOfMeasureSymbol"`
	Quantity  decimal.Decimal `json:"Quantity"` // negative for a return
	Keyed     bool            `json:"IsPriceKeyedIn"`
	Price     decimal.Decimal `json:"Price"` // of one; sent only if Keyed, which the product must allow
	Discount  decimal.Decimal `json:"DiscountAmount"`
	Tax       decimal.Decimal `json:"TaxAmount"`
	Total     decimal.Decimal `json:"TotalAmount"` // with tax

	DeliveryMode string   `json:"DeliveryMode"`
	StoreID      string   `json:"FulfillmentStoreId"`
	Warehouse    string   `json:"WarehouseId"`
	ShipTo       *Address `json:"ShippingAddress"`

	PickupFrom *time.Time `json:"PickupTimeslotStartDateTime"`
	PickupTo   *time.Time `json:"PickupTimeslotEndDateTime"`

	ReturnOf     string          `json:"ReturnTransactionId"` // the order that a return brings something of back
	ReturnNumber decimal.Decimal `json:"ReturnLineNumber"`    // and its line
}

// Coupon is one that a cart has.
type Coupon struct {
	Code string `json:"Code"`
}

// NewCart is what a cart begins with. A scale unit may make an id of its own whatever is asked for.
type NewCart struct {
	ID          string
	CustomerID  string
	LoyaltyCard string
	OrderNumber string
	Comment     pii.Text
	Attributes  []Attribute
	Lines       []CartLine
	Checkout    bool // of the type that is checked out; otherwise a shopping cart, of which CopyCart makes one
}

// CartChanges is what a change of the header sets; nil leaves a member as it is.
type CartChanges struct {
	CustomerID  *string
	LoyaltyCard *string // not in one call with CustomerID
	Comment     *pii.Text
}

// The values of DeliveryPreferenceType that are used.
const (
	DeliverToAddress     = 1
	DeliverAtStore       = 2 // picked up
	DeliverByElectronics = 3
)

// Delivery says how a line gets to its customer.
type Delivery struct {
	Mode       string // delivery mode code
	Preference int    // one of Deliver…
	Address    *Address
	Store      string    // DeliverAtStore: its number; Address is the store's, by its record id
	SlotFrom   time.Time // DeliverAtStore: the timeslot; zero: none
	SlotTo     time.Time
	Email      pii.Email // DeliverByElectronics
	ShipFrom   string    // DeliverToAddress: the number of the store it ships from; empty: the channel's warehouse
	Wished     time.Time // zero: none
}

// LineDelivery is a delivery of one line.
type LineDelivery struct {
	LineID string
	Delivery
}

// Charge is one that is put on a cart.
type Charge struct {
	Code   string
	Amount decimal.Decimal
}
