package orchestration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// canonical is data with its object keys sorted and without insignificant white space; numbers keep their text.
// Two bodies that mean the same to JSON have the same canonical form.
//
// doc is data as a schema's check has read it; nil reads it.
func canonical(data json.RawMessage, doc any) ([]byte, error) {
	if doc == nil {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err := d.Decode(&doc); err != nil {
			return nil, fmt.Errorf("decode data: %w", err)
		}
	}
	return appendCanonical(make([]byte, 0, len(data)), doc)
}

// appendCanonical writes what json.Marshal would, byte for byte: fingerprints that are kept in Redis were made of it. It does not look at
// each value's type anew, and it is each event's price.
func appendCanonical(to []byte, doc any) (_ []byte, err error) {
	switch doc := doc.(type) {
	case map[string]any:
		to = append(to, '{')
		for i, name := range slices.Sorted(maps.Keys(doc)) {
			if i > 0 {
				to = append(to, ',')
			}
			if to, err = appendText(to, name); err != nil {
				return nil, err
			}
			if to, err = appendCanonical(append(to, ':'), doc[name]); err != nil {
				return nil, err
			}
		}
		return append(to, '}'), nil
	case []any:
		to = append(to, '[')
		for i, element := range doc {
			if i > 0 {
				to = append(to, ',')
			}
			if to, err = appendCanonical(to, element); err != nil {
				return nil, err
			}
		}
		return append(to, ']'), nil
	case string:
		return appendText(to, doc)
	case json.Number:
		return append(to, doc...), nil
	}
	return appendMarshalled(to, doc)
}

// appendText writes a string. What json.Marshal would escape is left to it.
func appendText(to []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return appendMarshalled(to, text)
		}
	}
	to = append(to, '"')
	to = append(to, text...)
	return append(to, '"'), nil
}

func appendMarshalled(to []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode data: %w", err)
	}
	return append(to, b...), nil
}
