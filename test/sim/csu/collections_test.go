package csu

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exchange is one request of a collection and what its author expects. {name} stands for what an earlier answer gave.
type exchange struct {
	does   string
	method string
	path   string
	body   string
	status int
	id     string            // of the error, short; empty: none
	keeps  map[string]string // name → member of the answer, dots go down, value.0 is the first row
	shows  map[string]string // member → what it says
}

const (
	lineOfSamples = `{"@odata.type":"#Microsoft.Dynamics.Commerce.Runtime.DataModel.CartLine","CatalogId":0,"Description":"Sample","EntryMethodTypeValue":3,"ItemId":"P000001",
		"ProductId":68719490000,"Quantity":2,"Quantity@odata.type":"#Decimal","UnitOfMeasureSymbol":"ea","TrackingId":"","LineId":""}`
	homeOfSamples = `{"@odata.type":"#Microsoft.Dynamics.Commerce.Runtime.DataModel.Address","Name":"Home","Street":"1 Main St","StreetNumber":"","City":"Houston","State":"TX","ZipCode":"77001",
		"ThreeLetterISORegionName":"USA","TwoLetterISORegionName":"US","AddressTypeValue":7,"IsPrimary":true,"RecordId":0,"ExtensionProperties":[]}`
)

func TestTheCollectionOfAnAnonymousShopperGetsTheAnswersItExpects(t *testing.T) {
	t.Parallel()
	c := overSocket(t, Options{Anonymous: true})
	c.header = map[string][]string{"Oun": {DefaultOUN}, "Content-Type": {"application/json"}}
	c.play([]exchange{
		{does: "health", method: "GET", path: "/HealthCheck?testname=ping", status: 200},
		{does: "environment", method: "GET", path: "GetEnvironmentConfiguration()?api-version=7.3", status: 200},
		{does: "channel", method: "POST", path: "OrgUnits/GetOrgUnitConfiguration?api-version=7.3", body: `{}`, status: 200, shows: map[string]string{"Currency": "USD", "PickupDeliveryModeCode": "60"}},
		{does: "new cart", method: "POST", path: "Carts?api-version=7.3", body: `{}`, status: 201, keeps: map[string]string{"cart": "Id", "version": "Version"}, shows: map[string]string{"CartTypeValue": "1", "CustomerId": ""}},
		{does: "cart by key", method: "GET", path: "Carts('{cart}')?api-version=7.3", status: 200, shows: map[string]string{"Id": "{cart}"}},
		{does: "lines", method: "POST", path: "Carts('{cart}')/AddCartLines?api-version=7.3", body: `{"cartLines":[` + lineOfSamples + `],"cartVersion":{version}}`, status: 200, keeps: map[string]string{"line": "CartLines.0.LineId"}, shows: map[string]string{"AmountDue": "2.00"}},
		{does: "lines of an old version", method: "POST", path: "Carts('{cart}')/AddCartLines?api-version=7.3", body: `{"cartLines":[` + lineOfSamples + `],"cartVersion":{version}}`, status: 400, id: "InvalidCartVersion"},
		{does: "more of a line", method: "POST", path: "Carts('{cart}')/UpdateCartLines?api-version=7.3", body: `{"cartLines":[{"LineId":"{line}","Quantity":3}],"cartVersion":null}`, status: 200, shows: map[string]string{"AmountDue": "3.00"}},
		{does: "a coupon that is none", method: "POST", path: "Carts('{cart}')/AddCoupons?api-version=7.3", body: `{"couponCodes":["NONE"],"isLegacyDiscountCode":false}`, status: 400, id: "InvalidCouponCode"},
		{does: "checkout cart", method: "POST", path: "Carts('{cart}')/Copy?api-version=7.3", body: `{"targetCartType":2}`, status: 200, keeps: map[string]string{"order": "Id"}, shows: map[string]string{"CartTypeValue": "2", "AmountDue": "3.00"}},
		{does: "preferences", method: "POST", path: "Carts('{order}')/GetDeliveryPreferences?api-version=7.3", body: `{}`, status: 200},
		{does: "delivery options", method: "POST", path: "Carts('{order}')/GetDeliveryOptions?$top=1000&api-version=7.3", body: `{"shippingAddress":` + homeOfSamples + `,"cartLineIds":["{line}"],"filterOption":4}`, status: 200, shows: map[string]string{"value.0.Code": "60"}},
		{does: "delivery", method: "POST", path: "Carts('{order}')/UpdateLineDeliverySpecifications?api-version=7.3", body: `{"lineDeliverySpecifications":[{"LineId":"{line}","DeliverySpecification":{"DeliveryModeId":"99","DeliveryPreferenceTypeValue":1,
			"DeliveryAddress":` + homeOfSamples + `,"ElectronicDeliveryEmailAddress":"","ElectronicDeliveryEmailContent":""}}]}`, status: 200, keeps: map[string]string{"version": "Version"}},
		{does: "card page", method: "POST", path: "Carts('{order}')/GetCardPaymentAcceptPoint?api-version=7.3", body: `{"cardPaymentAcceptSettings":{"HostPageOrigin":"https://shop.example.com","AdaptorPath":"https://shop.example.com/Connectors/","CardPaymentEnabled":false,
			"CardTokenizationEnabled":true,"HideBillingAddress":true,"PaymentAmount":3.00,"TenderTypeId":"3"},"extensionProperties":[]}`, status: 200, keeps: map[string]string{"connector": "PaymentConnectorId"}},
		{does: "card", method: "POST", path: "Carts/RetrieveCardPaymentAcceptResult?api-version=7.3", body: `{"resultAccessCode":"code-1","cartId":"{order}","settings":{"ReturnUrl":"https://shop.example.com","PaymentConnectorId":"{connector}"},"extensionProperties":[]}`, status: 200},
		{does: "a payment at the till", method: "POST", path: "Carts('{order}')/AddTenderLine?api-version=7.3", body: `{"cartTenderLine":{"TenderTypeId":"1","Amount":3.00},"cartVersion":{version}}`, status: 403, id: "AuthorizationFailed"},
		{does: "a charge", method: "POST", path: "Carts('{order}')/AddCharge?api-version=7.3", body: `{"moduleTypeValue":3,"chargeCode":"HANDLING","amount":1}`, status: 403, id: "AuthorizationFailed"},
		{does: "checkout without e-mail", method: "POST", path: "Carts('{order}')/Checkout?api-version=7.3", body: `{"cartTenderLines":[]}`, status: 400, id: "RequiredValueNotFound"},
		{does: "checkout", method: "POST", path: "Carts('{order}')/Checkout?api-version=7.3", body: `{"receiptEmail":"ana@example.test","cartTenderLines":[{"@odata.type":"#Microsoft.Dynamics.Commerce.Runtime.DataModel.CartTenderLine","Currency":"USD","TenderTypeId":"3",
			"Amount":3.00,"Amount@odata.type":"#Decimal","CardPaymentAcceptResult":{"AccessCode":"code-1","Settings":{"ReturnUrl":"https://shop.example.com","PaymentConnectorId":"{connector}"},"TokenizedPaymentCard":{"House":"placeholder"}}}],
			"cartVersion":{version}}`, status: 200, keeps: map[string]string{"reference": "ChannelReferenceId"}, shows: map[string]string{"Id": "{order}", "SalesId": "", "TotalAmount": "3.00"}},
		{does: "checkout again", method: "POST", path: "Carts('{order}')/Checkout?api-version=7.3", body: `{"receiptEmail":"ana@example.test","cartTenderLines":[],"cartVersion":{version}}`, status: 400, id: "CartAlreadyCheckedOut"},
		{does: "the order", method: "POST", path: "SalesOrders/GetOrderByChannelReferenceLookupCriteria?api-version=7.3", body: `{"channelReferenceLookupCriteria":{"ChannelReferenceId":"{reference}","SearchLocationValue":1,"ChannelReferenceAdditionalLookupCriteria":[]}}`, status: 200, shows: map[string]string{"Id": "{order}"}},
		{does: "customers", method: "POST", path: "Customers/SearchByFields?api-version=7.3", body: `{"CustomerSearchByFieldCriteria":{"Criteria":[{"SearchTerm":"x","SearchField":{"Name":"Email","Value":3}}]}}`, status: 403, id: "AuthorizationFailed"},
		{does: "an upload", method: "POST", path: "SalesOrders?api-version=7.3", body: anOrder, status: 403, id: "AuthorizationFailed"},
		{does: "stores", method: "POST", path: "OrgUnits/GetOrgUnitLocationsByArea?$top=50&api-version=7.3", body: `{"searchArea":{"Latitude":29.76,"Longitude":-95.37,"Radius":100,"DistanceUnitValue":0},"deliveryModeTypeFilter":2}`, status: 200, shows: map[string]string{"value.0.OrgUnitNumber": "STORE1"}},
		{does: "a price", method: "POST", path: "CalculateSalesDocument?api-version=7.3", body: `{"salesDocument":{"Id":"basket","CartLines":[` + lineOfSamples + `]}}`, status: 200, shows: map[string]string{"TotalAmount": "2.00"}},
		{does: "a version that is none", method: "POST", path: "Carts?api-version=9.9", body: `{}`, status: 400, id: "RetailServerApiVersionNotSupported"},
	})
}

