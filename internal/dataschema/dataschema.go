// Package dataschema holds the data of an event against a JSON Schema (2020-12). What it reports names the place and the rule, never
// the value: the library's own messages quote values, which may be personal.
//
// Errors of Check: *fault.Error of kind Poison, with the JSON pointer of the first offending field.
package dataschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// Schema is one that has been compiled. Safe for concurrent use.
type Schema struct {
	s   *jsonschema.Schema
	doc any // as it was read
}

// noLoader refuses every reference out of a schema: by default the library would read local files.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("schema refers to %s, which is not part of it", url)
}

// Compile reads a schema; name is for its errors.
func Compile(name string, text []byte) (*Schema, error) {
	if len(text) == 0 {
		return nil, errors.New("no JSON Schema")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.AssertFormat()
	url := "schema:///" + name
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("add schema: %w", err)
	}
	s, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("compile schema: %w", err)
	}
	return &Schema{s, doc}, nil
}

// Read reads data as Check does: numbers stay as they are written.
func Read(data json.RawMessage) (any, error) { return jsonschema.UnmarshalJSON(bytes.NewReader(data)) }

// Check gives the data as it was read, or a Poison fault with the JSON pointer of the first offending field. read is the data if
// somebody has read it already, else nil.
func (s *Schema) Check(data json.RawMessage, read any) (doc any, err error) {
	if doc = read; doc == nil {
		doc, err = Read(data)
	}
	if err != nil {
		return nil, &fault.Error{Kind: fault.Poison, Reason: fault.Malformed, Detail: "the data is not JSON"}
	}
	if hasHugeExponent(data) {
		return nil, &fault.Error{Kind: fault.Poison, Reason: fault.Malformed, Detail: "the data has a number with an exponent of more than three digits"}
	}
	err = s.s.Validate(doc)
	if err == nil {
		return doc, nil
	}
	f := &fault.Error{Kind: fault.Poison, Reason: fault.SchemaInvalid, Detail: "the data does not match the type's schema"}
	var v *jsonschema.ValidationError
	if errors.As(err, &v) {
		for len(v.Causes) > 0 {
			v = v.Causes[0]
		}
		f.Pointer, f.Detail = pointer(v.InstanceLocation), s.said(v)
	}
	return nil, f
}

// hasHugeExponent says whether a number of valid JSON is one that arithmetic with all its digits would take forever for, such as 1e999999999.
// The library ends in a panic at some of them.
func hasHugeExponent(data []byte) bool {
	const most = 3 // digits; a float64 has as many
	inString := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case (c == 'e' || c == 'E') && i > 0 && '0' <= data[i-1] && data[i-1] <= '9':
			exponent := bytes.TrimLeft(data[i+1:], "+-0")
			if n := len(exponent) - len(bytes.TrimLeft(exponent, "0123456789")); n > most {
				return true
			}
		}
	}
	return false
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}

// OrRoot is a JSON pointer in a sentence.
func OrRoot(pointer string) string {
	if pointer == "" {
		return "the data"
	}
	return pointer
}
