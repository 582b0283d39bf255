package returns

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestTheSchemaTellsAReturnFromWhatIsNone(t *testing.T) {
	t.Parallel()
	c, err := orchestration.NewChecker(Scenarios(Parts{}), orchestration.Channels{{Name: "main", LegalEntity: "usrt", CSU: "default"}})
	require.NoError(t, err)
	var doc struct{ Examples []json.RawMessage }
	require.NoError(t, json.Unmarshal(schema, &doc))
	const head, line = `{"id":"R","order":"W","currency":"USD","method":"mail","total":1`, `"lines":[{"line":1,"quantity":1}]`
	for data, pointer := range map[string]string{
		string(doc.Examples[0]): "-",
		head + `,` + line + `}`: "-",
		`{"id":"R","currency":"USD","method":"mail","total":1,` + line + `}`: "-", // the sentence for it is the scenario's
		head + `}`:            "",
		head + `,"lines":[]}`: "/lines",
		head + `,"lines":[{"line":0,"quantity":1}]}`:                                        "/lines/0/line",
		head + `,"lines":[{"line":1,"quantity":-1}]}`:                                       "/lines/0/quantity",
		head + `,` + line + `,"refunds":[{"method":"cash","amount":1}]}`:                    "/refunds/0/method",
		head + `,` + line + `,"refunds":[{"method":"card","amount":-1}]}`:                   "/refunds/0/amount",
		head + `,` + line + `,"refunds":[{"method":"card","amount":1,"card":{"token":1}}]}`: "/refunds/0/card",
	} {
		got, err := c.Identify(orchestration.Event{Source: "https://shop.example.com", ID: "e1", Type: EventType, Time: time.Now(), Data: json.RawMessage(data)})
		if pointer == "-" {
			require.NoError(t, err, data)
			require.Equal(t, Kind, got.Entity.Kind)
			continue
		}
		require.Error(t, err, data)
		require.Equal(t, []any{fault.Poison, pointer}, []any{fault.KindOf(err), fault.As(err).Pointer}, data)
	}
}

func TestWhatSinksAreToldKeepsItsSchema(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]any{
		"relayed.schema.json": Relayed{ID: "R-1", Order: "W-1", Transaction: "T", Reference: "R"},
		"refused.schema.json": orchestration.Refusal{ID: "R-1", EventID: "e1", EventType: EventType, Reason: "BusinessRule", Detail: "no", Step: "upload-return"},
	} {
		s, err := jsonschema.NewCompiler().Compile(name)
		require.NoError(t, err)
		text, err := json.Marshal(said)
		require.NoError(t, err)
		var doc any
		require.NoError(t, json.Unmarshal(text, &doc))
		require.NoError(t, s.Validate(doc), name)
	}
}

func TestTheCertificationFindsWhatCameBackTwice(t *testing.T) {
	t.Parallel()
	record := func(id, from, quantity string) orchestration.Record {
		line := map[string]any{"Quantity": json.Number(quantity)}
		if from != "" {
			line["ReturnTransactionId"] = from
		}
		return orchestration.Record{Kind: "order", Fields: map[string]any{"Id": id, "SalesLines": []any{line}}}
	}
	require.NoError(t, notMore(orchestration.End{Records: []orchestration.Record{record("T", "", "3"), record("A", "T", "-1"), record("B", "T", "-2")}}))
	require.ErrorContains(t, notMore(orchestration.End{Records: []orchestration.Record{record("T", "", "3"), record("A", "T", "-2"), record("B", "T", "-2")}}), "more has come back")
	require.Error(t, notMore(orchestration.End{Records: []orchestration.Record{{Kind: "order", Fields: map[string]any{"Id": "T"}}}}), "nothing to count")
}
