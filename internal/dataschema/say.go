package dataschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// mostNames is how many names a sentence has room for.
const mostNames = 24

// said is what is wrong, in words where a rule's name alone would not help. Whatever it names comes from the schema, never from the event:
// a member that the schema does not know may be called like a person.
func (s *Schema) said(v *jsonschema.ValidationError) string {
	place := OrRoot(pointer(v.InstanceLocation))
	switch k := v.ErrorKind.(type) {
	case *kind.Required:
		return place + " lacks " + strings.Join(k.Missing, ", ")
	case *kind.AdditionalProperties:
		if known := s.members(v.SchemaURL); 0 < len(known) && len(known) <= mostNames {
			return place + " has a member that it may not have; it may have " + strings.Join(known, ", ")
		}
	case *kind.Enum:
		if len(k.Want) <= mostNames {
			return place + " is none of " + texts(k.Want)
		}
	}
	return fmt.Sprintf("%s does not keep the schema's rule %q", place, strings.Join(v.ErrorKind.KeywordPath(), "/"))
}

// members are the names that the part of the schema at an address knows.
func (s *Schema) members(address string) []string {
	_, fragment, _ := strings.Cut(address, "#")
	at := s.doc
	for token := range strings.SplitSeq(strings.TrimPrefix(fragment, "/"), "/") {
		if token == "" {
			continue
		}
		name, err := url.PathUnescape(token)
		if err != nil {
			return nil
		}
		if list, is := at.([]any); is {
			at = item(list, name)
			continue
		}
		object, _ := at.(map[string]any)
		at = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	object, _ := at.(map[string]any)
	known, _ := object["properties"].(map[string]any)
	return slices.Sorted(maps.Keys(known))
}

func item(list []any, name string) any {
	for i, one := range list {
		if fmt.Sprint(i) == name {
			return one
		}
	}
	return nil
}

// texts lists values as they stand in JSON, strings without their quotes.
func texts(values []any) string {
	var list []string
	for _, v := range values {
		if s, is := v.(string); is {
			list = append(list, s)
			continue
		}
		text, _ := json.Marshal(v)
		list = append(list, string(text))
	}
	return strings.Join(list, ", ")
}
