package jsontext_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/jsontext"
)

type said struct {
	Email string         `json:"email"`
	Lines []string       `json:"lines"`
	Rest  map[string]int `json:"rest"`
}

// What a schema has checked and what is decoded must be the same: encoding/json would take "EMAIL" for the e-mail.
func TestAMemberCountsByItsExactName(t *testing.T) {
	t.Parallel()
	var v said
	require.NoError(t, jsontext.Decode([]byte(`{"email":"ana@example.com","EMAIL":"bob@example.com","unknown":{"a":[1e400]}}`), &v))
	require.Equal(t, said{Email: "ana@example.com"}, v)
}

func TestOtherwiseItReadsAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"email":"a","email":"b"}`, "{\"email\":\"a\xffb\"}", `{"email":null,"lines":null}`, `{"lines":["a",null,"ö\ud83d"],"rest":{"a":1}}`,
		` {} `, `null`, `{`, `{"email":1}`, `[]`, `{} {}`, `{"lines":{}}`, `{"rest":{"a":1.5}}`, ``} {
		var got, want said
		wrong := json.Unmarshal([]byte(text), &want)
		err := jsontext.Decode([]byte(text), &got)
		require.Equal(t, wrong == nil, err == nil, "%s: %v, %v", text, wrong, err)
		if err == nil {
			require.Equal(t, want, got, text)
		}
	}
}

func TestPlainTextIsReadWithoutADecoder(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`"a"`: "a", `""`: "", `"ö"`: "ö"} {
		got, ok := jsontext.Plain([]byte(text))
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	for _, text := range []string{``, `"`, `null`, `"a\n"`, "\"\xff\"", "\"a\nb\"", `"a"b"`} {
		_, ok := jsontext.Plain([]byte(text))
		require.False(t, ok, text)
	}
}
