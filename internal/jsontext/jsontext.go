// Package jsontext reads JSON strings that say what they hold as it is, as nearly every one does, without a decoder: one for each field
// of each event would cost more than the rest of reading it.
package jsontext

import "unicode/utf8"

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
