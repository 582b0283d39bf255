package customers

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/orchestration"
)

func conforms(t *testing.T, typ string, value any) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(map[string][]byte{PromoteType: promoteSchema, RelayedType: relayedSchema, RefusedType: refusedSchema}[typ]))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", doc))
	compiled, err := c.Compile("schema.json")
	require.NoError(t, err)
	text, err := json.Marshal(value)
	require.NoError(t, err)
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return compiled.Validate(data)
}

func TestWhatIsToldKeepsItsSchema(t *testing.T) {
	t.Parallel()
	for _, r := range []Relayed{
		{ID: "1", AccountNumber: "000001", Outcome: created, EventID: "e1"},
		{ID: "1", AccountNumber: temporary, Provisional: true, Outcome: created, EventID: "e1"},
		{ID: "1", AccountNumber: "000001", Outcome: replaced, Replaces: temporary, EventID: "e1"},
		{ID: "1", AccountNumber: "000001", Outcome: changed, Withheld: []string{groupName, groupEmail, groupPhone, groupLanguage, groupAddresses}, EventID: "e1"},
		{ID: "1", AccountNumber: "000001", Outcome: unchanged, EventID: "e1"},
	} {
		require.NoError(t, conforms(t, RelayedType, r))
	}
	require.Error(t, conforms(t, RelayedType, Relayed{ID: "1", AccountNumber: "000001", Outcome: "lost", EventID: "e1"}))
	require.NoError(t, conforms(t, RefusedType, orchestration.Refusal{ID: "1", EventID: "e1", EventType: EventType, Reason: "BusinessRule", Detail: "x", Step: "create-account"}))
	require.NoError(t, conforms(t, RefusedType, orchestration.Refusal{EventID: "e1", EventType: EventType, Reason: "SchemaInvalid", Detail: "x"}))
	require.Error(t, conforms(t, RefusedType, map[string]string{"email": "ana@example.com"}))
}

func TestWhatWeTellOurselvesKeepsItsSchemaAndComesBackWhole(t *testing.T) {
	t.Parallel()
	data := promoteData{ID: "1", Email: "Ana@example.com", Account: temporary, Party: "000000001"}
	require.NoError(t, conforms(t, PromoteType, data))
	text, err := json.Marshal(data)
	require.NoError(t, err)
	var p Promote
	require.NoError(t, json.Unmarshal(text, &p))
	require.Equal(t, data, promoteData{ID: p.ID, Email: p.Email.Reveal(), Account: p.Account, Party: p.Party})
	require.Equal(t, Changed{Email: pii.NewEmail("ana@example.com")}.keys(), p.keys(), "it is held under the customer's own key")
	require.NoError(t, conforms(t, PromoteType, promoteData{ID: "1", Email: "a@b", Account: temporary}))
}
