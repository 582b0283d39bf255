package csuclient

import (
	"encoding/json"
	"net/http"
	"strings"
)

// complaint is what may be known of an error body. The server's words stay behind.
type complaint struct {
	found         bool // the body is an error of the CSU, not some gateway's page
	typ           string
	id            string
	correlationID string
	inner         []violation
}

// violation is one of several validation failures.
type violation struct {
	ID      string   `json:"ErrorResourceId"`
	Members []string `json:"MemberNames"`
	Context string   `json:"ErrorContext"`
}

// parseComplaint reads the two known envelopes:
//
//	{"TypeName": "CartValidationException", "Exception": "{\"ErrorResourceId\": ...}", "CorrelationId": "..."}
//	{"error": {"code": "Microsoft....DataValidationException", "message": "{\"ErrorResourceId\": ...}"}}
//
// Both hold the exception as JSON inside a JSON string. Without it, as for an unhandled fault, the id may stand in the type's place.
func parseComplaint(body []byte) complaint {
	var envelope struct {
		TypeName      string
		Exception     json.RawMessage
		CorrelationID string `json:"CorrelationId"`
		Error         *struct {
			Code    string          `json:"code"`
			Message json.RawMessage `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return complaint{}
	}
	typ, inner := envelope.TypeName, envelope.Exception
	if typ == "" && envelope.Error != nil {
		typ, inner = envelope.Error.Code, envelope.Error.Message
	}
	if typ == "" {
		return complaint{}
	}
	c := complaint{found: true, typ: typ, correlationID: envelope.CorrelationID}
	var exception struct {
		ErrorResourceID   string `json:"ErrorResourceId"`
		ValidationResults []violation
	}
	if json.Unmarshal(unquoted(inner), &exception) == nil {
		c.id, c.inner = exception.ErrorResourceID, exception.ValidationResults
	}
	if c.id == "" {
		if code, v := lookUp(typ); v != unlisted {
			c.id = code
		}
	}
	return c
}

// unquoted gives the text inside a JSON string, or the value itself if it is none.
func unquoted(raw json.RawMessage) []byte {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return []byte(s)
	}
	return raw
}

// verdict decides by the error's id, else by the exception's type, whose namespace and case do not matter.
func (c complaint) verdict() (code string, v verdict, byType bool) {
	if code, v := lookUp(c.id); v != unlisted {
		return code, v, false
	}
	typ := strings.ToLower(c.typ[strings.LastIndexByte(c.typ, '.')+1:])
	return "", exceptionTypes[typ], true
}

// violated names the first validation failures by code and member, of those that are known: other names could be values.
func (c complaint) violated() string {
	var said []string
	for _, v := range c.inner {
		code, _ := lookUp(v.ID)
		if code == "" {
			continue
		}
		if why, _ := lookUp(v.Context); why != "" && why != code { // a line's failure only names the operation
			code += " for " + why
		}
		for _, m := range v.Members {
			if memberNames[m] {
				code += " at " + m
			}
		}
		if said = append(said, code); len(said) == 3 {
			break
		}
	}
	return strings.Join(said, ", ")
}

// memberNames are the members that a validation failure may be said to be about.
var memberNames = func() map[string]bool {
	m := make(map[string]bool)
	for _, name := range strings.Fields(`AccountNumber FirstName MiddleName LastName Name Email Phone ReceiptEmail Language
		CustomerGroup CurrencyCode CustomerTypeValue Addresses Contacts Street StreetNumber City County State ZipCode DistrictName
		ThreeLetterISORegionName AddressTypeValue IsPrimary Value`) {
		m[name] = true
	}
	return m
}()

// requestID finds the server's own id of the request. A value with unusual characters is not one of an identifier.
func requestID(h http.Header, fallback string) string {
	for _, v := range []string{h.Get("x-ms-request-id"), h.Get("x-ms-correlation-id"), h.Get("Request-Id"), fallback} {
		if identifier(v) {
			return v
		}
	}
	return ""
}

func identifier(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:|") == ""
}
