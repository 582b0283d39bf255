package csu

import (
	"maps"
	"strings"
)

// Names of operations, as faults, ledger and statistics use them.
const (
	OpToken          = "Token"
	OpHealthCheck    = "HealthCheck"
	OpEnvironment    = "GetEnvironmentConfiguration"
	OpCreateCustomer = "CreateCustomer"
	OpGetCustomer    = "GetCustomer"
	OpUpdateCustomer = "UpdateCustomer"
	OpSearchByFields = "SearchByFields"
	OpByNumbers      = "GetByAccountNumbers"
	OpCountries      = "GetCountryRegionsByLanguageId"
	OpStates         = "GetStateProvinces"
	OpZipCode        = "GetAddressFromZipCode"
	OpGroups         = "GetCustomerGroups"
	OpPurposes       = "GetAddressPurposes"
	OpOrgUnit        = "GetOrgUnitConfiguration"
	OpProductsByIDs  = "GetByIds"
	OpLookupClauses  = "GetByLookupClauses"

	OpUploadOrder        = "UploadSalesOrder"
	OpOrderByReference   = "GetOrderByChannelReferenceLookupCriteria"
	OpGetOrder           = "GetSalesOrder"
	OpOrderByTransaction = "GetSalesOrderDetailsByTransactionId"
	OpOrderBySalesID     = "GetSalesOrderDetailsBySalesId"
	OpOrderHistory       = "GetOrderHistory"
	OpCancelOrder        = "RequestCancellation"

	OpCreateCart          = "CreateCart"
	OpGetCart             = "GetCart"
	OpUpdateCart          = "UpdateCart"
	OpCopyCart            = "CopyCart"
	OpSearchCarts         = "SearchCarts"
	OpAddCartLines        = "AddCartLines"
	OpUpdateCartLines     = "UpdateCartLines"
	OpRemoveCartLines     = "RemoveCartLines"
	OpAddCoupons          = "AddCoupons"
	OpRemoveCoupons       = "RemoveCoupons"
	OpDeliverySpec        = "UpdateDeliverySpecification"
	OpLineDeliverySpecs   = "UpdateLineDeliverySpecifications"
	OpDeliveryPreferences = "GetDeliveryPreferences"
	OpCartDeliveryOptions = "GetCartDeliveryOptions"
	OpLineDeliveryOptions = "GetLineDeliveryOptions"
	OpAddCharge           = "AddCharge"
	OpAddCartLineCharge   = "AddCartLineCharge"
	OpChargeCodes         = "GetChargeCodes"
	OpValidateForCheckout = "ValidateForCheckout"
	OpCheckout            = "Checkout"
	OpCalculateDocument   = "CalculateSalesDocument"
	OpAddTenderLine       = "AddTenderLine"
	OpVoidTenderLine      = "VoidTenderLine"
	OpReserved            = "ReservedForEmployees"
	OpAcceptPoint         = "GetCardPaymentAcceptPoint"
	OpAcceptResult        = "RetrieveCardPaymentAcceptResult"
	OpTenderTypes         = "GetTenderTypes"
	OpCardTypes           = "GetCardTypes"
	OpGiftCard            = "GetGiftCard"
	OpReturnPolicy        = "GetReturnPolicy"
	OpMerchantInformation = "GetPaymentMerchantInformation"
	OpDeliveryOptions     = "GetDeliveryOptions"
	OpGetOrgUnit          = "GetOrgUnit"
	OpSearchOrgUnits      = "SearchOrgUnits"
	OpSearchLocations     = "SearchOrgUnitLocations"
	OpLocationsByArea     = "GetOrgUnitLocationsByArea"
	OpStoreHours          = "GetStoreHours"
	OpTimeslots           = "GetPickupTimeslots"
	OpWarehouses          = "GetWarehouses"

	OpBeginChanged     = "BeginReadChangedProducts"
	OpReadChanged      = "ReadChangedProducts"
	OpEndChanged       = "EndReadChangedProducts"
	OpDeletedListings  = "GetDeletedListings"
	OpUpdateListings   = "UpdateListingPublishingStatus"
	OpGetPublishStatus = "GetOnlineChannelPublishStatus"
	OpSetPublishStatus = "SetOnlineChannelPublishStatus"
	OpSearchProducts   = "SearchProducts"
	OpSearchCriteria   = "SearchByCriteria"
	OpSearchCategory   = "SearchByCategory"
	OpCategories       = "GetCategories"
	OpChildren         = "GetChildren"
	OpActivePrices     = "GetActivePrices"
	OpAvailability     = "GetEstimatedAvailability"
	OpWarehouseStock   = "GetEstimatedProductWarehouseAvailability"
	OpInventory        = "GetInventoryConfiguration"
)

