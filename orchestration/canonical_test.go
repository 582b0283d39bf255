package orchestration

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// document draws what a decoder that keeps numbers' text may give.
func document(t *rapid.T, depth int) any {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z<>&"\\\\\x00-\x1f\x7f]{0,6}`), rapid.Just("\u2028\xff"))
	most := 6
	if depth == 0 {
		most = 4
	}
	switch rapid.IntRange(1, most).Draw(t, "kind") {
	case 1:
		return text.Draw(t, "text")
	case 2:
		return json.Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number"))
	case 3:
		return rapid.Bool().Draw(t, "bool")
	case 4:
		return nil
	case 5:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			list = append(list, document(t, depth-1))
		}
		return list
	default:
		object := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			object[text.Draw(t, "name")] = document(t, depth-1)
		}
		return object
	}
}

// Fingerprints in Redis were made of what json.Marshal writes.
func TestTheCanonicalFormIsWhatEncodingJSONWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := document(t, 4)
		want, err := json.Marshal(doc)
		require.NoError(t, err)
		got, err := canonical(nil, []any{doc})
		require.NoError(t, err)
		require.Equal(t, "["+string(want)+"]", string(got))
	})
}

func TestTheCanonicalFormDoesNotDependOnHowTheDataIsWritten(t *testing.T) {
	t.Parallel()
	a, err := canonical([]byte(`{"b": 1.50, "a": ["x", null, {"d": true, "c": "\u00e9"}]}`), nil)
	require.NoError(t, err)
	b, err := canonical([]byte(`{"a":["x",null,{"c":"é","d":true}],"b":1.50}`), nil)
	require.NoError(t, err)
	require.Equal(t, string(a), string(b))
	c, err := canonical([]byte(`{"a":["x",null,{"c":"é","d":true}],"b":1.5}`), nil)
	require.NoError(t, err)
	require.NotEqual(t, string(a), string(c), "a number keeps its text")
}
