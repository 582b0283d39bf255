package csu

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// DefaultInventoryLimit is how many pairs of product and warehouse an answer may have when Options do not say (inferred: no document does).
const DefaultInventoryLimit = 1000

const idTooManyRecords = runtimeID + "InventoryAvailableQuantitiesRecordsExceedLimit"

// stockRow is a ProductWarehouseInventoryAvailability.
type stockRow struct {
	ProductID                                   int64       `json:"ProductId"`
	InventLocationID                            string      `json:"InventLocationId"`
	DataAreaID                                  string      `json:"DataAreaId"`
	PhysicalInventory                           json.Number `json:"PhysicalInventory"`
	PhysicalReserved                            json.Number `json:"PhysicalReserved"`
	PhysicalAvailable                           json.Number `json:"PhysicalAvailable"`
	TotalAvailable                              json.Number `json:"TotalAvailable"`
	OrderedInTotal                              json.Number `json:"OrderedInTotal"`
	UnpostedOnlineOrderedQuantity               json.Number `json:"UnpostedOnlineOrderedQuantity"`
	PhysicalAvailableInventoryLevelCode         string      `json:"PhysicalAvailableInventoryLevelCode"`
	PhysicalAvailableInventoryLevelLabel        string      `json:"PhysicalAvailableInventoryLevelLabel"`
	TotalAvailableInventoryLevelCode            string      `json:"TotalAvailableInventoryLevelCode"`
	TotalAvailableInventoryLevelLabel           string      `json:"TotalAvailableInventoryLevelLabel"`
	IsInventoryAvailabilityQuantityReturned     bool        `json:"IsInventoryAvailabilityQuantityReturned"`
	QuantityUnitTypeValue                       int64       `json:"QuantityUnitTypeValue"`
	UnitOfMeasure                               string      `json:"UnitOfMeasure"`
	MaximumPurchasablePhysicalAvailableQuantity json.Number `json:"MaximumPurchasablePhysicalAvailableQuantity"`
	MaximumPurchasableTotalAvailableQuantity    json.Number `json:"MaximumPurchasableTotalAvailableQuantity"`
}

// totalRow is a ProductInventoryAvailability: nothing in it says that quantities are withheld.
type totalRow struct {
	ProductID                                   int64       `json:"ProductId"`
	DataAreaID                                  string      `json:"DataAreaId"`
	TotalAvailableQuantity                      json.Number `json:"TotalAvailableQuantity"`
	PhysicalAvailableQuantity                   json.Number `json:"PhysicalAvailableQuantity"`
	TotalAvailableInventoryLevelCode            string      `json:"TotalAvailableInventoryLevelCode"`
	TotalAvailableInventoryLevelLabel           string      `json:"TotalAvailableInventoryLevelLabel"`
	PhysicalAvailableInventoryLevelCode         string      `json:"PhysicalAvailableInventoryLevelCode"`
	PhysicalAvailableInventoryLevelLabel        string      `json:"PhysicalAvailableInventoryLevelLabel"`
	QuantityUnitTypeValue                       int64       `json:"QuantityUnitTypeValue"`
	UnitOfMeasure                               string      `json:"UnitOfMeasure"`
	MaximumPurchasablePhysicalAvailableQuantity json.Number `json:"MaximumPurchasablePhysicalAvailableQuantity"`
	MaximumPurchasableTotalAvailableQuantity    json.Number `json:"MaximumPurchasableTotalAvailableQuantity"`
}

// availability answers Products/GetEstimatedAvailability: a row for each product and warehouse, empty ones too. What is no product is left out
// (inferred).
func (c *call) availability() (reply, *apiError) {
	criteria, err := c.criteriaOf("searchCriteria")
	if err != nil {
		return reply{}, err
	}
	if err := strictMembers("searchCriteria", criteria, "ProductIds", "DefaultWarehouseOnly", "SearchArea", "FilterByChannelFulfillmentGroup", "DataLevelValue",
		"DeliveryModeTypeFilterValue", "QuantityUnitTypeValue", "ProductUnits"); err != nil {
		return reply{}, err
	}
	ids, err := numbersOf(criteria, "ProductIds")
	if err != nil {
		return reply{}, err
	}
	if len(ids) == 0 {
		return reply{}, invalid(idRequired, "ProductIds is required")
	}
	warehouses, err := c.fulfilment(criteria)
	if err != nil {
		return reply{}, err
	}
	unit := num(criteria, "QuantityUnitTypeValue")
	if unit < 0 || unit > 2 {
		return reply{}, invalid(idInvalidRequest, "there is no such kind of unit")
	}
	var pairs []stockKey
	for _, id := range ids {
		for _, warehouse := range warehouses {
			pairs = append(pairs, stockKey{id, warehouse})
		}
	}
	return c.estimates(pairs, len(ids), unit)
}

