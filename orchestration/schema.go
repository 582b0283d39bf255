package orchestration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// schema checks an event's data. What it reports names the place and the rule, never the value: the library's own
// messages quote values, which may be personal.
type schema struct{ s *jsonschema.Schema }

// noLoader refuses every reference out of a schema: by default the library would read local files.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("schema refers to %s, which is not part of it", url)
}

func compileSchema(name string, text []byte) (*schema, error) {
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
	return &schema{s}, nil
}

// check gives the data as it was read, or a Poison fault with the JSON pointer of the first offending field. read is the data if
// somebody has read it already, else nil.
func (s *schema) check(data json.RawMessage, read any) (doc any, err error) {
	if doc = read; doc == nil {
		doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(data))
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
		f.Pointer = pointer(v.InstanceLocation)
		rule := strings.Join(v.ErrorKind.KeywordPath(), "/")
		f.Detail = fmt.Sprintf("%s does not keep the schema's rule %q", orRoot(f.Pointer), rule)
		if missing := missingNames(v); missing != "" {
			f.Detail = fmt.Sprintf("%s lacks %s", orRoot(f.Pointer), missing)
		}
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

// missingNames names the required members that are not there. Member names come from our schema, not from the event.
func missingNames(v *jsonschema.ValidationError) string {
	if k, ok := v.ErrorKind.(*kind.Required); ok {
		return strings.Join(k.Missing, ", ")
	}
	return ""
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}

func orRoot(pointer string) string {
	if pointer == "" {
		return "the data"
	}
	return pointer
}
