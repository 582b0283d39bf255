package contract

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
)

// inner is how a schema refers to a definition of its own.
const inner = "#/$defs/"

// whole gives a JSON Schema without references: each of its own definitions stands in the places that refer to it, where what stands beside the
// reference, such as a description, comes first. Definitions that refer to themselves are not for such a document; a test knows that there are
// none. A schema that is no object is given back as it is.
func whole(schema json.RawMessage) any {
	var doc map[string]any
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber() // as they are written
	if d.Decode(&doc) != nil {
		return schema
	}
	defs, _ := doc["$defs"].(map[string]any)
	delete(doc, "$defs")
	delete(doc, "$id")     // it would be a base for references, and there are none
	delete(doc, "$schema") // which may stand at the root of a schema only; the envelope has it
	return inlined(doc, defs)
}

func inlined(at any, defs map[string]any) any {
	switch v := at.(type) {
	case []any:
		list := make([]any, len(v))
		for i, one := range v {
			list[i] = inlined(one, defs)
		}
		return list
	case map[string]any:
		object := map[string]any{}
		if ref, _ := v["$ref"].(string); strings.HasPrefix(ref, inner) {
			definition, _ := inlined(defs[strings.TrimPrefix(ref, inner)], defs).(map[string]any)
			maps.Copy(object, definition)
		}
		for name, one := range v {
			if name != "$ref" {
				object[name] = inlined(one, defs)
			}
		}
		return object
	}
	return at
}
