package normal

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Email is an address in the form to store: trimmed, out of "Ana <…>" or mailto:, NFKC-normalised, the domain in lower
// case without a dot at its end. What stands before the @ is left as it was given, since it is its owner's to spell;
// comparing ignores its case all the same. False: it is no address.
func Email(text string) (string, bool) {
	text = Trim(norm.NFKC.String(text))
	if open := strings.LastIndexByte(text, '<'); open >= 0 && strings.HasSuffix(text, ">") {
		text = Trim(text[open+1 : len(text)-1])
	}
	if len(text) > 7 && strings.EqualFold(text[:7], "mailto:") {
		text = text[7:]
	}
	mailbox, domain, _ := strings.Cut(text, "@")
	domain = strings.TrimSuffix(strings.ToLower(domain), ".")
	address := mailbox + "@" + domain
	bad := strings.IndexFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '<' || r == '>' })
	return address, mailbox != "" && domain != "" && bad < 0 && !strings.Contains(domain, "@")
}
