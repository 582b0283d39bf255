package envelope_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/envelope"
)

var (
	noon    = time.Date(2026, 11, 23, 12, 0, 0, 250e6, time.UTC)
	arrival = envelope.Arrival{Origin: orchestration.Origin{Queue: "orders", Enqueued: noon, Sequence: 42}, ExpiresAt: noon.Add(time.Hour)}
	placed  = orchestration.Event{
		ID: "o-1", Source: "https://shop.example", Type: "signalbox.order.placed.v1", Subject: "o-1", Channel: "nl", Sequence: "7",
		CorrelationID: "0a0b0c0d-0000-4000-8000-000000000001", Time: noon, Data: json.RawMessage(`{"order": 1.10}`),
		Generation: 1, Origin: arrival.Origin, Expires: arrival.ExpiresAt,
	}
)

// binary gives the properties of placed under a prefix, changed as told; a nil value removes one.
func binary(prefix string, change map[string]any) map[string]any {
	p := map[string]any{
		"specversion": "1.0", "id": "o-1", "source": "https://shop.example", "type": "signalbox.order.placed.v1", "subject": "o-1",
		"time": "2026-11-23T12:00:00.25Z", "correlationid": "0A0B0C0D-0000-4000-8000-000000000001", "signalboxchannel": "nl", "sequence": "7",
	}
	maps.Copy(p, change)
	all := map[string]any{"traceparent": "00-1-2-01"}
	for name, value := range p {
		if value != nil {
			all[prefix+name] = value
		}
	}
	return all
}

func structuredBody(change map[string]any) []byte {
	p := binary("", change)
	if _, given := change["data"]; !given {
		p["data"] = json.RawMessage(`{"order":1.10}`)
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return b
}

func TestBothModesAndBothPrefixesGiveTheSameEvent(t *testing.T) {
	t.Parallel()
	body := []byte(`{"order": 1.10}`)
	for name, p := range map[string]envelope.Parts{
		"binary with the underscore":      {ContentType: "application/json", Properties: binary("cloudEvents_", nil), Body: body},
		"binary with the colon":           {ContentType: "application/json; charset=utf-8", Properties: binary("cloudEvents:", nil), Body: body},
		"binary without a content type":   {Properties: binary("cloudEvents_", nil), Body: body},
		"binary with an AMQP timestamp":   {Properties: binary("cloudEvents_", map[string]any{"time": noon.In(time.FixedZone("x", 3600))}), Body: body},
		"binary with a number":            {Properties: binary("cloudEvents_", map[string]any{"sequence": int64(7)}), Body: body},
		"binary with a UUID":              {Properties: binary("cloudEvents_", map[string]any{"correlationid": uuid.MustParse(placed.CorrelationID)}), Body: body},
		"binary with a byte order mark":   {Properties: binary("cloudEvents_", nil), Body: append([]byte("\xef\xbb\xbf"), body...)},
		"structured":                      {ContentType: "application/cloudevents+json; charset=UTF-8", Body: structuredBody(map[string]any{"data": json.RawMessage(body)})},
		"structured with base64":          {ContentType: "application/cloudevents+json", Body: structuredBody(map[string]any{"data": nil, "data_base64": body})},
		"structured with another's zone":  {ContentType: "application/cloudevents+json", Body: structuredBody(map[string]any{"time": "2026-11-23T14:00:00.25+02:00"})},
		"structured with a null to spare": {ContentType: "application/cloudevents+json", Body: structuredBody(map[string]any{"comexampleother": nil})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := envelope.Decode(p, arrival, envelope.Limits{})
			require.NoError(t, err)
			require.JSONEq(t, string(placed.Data), string(got.Data))
			got.Data = placed.Data
			require.Equal(t, placed, got)
		})
	}
}

