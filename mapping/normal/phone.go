package normal

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Phone writes a number in E.164. The country says how to read one without its country code; the zero Country knows
// none. False: it is no number of a range in use, or says more than E.164 holds, such as an extension; it comes back as
// it was given, trimmed, because a person may still be able to dial it.
// Source: the metadata of Google's libphonenumber, which the library carries.
func Phone(text string, of Country) (string, bool) {
	text = Trim(text)
	if number, ok := phone(text, of.Alpha2); ok {
		return number, true
	}
	if strings.HasPrefix(text, "00") { // how most of the world dials abroad
		if number, ok := phone("+"+text[2:], ""); ok {
			return number, true
		}
	}
	return text, false
}

func phone(text, region string) (string, bool) {
	n, err := phonenumbers.Parse(text, region)
	if err != nil || n.GetExtension() != "" || !phonenumbers.IsValidNumber(n) {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}
