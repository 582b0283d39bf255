package customers

import (
	"strings"

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
	if want.Language != "" && !strings.EqualFold(is.Language, want.Language) {
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
