package csu

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"
)

// memberType is the OData type of an entity's member, as far as the simulator checks it.
type memberType int

const (
	text memberType = iota + 1
	integer32
	integer64
	fraction
	boolean
	moment      // Edm.DateTimeOffset
	collection  // kept as it came
	key         // text that must not be null
	complexType // an object, kept as it came
)

// members maps names to types. Names that are not in it are ignored, as the real service ignores them.
type members map[string]memberType

func declare(groups map[memberType]string) members {
	out := members{}
	for t, names := range groups {
		for name := range strings.FieldsSeq(names) {
			out[name] = t
		}
	}
	return out
}

var customerMembers = declare(map[memberType]string{
	key: "AccountNumber",
	text: `FirstName MiddleName LastName Name Email Phone Cellphone ReceiptEmail Language CurrencyCode CustomerGroup
		InvoiceAccount NewCustomerPartyNumber PartyNumber IdentificationNumber VatNumber TaxExemptNumber SalesTaxGroup
		PriceGroup LineDiscountGroup BusinessPartnerId DefaultPaymentMethod ChargeGroup PhoneExt Url CNPJCPFNumber
		CreditRating OrganizationId MultilineDiscountGroup TotalDiscountGroup TaxGroup CommissionSalesGroupId TaxOffice
		Tag OfflineImage`,
	integer32: "CustomerTypeValue ReceiptSettings BlockedType",
	integer64: `RecordId DirectoryPartyRecordId TitleRecordId PhoneRecordId EmailRecordId UrlRecordId PersonNameId
		RetailCustomerTableRecordId`,
	fraction: "CreditLimit Balance",
	boolean: `Blocked IsAsyncCustomer AllowOnAccountPayment OptOutPersonalization OptOutWebActivityTracking IsB2b
		IsB2bAdmin IsCustomerTaxInclusive MandatoryCreditLimit UseOrderNumberReference UsePurchaseRequest
		NonChargeableAccount IsFloorLimitBlocked`,
	moment:     "CreatedDateTime",
	collection: "Addresses Contacts Attributes CustomerAffiliations Images ExtensionProperties",
})

var addressMembers = declare(map[memberType]string{
	text: `Name Street StreetNumber BuildingCompliment Postbox City DistrictName County CountyName State StateName
		ZipCode ThreeLetterISORegionName TwoLetterISORegionName FullAddress Phone Email AttentionTo TaxGroup PartyNumber
		Id DataAreaId PhoneExt EmailContent Url LogisticsLocationId PhoneLogisticsLocationId EmailLogisticsLocationId
		UrlLogisticsLocationId`,
	integer32: "AddressTypeValue SortOrder RoleCount",
	integer64: `RecordId DirectoryPartyTableRecordId LogisticsLocationRecordId LogisticsLocationRoleRecordId
		PhoneRecordId EmailRecordId UrlRecordId DirectoryPartyLocationRecordId DirectoryPartyLocationRoleRecordId
		LogisticsLocationExtRecordId PhoneLogisticsLocationRecordId EmailLogisticsLocationRecordId
		UrlLogisticsLocationRecordId ExpireRecordId`,
	boolean:    "IsPrimary IsPrivate Deactivate IsAsyncAddress",
	collection: "ExtensionProperties",
})

var contactMembers = declare(map[memberType]string{
	text:       "Value ValueExtension Description PartyNumber LogisticsLocationId",
	integer32:  "AddressTypeValue",
	integer64:  "RecordId PartyRecordId LogisticsLocationRecordId PartyLocationRecordId ParentLocation",
	boolean:    "IsPrimary IsMobilePhone IsPrivate IsOptedInMarketing",
	collection: "ExtensionProperties",
})

// take keeps the declared members of an object and refuses a value of the wrong type. Null clears a scalar; a
// collection is never null in OData.
func (m members) take(where string, object map[string]any) (map[string]any, *apiError) {
	out := map[string]any{}
	for name, value := range object {
		t, declared := m[name]
		if !declared {
			continue
		}
		if !t.accepts(value) {
			return nil, badRequest(idModelError, where+"."+name+" has a value of the wrong type")
		}
		out[name] = value
	}
	return out, nil
}

// takeAll does the same for every object of a collection, in place.
func (m members) takeAll(where string, list any) *apiError {
	entries, _ := list.([]any)
	for i, entry := range entries {
		object, ok := entry.(map[string]any)
		if !ok {
			return badRequest(idModelError, where+" holds something that is not an object")
		}
		kept, err := m.take(where, object)
		if err != nil {
			return err
		}
		entries[i] = kept
	}
	return nil
}

func (t memberType) accepts(value any) bool {
	if value == nil {
		return t != collection && t != key
	}
	switch v := value.(type) {
	case string:
		if t == moment {
			_, err := time.Parse(time.RFC3339, v)
			return err == nil
		}
		return t == text || t == key
	case bool:
		return t == boolean
	case []any:
		return t == collection
	case map[string]any:
		return t == complexType
	case json.Number:
		switch t {
		case integer32:
			_, err := strconv.ParseInt(v.String(), 10, 32)
			return err == nil
		case integer64:
			_, err := strconv.ParseInt(v.String(), 10, 64)
			return err == nil
		default:
			return t == fraction
		}
	}
	return false
}

// customerBody decodes a request's customer down to addresses and contacts.
func (c *call) customerBody() (map[string]any, *apiError) {
	object, err := c.object()
	if err != nil {
		return nil, err
	}
	body, err := customerMembers.take("Customer", object)
	if err != nil {
		return nil, err
	}
	if err := addressMembers.takeAll("Addresses", body["Addresses"]); err != nil {
		return nil, err
	}
	if err := contactMembers.takeAll("Contacts", body["Contacts"]); err != nil {
		return nil, err
	}
	return body, nil
}

func str(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

func num(m map[string]any, name string) int64 {
	n, _ := m[name].(json.Number)
	v, _ := n.Int64()
	return v
}

func yes(m map[string]any, name string) bool {
	b, _ := m[name].(bool)
	return b
}

// entries are the objects of a collection.
func entries(m map[string]any, name string) []map[string]any {
	list, _ := m[name].([]any)
	out := make([]map[string]any, 0, len(list))
	for _, e := range list {
		if object, ok := e.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// clone copies a JSON object all the way down. It takes no named type: cloneAny would not know that one for an object.
func clone(object map[string]any) map[string]any {
	copied, _ := cloneAny(object).(map[string]any)
	return copied
}

func cloneAny(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for k, inner := range out {
			out[k] = cloneAny(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = cloneAny(inner)
		}
		return out
	}
	return v
}