// who reads the roles of the public API list: E mployee, C ustomer, A nonymous, App lication.
func who(letters string) (roles []Role) {
	names := map[string]Role{"E": RoleEmployee, "C": RoleCustomer, "A": RoleAnonymous, "App": RoleApplication}
	for letter := range strings.FieldsSeq(letters) {
		roles = append(roles, names[letter])
	}
	return roles
}

type serve = func(*call) (reply, *apiError)

// read is an operation of a channel that changes nothing.
func read(name, roles string, serve serve) operation {
	return operation{name: name, commerce: true, channel: true, serve: serve, roles: who(roles)}
}

// change is one that writes.
func change(name, roles string, serve serve) operation {
	op := read(name, roles, serve)
	op.write = true
	return op
}

// inLab adds the roles by which Microsoft's lab calls an operation, against the documents.
func (o operation) inLab(roles string) operation {
	o.lab = who(roles)
	return o
}

// operations is the table of what is served: method and resource, with the roles of the public API list. Where that does not
// list an operation, the roles are those that Microsoft's samples call it by.
func operations() map[string]operation {
	all := map[string]operation{
		"POST token/v1":   {name: OpToken, serve: (*call).tokenV1},
		"POST token/v2":   {name: OpToken, serve: (*call).tokenV2},
		"GET HealthCheck": {name: OpHealthCheck, serve: (*call).health},
		"GET GetEnvironmentConfiguration()": {name: OpEnvironment, commerce: true, serve: (*call).environment,
			roles: who("A E App")},
	}
	for _, some := range []map[string]operation{customerOperations(), orderOperations(), cartOperations(), channelOperations(),
		catalogueOperations(), reservedOperations()} {
		maps.Copy(all, some)
	}
	return all
}

func customerOperations() map[string]operation {
	return map[string]operation{
		"POST Customers":                      change(OpCreateCustomer, "E A App", (*call).createCustomer),
		"GET Customers(key)":                  read(OpGetCustomer, "E C App", (*call).getCustomer),
		"PATCH Customers(key)":                change(OpUpdateCustomer, "E C App", (*call).updateCustomer),
		"POST Customers/SearchByFields":       read(OpSearchByFields, "E C App", (*call).searchByFields),
		"POST Customers/GetByAccountNumbers":  read(OpByNumbers, "E C App", (*call).accountsByNumber),
		"POST Customers(key)/GetOrderHistory": read(OpOrderHistory, "E C App", (*call).orderHistory),
	}
}

func orderOperations() map[string]operation {
	return map[string]operation{
		"POST SalesOrders":     change(OpUploadOrder, "E App", (*call).uploadOrder),
		"GET SalesOrders(key)": read(OpGetOrder, "E", (*call).getOrder),
		"POST SalesOrders/GetOrderByChannelReferenceLookupCriteria": read(OpOrderByReference, "E C App A", (*call).orderByReference),
		"GET SalesOrders/GetSalesOrderDetailsByTransactionId(args)": read(OpOrderByTransaction, "E C", (*call).orderByTransaction).inLab("App"),
		"GET SalesOrders/GetSalesOrderDetailsBySalesId(args)":       read(OpOrderBySalesID, "E C", (*call).orderBySalesID).inLab("App"),
		"POST SalesOrders/RequestCancellation":                      change(OpCancelOrder, "E C App", (*call).cancelOrder),
	}
}

