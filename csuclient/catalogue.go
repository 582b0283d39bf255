package csuclient

import "strings"

// verdict is what an error of the CSU means for the call that got it, whatever the HTTP status.
type verdict int

const (
	unlisted  verdict = iota // not of the catalogue: the exception's type and the status decide
	rejected                 // a rule of the CSU, for good: the call did nothing and will do nothing
	missing                  // there is no such object
	outdated                 // somebody else changed it, or it is there already: look again
	unsettled                // the CSU's own trouble: a read may work later, a write may have happened
	away                     // headquarters cannot be reached: as unsettled, until it can
	premature                // definitive for now: headquarters has not made the permanent customer yet
	stale                    // the token was refused: a fresh one may work
	forbidden                // this operation is refused to our role
	misplaced                // we are configured wrongly: token set-up, channel, or address
)

// idPrefix precedes most error resource ids and is dropped from codes.
const idPrefix = "Microsoft_Dynamics_Commerce_Runtime_"

// catalogue holds the error resource ids that are told apart or worth counting by name. Only these become codes of
// errors and values of a metric label; anything else a server sends in their place is dropped.
//
// "There already" (DuplicateObject, CartAlreadyCheckedOut, a cancellation already asked for) is outdated on purpose: the
// look that follows finds the effect.
var catalogue = invert(map[verdict]string{
	rejected: `
		RequiredValueNotFound InvalidFormat InvalidRequest AggregateValidationError InvalidStatus InvalidOperation
		PropertyUpdateNotAllowed InvalidEntityProperty RetailServerApiVersionNotSupported
		Microsoft_Dynamics_RetailServer_BadRequest Microsoft_Dynamics_RetailServer_RequestTooLarge
		Microsoft_Dynamics_RetailServer_ODataModelError Microsoft_Dynamics_RetailServer_MissingRequiredArgument
		Microsoft_Dynamics_RetailServer_InvalidArgumentType Microsoft_Dynamics_RetailServer_ParameterHasNullValue
		Microsoft_Dynamics_RetailServer_MultipleValuesOfSameArgument Microsoft_Dynamics_RetailServer_ODataControllerError
		RequestTypeNotSupported RequestParametersNotSupported RequestParameterValueNotSupported RealtimeServiceNotSupported
		FeatureNotSupportedInHeadquarters
		DeviceTokenNotPresent DeviceTokenExpired DeviceTokenValidationFailed

		CustomerAccountIsBlocked CustomerInvoiceAccountIsBlocked ExistingCustomerAlreadyMappedToExternalIdentity
		CustomerNameExceedsMaximumLength CustomerPhoneNumberExceedsMaximumLength CustomerEmailExceedsMaximumLength
		InvalidEmailAddress MultiplePrimaryAddresses MultiplePrimaryCustomerContactsNotAllowed
		InvalidAddress InvalidCountryRegion InvalidStateProvince InvalidCounty InvalidCity InvalidDistrict InvalidZipPostalCode
		AddressLengthExceeded CountyLengthExceeded StreetLengthExceeded CannotCreateSynchronousCustomerOrderForAsyncCustomer
		AttributeDefinitionNotFound InvalidAttributeValue AttributeValueOutOfBounds AttributeTypeMismatch AttributeMustBeUnique

		InvalidProduct SelectedValuesDidNotMatchExactlyOneProduct InvalidProductDimensionCombinations
		CrossStoreGetActivePriceNotSupportedInOnlineChannel CrossStoreProductSearchNotSupportedInOnlineChannel
		AmbiguousParameters ZeroPriceIsNotAllowed InvalidPriceEncountered MissingItemId MissingUnitOfMeasure
		UnitOfMeasureConversionNotFound InvalidUnitOfMeasure MultipleCategoryIdsNotSupported SearchByIdsNotSupported
		SortingColumnsNotSupported MixingItemIdsAndProductIdsProhibited InsufficientQuantityAvailable
		InventoryAvailableQuantitiesRecordsExceedLimit OptimizedProductAvailabilityJobNotSupported

		CartNotActive InvalidCartState CannotCreateCart NotValidCartTypeForCheckout NotValidCustomerOrderModeForCheckout
		InvalidCartLinesAggregateError InvalidCartSalesLineAdd InvalidCartSalesLineUpdate ConflictingCartLineOperation
		DuplicatedCartLines ProductIsNotActive ProductIsBlocked ItemDiscontinuedFromChannel DiscontinuedProductsRemovedFromCart
		InvalidQuantity ItemQuantityExceeded EnteringPriceNotAllowed MustKeyInNewPrice MustKeyInEqualHigherPrice
		MustKeyInEqualLowerPrice InvalidDeliveryMode DeliveryModeMissing UnableToFindDeliveryOptions
		InvalidDeliveryPreferenceType InvalidShippingAddress InvalidShippingDate InvalidStoreNumber
		MissingRecordIdForStorePickUpAddress PickupModeOfDeliveryNotConfiguredOnHeadquarters NotValidPickupTimeslot
		StoreIdDoesNotExist InvalidCartInventoryLocationId DefaultLocationNotFoundForWarehouse
		AmountDueMustBePaidBeforeCheckout MissingRequiredCartTenderLines IncorrectPaymentAmountSign
		PaymentExceedsMaximumAmountPerLine PaymentExceedsMaximumAmountPerTransaction
		OvertenderAmountExceedsMaximumAllowedValue BalanceAmountExceedsMaximumAllowedValue
		UnableToLocateTenderTypeWithGivenId MoreThanOneTenderTypeForTenderTypeId MultipleCreditCardPaymentNotSupported
		InvalidCouponCode InactiveCouponCode ExpiredCouponCode NotStartedCouponCode ExceededUsageLimitCouponCode
		CouponExceedsDefinedUsageLimits CouponRequiresCustomerOnCart ExclusiveCouponCannotBeAppliedWithOtherCoupons
		RequiredReasonCodesMissing ChargeCodeNotFound ChargeNotConfiguredOnHeadquarters InvalidDeliveryCharge
		SalesGroupItemGroupIntersectionInvalid InvalidItemTaxGroup

		UnableToAuthorizePayment UnableToAuthorizePaymentCardTypeMissingOrNotSupported
		UnableToAuthorizePaymentCardAdditionalContextRequired RetrieveCardPaymentAcceptResultDisabled
		PaymentRequiresMerchantProperties PaymentConnectorNotFound InvalidDataInTokenizedCard UnableToReadCardTokenInfo
		FraudRisk TokenizedPaymentCardNotExpected InvalidPaymentRequest InvalidCardExpirationDate CardTypeNotValid
		PaymentUsingUnauthorizedAccount CustomerAccountPaymentForCustomerWithoutAllowOnAccount
		CustomerAccountPaymentExceedsAvailableCreditLimit MultipleCustomerAccountPaymentsNotAllowed
		CustomerAccountMismatchBetweenCartAndTenderLine PaymentAmountExceedsGiftBalance GiftCardCurrencyMismatch
		BlockedLoyaltyCard NoTenderLoyaltyCard NotEnoughRewardPoints NoMoreThanOneLoyaltyTender
		InvalidLinkedPayment PaymentViolatesReturnPolicy RefundAmountMoreThanAllowed

		SalesOrderVoided CurrencyChannelOrderMismatch InvalidSalesTransactionShippingAddress
		InvalidSalesTransactionDeliveryDate InvalidSalesTransactionDeliveryMode CannotReturnMultipleTransactions
		CannotReturnMoreThanPurchased CannotReturnMoreThanInvoicedMinusReturned ReturnsMustHaveQuantityLesserThanZero
		ReturnLineNumberNotFound NoPriceOverrideForReturns ReturnReasonCodeNotProvided ReturnSerialNumberMismatch
		SalesMustHaveQuantityGreaterThanZero MixingSalesAndReturnsProhibited PaymentException_ReturnWithoutReceiptPayment
		CannotUpdateCustomerAndLoyaltyCardAtTheSameTime ConflictLoyaltyCardCustomerAndTransactionCustomer
		InvalidAsynchronousCancellationTargetOrder SalesOrderNotValidForCancellationRequest OrderPickupForCheckInNotValid

		HeadquarterTransactionServiceMethodCallFailure ValueTooLong`,

	missing: `
		ObjectNotFound CustomerNotFound CustomerOrDirectoryPartyNotFound ProductNotFound UnableToFindListing ListingIdNotFound
		CartNotFound SalesOrderNotFound OrderPickupForCheckInNotFound`,

	outdated: `
		DuplicateObject InvalidCartVersion ObjectVersionMismatchError UpdateOfReadOnlyCart CartAlreadyCheckedOut
		DiscountMustBeCalculatedBeforeCheckout DiscountAmountInvalidated TransactionAlreadyExistsDiffersByType
		AsynchronousOrderCancellationWorkflowAlreadyExists UnexpectedNumberOfRowsError UpdateOfReadOnlyRowError`,

	unsettled: `
		Microsoft_Dynamics_Internal_Server_Error TransactionServiceTimeOut
		TransactionServiceException AggregateCommunicationError HeadquarterResponseParsingError ExternalProviderError
		StorageRequestTimeout TransientStorageError CriticalStorageError ChannelDatabaseConnectionFailed
		UnableToCapturePayment UnableToRefundPayment UnableToCancelPayment UnableToGetCardPaymentAcceptPoint
		UnableToRetrieveCardPaymentAcceptResult GiftCardBalanceInquiryFailed NoResponseFromGatewayForGiftCardBalanceInquiry
		CannotLoadTransactionFromHeadquarters`,

	away: `HeadquarterCommunicationFailure`,

	premature: `PreValidationForAsyncAddressFailed UpdateAsyncCustomerNotSupported`,

	stale: `AuthenticationFailed InvalidUserToken InvalidAuthenticationCredentials`,

	forbidden: `AuthorizationFailed OnBehalfOfNotAllowed ChannelNotAccessibleInB2BOrganization`,

	misplaced: `
		InvalidAudience InvalidIssuer IdentityProviderNotFound CommerceIdentityNotFound TenantIdNotFound InvalidAADTenantId
		AADTokenIssuedForDifferentEnvironment InvalidChannel OnlineChannelRequired ChannelIsNotPublished CheckOutNotOverHTTPS
		Microsoft_Dynamics_Commerce_WrongEndpoint TransactionServiceAuthenticationFailedFault TransactionServiceForbiddenFault
		TransactionServiceSenderFault InvalidS2SClientId`,
})

