package csuclient

import (
	"cmp"
	"slices"
)

// operation is one call template.
type operation struct {
	name   string
	write  bool
	label  string // of metrics, where several share one; empty: its name
	slow   bool   // reads, but may take as long as a write
	weight int    // how many plain calls it is worth to the budget; 0: one
}

// The labels that several operations share: a label of their own for each would cost more series than it tells.
const (
	labelCartsRead   = "Carts.Read"
	labelCartsChange = "Carts.Change"
	labelOrdersRead  = "SalesOrders.Read"
	labelChannelRead = "Channel.Read"
	labelPublishing  = "Products.Publishing"
	labelProducts    = "Products.Read"
)

// The operations there are.
var (
	opToken           = operation{name: "Token"}
	opEnvironment     = operation{name: "GetEnvironmentConfiguration"}
	opCustomersSearch = operation{name: "Customers.SearchByFields"}
	opCustomersRead   = operation{name: "Customers.Read"}
	opCustomersCreate = operation{name: "Customers.Create", write: true}
	opCustomersUpdate = operation{name: "Customers.Update", write: true}
	opCustomersByKeys = operation{name: "Customers.GetByAccountNumbers"}
	opCountries       = operation{name: "GetCountryRegionsByLanguageId"}
	opStates          = operation{name: "GetStateProvinces"}
	opGroups          = operation{name: "GetCustomerGroups"}
	opPurposes        = operation{name: "GetAddressPurposes"}
	opOrgUnit         = operation{name: "OrgUnits.GetOrgUnitConfiguration"}
	opOrdersCreate    = operation{name: "SalesOrders.Create", write: true}
	opOrdersFind      = operation{name: "SalesOrders.GetOrderByChannelReferenceLookupCriteria"}
	opProductsByIDs   = operation{name: "Products.GetByIds"}

	opCartsCreate       = operation{name: "Carts.Create", write: true}
	opCartsRead         = operation{name: "Carts.Read", label: labelCartsRead}
	opCartsPrice        = operation{name: "CalculateSalesDocument", label: labelCartsRead}
	opCartsUpdate       = operation{name: "Carts.Update", write: true, label: labelCartsChange}
	opCartsCopy         = operation{name: "Carts.Copy", write: true, label: labelCartsChange}
	opCartsAddLines     = operation{name: "Carts.AddCartLines", write: true, label: labelCartsChange}
	opCartsUpdateLines  = operation{name: "Carts.UpdateCartLines", write: true, label: labelCartsChange}
	opCartsRemoveLines  = operation{name: "Carts.RemoveCartLines", write: true, label: labelCartsChange}
	opCartsCoupons      = operation{name: "Carts.AddCoupons", write: true, label: labelCartsChange}
	opCartsUncoupon     = operation{name: "Carts.RemoveCoupons", write: true, label: labelCartsChange}
	opCartsDelivery     = operation{name: "Carts.UpdateDeliverySpecification", write: true, label: labelCartsChange}
	opCartsLineDelivery = operation{name: "Carts.UpdateLineDeliverySpecifications", write: true, label: labelCartsChange}
	opCartsCharge       = operation{name: "Carts.AddCharge", write: true, label: labelCartsChange}
	opCartsOptions      = operation{name: "Carts.GetDeliveryOptions", label: labelCartsRead}
	// A checkout prices, takes the payments and stores in one call.
	opCartsCheckout = operation{name: "Carts.Checkout", write: true, weight: 2}

	opOrdersByTransaction = operation{name: "SalesOrders.GetSalesOrderDetailsByTransactionId", label: labelOrdersRead}
	opOrdersHistory       = operation{name: "Customers.GetOrderHistory", label: labelOrdersRead}
	opOrdersCancel        = operation{name: "SalesOrders.RequestCancellation", write: true}

	opTenderTypes   = operation{name: "GetTenderTypes", label: labelChannelRead}
	opCardTypes     = operation{name: "GetCardTypes", label: labelChannelRead}
	opGiftCard      = operation{name: "GetGiftCard", label: labelChannelRead}
	opDeliveryModes = operation{name: "GetDeliveryOptions", label: labelChannelRead}
	opStores        = operation{name: "OrgUnits.SearchOrgUnitLocations", label: labelChannelRead}
	opStoresNear    = operation{name: "OrgUnits.GetOrgUnitLocationsByArea", label: labelChannelRead}
	opTimeslots     = operation{name: "OrgUnits.GetPickupTimeslots", label: labelChannelRead}
	opStoreHours    = operation{name: "OrgUnits.GetStoreHours", label: labelChannelRead}
	opWarehouses    = operation{name: "Warehouses.Read", label: labelChannelRead}
	opCategories    = operation{name: "Categories.GetCategories", label: labelChannelRead}

	// A session is no effect: one that was begun and never answered ends by itself, and ending one twice changes nothing. So neither is a write,
	// and an answer that did not come leaves nothing open.
	opChangedBegin = operation{name: "Products.BeginReadChangedProducts", slow: true, label: labelPublishing}
	opChangedRead  = operation{name: "Products.ReadChangedProducts", slow: true, label: labelPublishing}
	opChangedEnd   = operation{name: "Products.EndReadChangedProducts", label: labelPublishing}

	opListingsDeleted = operation{name: "Products.GetDeletedListings", slow: true, label: labelPublishing}
	opListingsReport  = operation{name: "Products.UpdateListingPublishingStatus", write: true, label: labelPublishing}
	opPublishStatus   = operation{name: "GetOnlineChannelPublishStatus", label: labelPublishing}
	opPublishSet      = operation{name: "SetOnlineChannelPublishStatus", write: true, label: labelPublishing}
	opProductsSearch  = operation{name: "Products.Search", label: labelProducts}
	opProductsOfItems = operation{name: "Products.GetByLookupClauses", label: labelProducts}
	opProductsKeyword = operation{name: "Products.SearchByCriteria", label: labelProducts}
	// Prices and stock are computed, row by row.
	opActivePrices   = operation{name: "Products.GetActivePrices", label: labelProducts, weight: 2}
	opAvailability   = operation{name: "Products.GetEstimatedAvailability", label: labelProducts, weight: 2}
	opWarehouseStock = operation{name: "Products.GetEstimatedProductWarehouseAvailability", label: labelProducts, weight: 2}
	opInventory      = operation{name: "GetInventoryConfiguration", label: labelChannelRead}
)

