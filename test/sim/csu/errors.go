package csu

import (
	"net/http"

	"github.com/google/uuid"
)

// ErrorShape is the envelope of an error body. Two are known, and which one a scale unit sends is not documented.
type ErrorShape int

// The two envelopes. In both, the exception is JSON text inside JSON.
const (
	ShapeCommerce ErrorShape = iota // {"TypeName", "Exception", "CorrelationId"}
	ShapeOData                      // {"error": {"code", "message"}}
)

const (
	typeValidation     = "DataValidationException"
	typeBadRequest     = "BadRequestException"
	typeAuthentication = "UserAuthenticationException"
	typeAuthorization  = "UserAuthorizationException"
	typeCommerce       = "CommerceException"
	typeCommunication  = "CommunicationException"
	typeCart           = "CartValidationException"
	typeTender         = "TenderValidationException"
	typePayment        = "PaymentException"
	typeConfiguration  = "ConfigurationException"
	typeNamespace      = "Microsoft.Dynamics.Commerce.Runtime."
)

const (
	runtimeID = "Microsoft_Dynamics_Commerce_Runtime_"
	serverID  = "Microsoft_Dynamics_RetailServer_"

	idBadRequest           = serverID + "BadRequest"
	idRequestTooLarge      = serverID + "RequestTooLarge"
	idModelError           = serverID + "ODataModelError"
	idMissingArgument      = serverID + "MissingRequiredArgument"
	idInternal             = "Microsoft_Dynamics_Internal_Server_Error"
	idAPIVersion           = runtimeID + "RetailServerApiVersionNotSupported"
	idInvalidChannel       = runtimeID + "InvalidChannel"
	idAuthenticationFailed = runtimeID + "AuthenticationFailed"
	idInvalidUserToken     = runtimeID + "InvalidUserToken"
	idAuthorizationFailed  = runtimeID + "AuthorizationFailed"
	idAggregate            = runtimeID + "AggregateValidationError"
	idRequired             = runtimeID + "RequiredValueNotFound"
	idInvalidFormat        = runtimeID + "InvalidFormat"
	idObjectNotFound       = runtimeID + "ObjectNotFound"
	idReadOnly             = runtimeID + "PropertyUpdateNotAllowed"
	idDuplicateObject      = runtimeID + "DuplicateObject"
	idOrderNotFound        = runtimeID + "SalesOrderNotFound"
	idCurrency             = runtimeID + "CurrencyChannelOrderMismatch"
	idCustomerNotFound     = runtimeID + "CustomerNotFound"
	idInvalidEmail         = runtimeID + "InvalidEmailAddress"
	idInvalidCountry       = runtimeID + "InvalidCountryRegion"
	idInvalidState         = runtimeID + "InvalidStateProvince"
	idInvalidZipCode       = runtimeID + "InvalidZipPostalCode"
	idAsyncUpdate          = runtimeID + "UpdateAsyncCustomerNotSupported"
	idHeadquarters         = runtimeID + "HeadquarterCommunicationFailure"
	idPrimaryAddresses     = runtimeID + "MultiplePrimaryAddresses"
	idPrimaryContacts      = runtimeID + "MultiplePrimaryCustomerContactsNotAllowed"
	idNameLength           = runtimeID + "CustomerNameExceedsMaximumLength"
	idPhoneLength          = runtimeID + "CustomerPhoneNumberExceedsMaximumLength"
	idEmailLength          = runtimeID + "CustomerEmailExceedsMaximumLength"
	idAddressLength        = runtimeID + "AddressLengthExceeded"
	idStreetLength         = runtimeID + "StreetLengthExceeded"
	idCountyLength         = runtimeID + "CountyLengthExceeded"
)

// apiError is a refusal with the exception type, resource id and status that the real service would use.
// Messages never repeat a value that was sent.
type apiError struct {
	status   int
	typeName string
	id       string
	message  string
	results  []validationResult
}

type validationResult struct {
	ErrorContext     string   `json:"ErrorContext"`
	ErrorResourceID  string   `json:"ErrorResourceId"`
	MemberNames      []string `json:"MemberNames"`
	LocalizedMessage string   `json:"LocalizedMessage"`
}

func badRequest(id, message string) *apiError {
	return &apiError{http.StatusBadRequest, typeBadRequest, id, message, nil}
}

func invalid(id, message string) *apiError {
	return &apiError{http.StatusBadRequest, typeValidation, id, message, nil}
}

func unauthenticated(id, message string) *apiError {
	return &apiError{http.StatusUnauthorized, typeAuthentication, id, message, nil}
}

// aggregate is nil when nothing failed.
func aggregate(results []validationResult) *apiError {
	if len(results) == 0 {
		return nil
	}
	return &apiError{http.StatusBadRequest, typeValidation, idAggregate, "one or more values are not valid", results}
}

func failed(id, where, member, message string) validationResult {
	return validationResult{ErrorContext: where, ErrorResourceID: id, MemberNames: []string{member}, LocalizedMessage: message}
}

// errorReply wraps a refusal in the envelope that is set.
func (c *call) errorReply(e *apiError) reply {
	if e.status == 0 {
		c.abort()
	}
	inner := map[string]any{"ErrorResourceId": e.id, "LocalizedMessage": e.message}
	if e.typeName == typeValidation || e.typeName == typeCart || e.typeName == typeTender {
		inner["ValidationResults"] = append([]validationResult{}, e.results...)
	}
	text, err := marshal(inner)
	if err != nil {
		panic(err) // strings only: cannot happen
	}
	exception := string(text[:len(text)-1]) // without the encoder's newline

	rep := reply{status: e.status}
	if e.status == http.StatusUnauthorized {
		rep.header = map[string]string{"WWW-Authenticate": "Bearer"}
	}
	c.sim.mu.Lock()
	shape := c.sim.opts.ErrorShape
	c.sim.mu.Unlock()
	if shape == ShapeOData {
		rep.body = map[string]any{"error": map[string]string{"code": typeNamespace + e.typeName, "message": exception}}
		return rep
	}
	correlation := c.r.Header.Get("RequestId")
	if correlation == "" {
		correlation = uuid.NewString()
	}
	rep.body = map[string]string{"TypeName": e.typeName, "Exception": exception, "CorrelationId": correlation}
	return rep
}

// gone ends a request without an answer: the simulator was closed or reset, or nobody waits for a read any more.
var gone = &apiError{}
