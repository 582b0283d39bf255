// Package jsontext reads JSON where every event pays for it: into structs by the decoder that Go 1.27 has as encoding/json/v2, and strings that
// say what they hold as it is, as nearly every one does, without a decoder.
package jsontext

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// asOf1 has the decoder forgive what encoding/json forgives: a name that is there twice, of which the last counts, and text that is not UTF-8.
var asOf1 = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// Decode reads data into v, a pointer, as encoding/json would, in half the time; but a member's name must be written as v has it, in its
// case too. The error may quote data.
func Decode(data []byte, v any) error { return json.Unmarshal(data, v, asOf1) }

// Plain gives the text of a JSON string without escapes. ok is false for everything else, which is for encoding/json to judge.
func Plain(b []byte) (text string, ok bool) {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return "", false
	}
	inside := b[1 : len(b)-1]
	for _, c := range inside {
		if c < ' ' || c == '"' || c == '\\' {
			return "", false
		}
	}
	return string(inside), utf8.Valid(inside)
}