func cartOperations() map[string]operation {
	return map[string]operation{
		"POST Carts":                                       change(OpCreateCart, "E C A App", (*call).createCart),
		"GET Carts(key)":                                   read(OpGetCart, "E C A App", (*call).getCart),
		"PATCH Carts(key)":                                 change(OpUpdateCart, "E C A App", (*call).updateCart),
		"POST Carts(key)/Copy":                             change(OpCopyCart, "E C A App", (*call).copyCart),
		"POST Carts/Search":                                read(OpSearchCarts, "C", (*call).searchCarts).inLab("App"),
		"POST Carts(key)/AddCartLines":                     change(OpAddCartLines, "E C A App", (*call).addCartLines),
		"POST Carts(key)/UpdateCartLines":                  change(OpUpdateCartLines, "E C A App", (*call).updateCartLines),
		"POST Carts(key)/RemoveCartLines":                  change(OpRemoveCartLines, "C A App", (*call).removeCartLines),
		"POST Carts(key)/AddCoupons":                       change(OpAddCoupons, "E C A App", (*call).addCoupons),
		"POST Carts(key)/RemoveCoupons":                    change(OpRemoveCoupons, "E C A App", (*call).removeCoupons),
		"POST Carts(key)/UpdateDeliverySpecification":      change(OpDeliverySpec, "C A App", (*call).updateDelivery),
		"POST Carts(key)/UpdateLineDeliverySpecifications": change(OpLineDeliverySpecs, "C A App", (*call).updateLineDelivery),
		"POST Carts(key)/GetDeliveryPreferences":           read(OpDeliveryPreferences, "C A App", (*call).deliveryPreferences),
		"POST Carts(key)/GetDeliveryOptions":               read(OpCartDeliveryOptions, "E C A App", (*call).cartDeliveryOptions),
		"POST Carts(key)/GetLineDeliveryOptions":           read(OpLineDeliveryOptions, "E C A App", (*call).lineDeliveryOptions),
		"POST Carts(key)/AddCharge":                        change(OpAddCharge, "E App", (*call).addCharge),
		"POST Carts(key)/AddCartLineCharge":                change(OpAddCartLineCharge, "E App", (*call).addCartLineCharge),
		"GET Carts/GetChargeCodes()":                       read(OpChargeCodes, "E App", (*call).chargeCodes),
		"GET Carts(key)/ValidateForCheckout(args)":         read(OpValidateForCheckout, "E C A App", (*call).validateForCheckout),
		"POST Carts(key)/GetCardPaymentAcceptPoint":        read(OpAcceptPoint, "E C A App", (*call).acceptPoint),
		"POST Carts/RetrieveCardPaymentAcceptResult":       read(OpAcceptResult, "E C A App", (*call).acceptResult),
		"POST Carts(key)/Checkout":                         change(OpCheckout, "E C A App", (*call).checkout),
		"POST CalculateSalesDocument":                      read(OpCalculateDocument, "E C A App", (*call).calculateDocument),
		"POST Carts(key)/AddTenderLine":                    change(OpAddTenderLine, "E", (*call).addTenderLine),
		"POST Carts(key)/VoidTenderLine":                   change(OpVoidTenderLine, "E", (*call).voidTenderLine),
	}
}

func channelOperations() map[string]operation {
	return map[string]operation{
		"POST GetCountryRegionsByLanguageId":      read(OpCountries, "E C A App", (*call).countryRegions),
		"POST GetStateProvinces":                  read(OpStates, "E C A App", (*call).stateProvinces),
		"POST GetAddressFromZipCode":              read(OpZipCode, "E C A App", (*call).addressFromZipCode),
		"GET GetCustomerGroups()":                 read(OpGroups, "E C A App", (*call).customerGroups),
		"GET GetAddressPurposes()":                read(OpPurposes, "E C A App", (*call).addressPurposes),
		"GET GetTenderTypes()":                    read(OpTenderTypes, "E C A App", (*call).tenderTypes),
		"POST GetCardTypes":                       read(OpCardTypes, "E C A App", (*call).cardTypesTaken),
		"POST GetGiftCard":                        read(OpGiftCard, "E C A App", (*call).giftCard),
		"GET GetReturnPolicy()":                   read(OpReturnPolicy, "E C A App", (*call).returnPolicy),
		"GET GetDeliveryOptions()":                read(OpDeliveryOptions, "E C A App", (*call).channelDeliveryOptions),
		"POST OrgUnits/GetOrgUnitConfiguration":   read(OpOrgUnit, "E C A App", (*call).channelConfiguration),
		"GET OrgUnits(key)":                       read(OpGetOrgUnit, "E C A App", (*call).getOrgUnit),
		"POST OrgUnits/Search":                    read(OpSearchOrgUnits, "E C A App", (*call).searchOrgUnits),
		"POST OrgUnits/SearchOrgUnitLocations":    read(OpSearchLocations, "E C A App", (*call).searchLocations),
		"POST OrgUnits/GetOrgUnitLocationsByArea": read(OpLocationsByArea, "E C A App", (*call).locationsByArea),
		"GET OrgUnits/GetStoreHours(args)":        read(OpStoreHours, "E C A App", (*call).storeHours),
		"POST OrgUnits/GetPickupTimeslots":        read(OpTimeslots, "E C A App", (*call).timeslots),
		"GET Warehouses":                          read(OpWarehouses, "E C App", (*call).warehouses),
	}
}