func TestDataIsKeptAsReceived(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`{"b":1.10,"a":1e2}`, `[ 1, 2 ]`, `"text"`, `12345678901234567890.123`} {
		got, err := envelope.Decode(envelope.Parts{Properties: binary("cloudEvents_", nil), Body: []byte(data)}, arrival, envelope.Limits{})
		require.NoError(t, err)
		require.Equal(t, data, string(got.Data))
		body := strings.Replace(string(structuredBody(map[string]any{"data": "HERE"})), `"HERE"`, data, 1)
		got, err = envelope.Decode(envelope.Parts{ContentType: envelope.ContentTypeStructured, Body: []byte(body)}, arrival, envelope.Limits{})
		require.NoError(t, err)
		require.Equal(t, data, string(got.Data))
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	t.Parallel()
	body := `{"order":1}`
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	for name, tc := range map[string]struct {
		contentType string
		change      map[string]any
		body        string
		pointer     string
	}{
		"without an id":                      {"", map[string]any{"id": nil}, body, "/id"},
		"with an empty source":               {"", map[string]any{"source": ""}, body, "/source"},
		"without a type":                     {"", map[string]any{"type": nil}, body, "/type"},
		"without a time":                     {"", map[string]any{"time": nil}, body, "/time"},
		"with a time that is none":           {"", map[string]any{"time": "yesterday"}, body, "/time"},
		"of another version":                 {"", map[string]any{"specversion": "0.3"}, body, "/specversion"},
		"with a correlation ID that is none": {"", map[string]any{"correlationid": "jane@example.com"}, body, "/correlationid"},
		"with a correlation ID in braces":    {"", map[string]any{"correlationid": "{0a0b0c0d-0000-4000-8000-000000000001}"}, body, "/correlationid"},
		"with an id of 2 KiB":                {"", map[string]any{"id": strings.Repeat("x", 2048)}, body, "/id"},
		"with a line break in the id":        {"", map[string]any{"id": "a\nb"}, body, "/id"},
		"with an id of a strange type":       {"", map[string]any{"id": []byte("x")}, body, "/id"},
		"without data":                       {"", nil, "", "/data"},
		"with null for data":                 {"", nil, "null", "/data"},
		"that is not JSON":                   {"", nil, `{"a":}`, ""},
		"with JSON twice":                    {"", nil, `{} {}`, ""},
		"that is not UTF-8":                  {"", nil, "\"\xff\"", ""},
		"with a name twice":                  {"", nil, `{"a":[1,{"b":1,"c":2,"b":3}]}`, "/a/1/b"},
		"with a name twice, once escaped":    {"", nil, `{"a":1,"\u0061":2}`, "/a"},
		"with a personal name twice":         {"", nil, `{"jane@example.com":1,"jane@example.com":2}`, "/*"},
		"nested too deeply":                  {"", nil, deep, ""},
		"of a content type that is not JSON": {"text/plain", nil, body, "/datacontenttype"},
		"of a batch":                         {"application/cloudevents-batch+json", nil, "[]", "/datacontenttype"},
		"of another character set":           {"application/json; charset=utf-16", nil, body, "/datacontenttype"},
		"of an unreadable content type":      {";;", nil, body, "/datacontenttype"},
		"with other data by its attribute":   {"", map[string]any{"datacontenttype": "text/xml"}, body, "/datacontenttype"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := envelope.Decode(envelope.Parts{ContentType: tc.contentType, Properties: binary("cloudEvents_", tc.change), Body: []byte(tc.body)}, arrival, envelope.Limits{})
			requirePoison(t, err, fault.Malformed, tc.pointer)
			require.Equal(t, arrival.Origin, got.Origin, "even a refused message can be accounted for")
		})
	}
}

func TestAStructuredEventThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, pointer string }{
		"an array":                 {`[]`, ""},
		"null":                     {`null`, ""},
		"no data":                  {string(structuredBody(map[string]any{"data": nil})), "/data"},
		"an object for an id":      {string(structuredBody(map[string]any{"id": map[string]any{}})), "/id"},
		"both kinds of data":       {string(structuredBody(map[string]any{"data_base64": "e30="})), "/data_base64"},
		"base64 that is none":      {string(structuredBody(map[string]any{"data": nil, "data_base64": "*"})), "/data_base64"},
		"base64 of duplicate keys": {string(structuredBody(map[string]any{"data": nil, "data_base64": "eyJhIjoxLCJhIjoyfQ=="})), "/data_base64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := envelope.Decode(envelope.Parts{ContentType: envelope.ContentTypeStructured, Body: []byte(tc.body)}, arrival, envelope.Limits{})
			requirePoison(t, err, fault.Malformed, tc.pointer)
		})
	}
}

func TestTwoSpellingsMustAgree(t *testing.T) {
	t.Parallel()
	p := binary("cloudEvents_", nil)
	p["cloudEvents:id"] = "o-1"
	_, err := envelope.Decode(envelope.Parts{Properties: p, Body: []byte(`{}`)}, arrival, envelope.Limits{})
	require.NoError(t, err)
	p["cloudEvents:id"] = "o-2"
	_, err = envelope.Decode(envelope.Parts{Properties: p, Body: []byte(`{}`)}, arrival, envelope.Limits{})
	requirePoison(t, err, fault.Malformed, "/id")
}

func TestAPlainMessageIsNoEvent(t *testing.T) {
	t.Parallel()
	_, err := envelope.Decode(envelope.Parts{ContentType: "application/json", Body: []byte(`{"id":"1"}`)}, arrival, envelope.Limits{})
	requirePoison(t, err, fault.Malformed, "/specversion")
}

func TestABodyOverTheLimitIsTooLarge(t *testing.T) {
	t.Parallel()
	p := envelope.Parts{Properties: binary("cloudEvents_", nil), Body: []byte(`{"order":1}`)}
	_, err := envelope.Decode(p, arrival, envelope.Limits{MaxBytes: len(p.Body)})
	require.NoError(t, err)
	_, err = envelope.Decode(p, arrival, envelope.Limits{MaxBytes: len(p.Body) - 1})
	requirePoison(t, err, fault.TooLarge, "")
}