func TestTheCollectionOfAnApplicationGetsTheAnswersItExpects(t *testing.T) {
	t.Parallel()
	c := overSocket(t, Options{LabRoles: true, Products: MakeProducts(3)})
	delete(c.header, "Oun")
	c.header["oun"] = []string{DefaultOUN}
	pay := `"receiptEmail":"ana@example.test","cartTenderLines":[{"@odata.type":"#Microsoft.Dynamics.Commerce.Runtime.DataModel.CartTenderLine","Currency":"USD","TenderTypeId":"4","Amount":2.00,"CustomerId":"{account}"}]`
	c.play([]exchange{
		{does: "tender types", method: "GET", path: "GetTenderTypes()?api-version=7.3", status: 200, shows: map[string]string{"value.2.OperationId": "202"}},
		{does: "delivery modes", method: "GET", path: "GetDeliveryOptions()?api-version=7.3", status: 200, shows: map[string]string{"value.0.Code": "99"}},
		{does: "customer, without a version", method: "POST", path: "Customers", body: `{"FirstName":"Ana","LastName":"Example","Email":"ana@example.test","CustomerTypeValue":1,"ExtensionProperties":[]}`, status: 201, keeps: map[string]string{"account": "AccountNumber"}},
		{does: "cart of a customer", method: "POST", path: "Carts?api-version=7.3", body: `{"CustomerId":"{account}"}`, status: 201, keeps: map[string]string{"cart": "Id", "version": "Version"}},
		{does: "cart of nobody", method: "POST", path: "Carts?api-version=7.3", body: `{"CustomerId":"none"}`, status: 400, id: "CustomerNotFound"},
		{does: "lines", method: "POST", path: "Carts('{cart}')/AddCartLines?api-version=7.3", body: `{"cartLines":[` + lineOfSamples + `],"cartVersion":{version}}`, status: 200, keeps: map[string]string{"line": "CartLines.0.LineId"}},
		{does: "a line that is not sold", method: "POST", path: "Carts('{cart}')/AddCartLines?api-version=7.3", body: `{"cartLines":[{"ProductId":1,"Quantity":1}]}`, status: 400, id: "InvalidCartLinesAggregateError"},
		{does: "a parameter in another case", method: "POST", path: "Carts('{cart}')/AddCartLines?api-version=7.3", body: `{"CartLines":[]}`, status: 400, id: "Microsoft_Dynamics_RetailServer_BadRequest"},
		{does: "pickup", method: "POST", path: "Carts('{cart}')/UpdateLineDeliverySpecifications?api-version=7.3", body: `{"lineDeliverySpecifications":[{"LineId":"{line}","DeliverySpecification":{"DeliveryModeId":"60","DeliveryPreferenceTypeValue":2,"PickUpStoreId":"STORE1",
			"DeliveryAddress":{"RecordId":9007199254740693,"ThreeLetterISORegionName":"USA"}}}]}`, status: 200, keeps: map[string]string{"version": "Version"}, shows: map[string]string{"CartLines.0.FulfillmentStoreId": "STORE1"}},
		{does: "a payment at the till", method: "POST", path: "Carts('{cart}')/AddTenderLine?api-version=7.3", body: `{"cartTenderLine":{"TenderTypeId":"4","Amount":2.00},"cartVersion":{version}}`, status: 403, id: "AuthorizationFailed"},
		{does: "an order recalled", method: "POST", path: "Carts('{cart}')/RecallOrder?api-version=7.3", body: `{"transactionId":"x"}`, status: 403, id: "AuthorizationFailed"},
		{does: "validation", method: "GET", path: "Carts('{cart}')/ValidateForCheckout(cartVersion={version})?api-version=7.3", status: 200},
		{does: "carts of the customer", method: "POST", path: "Carts/Search?$top=10&api-version=7.3", body: `{"cartSearchCriteria":{"CustomerAccountNumber":"{account}","IncludeAnonymous":false}}`, status: 200, shows: map[string]string{"value.0.Id": "{cart}"}},
		{does: "nothing paid", method: "POST", path: "Carts('{cart}')/Checkout?api-version=7.3", body: `{"receiptEmail":"ana@example.test","cartVersion":{version}}`, status: 400, id: "MissingRequiredCartTenderLines"},
		{does: "checkout on account", method: "POST", path: "Carts('{cart}')/Checkout?api-version=7.3", body: `{` + pay + `,"cartVersion":{version}}`, status: 200, keeps: map[string]string{"reference": "ChannelReferenceId"}, shows: map[string]string{"Id": "{cart}", "CustomerId": "{account}"}},
		{does: "checkout again", method: "POST", path: "Carts('{cart}')/Checkout?api-version=7.3", body: `{` + pay + `,"cartVersion":{version}}`, status: 400, id: "CartAlreadyCheckedOut"},
		{does: "the order by reference", method: "POST", path: "SalesOrders/GetOrderByChannelReferenceLookupCriteria?api-version=7.3", body: `{"channelReferenceLookupCriteria":{"ChannelReferenceId":"{reference}","SearchLocationValue":3,"ChannelReferenceAdditionalLookupCriteria":[]}}`, status: 200},
		{does: "the order by transaction", method: "GET", path: "SalesOrders/GetSalesOrderDetailsByTransactionId(transactionId='{cart}',searchLocationValue=1)?api-version=7.3", status: 200, shows: map[string]string{"ChannelReferenceId": "{reference}"}},
		{does: "an order that headquarters does not have", method: "GET", path: "SalesOrders/GetSalesOrderDetailsBySalesId(salesId='012345')?api-version=7.3", status: 404, id: "SalesOrderNotFound"},
		{does: "history", method: "POST", path: "Customers('{account}')/GetOrderHistory?$top=10&api-version=7.3", body: `{}`, status: 200, shows: map[string]string{"value.0.Id": "{cart}"}},
		{does: "an upload", method: "POST", path: "SalesOrders?api-version=7.3", body: anOrder, status: 201, shows: map[string]string{"Id": "web-1"}},
		{does: "cancellation of none", method: "POST", path: "SalesOrders/RequestCancellation?api-version=7.3", body: `{"salesOrdersLookupCriteria":{"SalesOrderLookups":[{"@odata.type":"#Microsoft.Dynamics.Commerce.Runtime.DataModel.SalesOrderLookupByTransactionId","TransactionId":"none"}]}}`, status: 400, id: "SalesOrderNotFound"},
		{does: "a check-in", method: "POST", path: "SalesOrders/CheckInForOrderPickup?api-version=7.3", body: `{}`, status: 403, id: "AuthorizationFailed"},
	})
}

