package customers

import (
	"cmp"
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
)

// changes is what must be set on the account so that it says what the event says. What the event does not mention
// (empty) is left alone, and so are addresses it does not have.
func changes(is, want csuclient.Customer) csuclient.CustomerChanges {
	c := csuclient.CustomerChanges{
		FirstName: text(is.FirstName, want.FirstName), MiddleName: text(is.MiddleName, want.MiddleName),
		LastName: text(is.LastName, want.LastName), Phone: text(is.Phone, want.Phone),
		Email: email(is.Email, want.Email), ReceiptEmail: email(is.ReceiptEmail, want.ReceiptEmail),
	}
	if want.Type == csuclient.Organization { // a person's full name is the CSU's own
		c.Name = text(is.Name, want.Name)
	}
	if want.Language != "" && is.Language != want.Language {
		c.Language = &want.Language
	}
	c.Addresses = addressChanges(is.Addresses, want.Addresses)
	return c
}

func text(is, want pii.Text) *pii.Text {
	if want.IsZero() || is.Equal(want) {
		return nil
	}
	return &want
}

func email(is, want pii.Email) *pii.Email {
	if want.IsZero() || is.Same(want) {
		return nil
	}
	return &want
}

// addressChanges matches the event's addresses with the account's: first those that are equal, then those of one purpose
// and name, then those of one purpose, in order. What is left over is new.
func addressChanges(is, want []csuclient.Address) []csuclient.Address {
	is = slices.Clone(is)
	slices.SortFunc(is, func(a, b csuclient.Address) int { return cmp.Compare(a.RecordID, b.RecordID) })
	used := make([]bool, len(is))
	match := make([]int, len(want))
	for i := range match {
		match[i] = -1
	}
	for _, fits := range []func(a, b csuclient.Address) bool{
		equal,
		func(a, b csuclient.Address) bool { return a.Type == b.Type && !b.Name.IsZero() && a.Name.Equal(b.Name) },
		func(a, b csuclient.Address) bool { return a.Type == b.Type },
	} {
		for i, w := range want {
			for j, a := range is {
				if match[i] < 0 && !used[j] && !a.Deactivate && fits(a, w) {
					match[i], used[j] = j, true
				}
			}
		}
	}
	var out []csuclient.Address
	for i, w := range want {
		switch j := match[i]; {
		case j < 0:
			out = append(out, w)
		case !equal(is[j], w):
			w.RecordID = is[j].RecordID
			out = append(out, w)
		}
	}
	return append(out, demoted(is, used, want)...)
}

// demoted takes the primary mark from addresses the event does not have when it marks one of its own: the CSU refuses two.
func demoted(is []csuclient.Address, used []bool, want []csuclient.Address) []csuclient.Address {
	if !slices.ContainsFunc(want, func(a csuclient.Address) bool { return a.IsPrimary }) {
		return nil
	}
	var out []csuclient.Address
	for j, a := range is {
		if !used[j] && a.IsPrimary {
			a.IsPrimary = false
			out = append(out, a)
		}
	}
	return out
}

// equal compares what an event says of an address.
func equal(a, b csuclient.Address) bool {
	return a.Type == b.Type && a.Country == b.Country && a.IsPrimary == b.IsPrimary && a.Name.Equal(b.Name) && a.Street.Equal(b.Street) &&
		a.StreetNumber.Equal(b.StreetNumber) && a.City.Equal(b.City) && a.District.Equal(b.District) && a.County.Equal(b.County) &&
		a.State.Equal(b.State) && a.ZipCode.Equal(b.ZipCode) && a.Phone.Equal(b.Phone)
}
