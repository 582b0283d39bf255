package fieldmap

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/orchestration/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func read(t testing.TB, text string) *Map {
	t.Helper()
	m, err := Parse("map.yaml", []byte(text), Limits{}, nil)
	require.NoError(t, err)
	return m
}

const contoso = `
type: signalbox.customer.changed.v1
id: '"customer-\(.CustomerId)-\(.Version)"'
time: .ModifiedAt | instant("iso"; "Europe/Vienna")
subject: .CustomerId
define: |
  def line($a; $b): [$a, $b] | map(blank // empty) | join(", ") | blank;   # two lines of an address in one
data:
  id: .CustomerId | tostring
  email: .Email | email
  firstName: .FirstName | cut(25)
  phone: .Phone | phone($row.Country)
  language: (.Lang // "en") | language($row.Country)
  addresses:
    - $each: select(.Street != null)
      purpose: '"home"'
      street: line(.Street; .Street2)
      city: .City | blank
      country: .Country | iso3
      primary: true
    - $each: .Branches // [] | .[]
      purpose: '"business"'
      street: .Street
      city: .City
      country: $row.Country | iso3
`

const row = `{"CustomerId":1001,"Version":3,"ModifiedAt":"2026-01-05 09:00:00.1234567","Email":" Ana@CONTOSO.example ","FirstName":"Ana","Phone":"(01) 234567890",
	"Country":"Österreich","Street":"Rathausplatz 1","Street2":" ","City":"Wien","Branches":[{"Street":"Hafen 2","City":"Linz"},{"Street":"Markt 3","City":"Graz"}]}`

func TestARowBecomesAnEvent(t *testing.T) {
	t.Parallel()
	ev, err := read(t, contoso).Make(Row{JSON: json.RawMessage(row)})
	require.NoError(t, err)
	require.Equal(t, "customer-1001-3", ev.ID)
	require.Equal(t, "2026-01-05T08:00:00.1234567Z", ev.Time.Format(time.RFC3339Nano))
	require.Equal(t, "1001", ev.Subject)
	require.JSONEq(t, `{"id":"1001","email":"Ana@contoso.example","firstName":"Ana","phone":"+431234567890","language":"en-at","addresses":[
		{"purpose":"home","street":"Rathausplatz 1","city":"Wien","country":"AUT","primary":true},
		{"purpose":"business","street":"Hafen 2","city":"Linz","country":"AUT"},
		{"purpose":"business","street":"Markt 3","city":"Graz","country":"AUT"}]}`, string(ev.Data))
	require.Empty(t, ev.Warnings)
}

func TestWhatIsNullOrNothingIsLeftOut(t *testing.T) {
	t.Parallel()
	m := read(t, `
type: t
id: '"1"'
time: '"2026-01-05T09:00:00Z"'
data:
  a: .missing
  b: empty
  c: '{x: null, y: {z: null}, l: [null, {n: null}]}'
  d: .blank | blank
  e: .missing | tostring
  f: '"\(.missing)"? // null'
  n: .price
  l: ['.missing', '.n']
`)
	ev, err := m.Make(Row{JSON: json.RawMessage(`{"blank":"  ","price":10.10,"n":12345678901234567890}`)})
	require.NoError(t, err)
	require.Equal(t, `{"c":{"l":[null,{}],"y":{}},"l":[12345678901234567890],"n":10.10}`, string(ev.Data), "and numbers stay as they are written")
}

func TestTheWholeDataMayBeOneExpression(t *testing.T) {
	t.Parallel()
	m := read(t, "type: t\nid: .id\ntime: .at\ndata: '{id: (.id | tostring), email: (.mail | email)}'\n")
	ev, err := m.Make(Row{JSON: json.RawMessage(`{"id":7,"at":"2026-01-05T09:00:00+01:00","mail":"a@b.example"}`)})
	require.NoError(t, err)
	require.Equal(t, "7", ev.ID)
	require.Equal(t, `{"email":"a@b.example","id":"7"}`, string(ev.Data))
}

// TestFailuresNameFieldRuleAndShape has one row for each way to fail; the marked value is in none of what is said of it.
func TestFailuresNameFieldRuleAndShape(t *testing.T) {
	t.Parallel()
	const mark = "Kanari"
	for name, tc := range map[string]struct {
		data, row string
		want      Failure
	}{
		"a normaliser that cannot read":        {"email: .v | email", `"Kanari"`, Failure{"/data/email", "email", "text of 6 characters"}},
		"a normaliser that gets a list":        {"email: .v | email", `["Kanari"]`, Failure{"/data/email", "email", "a list of 1"}},
		"a country that is none":               {"c: .v | iso3", `"Kanariland"`, Failure{"/data/c", "iso3", "text of 10 characters"}},
		"a currency that is none":              {"c: .v | currency", `"Kanari"`, Failure{"/data/c", "currency", "text of 6 characters"}},
		"a language that is none":              {"c: .v | language", `"Kanarisch sprechen"`, Failure{"/data/c", "language", "text of 18 characters"}},
		"a moment in another format":           {`c: '.v | instant("iso")'`, `"Kanari"`, Failure{"/data/c", "instant", "text of 6 characters"}},
		"a moment without a zone":              {`c: '.v | instant("iso")'`, `"2026-01-05"`, Failure{"/data/c", "instant", "a local time; say of which time zone"}},
		"a zone that the row names":            {`c: '"2026-01-05" | instant("iso"; $row.v)'`, `"Kanari/Kanari"`, Failure{"/data/c", "instant", "the time zone is not known"}},
		"a field of a text":                    {"c: .v.name", `"Kanari"`, Failure{"/data/c", "jq", "it does not work on text"}},
		"a sum of text and number":             {"c: .v + 1", `"Kanari"`, Failure{"/data/c", "jq", "it does not work on text"}},
		"a function of the wrong type":         {"c: .v | keys", `"Kanari"`, Failure{"/data/c", "jq", "keys does not work on text"}},
		"a function with arguments":            {"c: .v | split(3)", `"Kanari"`, Failure{"/data/c", "jq", "split does not work on text"}},
		"a pattern from the row":               {"c: .v | test(.)", `"Kanari("`, Failure{"/data/c", "jq", "the expression fails"}},
		"iterating over text":                  {"c: .v[]", `"Kanari"`, Failure{"/data/c", "jq", "it does not work on text"}},
		"an error of the map's own":            {`c: 'error("no such shop")'`, `"Kanari"`, Failure{"/data/c", "jq", "no such shop"}},
		"an error with a value of the row":     {"c: '.v | error'", `"Kanari"`, Failure{"/data/c", "jq", "the expression gives an error of its own"}},
		"an error made with a value":           {`c: 'error("bad \(.v)")'`, `"Kanari"`, Failure{"/data/c", "jq", "the expression gives an error of its own"}},
		"a format that is none":                {"c: .v | format(.)", `"Kanari"`, Failure{"/data/c", "jq", "the expression fails"}},
		"JSON in text that is none":            {"c: .v | fromjson", `"Kanari"`, Failure{"/data/c", "jq", "fromjson does not work on the value"}},
		"null in a text":                       {`c: '"a-\(.missing)"'`, `"Kanari"`, Failure{"/data/c", "null", "null in a text"}},
		"two values":                           {"c: .v, .v", `"Kanari"`, Failure{"/data/c", "one", "at least 2 values"}},
		"an infinite number":                   {"c: infinite", `"Kanari"`, Failure{"/data/c", "number", "no number that JSON can write"}},
		"a number that is none, deep within":   {"c: '{a: [nan]}'", `"Kanari"`, Failure{"/data/c", "number", "no number that JSON can write"}},
		"a failure in an element":              {"c: [{$each: '.v[]', d: {e: '.x | email'}}]", `[{"x":"kanari@b.example"},{"x":"Kanari"}]`, Failure{"/data/c/1/d/e", "email", "text of 6 characters"}},
		"a failure of what there are elements": {"c: [{$each: '.v[]', d: '1'}]", `"Kanari"`, Failure{"/data/c/0", "jq", "it does not work on text"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := read(t, "type: t\nid: '\"1\"'\ntime: '\"2026-01-05T09:00:00Z\"'\ndata:\n  "+tc.data+"\n")
			ev, err := m.Make(Row{JSON: json.RawMessage(`{"v":` + tc.row + `}`)})
			var f *Failed
			require.ErrorAs(t, err, &f)
			require.Equal(t, []Failure{tc.want}, f.Failures)
			require.Equal(t, "1", ev.ID, "which event it would have been is known")
			require.NotContains(t, strings.ToLower(err.Error()+f.Failures[0].String()), strings.ToLower(mark))
			poison := fault.As(err)
			require.Equal(t, []any{fault.Poison, fault.SchemaInvalid, tc.want.Field}, []any{poison.Kind, poison.Reason, poison.Pointer})
		})
	}
}

func TestEveryFieldThatFailsIsNamed(t *testing.T) {
	t.Parallel()
	m := read(t, strings.NewReplacer("id: '\"customer-\\(.CustomerId)-\\(.Version)\"'", "id: .Version").Replace(contoso))
	ev, err := m.Make(Row{JSON: json.RawMessage(`{"CustomerId":[1],"Email":"x","ModifiedAt":"yesterday","Street":"a","City":"b","Country":"Atlantis"}`)})
	var f *Failed
	require.ErrorAs(t, err, &f)
	fields := []string{}
	for _, failure := range f.Failures {
		fields = append(fields, failure.Field+" "+failure.Rule)
	}
	require.Equal(t, []string{"/id missing", "/time instant", "/subject text", "/data/email email", "/data/addresses/0/country iso3"}, fields)
	require.Zero(t, ev.Time)
	require.Equal(t, "map row: poison (SchemaInvalid): /id: is missing: the field map gives none for this row; 4 more fields fail", err.Error())
}

func TestAPhoneIsNeverTheEndOfARow(t *testing.T) {
	t.Parallel()
	m := read(t, "type: t\nid: '\"1\"'\ntime: '\"2026-01-05T09:00:00Z\"'\ndata: {phone: '.v | phone($row.c)'}\n")
	for v, want := range map[string]struct{ data, warns string }{
		`"+43 1 234567890"`:                    {`{"phone":"+431234567890"}`, ""},
		`431234567890`:                         {`{"phone":"431234567890"}`, WarnPhone},
		`" call Ana "`:                         {`{"phone":"call Ana"}`, WarnPhone},
		`"after six, and not Mondays, to Ana"`: {`{}`, WarnPhoneLength},
		`["+43 1 234567890"]`:                  {`{}`, WarnPhone},
		`{"a":1}`:                              {`{}`, WarnPhone},
		`true`:                                 {`{}`, WarnPhone},
		`""`:                                   {`{}`, ""},
		`null`:                                 {`{}`, ""},
	} {
		ev, err := m.Make(Row{JSON: json.RawMessage(`{"c":7,"v":` + v + `}`)})
		require.NoError(t, err, v)
		require.Equal(t, want.data, string(ev.Data), v)
		if want.warns == "" {
			require.Empty(t, ev.Warnings, v)
		} else {
			require.Equal(t, []Warning{{"/data/phone", want.warns}}, ev.Warnings, v)
		}
	}
}

func TestWarningsAreOfTheFieldThatGaveThem(t *testing.T) {
	t.Parallel()
	m := read(t, "type: t\nid: '\"1\"'\ntime: '.at | instant(\"iso\"; \"Europe/Vienna\")'\ndata:\n  name: .v | cut(3)\n  l: [{$each: '(1, 2)', at: '$row.skipped | instant(\"iso\"; \"Europe/Vienna\"), empty'}]\n")
	ev, err := m.Make(Row{JSON: json.RawMessage(`{"v":"Contoso","at":"2026-10-25 02:30","skipped":"2026-03-29 02:30"}`)})
	require.NoError(t, err)
	require.Equal(t, []Warning{{"/time", WarnTimeTwice}, {"/data/name", WarnCut}, {"/data/l/0/at", WarnTimeSkipped}, {"/data/l/1/at", WarnTimeSkipped}}, ev.Warnings)
	for _, w := range ev.Warnings {
		require.Contains(t, WarningRules(), w.Rule)
	}
	ev, err = m.Make(Row{JSON: json.RawMessage(`{"v":"Con","at":"2026-10-26"}`)})
	require.NoError(t, err)
	require.Empty(t, ev.Warnings, "those of the last row are gone")
}

func TestTheAttributesOfACloudEventStandUnlessTheMapReplacesThem(t *testing.T) {
	t.Parallel()
	const text = "type: t\nid: '\"of the map\"'\ntime: $enqueued\nsubject: $event.type\nchannel: .shop\ndata: {v: '$event.id'}\n"
	enqueued := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	in := Row{JSON: json.RawMessage(`{"shop":"web"}`), Enqueued: enqueued, Event: map[string]string{ID: "e-1", Time: "2026-01-01T00:00:00Z", "type": "com.contoso.changed"}}
	ev, err := read(t, text).Make(in)
	require.NoError(t, err)
	require.Equal(t, Event{Subject: "com.contoso.changed", Channel: "web", Data: json.RawMessage(`{"v":"e-1"}`)}, ev, "what the CloudEvent lacks")

	ev, err = read(t, "replace: [id]\n"+text).Make(in)
	require.NoError(t, err)
	require.Equal(t, "of the map", ev.ID)
	require.Zero(t, ev.Time)

	ev, err = read(t, text).Make(Row{JSON: in.JSON, Enqueued: enqueued})
	require.NoError(t, err)
	require.Equal(t, Event{ID: "of the map", Time: enqueued, Channel: "web", Data: json.RawMessage(`{}`)}, ev, "a row that came without one")
}

func TestAHashStandsForAValue(t *testing.T) {
	t.Parallel()
	m := read(t, "type: t\nid: hash\ntime: '\"2026-01-05T09:00:00Z\"'\ndata: {}\n")
	id := func(row string) string {
		ev, err := m.Make(Row{JSON: json.RawMessage(row)})
		require.NoError(t, err)
		return ev.ID
	}
	require.Regexp(t, `^[0-9a-f]{32}$`, id(`{"a":1}`))
	require.Equal(t, id(`{"a":1,"b":[1,2]}`), id(` {"b":[1, 2], "a":1} `))
	require.NotEqual(t, id(`{"a":1}`), id(`{"a":"1"}`))
}

func TestAMapIsForManyAtOnce(t *testing.T) {
	t.Parallel()
	m := read(t, contoso)
	want, err := m.Make(Row{JSON: json.RawMessage(row)})
	require.NoError(t, err)
	bad := strings.Replace(row, "(01) 234567890", "unknown", 1)
	var all sync.WaitGroup
	wrong := make(chan error, 16)
	for range 8 {
		all.Go(func() {
			for range 25 {
				got, err := m.Make(Row{JSON: json.RawMessage(row)})
				if err != nil || string(got.Data) != string(want.Data) || len(got.Warnings) != 0 {
					wrong <- errors.Join(err, errors.New("another event"))
					return
				}
				if got, err = m.Make(Row{JSON: json.RawMessage(bad)}); err != nil || len(got.Warnings) != 1 {
					wrong <- errors.Join(err, errors.New("other warnings"))
					return
				}
			}
		})
	}
	all.Wait()
	close(wrong)
	for err := range wrong {
		require.NoError(t, err)
	}
}

func BenchmarkMake(b *testing.B) {
	m := read(b, contoso)
	for b.Loop() {
		_, _ = m.Make(Row{JSON: json.RawMessage(row)})
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		_, _ = Parse("map.yaml", []byte(contoso), Limits{}, nil)
	}
}
