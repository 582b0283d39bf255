package customers

import (
	"cmp"
	_ "embed" // the schema

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

// EventType is what the scenario handles.
const EventType = "signalbox.customer.changed.v1"

//go:embed schema.json
var schema []byte

// Changed is the full state of one customer, as its source knows it now (schema.json).
type Changed struct {
	ID           string    `json:"id"`
	Email        pii.Email `json:"email"`
	FirstName    pii.Text  `json:"firstName"`
	MiddleName   pii.Text  `json:"middleName"`
	LastName     pii.Text  `json:"lastName"`
	Organization pii.Text  `json:"organization"`
	Phone        pii.Text  `json:"phone"`
	Language     string    `json:"language"`
	Addresses    []Address `json:"addresses"`

	wanted *csuclient.Customer // the event by the CSU's tables, once it has been worked out
}

// Address is one of the customer's addresses.
type Address struct {
	Purpose      string   `json:"purpose"` // invoice, delivery, home or business; home when absent
	Name         pii.Text `json:"name"`
	Street       pii.Text `json:"street"`
	StreetNumber pii.Text `json:"streetNumber"`
	City         pii.Text `json:"city"`
	District     pii.Text `json:"district"`
	County       pii.Text `json:"county"`
	State        pii.Text `json:"state"`
	Zip          pii.Text `json:"zip"`
	Country      string   `json:"country"` // ISO 3166-1 alpha-3
	Phone        pii.Text `json:"phone"`
	Primary      bool     `json:"primary"`
	Remove       bool     `json:"remove"` // the customer does not have it any more; told by purpose and street, name, or both
}

func (c Changed) entity() (kind, id string) { return "customer", c.ID }

// keys holds the e-mail address together with the customer, because the CSU does not keep it unique.
func (c Changed) keys() []orchestration.Key {
	return []orchestration.Key{EmailKey(c.Email)}
}

// EmailKey is the natural key of an e-mail address.
func EmailKey(address pii.Email) orchestration.Key {
	return orchestration.Key{Kind: "email", Value: pii.New(address.Canonical())}
}

// check says what the schema cannot.
func (c Changed) check() error {
	primary := 0
	for _, a := range c.Addresses {
		if a.Primary && !a.Remove {
			primary++
		}
	}
	if primary > 1 {
		return &fault.Error{Kind: fault.Poison, Reason: fault.SchemaInvalid, Pointer: "/addresses", Detail: "/addresses has more than one primary address"}
	}
	if c.Organization.IsZero() && c.FirstName.IsZero() && c.LastName.IsZero() {
		return &fault.Error{Kind: fault.Poison, Reason: fault.SchemaInvalid, Detail: "the data has neither a person's name nor an organization"}
	}
	return nil
}

var purposes = map[string]int{
	"invoice": csuclient.AddressInvoice, "delivery": csuclient.AddressDelivery,
	"home": csuclient.AddressHome, "business": csuclient.AddressBusiness, "": csuclient.AddressHome,
}

// customer is the event as the CSU would know it.
func (c Changed) customer() csuclient.Customer {
	out := csuclient.Customer{
		Type: csuclient.Person, FirstName: c.FirstName, MiddleName: c.MiddleName, LastName: c.LastName,
		Email: c.Email, ReceiptEmail: c.Email, Phone: c.Phone, Language: c.Language,
	}
	if !c.Organization.IsZero() {
		out.Type, out.Name = csuclient.Organization, c.Organization
	}
	for _, a := range c.Addresses {
		out.Addresses = append(out.Addresses, a.address())
	}
	return out
}

// fromChannel gives a new customer what the event leaves to its channel. An account that is there keeps its own.
func fromChannel(c csuclient.Customer, ch orchestration.Channel) csuclient.Customer {
	c.Language, c.CustomerGroup, c.CurrencyCode = cmp.Or(c.Language, ch.Language), ch.Group, ch.Currency
	return c
}

func (a Address) address() csuclient.Address {
	return csuclient.Address{
		Name: a.Name, Street: a.Street, StreetNumber: a.StreetNumber, City: a.City, District: a.District, County: a.County,
		State: a.State, ZipCode: a.Zip, Country: a.Country, Phone: a.Phone, Type: purposes[a.Purpose], IsPrimary: a.Primary,
		Deactivate: a.Remove,
	}
}
