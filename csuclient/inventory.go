package csuclient

import (
	"context"
	"net/http"

	"github.com/shopspring/decimal"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// QuantityUnit is the unit in which quantities are told.
type QuantityUnit int

// The units.
const (
	UnitOfInventory QuantityUnit = 0
	UnitOfPurchase  QuantityUnit = 1
	UnitOfSale      QuantityUnit = 2
)

// AvailabilityQuery asks how much of products there is.
type AvailabilityQuery struct {
	Products   []int64  // variants, not masters
	Warehouses []string // those alone; none: those of the channel's fulfilment group, narrowed by what follows

	OwnOnly bool // the channel's own warehouse
	That    int  // of stores that do what StoresThatShip or StoresToPickUp says; 0: all
	Unit    QuantityUnit
}

// Availability is what there is, as far as the channel can estimate it: headquarters' last snapshot less what it does not know of yet.
type Availability struct {
	Rows   []WarehouseStock
	Totals []ProductStock // over the warehouses that were asked for; none on scale units that are too old to tell
}

// Quantities are of one product. When headquarters withholds them they are all zero, and mean nothing: only the levels do.
type Quantities struct {
	Withheld        bool
	Bare            bool // of a source that knows no levels, no limits and no unit: what is said of those below means nothing
	Unit            string
	Physical        decimal.Decimal // available on hand; may be negative
	Total           decimal.Decimal // that, and what is on its way in
	MostPhysical    decimal.Decimal // that a shopper may buy, after buffers and limits
	MostTotal       decimal.Decimal
	PhysicalLevel   string // a code that headquarters has made up, such as AVAIL or OOS
	PhysicalMeaning string // and what it says of it
	TotalLevel      string
	TotalMeaning    string
}

// WarehouseStock is what a warehouse has of a product.
type WarehouseStock struct {
	ProductID   int64
	Warehouse   string
	LegalEntity string
	OnHand      decimal.Decimal // reserved or not
	Reserved    decimal.Decimal
	Incoming    decimal.Decimal
	Quantities
}

// ProductStock is what all of them have.
type ProductStock struct {
	ProductID   int64
	LegalEntity string
	Quantities
}

// Availability reads what there is, in the order asked for as far as the CSU keeps it. A request that is too much for it is asked in halves.
// A product or a warehouse that it does not know is left out.
func (ch *Channel) Availability(ctx context.Context, q AvailabilityQuery) (Availability, error) {
	var all Availability
	parts, err := inChunks(q.Products, productsAtOnce, tooManyRecords, func(ids []int64) ([]Availability, error) {
		part, err := ch.availability(ctx, q, ids)
		return []Availability{part}, err
	})
	if err != nil {
		return all, err
	}
	for _, part := range parts {
		all.Rows, all.Totals = append(all.Rows, part.Rows...), append(all.Totals, part.Totals...)
	}
	return all, nil
}

// tooManyRecords says that fewer products might be answered for.
func tooManyRecords(err error) bool {
	f := fault.As(err)
	return f != nil && f.Code == "InventoryAvailableQuantitiesRecordsExceedLimit" || tooLarge(err)
}

func (ch *Channel) availability(ctx context.Context, q AvailabilityQuery, ids []int64) (Availability, error) {
	r := call{op: opAvailability, method: http.MethodPost, path: "Products/GetEstimatedAvailability", oun: ch.oun, body: q.criteria(ids)}
	if len(q.Warehouses) > 0 {
		r.op, r.path, r.body = opWarehouseStock, "Products/GetEstimatedProductWarehouseAvailability", q.pairs(ids)
	}
	var got wireInventory
	r.read = func(a *answer) *fault.Error {
		if f := a.decode(r.op, &got); f != nil {
			return f
		}
		if got.Rows == nil {
			return r.op.unreadable(a, "the answer has no list of rows")
		}
		return nil
	}
	if err := ch.client.do(ctx, r); err != nil {
		return Availability{}, err
	}
	return got.availability(), nil
}

// Inventory is how the channel counts.
type Inventory struct {
	VisibilityService bool `json:"UseInventoryVisibilityServiceAsDataSource"` // Inventory Visibility answers, and not the channel's own estimate
}

// ReadInventory reads how the channel counts.
func (ch *Channel) ReadInventory(ctx context.Context) (Inventory, error) {
	var got Inventory
	err := ch.client.do(ctx, call{
		op: opInventory, method: http.MethodGet, path: "GetInventoryConfiguration()", oun: ch.oun,
		read: func(a *answer) *fault.Error { return a.decode(opInventory, &got) },
	})
	return whole(got, err)
}
