package payments

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestEachTypeOfPaymentIsReadAndOnlyWhatIsOne(t *testing.T) {
	t.Parallel()
	c, err := orchestration.NewChecker(Scenarios(), orchestration.Channels{{Name: "main", LegalEntity: "usrt", CSU: "default"}})
	require.NoError(t, err)
	for _, typ := range []string{AuthorizedType, CapturedType, RefundedType} {
		for data, pointer := range map[string]string{
			`{"order":"W-1","amount":1.5,"currency":"USD"}`:                              "-",
			`{"order":"W-1","amount":1.5,"currency":"USD","reference":"P-1"}`:            "-",
			`{"amount":1.5,"currency":"USD"}`:                                            "",
			`{"order":"W-1","amount":0,"currency":"USD"}`:                                "/amount",
			`{"order":"W-1","amount":1.5,"currency":"usd"}`:                              "/currency",
			`{"order":"W-1","amount":1.5,"currency":"USD","token":"what the SDK makes"}`: "",
		} {
			_, err := c.Identify(orchestration.Event{Source: "https://shop.example.com", ID: "e1", Type: typ, Time: time.Now(), Data: json.RawMessage(data)})
			if pointer == "-" {
				require.NoError(t, err, data)
				continue
			}
			require.Error(t, err, data)
			require.Equal(t, []any{fault.SchemaInvalid, pointer}, []any{fault.As(err).Reason, fault.As(err).Pointer}, data)
		}
	}
}

func TestTheSchemaOfEachTypeNamesIt(t *testing.T) {
	t.Parallel()
	for _, s := range Scenarios() {
		var doc struct{ Title string }
		require.NoError(t, json.Unmarshal(s.Outline().Schema, &doc))
		require.Equal(t, s.Outline().Handles, doc.Title)
		require.Empty(t, s.Outline().Refused, "sinks are not told")
	}
}
