package docs

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/scenarios"
	"github.com/signalbox/signalbox/producer"
	"github.com/signalbox/signalbox/worker/envelope"
)

var (
	property = regexp.MustCompile("(?m)^\\| application property `([A-Za-z_]+)` \\| `([^`]+)`")
	kindOf   = regexp.MustCompile("(?m)^\\| content type \\| (?:`([^`]+)`|none)")
	jsonBody = regexp.MustCompile("(?m)^```json\n((?:.*\n)*?)```$")
)

// shown is the message that a page shows under its own heading.
func shown(t *testing.T, page string) envelope.Parts {
	t.Helper()
	_, text, found := strings.Cut(read(t, "docs", "how-to", page), "## The message\n")
	require.True(t, found)
	text, _, _ = strings.Cut(text, "\n## ")
	kind, body := kindOf.FindStringSubmatch(text), jsonBody.FindStringSubmatch(text)
	require.NotNil(t, kind)
	require.NotNil(t, body)
	p := envelope.Parts{ContentType: kind[1], Properties: map[string]any{}, Body: []byte(body[1])}
	for _, m := range property.FindAllStringSubmatch(text, -1) {
		p.Properties[m[1]] = m[2]
	}
	return p
}

// TestTheMessageOfEachPageForProducersIsOneThatAWorkerTakes holds what the pages show against the door, and the code of each against
// the message.
func TestTheMessageOfEachPageForProducersIsOneThatAWorkerTakes(t *testing.T) {
	t.Parallel()
	checker, err := orchestration.NewChecker(scenarios.All(scenarios.Parts{}), orchestration.Channels{{Name: "main"}})
	require.NoError(t, err)
	for page, code := range map[string]string{"publish-from-dotnet.md": "csharp", "publish-from-javascript.md": "javascript", "publish-through-api-management.md": "xml", "publish-from-go.md": ""} {
		p := shown(t, page)
		require.Len(t, p.Properties, 6, page)
		ev, err := envelope.Decode(p, envelope.Arrival{Origin: orchestration.Origin{Queue: "in", Enqueued: time.Now()}}, envelope.Limits{})
		require.NoError(t, err, page)
		require.NoError(t, checker.Check(ev), page)
		require.Equal(t, "3f0f8a52-6c1e-4b8e-9d55-2f0a3c1f7a10", ev.CorrelationID)
		require.NoError(t, producer.Validate(producer.Event{Attributes: producer.Attributes{ID: ev.ID, Source: ev.Source, Type: ev.Type, Time: ev.Time}, Data: ev.Data}), page)
		p.Properties["cloudEvents_correlationid"] = ""
		without, err := envelope.Decode(p, envelope.Arrival{}, envelope.Limits{})
		require.NoError(t, err)
		require.Equal(t, orchestration.DeriveCorrelationID(ev.Source, ev.ID), without.CorrelationID, "an empty one is none")
		if code == "" {
			continue
		}
		_, text, found := strings.Cut(read(t, "docs", "how-to", page), "```"+code+"\n")
		require.True(t, found, page)
		text, _, _ = strings.Cut(text, "```")
		for name := range p.Properties {
			require.Contains(t, text, name, page)
		}
		for _, value := range []string{ev.Source, "signalbox-in"} {
			require.Contains(t, text, value, page)
		}
	}
}

// TestARefusalThatThePagesQuoteIsSaidSo holds the sentence that they show.
func TestARefusalThatThePagesQuoteIsSaidSo(t *testing.T) {
	t.Parallel()
	checker, err := orchestration.NewChecker(scenarios.All(scenarios.Parts{}), orchestration.Channels{{Name: "main"}})
	require.NoError(t, err)
	for _, page := range []string{"publish-from-dotnet.md", "publish-from-javascript.md", "publish-through-api-management.md", "publish-from-go.md"} {
		p := shown(t, page)
		p.Body = []byte(strings.Replace(string(p.Body), "ana@example.com", "ana", 1))
		ev, err := envelope.Decode(p, envelope.Arrival{}, envelope.Limits{})
		require.NoError(t, err)
		err = checker.Check(ev)
		require.ErrorContains(t, err, "SchemaInvalid")
		text := read(t, "docs", "how-to", page)
		quoted := regexp.MustCompile("`(/email[^`]+)`").FindStringSubmatch(text)
		require.NotNil(t, quoted, page)
		require.ErrorContains(t, err, quoted[1])
		require.True(t, json.Valid(p.Body))
	}
}

// TestTheCodeOfTheGoPageIsTheExampleThatRuns word for word.
func TestTheCodeOfTheGoPageIsTheExampleThatRuns(t *testing.T) {
	t.Parallel()
	this := read(t, "producer", "example_test.go")
	from, to := strings.Index(this, "// Customer is a customer"), strings.Index(this, "\t// Output: customer-1001-v7 sent")
	require.Positive(t, from)
	require.Greater(t, to, from)
	require.Contains(t, read(t, "docs", "how-to", "publish-from-go.md"), strings.TrimRight(this[from:to], "\n"))
	for _, outcome := range []producer.Outcome{producer.Sent, producer.Refused, producer.Unsent, producer.Unknown} {
		require.Contains(t, read(t, "docs", "how-to", "publish-from-go.md"), "| `"+string(outcome)+"` |")
	}
}
