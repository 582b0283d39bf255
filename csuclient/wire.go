package csuclient

import "github.com/signalbox/signalbox/internal/pii"

// The types of this file are what goes over the wire. It is the one place where personal data is revealed; these types
// are never kept, returned or printed.

type wireCustomer struct {
	AccountNumber     string
	CustomerTypeValue CustomerType
	FirstName         string `json:",omitempty"`
	MiddleName        string `json:",omitempty"`
	LastName          string `json:",omitempty"`
	Name              string `json:",omitempty"`
	Email             string `json:",omitempty"`
	ReceiptEmail      string `json:",omitempty"`
	Phone             string `json:",omitempty"`
	Language          string `json:",omitempty"`
	CustomerGroup     string `json:",omitempty"`
	CurrencyCode      string `json:",omitempty"`
	Addresses         []wireAddress
	Contacts          []wireContact
}

type wireChanges struct {
	AccountNumber string
	FirstName     *string       `json:",omitempty"`
	MiddleName    *string       `json:",omitempty"`
	LastName      *string       `json:",omitempty"`
	Name          *string       `json:",omitempty"`
	Email         *string       `json:",omitempty"`
	ReceiptEmail  *string       `json:",omitempty"`
	Phone         *string       `json:",omitempty"`
	Language      *string       `json:",omitempty"`
	CustomerGroup *string       `json:",omitempty"`
	Addresses     []wireAddress `json:",omitempty"`
	Contacts      []wireContact `json:",omitempty"`
}

// wireAddress sends every member of an address: an entry replaces what it names.
type wireAddress struct {
	RecordID                 int64 `json:"RecordId,omitempty"`
	Name                     string
	Street                   string
	StreetNumber             string
	City                     string
	DistrictName             string
	County                   string
	State                    string
	ZipCode                  string
	ThreeLetterISORegionName string
	Phone                    string
	AddressTypeValue         int
	IsPrimary                bool
	Deactivate               bool `json:",omitempty"`
}

type wireContact struct {
	RecordID           int64 `json:"RecordId,omitempty"`
	AddressTypeValue   ContactType
	Value              string
	IsPrimary          bool
	IsMobilePhone      bool
	IsOptedInMarketing bool
}

type wireSearch struct {
	Criteria wireCriteria `json:"CustomerSearchByFieldCriteria"`
}

type wireCriteria struct {
	Criteria       []wireCriterion
	DataLevelValue int
}

type wireCriterion struct {
	SearchTerm  string
	SearchField wireEnum
}

type wireEnum struct {
	Name  string
	Value int
}

// searchFor is the minimal search by one criterion: how several combine is not documented.
func searchFor(term string, field wireEnum) wireSearch {
	return wireSearch{wireCriteria{Criteria: []wireCriterion{{SearchTerm: term, SearchField: field}}, DataLevelValue: 1}}
}

func searchByEmail(e pii.Email) wireSearch { return searchFor(e.Reveal(), wireEnum{"Email", 3}) }

// searchByParty searches in what is searched when nothing is said: no field of a party number is known.
func searchByParty(party string) wireSearch { return searchFor(party, wireEnum{"Default", 0}) }

type wireAccounts struct {
	AccountNumbers []string `json:"accountNumbers"`
	SearchLocation int      `json:"searchLocationValue"`
}

// newCustomer leaves the account number to the server.
func newCustomer(c Customer) wireCustomer {
	return wireCustomer{
		CustomerTypeValue: c.Type,
		FirstName:         c.FirstName.Reveal(),
		MiddleName:        c.MiddleName.Reveal(),
		LastName:          c.LastName.Reveal(),
		Name:              c.Name.Reveal(),
		Email:             c.Email.Reveal(),
		ReceiptEmail:      c.ReceiptEmail.Reveal(),
		Phone:             c.Phone.Reveal(),
		Language:          c.Language,
		CustomerGroup:     c.CustomerGroup,
		CurrencyCode:      c.CurrencyCode,
		Addresses:         each(c.Addresses, newAddress),
		Contacts:          each(c.Contacts, newContact),
	}
}

func changedCustomer(account string, c CustomerChanges) wireChanges {
	return wireChanges{
		AccountNumber: account,
		FirstName:     revealed(c.FirstName),
		MiddleName:    revealed(c.MiddleName),
		LastName:      revealed(c.LastName),
		Name:          revealed(c.Name),
		Email:         revealed(c.Email),
		ReceiptEmail:  revealed(c.ReceiptEmail),
		Phone:         revealed(c.Phone),
		Language:      c.Language,
		CustomerGroup: c.CustomerGroup,
		Addresses:     each(c.Addresses, newAddress),
		Contacts:      each(c.Contacts, newContact),
	}
}

func newAddress(a Address) wireAddress {
	return wireAddress{
		RecordID:                 a.RecordID,
		Name:                     a.Name.Reveal(),
		Street:                   a.Street.Reveal(),
		StreetNumber:             a.StreetNumber.Reveal(),
		City:                     a.City.Reveal(),
		DistrictName:             a.District.Reveal(),
		County:                   a.County.Reveal(),
		State:                    a.State.Reveal(),
		ZipCode:                  a.ZipCode.Reveal(),
		ThreeLetterISORegionName: a.Country,
		Phone:                    a.Phone.Reveal(),
		AddressTypeValue:         a.Type,
		IsPrimary:                a.IsPrimary,
		Deactivate:               a.Deactivate,
	}
}

func newContact(c Contact) wireContact {
	return wireContact{
		RecordID:           c.RecordID,
		AddressTypeValue:   c.Type,
		Value:              c.Value.Reveal(),
		IsPrimary:          c.IsPrimary,
		IsMobilePhone:      c.IsMobilePhone,
		IsOptedInMarketing: c.IsOptedInMarketing,
	}
}

func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}

// revealed gives the value of a member that is set.
func revealed[T interface{ Reveal() string }](t *T) *string {
	if t == nil {
		return nil
	}
	s := (*t).Reveal()
	return &s
}