// catalogueOperations are those of products. Two roles are not listed: that of GetOnlineChannelPublishStatus is that of its opposite, and
// GetInventoryConfiguration has those of the other reads of inventory.
func catalogueOperations() map[string]operation {
	return map[string]operation{
		"POST Products/BeginReadChangedProducts":                 read(OpBeginChanged, "App", (*call).beginChangedProducts),
		"POST Products/ReadChangedProducts":                      read(OpReadChanged, "App", (*call).readChangedProducts),
		"POST Products/EndReadChangedProducts":                   read(OpEndChanged, "App", (*call).endChangedProducts),
		"POST Products/GetDeletedListings":                       read(OpDeletedListings, "App", (*call).deletedListings),
		"POST Products/UpdateListingPublishingStatus":            change(OpUpdateListings, "App", (*call).updateListings),
		"GET GetOnlineChannelPublishStatus()":                    read(OpGetPublishStatus, "App", (*call).getPublishStatus),
		"POST SetOnlineChannelPublishStatus":                     change(OpSetPublishStatus, "App", (*call).setPublishStatus),
		"POST Products/GetByIds":                                 read(OpProductsByIDs, "E C A App", (*call).productsByIDs),
		"POST Products/GetByLookupClauses":                       read(OpLookupClauses, "E C A App", (*call).productsByClauses),
		"POST Products/Search":                                   read(OpSearchProducts, "E C A App", (*call).searchProducts),
		"POST Products/SearchByCriteria":                         read(OpSearchCriteria, "E C A App", (*call).searchByCriteria),
		"GET Products/SearchByCategory(args)":                    read(OpSearchCategory, "E C A App", (*call).searchByCategory),
		"POST Products/GetActivePrices":                          read(OpActivePrices, "E C A App", (*call).activePrices),
		"POST Products/GetEstimatedAvailability":                 read(OpAvailability, "E C A App", (*call).availability),
		"POST Products/GetEstimatedProductWarehouseAvailability": read(OpWarehouseStock, "E C A App", (*call).warehouseAvailability),
		"GET GetInventoryConfiguration()":                        read(OpInventory, "E C A App", (*call).inventoryConfiguration),
		"POST Categories/GetCategories":                          read(OpCategories, "E C A App", (*call).getCategories),
		"POST Categories/GetChildren":                            read(OpChildren, "E C A App", (*call).getChildren),
	}
}

// reservedOperations are those that are only for who stands at a till: refused to everybody else, and not served here.
func reservedOperations() map[string]operation {
	out := map[string]operation{
		"GET GetPaymentMerchantInformation(args)": read(OpMerchantInformation, "E", (*call).merchantInformation),
		"POST SalesOrders/CheckInForOrderPickup":  read(OpReserved, "A C", (*call).notHere),
	}
	for name := range strings.FieldsSeq(`AddPreprocessedTenderLine RecallOrder RecallSalesInvoice RecallQuote AddInvoicedSalesLinesToCart
		VoidCartLines Void Suspend Resume OverrideCartLinePrice IssueGiftCard RefillGiftCard CashOutGiftCard RecalculateOrder`) {
		out["POST Carts(key)/"+name] = read(OpReserved, "E", (*call).notHere)
	}
	return out
}

func (c *call) notHere() (reply, *apiError) {
	return reply{}, badRequest(idNotHere, "the simulator does not serve this operation")
}

var table = operations()
