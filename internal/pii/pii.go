// Package pii marks personal data at the type, not at the call: a value of these types prints a mask through
// fmt, JSON text, YAML and loggers, and only Reveal gives it away. Decoding from JSON is as for a plain string;
// encoding to JSON gives the mask, so whoever must send the value does it on purpose, through a wire type.
//
// Security reference: OWASP ASVS 5.0, 14.2 and 16.2.5.
package pii

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/signalbox/signalbox/internal/jsontext"
)

const mask = "[masked]"

// Text is any personal text: a name, a street, a city, a phone number.
type Text struct{ value *string }

// New marks a value as personal.
func New(value string) Text { return Text{&value} }

// Reveal gives the value, for the place that must send it.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// IsZero says whether nothing was given.
func (t Text) IsZero() bool { return t.Reveal() == "" }

// Equal compares two values without revealing them to the caller.
func (t Text) Equal(o Text) bool { return t.Reveal() == o.Reveal() }

// String prints the mask, or nothing for an empty value.
func (t Text) String() string {
	if t.IsZero() {
		return ""
	}
	return mask
}

// Format prints the mask for every verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// MarshalText prints the mask.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalJSON reads a JSON string or null.
func (t *Text) UnmarshalJSON(b []byte) error {
	if s, ok := jsontext.Plain(b); ok {
		t.value = &s
		return nil
	}
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("personal text: not a string")
	}
	t.value = s
	return nil
}

// LogValue prints the mask through log/slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Email is an e-mail address. It compares and hashes by its canonical form.
type Email struct{ Text }

// NewEmail marks an address as personal.
func NewEmail(address string) Email { return Email{New(address)} }

// Canonical is the address trimmed, NFKC-normalised and lower-cased: the form that is compared and hashed.
func (e Email) Canonical() string {
	return strings.ToLower(norm.NFKC.String(strings.TrimSpace(e.Reveal())))
}

// Same says whether two addresses are one mailbox, by canonical form.
func (e Email) Same(o Email) bool { return e.Canonical() == o.Canonical() }