// warehouseAvailability answers Products/GetEstimatedProductWarehouseAvailability. A warehouse that is not the channel's or one of its stores' is left
// out (inferred).
func (c *call) warehouseAvailability() (reply, *apiError) {
	body, err := c.parameters("productWarehouses")
	if err != nil {
		return reply{}, err
	}
	if _, ok := body["productWarehouses"].([]any); !ok {
		return reply{}, badRequest(idMissingArgument, "productWarehouses is missing")
	}
	known, err := c.fulfilment(nil)
	if err != nil {
		return reply{}, err
	}
	var pairs []stockKey
	for _, pair := range entries(body, "productWarehouses") {
		if err := strictMembers("productWarehouses", pair, "ProductId", "InventLocationId", "DataAreaId", "UnitOfMeasure", "ExtensionProperties"); err != nil {
			return reply{}, err
		}
		if num(pair, "ProductId") == 0 || str(pair, "InventLocationId") == "" {
			return reply{}, invalid(idRequired, "ProductId and InventLocationId are required")
		}
		if slices.Contains(known, str(pair, "InventLocationId")) {
			pairs = append(pairs, stockKey{num(pair, "ProductId"), str(pair, "InventLocationId")})
		}
	}
	return c.estimates(pairs, 1, 0)
}

// fulfilment lists the warehouses that criteria speak of; without criteria, all.
func (c *call) fulfilment(criteria map[string]any) ([]string, *apiError) {
	own, area := c.warehouse(), object(criteria, "SearchArea")
	if area != nil {
		if err := strictMembers("SearchArea", area, "Latitude", "Longitude", "Radius", "DistanceUnitValue", "IsUnbounded"); err != nil {
			return nil, err
		}
	}
	if yes(criteria, "DefaultWarehouseOnly") {
		return []string{own}, nil
	}
	filter := num(criteria, "DeliveryModeTypeFilterValue")
	var out []string
	if filter != 2 && area == nil {
		out = append(out, own)
	}
	for _, s := range c.sim.options().Stores {
		if _, within := s.within(area); within && s.offers(filter) && !slices.Contains(out, s.Warehouse) {
			out = append(out, s.Warehouse)
		}
	}
	return out, nil
}

func object(m map[string]any, name string) map[string]any {
	o, _ := m[name].(map[string]any)
	return o
}

// within says how far a store is from the middle of an area, and whether it is inside. No radius, or no area, is everywhere.
func (s Store) within(area map[string]any) (distance float64, inside bool) {
	if area == nil {
		return 0, true
	}
	radius, unit := dec(area, "Radius").InexactFloat64(), 3958.8 // of the earth, in miles
	if num(area, "DistanceUnitValue") == 1 {
		unit = 6371
	}
	distance = unit * angle(dec(area, "Latitude").InexactFloat64(), dec(area, "Longitude").InexactFloat64(), s.Latitude, s.Longitude)
	return math.Round(distance*100) / 100, radius == 0 || distance <= radius || yes(area, "IsUnbounded")
}

func (c *call) estimates(pairs []stockKey, products int, unit int64) (reply, *apiError) {
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(pairs) > s.opts.InventoryLimit || products > mostIDs {
		return reply{}, invalid(idTooManyRecords, "too many records are asked for")
	}
	at, rows, totals := s.shelves(time.Now()), []stockRow{}, []totalRow{}
	sums, order := map[int64]shelf{}, []int64{}
	for _, k := range pairs {
		p, known := s.opts.sold(k.product, c.oun)
		if !known {
			continue
		}
		is := at.of(k)
		rows = append(rows, c.stockRow(k, p, is, unit))
		sum, seen := sums[k.product]
		if !seen {
			order = append(order, k.product)
		}
		sums[k.product] = shelf{sum.physical.Add(is.physical), sum.reserved.Add(is.reserved), sum.incoming.Add(is.incoming), sum.unposted.Add(is.unposted)}
	}
	for _, id := range order {
		totals = append(totals, c.totalRow(s.opts.products[id], sums[id], unit))
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context": c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.ProductWarehouseInventoryInformation",
		"ProductWarehouseInventoryAvailabilities":  rows,
		"AggregatedProductInventoryAvailabilities": totals, "ExtensionProperties": []any{},
	}}, nil
}

