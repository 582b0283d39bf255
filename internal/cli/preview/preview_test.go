package preview_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/preview"
	"github.com/signalbox/signalbox/internal/cli/rowsource"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/worker/rows"
)

const examples = "../../../config/examples/"

func load(t *testing.T, file string, change ...string) *fieldmap.Map {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	m, err := fieldmap.Parse(file, []byte(strings.NewReplacer(change...).Replace(string(text))), fieldmap.Limits{}, nil)
	require.NoError(t, err)
	return m
}

// look previews rows and gives everything that is printed.
func look(t *testing.T, in string, change ...func(*preview.Options)) (preview.Summary, string) {
	t.Helper()
	var out bytes.Buffer
	o := preview.Options{In: strings.NewReader(in), MaxBytes: 10_000, Now: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC),
		Source:  rows.Source{Name: "chinook", Source: "https://chinook.example.com", Map: load(t, examples+"chinook-customers.yaml")},
		Refused: func(r preview.Refusal) { out.WriteString(r.String() + "\n") }, Warned: func(w rowsource.Warning) { out.WriteString(w.String() + "\n") }}
	for _, c := range change {
		c(&o)
	}
	sum, err := preview.Run(o)
	require.NoError(t, err)
	require.NoError(t, sum.Print(&out))
	asJSON, err := json.Marshal(sum)
	require.NoError(t, err)
	if !o.Values {
		for _, text := range []string{out.String(), string(asJSON)} {
			require.NotContains(t, strings.ToLower(text), "kanari")
		}
	}
	return sum, out.String()
}

const (
	good = `{"CustomerId":1,"FirstName":"Kanari","LastName":"Kanariø","Address":"Kanarigatan 1","City":"Kanariby","Country":"Sweden","Phone":"+46 08-651 52 52","Email":"kanari@contoso.example"}`
	odd  = `{"CustomerId":2,"FirstName":"Kanari","Company":"Kanari AB","Address":"Kanarigatan 22","City":"Kanariby","Country":"USA","Phone":"ask Kanari","Email":"kanari2@contoso.example"}`
	bad  = `{"CustomerId":3,"FirstName":"Kanari","Address":"Kanarigatan 3","City":"Kanariby","Country":"Kanarien","Email":"kanari"}`
)

func TestAPreviewShowsShapesAndNoPersonalValue(t *testing.T) {
	t.Parallel()
	sum, text := look(t, good+"\n"+odd+"\n"+bad+"\nkanari\n", func(o *preview.Options) { o.Events = 1 })
	require.Equal(t, []int{4, 2, 2, 1}, []int{sum.Rows, sum.Events, sum.Refused, sum.Warnings})
	require.Equal(t, `line 2: warning at /data/phone: phone
line 3: SchemaInvalid at /data/email: does not keep the field map's rule "email": text of 6 characters
line 3: SchemaInvalid at /data/addresses/0/country: does not keep the field map's rule "iso3": text of 8 characters
line 4: Malformed: The body is not JSON, at byte 1
rows 4, events 2, refused 2, warnings 1; signalbox.customer.changed.v1 of https://chinook.example.com

FIELD                      COUNT  WHAT
/id                        2      text of 43 characters
/subject                   2      text of 1 characters
/time                      2      2026-01-05T09:00:00.000Z
/data/addresses            2      list of 1
/data/addresses/*/city     2      text of 8 characters
/data/addresses/*/country  2      SWE 1, USA 1
/data/addresses/*/name     1      text of 9 characters
/data/addresses/*/primary  2      true 2
/data/addresses/*/purpose  2      home 2
/data/addresses/*/street   2      text of 13 to 14 characters
/data/email                2      text of 22 to 23 characters
/data/firstName            2      text of 6 characters
/data/id                   2      text of 1 characters
/data/lastName             1      text of 7 characters
/data/phone                2      text of 10 to 11 characters; warned phone 1

{
  "data": {
    "addresses": [
      {
        "city": "[text of 8 characters]",
        "country": "SWE",
        "primary": true,
        "purpose": "home",
        "street": "[text of 13 characters]"
      }
    ],
    "email": "[text of 22 characters]",
    "firstName": "[text of 6 characters]",
    "id": "[text of 1 characters]",
    "lastName": "[text of 7 characters]",
    "phone": "[text of 11 characters]"
  },
  "id": "[text of 43 characters]",
  "subject": "[text of 1 characters]",
  "time": "2026-01-05T09:00:00.000Z"
}
`, text)
}

func TestValuesAreShownToWhoAsksForThem(t *testing.T) {
	t.Parallel()
	_, text := look(t, good, func(o *preview.Options) { o.Values, o.Events = true, 1 })
	require.Contains(t, text, `"street": "Kanarigatan 1"`)
	require.Contains(t, text, "/data/email                1      kanari@contoso.example 1")
}

func TestAChangeOfTheMapShowsInHowManyRowsAFieldChanges(t *testing.T) {
	t.Parallel()
	sum, text := look(t, good+"\n"+odd+"\n"+bad, func(o *preview.Options) {
		o.Before = load(t, examples+"chinook-customers.yaml", "phone: .Phone | phone($row.Country)", "phone: .Phone | blank", "street: .Address | blank", "street: .Address", `'"customer-`, `'"c-`)
	})
	require.Equal(t, 2, sum.Renamed)
	require.Contains(t, text, "FIELD                      COUNT  CHANGED  WHAT")
	require.Contains(t, text, "/data/phone                2      1        text of 10 to 11 characters; warned phone 1")
	require.Contains(t, text, "/data/addresses/*/street   2      0        text of 13 to 14 characters")
	require.Contains(t, text, "2 rows get another id than with the map that stands so far: they would be other events.")

	_, text = look(t, good, func(o *preview.Options) {
		o.Before = load(t, examples+"chinook-customers.yaml", "      city: .City | blank\n", "      city: .City | blank\n      district: .City | blank\n")
	})
	require.Contains(t, text, "/data/addresses/*/district  0      1", "a field that will be gone")
}

func TestATableIsPreviewedToo(t *testing.T) {
	t.Parallel()
	sum, _ := look(t, "CustomerId;Email;LastName\n1;kanari@contoso.example;Kanari\n2;kanari2@contoso.example\n", func(o *preview.Options) { o.CSV = true })
	require.Equal(t, []int{2, 1, 1}, []int{sum.Rows, sum.Events, sum.Refused})
}

func TestNothingIsShownOfATypeThatNobodyKnows(t *testing.T) {
	t.Parallel()
	m, err := fieldmap.Parse("m", []byte("type: com.contoso.unknown\nid: .CustomerId\ntime: $enqueued\ndata: {name: .FirstName, kind: '\"a\"'}\n"), fieldmap.Limits{}, nil)
	require.NoError(t, err)
	sum, text := look(t, good, func(o *preview.Options) { o.Source.Map = m })
	require.Equal(t, 1, sum.Refused)
	require.Contains(t, text, "line 1: UnknownType at /data: no scenario handles this event type; replay it once one is deployed")
}