var named = regexp.MustCompile(`\{([a-z]+)\}`)

// play sends the requests of a collection in order.
func (c *client) play(list []exchange) {
	c.t.Helper()
	kept := map[string]string{}
	fill := func(s string) string {
		return named.ReplaceAllStringFunc(s, func(name string) string {
			if value, known := kept[strings.Trim(name, "{}")]; known {
				return value
			}
			return name
		})
	}
	for _, x := range list {
		path := "/Commerce/" + fill(x.path)
		if strings.HasPrefix(x.path, "/") {
			path = x.path
		}
		a := c.send(c.t.Context(), x.method, path, fill(x.body), maps.Clone(c.header))
		require.Equal(c.t, []any{x.status, x.id}, []any{a.status, a.errorID()}, "%s: %s", x.does, a.raw)
		for name, member := range x.keeps {
			kept[name] = said(a.body, member)
			require.NotEmpty(c.t, kept[name], "%s: %s", x.does, member)
		}
		for member, want := range x.shows {
			require.Equal(c.t, fill(want), said(a.body, member), "%s: %s", x.does, member)
		}
	}
}

// said is the text of a member some levels down, such as value.0.Code.
func said(body any, member string) string {
	for part := range strings.SplitSeq(member, ".") {
		switch v := body.(type) {
		case map[string]any:
			body = v[part]
		case []any:
			at := int(part[0] - '0')
			if at >= len(v) {
				return ""
			}
			body = v[at]
		}
	}
	switch v := body.(type) {
	case string:
		return v
	case interface{ String() string }:
		return v.String()
	}
	return ""
}