func (c *call) stockRow(k stockKey, p Product, is shelf, unit int64) stockRow {
	q := c.sim.opts.quantities(is)
	return stockRow{
		ProductID: k.product, InventLocationID: k.warehouse, DataAreaID: c.channel.withDefaults().LegalEntity,
		PhysicalInventory: q.show(is.physical), PhysicalReserved: q.show(is.reserved), OrderedInTotal: q.show(is.incoming), UnpostedOnlineOrderedQuantity: q.show(is.unposted),
		PhysicalAvailable: q.show(q.physical), TotalAvailable: q.show(q.total),
		PhysicalAvailableInventoryLevelCode: q.physicalLevel.Code, PhysicalAvailableInventoryLevelLabel: q.physicalLevel.Label,
		TotalAvailableInventoryLevelCode: q.totalLevel.Code, TotalAvailableInventoryLevelLabel: q.totalLevel.Label,
		IsInventoryAvailabilityQuantityReturned: !q.withheld, QuantityUnitTypeValue: unit, UnitOfMeasure: p.Unit,
		MaximumPurchasablePhysicalAvailableQuantity: q.show(q.mostPhysical), MaximumPurchasableTotalAvailableQuantity: q.show(q.mostTotal),
	}
}

func (c *call) totalRow(p Product, is shelf, unit int64) totalRow {
	q := c.sim.opts.quantities(is)
	return totalRow{
		ProductID: p.RecordID, DataAreaID: c.channel.withDefaults().LegalEntity, TotalAvailableQuantity: q.show(q.total), PhysicalAvailableQuantity: q.show(q.physical),
		TotalAvailableInventoryLevelCode: q.totalLevel.Code, TotalAvailableInventoryLevelLabel: q.totalLevel.Label,
		PhysicalAvailableInventoryLevelCode: q.physicalLevel.Code, PhysicalAvailableInventoryLevelLabel: q.physicalLevel.Label,
		QuantityUnitTypeValue: unit, UnitOfMeasure: p.Unit,
		MaximumPurchasablePhysicalAvailableQuantity: q.show(q.mostPhysical), MaximumPurchasableTotalAvailableQuantity: q.show(q.mostTotal),
	}
}

// quantities are what an answer may tell of a shelf: what is there, and the most that a shopper may take, which is never less than nothing.
type quantities struct {
	physical, total           decimal.Decimal
	mostPhysical, mostTotal   decimal.Decimal
	physicalLevel, totalLevel InventoryLevel
	withheld                  bool
}

func (o Options) quantities(is shelf) quantities {
	buffer, _ := toDecimal(o.InventoryBuffer)
	q := quantities{physical: is.available(), total: is.available().Add(is.incoming), withheld: o.QuantityOutput == QuantityWithheld}
	q.physicalLevel, q.totalLevel = o.level(q.physical.Sub(buffer)), o.level(q.total.Sub(buffer))
	q.mostPhysical, q.mostTotal = decimal.Max(decimal.Zero, q.physical.Sub(buffer)), decimal.Max(decimal.Zero, q.total.Sub(buffer))
	if o.QuantityOutput == QuantityLessBuffer {
		q.physical, q.total = q.physical.Sub(buffer), q.total.Sub(buffer)
	}
	return q
}

// show gives zero for what is withheld: it looks like a quantity, and is none.
func (q quantities) show(d decimal.Decimal) json.Number {
	if q.withheld {
		return "0"
	}
	return wide(d)
}

// inventoryConfiguration answers GetInventoryConfiguration().
func (c *call) inventoryConfiguration() (reply, *apiError) {
	o := c.sim.options()
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context": c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.ChannelInventoryConfiguration",
		"RecordId":       channelID(o, c.channel), "ChannelId": c.channel.OUN, "AllowTransferOrderOverDelivery": false, "AllowTransferOrderUnderDelivery": false,
		"UserLocationProfileId": "", "UseInventoryVisibilityServiceAsDataSource": o.InventoryVisibility, "ExtensionProperties": []any{},
	}}, nil
}
