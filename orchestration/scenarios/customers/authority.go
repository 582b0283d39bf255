package customers

import (
	"slices"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/pii"
)

// onlyMissing is the part of the changes that fills what the account does not say. Of addresses only those of a purpose that it has
// none of are added, and never as the primary one where there is one.
func onlyMissing(is csuclient.Customer, c csuclient.CustomerChanges) csuclient.CustomerChanges {
	keep := func(is pii.Text, change *pii.Text) *pii.Text {
		if !is.IsZero() {
			return nil
		}
		return change
	}
	out := csuclient.CustomerChanges{FirstName: keep(is.FirstName, c.FirstName), MiddleName: keep(is.MiddleName, c.MiddleName),
		LastName: keep(is.LastName, c.LastName), Name: keep(is.Name, c.Name), Phone: keep(is.Phone, c.Phone)}
	if is.Email.IsZero() {
		out.Email = c.Email
	}
	if is.ReceiptEmail.IsZero() {
		out.ReceiptEmail = c.ReceiptEmail
	}
	if is.Language == "" {
		out.Language = c.Language
	}
	primary := slices.ContainsFunc(is.Addresses, func(a csuclient.Address) bool { return a.IsPrimary })
	for _, a := range c.Addresses {
		if a.RecordID == 0 && !slices.ContainsFunc(is.Addresses, func(b csuclient.Address) bool { return a.Type == b.Type }) {
			a.IsPrimary = a.IsPrimary && !primary
			out.Addresses = append(out.Addresses, a)
		}
	}
	return out
}

// equalChanges says whether two sets of changes set the same members; the second is a part of the first or equal to it.
func equalChanges(a, b csuclient.CustomerChanges) bool {
	return (a.FirstName == nil) == (b.FirstName == nil) && (a.MiddleName == nil) == (b.MiddleName == nil) && (a.LastName == nil) == (b.LastName == nil) &&
		(a.Name == nil) == (b.Name == nil) && (a.Email == nil) == (b.Email == nil) && (a.ReceiptEmail == nil) == (b.ReceiptEmail == nil) &&
		(a.Phone == nil) == (b.Phone == nil) && (a.Language == nil) == (b.Language == nil) && len(a.Addresses) == len(b.Addresses)
}
