package csu

var orderMembers = declare(map[memberType]string{
	key: "Id",
	text: `SalesId ChannelReferenceId ReceiptId StoreId TerminalId StaffId CustomerId CustomerName Name ReceiptEmail CurrencyCode
		LanguageId DeliveryMode InventoryLocationId LoyaltyCardId OriginalOrderTransactionId InternalTransactionId Comment
		CustomerRequisition InvoiceComment StatementCode TaxOverrideCode CommissionSalesGroup`,
	integer32: `StatusValue DocumentStatusValue PaymentStatusValue DetailedOrderStatusValue TransactionTypeValue EntryStatusValue
		TransactionTime CustomerOrderModeValue CustomerOrderTypeValue TaxCalculationTypeValue`,
	integer64: "ChannelId RecordId ShiftId",
	fraction: `TotalAmount AmountDue AmountPaid GrossAmount NetAmount NetAmountWithoutTax NetAmountWithTax NetAmountWithNoTax NetPrice
		SubtotalAmount SubtotalAmountWithoutTax DiscountAmount TotalDiscount LineDiscount PeriodicDiscountAmount TaxAmount
		TaxAmountInclusive TaxAmountExclusive ChargeAmount ShippingChargeAmount OtherChargeAmount NumberOfItems
		RequiredDepositAmount SalesPaymentDifference`,
	boolean: "IsTaxIncludedInPrice IsReturnByReceipt IsCreatedOffline HasLoyaltyPayment IsSuspended",
	moment:  "CreatedDateTime BeginDateTime BusinessDate TransactionDate ModifiedDateTime RequestedDeliveryDate ConfirmedShipDate",
	collection: `SalesLines TenderLines TaxLines ChargeLines Coupons DiscountCodes AffiliationLoyaltyTierLines AttributeValues
		ReasonCodeLines ContactInformationCollection Shipments ExtensionProperties`,
	complexType: "ShippingAddress",
})

var orderLineMembers = declare(map[memberType]string{
	text: `LineId ItemId InventoryDimensionId Description UnitOfMeasureSymbol SalesOrderUnitOfMeasure ItemTaxGroupId SalesTaxGroupId
		DeliveryMode InventoryLocationId InventorySiteId FulfillmentStoreId ReturnTransactionId ReturnInventTransId ReturnStore
		ReturnTerminalId InventoryTransactionId SerialNumber BatchId ElectronicDeliveryEmailAddress Comment Barcode`,
	integer32: "StatusValue SalesStatusValue FulfillmentStatusValue EntryMethodTypeValue",
	integer64: "ProductId ListingId MasterProductId ReturnChannelId CatalogId RecordId",
	fraction: `LineNumber Quantity Price OriginalPrice BasePrice AgreementPrice AdjustedPrice NetAmount NetAmountWithoutTax
		NetAmountWithAllInclusiveTax GrossAmount TotalAmount NetPrice DiscountAmount LineDiscount PeriodicDiscount TotalDiscount
		TaxAmount TaxRatePercent QuantityOrdered QuantityInvoiced QuantityCanceled ReturnQuantity ReturnLineNumber`,
	boolean:     "IsVoided IsGiftCardLine IsPriceOverridden IsReturnByReceipt",
	moment:      "RequestedDeliveryDate ConfirmedShipDate PickupTimeslotStartDateTime PickupTimeslotEndDateTime",
	collection:  "TaxLines DiscountLines ChargeLines PriceLines AttributeValues ReasonCodeLines ExtensionProperties",
	complexType: "ShippingAddress",
})

var tenderLineMembers = declare(map[memberType]string{
	text: `TenderLineId TransactionId StoreId TerminalId TenderTypeId Currency CardTypeId MaskedCardNumber CardToken Authorization
		CaptureToken AuthorizationReferenceId CardPaymentAccountId CustomerId GiftCardId LoyaltyCardId LinkedPaymentTransactionId
		LinkedPaymentStore LinkedPaymentTerminalId LinkedPaymentCurrency GiftCardPin SignatureData`,
	integer32: "StatusValue VoidStatusValue ProcessingTypeValue CardProcessorStatusValue TransactionStatusValue GiftCardExpirationYear GiftCardExpirationMonth",
	integer64: "ChannelId PaymentRefRecId LinkedPaymentRefRecId",
	fraction: `LineNumber Amount AuthorizedAmount RefundableAmount RemainingLinkedRefundAmount RoundingDifference
		IncrementalOffsetAmount LinkedPaymentLineNumber CashBackAmount AmountInTenderedCurrency AmountInCompanyCurrency ExchangeRate`,
	boolean: `IsPreProcessed IsDeposit IsVoidable IsHistorical IsLinkedRefund IsIncrementalCaptureEnabled IsReauthorizationEnabled
		IsChangeLine`,
	moment:     "TenderDate",
	collection: "ReasonCodeLines ExtensionProperties",
})
