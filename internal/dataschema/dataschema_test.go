package dataschema

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestWhatDoesNotMatchIsNamedByPlaceAndRuleAndNeverByValue(t *testing.T) {
	t.Parallel()
	s, err := Compile("t", []byte(`{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"at":{"type":"string","format":"date-time"},"a/b":{"maxLength":1},"of":{"enum":["prices","stock",7]},
		"in":{"type":"array","items":{"properties":{"street":{},"city":{}},"additionalProperties":false}}}}`))
	require.NoError(t, err)
	for data, want := range map[string]fault.Error{
		`{`:                                   {Reason: fault.Malformed, Detail: "the data is not JSON"},
		`{"id":"1","n":1e99999}`:              {Reason: fault.Malformed, Detail: "the data has a number with an exponent of more than three digits"},
		`{}`:                                  {Reason: fault.SchemaInvalid, Detail: "the data lacks id"},
		`{"id":7}`:                            {Reason: fault.SchemaInvalid, Pointer: "/id", Detail: `/id does not keep the schema's rule "type"`},
		`{"id":"1","at":"canary"}`:            {Reason: fault.SchemaInvalid, Pointer: "/at", Detail: `/at does not keep the schema's rule "format"`},
		`{"id":"1","a/b":"canary"}`:           {Reason: fault.SchemaInvalid, Pointer: "/a~1b", Detail: `/a~1b does not keep the schema's rule "maxLength"`},
		`{"id":"1","of":"canary"}`:            {Reason: fault.SchemaInvalid, Pointer: "/of", Detail: `/of is none of prices, stock, 7`},
		`{"id":"1","in":[{},{"canary":"1"}]}`: {Reason: fault.SchemaInvalid, Pointer: "/in/1", Detail: `/in/1 has a member that it may not have; it may have city, street`},
	} {
		_, err := s.Check([]byte(data), nil)
		want.Kind = fault.Poison
		require.Equal(t, &want, fault.As(err), data)
	}
	_, err = s.Check([]byte(`{"id":"1"}`), nil)
	require.NoError(t, err)
	_, err = Compile("t", []byte(`{"$ref":"file:///etc/passwd"}`))
	require.ErrorContains(t, err, "not part of it")
	_, err = Compile("t", nil)
	require.Error(t, err)
}
