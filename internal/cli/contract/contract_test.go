package contract_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/contract"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/sink/cloudevent"
)

func whole(t *testing.T) contract.Contract {
	t.Helper()
	c, err := contract.Of(scenarios.All(scenarios.Parts{}), scenarios.Told())
	require.NoError(t, err)
	return c
}

func TestEveryTypeThatCrossesTheBorderHasASchemaThatSaysWhatItIs(t *testing.T) {
	t.Parallel()
	c := whole(t)
	seen := map[string]bool{}
	for _, ty := range c.Types {
		require.NotEmpty(t, ty.Schema, ty.Name)
		require.NotEmpty(t, ty.Description, ty.Name)
		require.False(t, seen[ty.Name], ty.Name)
		seen[ty.Name] = true
		var words struct{ Title string }
		require.NoError(t, json.Unmarshal(ty.Schema, &words))
		if !strings.HasPrefix(ty.Name, "signalbox.payment.") { // which share one
			require.Equal(t, ty.Name, words.Title)
		}
	}
	for _, s := range scenarios.All(scenarios.Parts{}) {
		o := s.Outline()
		require.True(t, seen[o.Handles] || o.Internal || o.Name == "heartbeat", "%s is neither shown nor ours alone", o.Handles)
	}
	_, known := c.Find("signalbox.order.confirm.v1")
	require.False(t, known, "what Signalbox says to itself is nobody's affair")
}

// read is the document as a tool reads it.
func read(t *testing.T, c contract.Contract) (doc map[string]any) {
	t.Helper()
	text, err := json.Marshal(c.AsyncAPI("1.2.3", []string{"orders-in"}))
	require.NoError(t, err)
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return decoded.(map[string]any)
}

// at follows a reference within the document.
func at(t *testing.T, doc any, ref string) any {
	t.Helper()
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		next, ok := doc.(map[string]any)[name]
		require.True(t, ok, "%s leads nowhere at %s", ref, name)
		doc = next
	}
	return doc
}

func TestEveryReferenceOfTheDocumentLeadsSomewhere(t *testing.T) {
	t.Parallel()
	c := whole(t)
	doc := read(t, c)
	require.Equal(t, []any{"3.0.0", "1.2.3", "orders-in", nil}, []any{doc["asyncapi"], at(t, doc, "#/info/version"), at(t, doc, "#/channels/events/address"), at(t, doc, "#/channels/outcomes/address")})
	messages := 0
	for name, action := range map[string]string{"takeEvents": "receive", "tellOutcomes": "send"} {
		o := at(t, doc, "#/operations/"+name).(map[string]any)
		require.Equal(t, action, o["action"])
		at(t, doc, o["channel"].(map[string]any)["$ref"].(string))
		for _, m := range o["messages"].([]any) {
			ref := at(t, doc, m.(map[string]any)["$ref"].(string)).(map[string]any)["$ref"].(string) // by the channel, as the specification wants it
			require.Equal(t, "application/cloudevents+json", at(t, doc, ref).(map[string]any)["contentType"])
			messages++
		}
	}
	require.Equal(t, len(c.Types), messages)
}

// References inside the schema of data are the readers' to resolve, and most look for them in the whole document.
func TestEveryReferenceInsideAMessageIsOfTheDocument(t *testing.T) {
	t.Parallel()
	doc := read(t, whole(t))
	var follow func(at any)
	follow = func(node any) {
		switch v := node.(type) {
		case []any:
			for _, one := range v {
				follow(one)
			}
		case map[string]any:
			if ref, is := v["$ref"].(string); is {
				at(t, doc, ref)
			}
			for _, one := range v {
				follow(one)
			}
		}
	}
	follow(doc)
	price := at(t, doc, "#/components/messages/signalbox.order.placed.v1/payload/schema/properties/data/properties/lines/items/properties/price").(map[string]any)
	require.NotEmpty(t, price["type"], "what is referred to stands where it is used")
	require.Contains(t, price["description"], "before discount", "with its own description")
}

func TestTheEnvelopeOfAMessageHasEveryAttributeThatIsTold(t *testing.T) {
	t.Parallel()
	c := whole(t)
	doc := read(t, c)
	told, err := cloudevent.Structured(orchestration.Event{ID: "e1", Source: "d365", Type: "x", Subject: "1", Time: time.Now(), CorrelationID: "c", Channel: "web",
		Origin: orchestration.Origin{Enqueued: time.Now()}, Data: json.RawMessage("{}")})
	require.NoError(t, err)
	var attributes map[string]any
	require.NoError(t, json.Unmarshal(told, &attributes))
	require.Contains(t, attributes, "sequence")
	for _, ty := range c.Types {
		properties := at(t, doc, "#/components/messages/"+ty.Name+"/payload/schema/properties").(map[string]any)
		require.NotContains(t, properties["data"], "$schema", "it may stand at the root only")
		for name := range attributes {
			if ty.Direction == contract.Told {
				require.Contains(t, properties, name, ty.Name)
			}
		}
	}
	require.Contains(t, at(t, doc, "#/channels/outcomes/description"), "Service Bus")
}

func TestTheSchemaOfAMessageTakesTheExamplesOfItsDataAndNoOther(t *testing.T) {
	t.Parallel()
	c := whole(t)
	doc := read(t, c)
	tried := 0
	for _, ty := range c.Types {
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		require.NoError(t, compiler.AddResource("https://signalbox.example.com/message.json", at(t, doc, "#/components/messages/"+ty.Name+"/payload/schema")))
		schema, err := compiler.Compile("https://signalbox.example.com/message.json")
		require.NoError(t, err, ty.Name)
		var examples struct{ Examples []any }
		require.NoError(t, json.Unmarshal(ty.Schema, &examples))
		for _, data := range examples.Examples {
			event := map[string]any{"specversion": "1.0", "type": ty.Name, "id": "e1", "source": "https://shop.example.com", "time": "2026-01-05T09:00:00Z", "data": data}
			require.NoError(t, schema.Validate(event), ty.Name)
			event["data"] = "tulip"
			require.Error(t, schema.Validate(event), "%s takes any data", ty.Name)
			event["data"] = data
			event["type"] = "signalbox.other.v1"
			require.Error(t, schema.Validate(event))
			tried++
		}
	}
	require.Positive(t, tried)
}
