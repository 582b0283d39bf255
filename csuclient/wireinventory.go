package csuclient

import "github.com/shopspring/decimal"

// As in wire.go: what goes over the wire of inventory.

func (q AvailabilityQuery) criteria(ids []int64) map[string]any {
	return map[string]any{"searchCriteria": map[string]any{"ProductIds": ids, "DefaultWarehouseOnly": q.OwnOnly, "FilterByChannelFulfillmentGroup": !q.OwnOnly,
		"DeliveryModeTypeFilterValue": q.That, "QuantityUnitTypeValue": q.Unit}}
}

type wirePair struct {
	ProductID        int64  `json:"ProductId"`
	InventLocationID string `json:"InventLocationId"`
}

func (q AvailabilityQuery) pairs(ids []int64) map[string][]wirePair {
	var pairs []wirePair
	for _, id := range ids {
		for _, warehouse := range q.Warehouses {
			pairs = append(pairs, wirePair{id, warehouse})
		}
	}
	return map[string][]wirePair{"productWarehouses": pairs}
}

type wireInventory struct {
	Rows   *[]wireStock `json:"ProductWarehouseInventoryAvailabilities"`
	Totals []wireTotal  `json:"AggregatedProductInventoryAvailabilities"`
}

// wireQuantities are named alike in both kinds of row.
type wireQuantities struct {
	UnitOfMeasure                               string
	PhysicalAvailableInventoryLevelCode         string
	PhysicalAvailableInventoryLevelLabel        string
	TotalAvailableInventoryLevelCode            string
	TotalAvailableInventoryLevelLabel           string
	MaximumPurchasablePhysicalAvailableQuantity decimal.Decimal
	MaximumPurchasableTotalAvailableQuantity    decimal.Decimal
}

type wireStock struct {
	ProductID         int64  `json:"ProductId"`
	InventLocationID  string `json:"InventLocationId"`
	DataAreaID        string `json:"DataAreaId"`
	PhysicalInventory decimal.Decimal
	PhysicalReserved  decimal.Decimal
	PhysicalAvailable decimal.Decimal
	TotalAvailable    decimal.Decimal
	OrderedInTotal    decimal.Decimal
	Returned          *bool `json:"IsInventoryAvailabilityQuantityReturned"`
	wireQuantities
}

type wireTotal struct {
	ProductID                 int64  `json:"ProductId"`
	DataAreaID                string `json:"DataAreaId"`
	PhysicalAvailableQuantity decimal.Decimal
	TotalAvailableQuantity    decimal.Decimal
	wireQuantities
}

// availability reads both lists. Nothing in a sum says that quantities are withheld; its rows do.
func (w wireInventory) availability() Availability {
	var all Availability
	withheld := map[int64]bool{}
	for _, row := range *w.Rows {
		hidden := row.Returned != nil && !*row.Returned
		withheld[row.ProductID] = withheld[row.ProductID] || hidden
		all.Rows = append(all.Rows, WarehouseStock{row.ProductID, row.InventLocationID, row.DataAreaID, row.PhysicalInventory, row.PhysicalReserved, row.OrderedInTotal,
			row.quantities(hidden, row.PhysicalAvailable, row.TotalAvailable)})
	}
	for _, row := range w.Totals {
		all.Totals = append(all.Totals, ProductStock{row.ProductID, row.DataAreaID, row.quantities(withheld[row.ProductID], row.PhysicalAvailableQuantity, row.TotalAvailableQuantity)})
	}
	return all
}

func (w wireQuantities) quantities(withheld bool, physical, total decimal.Decimal) Quantities {
	return Quantities{withheld, false, w.UnitOfMeasure, physical, total, w.MaximumPurchasablePhysicalAvailableQuantity, w.MaximumPurchasableTotalAvailableQuantity,
		w.PhysicalAvailableInventoryLevelCode, w.PhysicalAvailableInventoryLevelLabel, w.TotalAvailableInventoryLevelCode, w.TotalAvailableInventoryLevelLabel}
}