// exceptionTypes decide for ids that are not of the catalogue, such as an extension's.
var exceptionTypes = map[string]verdict{
	"datavalidationexception":                rejected,
	"cartvalidationexception":                rejected,
	"tendervalidationexception":              rejected,
	"itemdiscontinuedexception":              rejected,
	"missingrequiredreasoncodeexception":     rejected,
	"badrequestexception":                    rejected,
	"featurenotsupportedexception":           rejected,
	"paymentexception":                       rejected,
	"paymentconfigurationexception":          rejected,
	"productpricingconfigurationexception":   rejected,
	"configurationexception":                 rejected,
	"channelconfigurationnotfoundexception":  rejected,
	"secretconfigurationnotfoundexception":   rejected,
	"extensionconfigurationexception":        rejected,
	"deviceauthenticationexception":          rejected,
	"storageexception":                       unsettled,
	"communicationexception":                 unsettled,
	"headquartertransactionserviceexception": unsettled,
	"remoteservicenotavailableexception":     unsettled,
	"userauthenticationexception":            stale,
	"userauthorizationexception":             forbidden,
	"wrongendpointexception":                 misplaced,
}

// Codes lists every code an error may carry, for metrics that start at zero.
func Codes() []string {
	codes := make([]string, 0, len(catalogue))
	for code := range catalogue {
		codes = append(codes, code)
	}
	return codes
}

// lookUp finds an error resource id, with or without its prefix; the code is empty for one that is not of the catalogue.
func lookUp(id string) (code string, v verdict) {
	code = strings.TrimPrefix(id, idPrefix)
	if v = catalogue[code]; v == unlisted {
		return "", unlisted
	}
	return code, v
}

func invert(lists map[verdict]string) map[string]verdict {
	m := make(map[string]verdict)
	for v, ids := range lists {
		for _, id := range strings.Fields(ids) {
			m[id] = v
		}
	}
	return m
}
