// Package secret keeps credentials out of everything that prints.
package secret

import (
	"fmt"
	"log/slog"
)

const mask = "***"

// String is a credential. Every way of printing it gives a mask; Reveal gives the value.
type String struct{ value *string }

// New wraps a credential.
func New(value string) String { return String{&value} }

// Reveal gives the value, for the one place that sends it.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero says whether there is no credential.
func (s String) IsZero() bool { return s.Reveal() == "" }

// String prints the mask.
func (s String) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// Format prints the mask for every verb, so that %x and %q give nothing away either.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText prints the mask into JSON, YAML and zap's reflected fields.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue prints the mask through log/slog.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }
