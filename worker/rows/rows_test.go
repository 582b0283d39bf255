package rows

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/envelope"
)

const (
	crm     = "https://crm.contoso.example"
	changed = "signalbox.customer.changed.v1"
	row     = `{"No": 7, "Version": 3, "Changed": "2026-01-05T08:00:00Z", "Mail": "Ana@Contoso.example", "Phone": "ask Ana"}`
	mapText = `
type: signalbox.customer.changed.v1
id: '"\(.No)-\(.Version)"'
time: .Changed
subject: .No
channel: .Shop
correlationid: .Trace
data:
  id: .No | tostring
  email: .Mail | email
  phone: .Phone | phone
`
)

var enqueued = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

type warned struct {
	source   string
	warnings []fieldmap.Warning
}

func reader(t *testing.T, text string, change ...func(*Source)) (*Reader, *[]warned) {
	t.Helper()
	m, err := fieldmap.Parse("map.yaml", []byte(text), fieldmap.Limits{}, nil)
	require.NoError(t, err)
	s := Source{Name: "crm", Source: crm, Queue: "CRM-Rows", Map: m}
	for _, c := range change {
		c(&s)
	}
	var all []warned
	r, err := New(Options{Sources: []Source{s}, Ours: []string{"com.contoso.ours"}, Warned: func(source string, w []fieldmap.Warning) { all = append(all, warned{source, w}) }})
	require.NoError(t, err)
	return r, &all
}

func arrival(queue string) envelope.Arrival {
	return envelope.Arrival{Origin: orchestration.Origin{Queue: queue, Enqueued: enqueued, Sequence: 4}}
}

func cloudEvent(typ string, more map[string]any) envelope.Parts {
	properties := map[string]any{"cloudEvents_specversion": "1.0", "cloudEvents_id": "e-1", "cloudEvents_source": crm, "cloudEvents_type": typ, "cloudEvents_time": "2026-01-05T07:00:00Z"}
	for k, v := range more {
		properties[k] = v
	}
	return envelope.Parts{ContentType: "application/json", Properties: properties, Body: []byte(row)}
}

func TestABareRowOfASourcesQueueBecomesAnEvent(t *testing.T) {
	t.Parallel()
	r, warnings := reader(t, mapText)
	for _, contentType := range []string{"", "application/json", "application/vnd.contoso+json; charset=utf-8"} {
		ev, err := r.Decode(envelope.Parts{ContentType: contentType, Body: []byte(row)}, arrival("crm-rows"), envelope.Limits{})
		require.NoError(t, err)
		require.Equal(t, []any{crm, "7-3", changed, "7", time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), 1, arrival("crm-rows").Origin},
			[]any{ev.Source, ev.ID, ev.Type, ev.Subject, ev.Time, ev.Generation, ev.Origin})
		require.Equal(t, orchestration.DeriveCorrelationID(crm, "7-3"), ev.CorrelationID)
		require.Equal(t, row, string(ev.AsReceived), "a second delivery is compared by what came")
		require.JSONEq(t, `{"id":"7","email":"Ana@contoso.example","phone":"ask Ana"}`, string(ev.Data))
	}
	require.Equal(t, warned{"crm", []fieldmap.Warning{{Field: "/data/phone", Rule: fieldmap.WarnPhone}}}, (*warnings)[0])
	require.Len(t, *warnings, 3)
}

func TestACopyGivesTheSameEventOnAnyQueue(t *testing.T) {
	t.Parallel()
	r, _ := reader(t, strings.Replace(mapText, "time: .Changed", "time: $enqueued", 1))
	first, err := r.Decode(envelope.Parts{Body: []byte(row)}, arrival("crm-rows"), envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, enqueued, first.Time)
	copied := first
	copied.Generation, copied.Attempt = 4, 2
	later := arrival("signalbox-live")
	later.Origin.Enqueued = enqueued.Add(time.Hour)
	second, err := r.Decode(envelope.Parts{Properties: envelope.Mark(nil, copied), Body: []byte(row)}, later, envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, copied, second)
}

func TestACloudEventOfASourceIsARowUnlessItsTypeIsOurs(t *testing.T) {
	t.Parallel()
	r, _ := reader(t, mapText)
	ev, err := r.Decode(cloudEvent("com.contoso.customer.updated", nil), arrival("in"), envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, []any{"e-1", changed, "7", time.Date(2026, 1, 5, 7, 0, 0, 0, time.UTC), orchestration.DeriveCorrelationID(crm, "e-1")},
		[]any{ev.ID, ev.Type, ev.Subject, ev.Time, ev.CorrelationID}, "its own id and time stand, and what it lacks comes from the map")
	require.Equal(t, row, string(ev.AsReceived))

	structured := `{"specversion":"1.0","id":"e-2","source":"` + crm + `","type":"x","time":"2026-01-05T07:00:00Z","subject":"own","data":` + row + `}`
	ev, err = r.Decode(envelope.Parts{ContentType: envelope.ContentTypeStructured, Body: []byte(structured)}, arrival("in"), envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, []any{"e-2", changed, "own", row}, []any{ev.ID, ev.Type, ev.Subject, string(ev.AsReceived)})

	for _, typ := range []string{changed, "com.contoso.ours", "signalbox.tulip.grown.v9"} {
		ev, err = r.Decode(cloudEvent(typ, nil), arrival("in"), envelope.Limits{})
		require.NoError(t, err)
		require.Equal(t, []any{typ, row}, []any{ev.Type, string(ev.Data)})
		require.Nil(t, ev.AsReceived)
	}
	ev, err = r.Decode(cloudEvent("x", map[string]any{"cloudEvents_source": "https://other.example"}), arrival("in"), envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, "x", ev.Type, "another source")
}

func TestOnlyTheTypesOfARowAreTranslated(t *testing.T) {
	t.Parallel()
	r, _ := reader(t, mapText, func(s *Source) { s.Types = []string{"com.contoso.customer.updated"} })
	ev, err := r.Decode(cloudEvent("com.contoso.customer.updated", nil), arrival("in"), envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, changed, ev.Type)
	ev, err = r.Decode(cloudEvent("com.contoso.order.placed", nil), arrival("in"), envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, "com.contoso.order.placed", ev.Type)
}

func TestAMapMayReplaceWhatACloudEventSays(t *testing.T) {
	t.Parallel()
	r, _ := reader(t, "replace: [id, time, correlationid]\n"+mapText)
	ev, err := r.Decode(cloudEvent("x", nil), arrival("in"), envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, []any{"7-3", time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), orchestration.DeriveCorrelationID(crm, "7-3")}, []any{ev.ID, ev.Time, ev.CorrelationID})

	const own = "5fc3f4a4-31a5-4a9a-8ee9-0c4a2a4a8a01"
	ev, err = r.Decode(cloudEvent("x", map[string]any{"cloudEvents_correlationid": own}), arrival("in"), envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, own, ev.CorrelationID, "the map gives none for this row")
}

func TestWhatCannotBeReadIsPoisonAndSaysWhereItIsFrom(t *testing.T) {
	t.Parallel()
	r, warnings := reader(t, mapText)
	for name, tc := range map[string]struct {
		parts   envelope.Parts
		queue   string
		reason  fault.Reason
		pointer string
		id      string
	}{
		"a row that does not fit the map":       {envelope.Parts{Body: []byte(strings.Replace(row, "Ana@", "Kanari ", 1))}, "crm-rows", fault.SchemaInvalid, "/data/email", "7-3"},
		"a row without an id":                   {envelope.Parts{Body: []byte(`{"Changed":"2026-01-05T08:00:00Z","Version":[1]}`)}, "crm-rows", fault.SchemaInvalid, "/id", ""},
		"a row without a time":                  {envelope.Parts{Body: []byte(`{"No":7,"Version":3}`)}, "crm-rows", fault.SchemaInvalid, "/time", "7-3"},
		"a row that is no JSON":                 {envelope.Parts{Body: []byte(`{"No": Kanari}`)}, "crm-rows", fault.Malformed, "", ""},
		"a name that is given twice":            {envelope.Parts{Body: []byte(`{"No":7,"No":8}`)}, "crm-rows", fault.Malformed, "/No", ""},
		"a row that is nested too deep":         {envelope.Parts{Body: []byte(strings.Repeat("[", 100) + strings.Repeat("]", 100))}, "crm-rows", fault.Malformed, "", ""},
		"a row that is too large":               {envelope.Parts{Body: []byte(`"` + strings.Repeat("x", 2000) + `"`)}, "crm-rows", fault.TooLarge, "", ""},
		"a row that is null":                    {envelope.Parts{Body: []byte(` null `)}, "crm-rows", fault.Malformed, "", ""},
		"a row that is no row":                  {envelope.Parts{Body: []byte(`7`)}, "crm-rows", fault.SchemaInvalid, "/id", ""},
		"a table of numbers with commas":        {envelope.Parts{ContentType: "text/csv", Body: []byte("1,2")}, "crm-rows", fault.Malformed, "/datacontenttype", ""},
		"an attribute that cannot be":           {envelope.Parts{Body: []byte(strings.Replace(row, `"No"`, `"Trace":"Kanari","No"`, 1))}, "crm-rows", fault.Malformed, "/correlationid", "7-3"},
		"a CloudEvent whose data does not fit":  {cloudEventWith(`{"Mail":"Kanari"}`), "in", fault.SchemaInvalid, "/data/email", "e-1"},
		"a CloudEvent that cannot be read":      {envelope.Parts{ContentType: "application/cloudevents+json", Body: []byte(row)}, "crm-rows", fault.Malformed, "/specversion", ""},
		"bare JSON on a queue that has no rows": {envelope.Parts{ContentType: "application/json", Body: []byte(row)}, "in", fault.Malformed, "/specversion", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ev, err := r.Decode(tc.parts, arrival(tc.queue), envelope.Limits{MaxBytes: 1000})
			require.Error(t, err)
			f := fault.As(err)
			require.Equal(t, []any{fault.Poison, tc.reason, tc.pointer, tc.id}, []any{f.Kind, f.Reason, f.Pointer, ev.ID}, "%v", err)
			require.Equal(t, tc.queue, ev.Origin.Queue)
			require.NotContains(t, err.Error(), "Kanari")
			if tc.queue == "crm-rows" && !envelope.IsEvent(tc.parts) {
				require.Equal(t, []any{crm, changed}, []any{ev.Source, ev.Type})
			}
		})
	}
	require.Empty(t, *warnings)
}

func cloudEventWith(body string) envelope.Parts {
	p := cloudEvent("x", nil)
	p.Body = []byte(body)
	return p
}

func TestAReaderRefusesWhatIsAmbiguous(t *testing.T) {
	t.Parallel()
	_, err := New(Options{Sources: []Source{{Name: "a", Queue: "q"}, {Name: "b", Queue: "Q"}}})
	require.EqualError(t, err, "rows: source \"a\" has no map or no CloudEvents source\nrows: source \"b\" has no map or no CloudEvents source\nrows: queue \"Q\" is that of source \"a\" and of \"b\"")
}

func TestATranslationTakesThePlaceOfAMap(t *testing.T) {
	t.Parallel()
	seen := func(ev orchestration.Event) (orchestration.Event, error) {
		ev.ID, ev.Type, ev.Source = "translated", changed, crm
		return ev, nil
	}
	r, _ := reader(t, mapText, func(s *Source) { s.Map, s.Translate = nil, seen })
	for _, contentType := range []string{"", "application/json", "text/plain"} {
		ev, err := r.Decode(envelope.Parts{ContentType: contentType, Body: []byte(row)}, arrival("crm-rows"), envelope.Limits{})
		require.NoError(t, err, contentType)
		require.Equal(t, "translated", ev.ID)
		require.Equal(t, row, string(ev.Data))
	}
	ev, err := r.Decode(envelope.Parts{Body: []byte("<no json>")}, arrival("crm-rows"), envelope.Limits{})
	require.Equal(t, fault.Malformed, fault.As(err).Reason)
	require.Equal(t, crm, ev.Source)
	ev, err = r.Decode(cloudEvent(changed, nil), arrival("crm-rows"), envelope.Limits{})
	require.NoError(t, err)
	require.Equal(t, "e-1", ev.ID, "an event of ours is none")
}
