package csuclient

import (
	"cmp"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/internal/pii"
)

// CustomerType tells persons from organizations.
type CustomerType int

// The two types of customers.
const (
	Person       CustomerType = 1
	Organization CustomerType = 2
)

// ContactType is the kind of a contact.
type ContactType int

// The kinds of contacts that Signalbox keeps.
const (
	PhoneContact ContactType = 1
	EmailContact ContactType = 2
)

// The purposes of an address that Signalbox keeps.
const (
	AddressInvoice  = 1
	AddressDelivery = 2
	AddressHome     = 7
	AddressBusiness = 9
)

// Customer is a customer of the CSU. It decodes from the CSU's JSON; encoding it gives masks (wire.go sends).
type Customer struct {
	AccountNumber   string       `json:"AccountNumber"` // given by the server; a GUID while IsAsync
	RecordID        int64        `json:"RecordId"`
	Type            CustomerType `json:"CustomerTypeValue"`
	FirstName       pii.Text     `json:"FirstName"` // of a person
	MiddleName      pii.Text     `json:"MiddleName"`
	LastName        pii.Text     `json:"LastName"`
	Name            pii.Text     `json:"Name"` // of an organization
	Email           pii.Email    `json:"Email"`
	ReceiptEmail    pii.Email    `json:"ReceiptEmail"`
	Phone           pii.Text     `json:"Phone"`
	Language        string       `json:"Language"` // locale, such as en-us
	CustomerGroup   string       `json:"CustomerGroup"`
	CurrencyCode    string       `json:"CurrencyCode"` // ISO 4217
	Addresses       []Address    `json:"Addresses"`
	Contacts        []Contact    `json:"Contacts"`
	Blocked         bool         `json:"Blocked"`
	IsAsync         bool         `json:"IsAsyncCustomer"` // until headquarters converts it, the account number is provisional
	PartyNumber     string       `json:"PartyNumber"`
	NewPartyNumber  string       `json:"NewCustomerPartyNumber"` // of a provisional account: PartyNumber of its permanent one
	CreatedDateTime time.Time    `json:"CreatedDateTime"`
}

// Address is a postal address of a customer.
type Address struct {
	RecordID     int64    `json:"RecordId"` // 0 for a new one
	Name         pii.Text `json:"Name"`
	Street       pii.Text `json:"Street"`
	StreetNumber pii.Text `json:"StreetNumber"`
	City         pii.Text `json:"City"`
	District     pii.Text `json:"DistrictName"`
	County       pii.Text `json:"County"`
	State        pii.Text `json:"State"`
	ZipCode      pii.Text `json:"ZipCode"`
	Country      string   `json:"ThreeLetterISORegionName"`
	Phone        pii.Text `json:"Phone"`
	Type         int      `json:"AddressTypeValue"` // purpose
	IsPrimary    bool     `json:"IsPrimary"`        // at most one of a customer's
	Deactivate   bool     `json:"Deactivate"`       // sent to remove it
}

// Contact is a phone number or an e-mail address of a customer, with its consent.
type Contact struct {
	RecordID           int64       `json:"RecordId"` // 0 for a new one
	Type               ContactType `json:"AddressTypeValue"`
	Value              pii.Text    `json:"Value"`
	IsPrimary          bool        `json:"IsPrimary"` // at most one of each type
	IsMobilePhone      bool        `json:"IsMobilePhone"`
	IsOptedInMarketing bool        `json:"IsOptedInMarketing"`
}

// CustomerChanges is what an update sets; nil leaves a member as it is. Addresses and contacts are changed or added one by
// one, by record id; others stay.
type CustomerChanges struct {
	FirstName     *pii.Text
	MiddleName    *pii.Text
	LastName      *pii.Text
	Name          *pii.Text
	Email         *pii.Email
	ReceiptEmail  *pii.Email
	Phone         *pii.Text
	Language      *string
	CustomerGroup *string
	Addresses     []Address
	Contacts      []Contact
}

// IsEmpty says whether nothing is set.
func (c CustomerChanges) IsEmpty() bool {
	return c.FirstName == nil && c.MiddleName == nil && c.LastName == nil && c.Name == nil && c.Email == nil &&
		c.ReceiptEmail == nil && c.Phone == nil && c.Language == nil && c.CustomerGroup == nil &&
		len(c.Addresses) == 0 && len(c.Contacts) == 0
}

// GlobalCustomer is a hit of a customer search.
type GlobalCustomer struct {
	AccountNumber string       `json:"AccountNumber"`
	PartyNumber   string       `json:"PartyNumber"`
	RecordID      int64        `json:"RecordId"`
	FullName      pii.Text     `json:"FullName"`
	Email         pii.Email    `json:"Email"`
	Phone         pii.Text     `json:"Phone"`
	Type          CustomerType `json:"CustomerTypeValue"`
	IsAsync       bool         `json:"IsAsyncCustomer"`
}

// Party is the party number that the customer has, or will have once headquarters knows it; empty if the CSU does not say.
func (c Customer) Party() string {
	return Account{c.AccountNumber, c.IsAsync, c.PartyNumber, c.NewPartyNumber}.Party()
}

// Account is what a customer is known by.
type Account struct {
	AccountNumber  string `json:"AccountNumber"`
	IsAsync        bool   `json:"IsAsyncCustomer"` // see Customer
	PartyNumber    string `json:"PartyNumber"`
	NewPartyNumber string `json:"NewCustomerPartyNumber"`
}

// Party is that of Customer.
func (a Account) Party() string {
	if a.IsAsync { // a number that it has for now would not lead to its permanent account
		return cmp.Or(a.NewPartyNumber, a.PartyNumber)
	}
	return cmp.Or(a.PartyNumber, a.NewPartyNumber)
}

// Provisional says whether an account number is one that the CSU gave an asynchronously created customer: a GUID.
func Provisional(account string) bool { return len(account) == 36 && uuid.Validate(account) == nil }

// Environment says which CSU answers.
type Environment struct {
	ID       string `json:"EnvironmentId"`
	Name     string `json:"EnvironmentName"`
	TenantID string `json:"TenantId"`
	Version  string `json:"BaseVersion"`
}
