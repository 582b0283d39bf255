package csuclient

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

// As in wire.go: what goes over the wire of orders. Amounts are numbers in JSON, digit by digit.

type wireOrder struct {
	ID                   string `json:"Id"`
	ChannelReferenceID   string `json:"ChannelReferenceId"`
	TransactionTypeValue int
	ChannelID            int64  `json:"ChannelId,omitempty"`
	CustomerID           string `json:"CustomerId,omitempty"`
	ReceiptEmail         string `json:",omitempty"`
	CurrencyCode         string
	CreatedDateTime      time.Time
	BeginDateTime        time.Time
	BusinessDate         time.Time
	IsTaxIncludedInPrice bool
	NumberOfItems        json.Number
	GrossAmount          json.Number
	NetAmount            json.Number
	NetAmountWithoutTax  json.Number
	NetAmountWithTax     json.Number
	SubtotalAmount       json.Number
	DiscountAmount       json.Number
	LineDiscount         json.Number
	TaxAmount            json.Number
	TaxAmountInclusive   json.Number
	TaxAmountExclusive   json.Number
	ChargeAmount         json.Number
	TotalAmount          json.Number
	DeliveryMode         string       `json:",omitempty"`
	ShippingAddress      *wireAddress `json:",omitempty"`
	SalesLines           []wireSalesLine
	ChargeLines          []wireChargeLine `json:",omitempty"`
	TenderLines          []wirePayment    `json:",omitempty"`
	AttributeValues      []wireAttribute  `json:",omitempty"`
}

type wireSalesLine struct {
	LineNumber              json.Number
	ProductID               int64  `json:"ProductId"`
	ListingID               int64  `json:"ListingId"`
	ItemID                  string `json:"ItemId"`
	UnitOfMeasureSymbol     string `json:",omitempty"`
	SalesOrderUnitOfMeasure string `json:",omitempty"`
	Quantity                json.Number
	Price                   json.Number
	OriginalPrice           json.Number
	DiscountAmount          json.Number
	LineDiscount            json.Number
	TaxAmount               json.Number
	GrossAmount             json.Number
	NetAmount               json.Number
	NetAmountWithoutTax     json.Number
	TotalAmount             json.Number
	DeliveryMode            string       `json:",omitempty"`
	ShippingAddress         *wireAddress `json:",omitempty"`

	FulfillmentStoreID          string     `json:"FulfillmentStoreId,omitempty"`
	InventoryLocationID         string     `json:"InventoryLocationId,omitempty"`
	PickupTimeslotStartDateTime *time.Time `json:",omitempty"`
	PickupTimeslotEndDateTime   *time.Time `json:",omitempty"`

	ReturnTransactionID string      `json:"ReturnTransactionId,omitempty"`
	ReturnLineNumber    json.Number `json:",omitempty"`
	ReasonCodeLines     []Reason    `json:",omitempty"`
}

type wireChargeLine struct {
	ChargeCode       string
	CalculatedAmount json.Number
	Value            json.Number
	CurrencyCode     string
	TaxAmount        json.Number
	IsShipping       bool
}

type wireOrderSearch struct {
	Criteria wireOrderCriteria `json:"channelReferenceLookupCriteria"`
}

// wireOrderCriteria has no additional criteria: their values are not documented.
type wireOrderCriteria struct {
	ChannelReferenceID  string `json:"ChannelReferenceId"`
	SearchLocationValue int
}

type wireProducts struct {
	ChannelID  int64   `json:"channelId"`
	ProductIDs []int64 `json:"productIds"`
}

func exact(d decimal.Decimal) json.Number { return json.Number(d.String()) }

// newOrder writes an order with the sums that headquarters checks later: the net amount with and without tax follow from whether the
// prices include it.
func newOrder(o SalesOrder) wireOrder {
	included, added := decimal.Zero, o.Tax
	if o.TaxIncluded {
		included, added = o.Tax, decimal.Zero
	}
	items := decimal.Zero
	for _, l := range o.Lines {
		items = items.Add(l.Quantity)
	}
	return wireOrder{
		ID: o.ID, ChannelReferenceID: o.Reference, TransactionTypeValue: transactionOnlineOrder, ChannelID: o.ChannelID, CustomerID: o.CustomerID,
		ReceiptEmail: o.ReceiptEmail.Reveal(), CurrencyCode: o.Currency,
		CreatedDateTime: o.Placed.UTC(), BeginDateTime: o.Placed.UTC(), BusinessDate: o.Placed.UTC().Truncate(24 * time.Hour),
		IsTaxIncludedInPrice: o.TaxIncluded, NumberOfItems: exact(items),
		GrossAmount: exact(o.Total), NetAmount: exact(o.Net), NetAmountWithoutTax: exact(o.Net.Sub(included)), NetAmountWithTax: exact(o.Net.Add(added)),
		SubtotalAmount: exact(o.Net), DiscountAmount: exact(o.Discount), LineDiscount: exact(o.Discount),
		TaxAmount: exact(o.Tax), TaxAmountInclusive: exact(included), TaxAmountExclusive: exact(added), ChargeAmount: exact(o.Charge),
		TotalAmount: exact(o.Total), DeliveryMode: o.DeliveryMode, ShippingAddress: shipTo(o.ShipTo),
		SalesLines:  each(o.Lines, func(l SalesLine) wireSalesLine { return newLine(l, o.TaxIncluded) }),
		ChargeLines: each(o.Charges, func(c ChargeLine) wireChargeLine { return newCharge(c, o.Currency) }),
		TenderLines: o.tenders(), AttributeValues: each(o.Attributes, newAttribute),
	}
}

func newLine(l SalesLine, taxIncluded bool) wireSalesLine {
	included := decimal.Zero
	if taxIncluded {
		included = l.Tax
	}
	wire := wireSalesLine{
		LineNumber: exact(l.Number), ProductID: l.ProductID, ListingID: l.ProductID, ItemID: l.ItemID,
		UnitOfMeasureSymbol: l.Unit, SalesOrderUnitOfMeasure: l.Unit, Quantity: exact(l.Quantity), Price: exact(l.Price), OriginalPrice: exact(l.Price),
		DiscountAmount: exact(l.Discount), LineDiscount: exact(l.Discount), TaxAmount: exact(l.Tax), GrossAmount: exact(l.Net.Add(l.Discount)),
		NetAmount: exact(l.Net), NetAmountWithoutTax: exact(l.Net.Sub(included)), TotalAmount: exact(l.Total),
		DeliveryMode: l.DeliveryMode, ShippingAddress: shipTo(l.ShipTo), FulfillmentStoreID: l.Store, InventoryLocationID: l.Warehouse,
		PickupTimeslotStartDateTime: l.PickupFrom, PickupTimeslotEndDateTime: l.PickupTo, ReturnTransactionID: l.ReturnOf, ReasonCodeLines: l.Reasons,
	}
	if l.ReturnOf != "" {
		wire.ReturnLineNumber = exact(l.ReturnOfLine)
	}
	return wire
}

func newCharge(c ChargeLine, currency string) wireChargeLine {
	return wireChargeLine{ChargeCode: c.Code, CalculatedAmount: exact(c.Amount), Value: exact(c.Amount), CurrencyCode: currency, TaxAmount: exact(c.Tax), IsShipping: c.Shipping}
}

func shipTo(a *Address) *wireAddress {
	if a == nil {
		return nil
	}
	wire := newAddress(*a)
	return &wire
}