func TestWithoutACorrelationIDEveryDeliveryFindsTheSameOne(t *testing.T) {
	t.Parallel()
	p := envelope.Parts{Properties: binary("cloudEvents_", map[string]any{"correlationid": nil}), Body: []byte(`{}`)}
	got, err := envelope.Decode(p, arrival, envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, orchestration.DeriveCorrelationID(placed.Source, placed.ID), got.CorrelationID)
}

func TestANullAttributeIsAbsent(t *testing.T) {
	t.Parallel()
	p := envelope.Parts{Properties: binary("cloudEvents_", nil), Body: []byte(`{}`)}
	p.Properties["cloudEvents_correlationid"] = nil // as the JavaScript SDK sends undefined
	got, err := envelope.Decode(p, arrival, envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, orchestration.DeriveCorrelationID(placed.Source, placed.ID), got.CorrelationID)
}

func TestAnEventSurvivesEncodingAndCopying(t *testing.T) {
	t.Parallel()
	p := envelope.Encode(placed)
	require.Equal(t, "1.0", p.Properties["cloudEvents_specversion"])
	copied := placed
	copied.Generation, copied.Attempt, copied.Origin.Queue = 3, 2, "a/b@c#d" // any name must come back
	p.Properties = envelope.Mark(p.Properties, copied)
	elsewhere := envelope.Arrival{Origin: orchestration.Origin{Queue: "live", Enqueued: noon.Add(time.Hour), Sequence: 99}, ExpiresAt: noon}

	got, err := envelope.Decode(p, elsewhere, envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, copied, got)
}

func TestANewEventTakesItsOriginFromTheBroker(t *testing.T) {
	t.Parallel()
	ev := placed
	ev.Origin, ev.Generation, ev.Expires = orchestration.Origin{}, 0, time.Time{}
	p := envelope.Encode(ev)
	for _, name := range envelope.Properties() {
		require.NotContains(t, p.Properties, name)
	}
	got, err := envelope.Decode(p, arrival, envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, placed, got)
}

func TestACopyWithoutExpiryNeverExpires(t *testing.T) {
	t.Parallel()
	ev := placed
	ev.Expires = time.Time{}
	p := envelope.Encode(ev)
	got, err := envelope.Decode(p, arrival, envelope.Limits{})
	require.NoError(t, err)
	require.Zero(t, got.Expires, "a replay drops the expiry; the broker's own time to live must not bring it back")
}

func TestPropertiesOfACopyThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	for property, value := range map[string]any{
		envelope.PropertyOrigin: "orders", envelope.PropertyGeneration: int64(0), envelope.PropertyAttempt: "many", envelope.PropertyExpires: int64(5),
	} {
		p := envelope.Encode(placed)
		p.Properties[property] = value
		_, err := envelope.Decode(p, arrival, envelope.Limits{})
		requirePoison(t, err, fault.Malformed, "/"+property)
	}
}

func requirePoison(t *testing.T, err error, reason fault.Reason, pointer string) {
	t.Helper()
	require.Error(t, err)
	f := fault.As(err)
	require.Equal(t, fault.Poison, f.Kind)
	require.Equal(t, reason, f.Reason)
	require.Equal(t, pointer, f.Pointer)
	require.NotEmpty(t, f.Detail)
	require.NotContains(t, err.Error(), "jane", "an error quotes no value")
}

func FuzzDecode(f *testing.F) {
	f.Add("application/cloudevents+json", structuredBody(nil), "1.0", "t", "orders@2026-11-23T12:00:00Z#1")
	f.Add("application/json", []byte(`{"a":[{"b":"\"\\\u00e9"}],"c":-1.5e3,"d":null}`), "1.0", "2026-11-23T12:00:00Z", "")
	f.Add("", []byte(`{"a":1,"a":2}`), "1.0", "2026-11-23T12:00:00Z", "@#")
	f.Fuzz(func(t *testing.T, contentType string, body []byte, version, moment, origin string) {
		p := envelope.Parts{ContentType: contentType, Body: body, Properties: binary("cloudEvents_", map[string]any{"specversion": version, "time": moment})}
		if origin != "" {
			p.Properties[envelope.PropertyOrigin] = origin
		}
		ev, err := envelope.Decode(p, arrival, envelope.Limits{})
		if err != nil {
			require.Equal(t, fault.Poison, fault.KindOf(err))
			return
		}
		require.True(t, json.Valid(ev.Data))
		again, err := envelope.Decode(envelope.Encode(ev), arrival, envelope.Limits{})
		require.NoError(t, err)
		require.Equal(t, ev, again)
	})
}

func ExampleFormatOrigin() {
	fmt.Println(envelope.FormatOrigin(arrival.Origin))
	// Output: orders@2026-11-23T12:00:00.25Z#42
}
