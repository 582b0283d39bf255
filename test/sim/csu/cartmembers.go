package csu

var cartMembers = declare(map[memberType]string{
	key: "Id",
	text: `CustomerId LoyaltyCardId DeliveryMode WarehouseId ReceiptEmail Comment InvoiceComment OrderNumber SalesId TaxOverrideCode
		CustomerRequisition SuspendedCartId Name StaffId TerminalId CommissionSalesGroup`,
	integer32: `CartTypeValue CartStatusValue CustomerOrderModeValue TransactionTypeValue ReceiptTransactionTypeValue
		PeriodicDiscountsCalculateScopeValue TaxCalculationTypeValue`,
	integer64: "Version ChannelId",
	fraction: `AmountDue AmountPaid TotalAmount SubtotalAmount SubtotalAmountWithoutTax NetPrice DiscountAmount TaxAmount ChargeAmount
		ShippingChargeAmount OtherChargeAmount TotalItems`,
	boolean: `IsRequiredAmountPaid IsDiscountFullyCalculated IgnoreDiscountCalculation HasTaxCalculationTriggered
		HasChargeCalculationTriggered IsTaxIncludedInPrice IsReturnByReceipt IsSuspended`,
	moment: "RequestedDeliveryDate ModifiedDateTime BeginDateTime BusinessDate",
	collection: `CartLines Coupons DiscountCodes ChargeLines TenderLines RefundableTenderLines AffiliationLines TaxViewLines PromotionLines
		AttributeValues ReasonCodeLines MerchantProperties Notes ExtensionProperties`,
	complexType: "ShippingAddress",
})

// cartOwned members are the scale unit's: on create they are ignored, in a change they may only say what is there.
var cartOwned = []string{
	"Id", "Version", "CartStatusValue", "ChannelId", "AmountDue", "AmountPaid", "TotalAmount", "SubtotalAmount", "SubtotalAmountWithoutTax",
	"NetPrice", "DiscountAmount", "TaxAmount", "ChargeAmount", "ShippingChargeAmount", "OtherChargeAmount", "TotalItems", "IsRequiredAmountPaid",
	"IsDiscountFullyCalculated", "HasTaxCalculationTriggered", "HasChargeCalculationTriggered", "IsTaxIncludedInPrice", "ModifiedDateTime",
	"BeginDateTime", "Coupons", "ChargeLines", "TenderLines", "RefundableTenderLines", "TaxViewLines", "PromotionLines", "MerchantProperties", "SalesId",
}

var cartLineMembers = declare(map[memberType]string{
	text: `LineId ItemId InventoryDimensionId Barcode Description UnitOfMeasureSymbol ItemTaxGroupId SalesTaxGroupId DeliveryMode WarehouseId
		FulfillmentStoreId ElectronicDeliveryEmail ElectronicDeliveryEmailContent ReturnTransactionId ReturnInventTransId ReturnStore
		ReturnTerminalId GiftCardId SerialNumber Comment LinkedParentLineId TrackingId InvoiceId TaxOverrideCode`,
	integer32: "EntryMethodTypeValue SalesStatusValue LineVersion",
	integer64: "ProductId CatalogId",
	fraction: `LineNumber Quantity Price OriginalPrice ExtendedPrice NetPrice DiscountAmount LineDiscount LinePercentageDiscount
		LineManualDiscountAmount LineManualDiscountPercentage TaxAmount TotalAmount NetAmountWithoutTax TaxRatePercent DeliveryModeChargeAmount
		ReturnLineNumber QuantityReturnable QuantityOrdered QuantityInvoiced QuantityCanceled`,
	boolean: "IsPriceKeyedIn IsPriceOverridden IsVoided IsGiftCardLine IsInvoiceLine",
	moment:  "RequestedDeliveryDate PickupTimeslotStartDateTime PickupTimeslotEndDateTime",
	collection: `DiscountLines PriceLines ChargeLines TaxLines PromotionLines ReasonCodeLines AttributeValues RelatedDiscountedLineIds
		ExtensionProperties`,
	complexType: "ShippingAddress",
})

// cartLineSent members are those of a line that its client sets; all others are the scale unit's and ignored.
var cartLineSent = []string{
	"ProductId", "ItemId", "InventoryDimensionId", "Barcode", "Description", "Quantity", "UnitOfMeasureSymbol", "CatalogId", "EntryMethodTypeValue",
	"IsPriceKeyedIn", "Price", "DeliveryMode", "ShippingAddress", "RequestedDeliveryDate", "AttributeValues", "Comment", "ReturnTransactionId",
	"ReturnLineNumber", "ReturnInventTransId", "ReturnStore", "ReturnTerminalId", "SerialNumber", "TrackingId", "ReasonCodeLines", "ExtensionProperties",
}

// deliveryMembers are those of a DeliverySpecification.
var deliveryMembers = declare(map[memberType]string{
	text:        "DeliveryModeId PickUpStoreId ElectronicDeliveryEmailAddress ElectronicDeliveryEmailContent ShipFromStoreId ShipFromWarehouseId",
	integer32:   "DeliveryPreferenceTypeValue",
	moment:      "RequestedDeliveryDate PickupTimeslotStartDateTime PickupTimeslotEndDateTime",
	complexType: "DeliveryAddress",
})

var cartTenderMembers = declare(map[memberType]string{
	text: `TenderLineId TenderTypeId Currency CardTypeId CustomerId GiftCardId GiftCardPin LoyaltyCardId CreditMemoId CardPaymentAccountId
		LinkedPaymentStore LinkedPaymentTerminalId LinkedPaymentTransactionId LinkedPaymentCurrency SignatureData`,
	integer32: "GiftCardExpirationYear GiftCardExpirationMonth StatusValue VoidStatusValue ProcessingTypeValue CardProcessorStatusValue",
	integer64: "PaymentRefRecId LinkedPaymentRefRecId",
	fraction: `Amount AmountInTenderedCurrency AmountInCompanyCurrency ExchangeRate CompanyCurrencyExchangeRate AuthorizedAmount
		LinkedPaymentLineNumber LineNumber CashBackAmount`,
	boolean:     "IsLinkedRefund IsVoidable IsChangeLine IsHistorical IsPolicyBypassed",
	collection:  "ReasonCodeLines ExtensionProperties",
	complexType: "PaymentCard TokenizedPaymentCard CardPaymentAcceptResult",
})
