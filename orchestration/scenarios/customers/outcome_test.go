package customers

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
)

// A receiver of outcome events reads them by these schemas.
func TestWhatSinksAreToldMatchesItsSchema(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		schema string
		told   any
	}{
		"created":  {"relayed.json", Relayed{ID: "42", AccountNumber: "000007", Change: Created}},
		"promoted": {"relayed.json", Relayed{ID: "42", AccountNumber: "000007", Change: Promoted, Was: "6f1f8c0e-53a4-4d0e-9a6b-2f5d1c7b9e44"}},
		"provisional and withheld": {"relayed.json",
			Relayed{ID: "42", AccountNumber: "6f1f8c0e-53a4-4d0e-9a6b-2f5d1c7b9e44", Change: Updated, Provisional: true, Withheld: true}},
		"refused":             {"refused.json", orchestration.Refusal{ID: "42", EventID: "e1", EventType: EventType, Reason: "SchemaInvalid", Detail: "no", Step: "create-account"}},
		"refused at the door": {"refused.json", orchestration.Refusal{EventID: "e1", EventType: EventType, Reason: "SchemaInvalid", Detail: "no"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(tc.schema)
			require.NoError(t, err)
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			require.NoError(t, err)
			c := jsonschema.NewCompiler()
			require.NoError(t, c.AddResource("told.json", doc))
			s, err := c.Compile("told.json")
			require.NoError(t, err)
			told, err := json.Marshal(tc.told)
			require.NoError(t, err)
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(told))
			require.NoError(t, err)
			require.NoError(t, s.Validate(v), string(told))
		})
	}
}