var operations = []operation{opToken, opEnvironment, opCustomersSearch, opCustomersRead, opCustomersCreate, opCustomersUpdate, opCustomersByKeys,
	opCountries, opStates, opGroups, opPurposes, opOrgUnit, opOrdersCreate, opOrdersFind, opProductsByIDs,
	opCartsCreate, opCartsRead, opCartsPrice, opCartsUpdate, opCartsCopy, opCartsAddLines, opCartsUpdateLines, opCartsRemoveLines, opCartsCoupons, opCartsUncoupon,
	opCartsDelivery, opCartsLineDelivery, opCartsCharge, opCartsOptions, opCartsCheckout, opOrdersByTransaction, opOrdersHistory, opOrdersCancel,
	opTenderTypes, opCardTypes, opGiftCard, opDeliveryModes, opStores, opStoresNear, opTimeslots, opCategories,
	opChangedBegin, opChangedRead, opChangedEnd, opListingsDeleted, opListingsReport, opPublishStatus, opPublishSet, opProductsSearch, opProductsOfItems, opProductsKeyword, opActivePrices,
	opAvailability, opWarehouseStock, opInventory, opStoreHours, opWarehouses}

// labels are those of the operations, by name.
var labels = func() map[string]string {
	m := make(map[string]string, len(operations))
	for _, op := range operations {
		m[op.name] = cmp.Or(op.label, op.name)
	}
	return m
}()

// Operations lists every operation by name.
func Operations() []string {
	names := make([]string, len(operations))
	for i, op := range operations {
		names[i] = op.name
	}
	return names
}

// Labels lists the values of the metric label operation, for metrics that start at zero.
func Labels() []string {
	var out []string
	for _, op := range operations {
		if l := labels[op.name]; !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// LabelOf is the metric label of an operation, or the name itself if it is none.
func LabelOf(operation string) string {
	return cmp.Or(labels[operation], operation)
}
