package canary

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/worker"
)

const crm = "https://crm.example.com"

// crmMap has every kind of function, and programs that fail with a value of the row in the library's own words.
const crmMap = `
type: signalbox.customer.changed.v1
id: .Key
time: .At // $enqueued
subject: .Mail
correlationid: .Trace
channel: .Shop
data:
  id: .No | tostring
  email: .Mail | email
  firstName: .Given | cut(9)
  lastName: .Family
  middleName: if .Fail == "index" then .Family.name elif .Fail == "number" then .Family | tonumber elif .Fail == "error" then error(.Family) elif .Fail == "made" then error("no \(.Family)") elif .Fail == "json" then .Family | fromjson elif .Fail == "regex" then .Family | test(.) elif .Fail == "sum" then .Family + 1 else null end
  phone: .Phone | phone($row.Country)
  language: .Language | language
  addresses:
    - $each: select(.Street != null)
      street: .Street
      city: .Town
      country: .Country | iso3
`

// crmSource is a source table with that map; bare messages of the source queue are its rows.
func crmSource(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "crm.yaml")
	require.NoError(t, os.WriteFile(file, []byte(crmMap), 0o600))
	return `[{"name":"crm","source":"` + crm + `","field_map":"` + file + `","queue":"` + harness.SourceQueue + `"}]`
}

// row is a row in which everything that can be is marked.
func row(no string, changes ...string) string {
	text := `{"Key":"` + no + `-1","No":"` + no + `","Mail":"` + email(no) + `","Given":"Zoë Kanari Kanari","Family":"Kanariø","Phone":"ask Kanari ` + digits + `","Language":"sv",` +
		`"Street":"Kanarigatan 1","Town":"Kanariköping","Country":"Sweden","Note":"Kanari"}`
	return strings.NewReplacer(changes...).Replace(text)
}

// rows come bare and in CloudEvents, good, odd and bad in every way.
func (r *run) rows() {
	t := r.w.T
	before := r.w.DeadLetters()
	good := []string{row("R-1"), row("R-1"), row("R-2", `"Key":"R-2-1"`, `"Key":"`+email("key")+`"`), row("R-3", `"Country"`, `"Shop":"main","Country"`)}
	bad := []string{
		row("R-10", `"Country":"Sweden"`, `"Country":"Kanarien"`), row("R-11", email("R-11"), "Kanari"), row("R-12", `"Language":"sv"`, `"Language":"Kanari"`),
		row("R-13", `"Key":"R-13-1",`, ""), row("R-14", `"Note"`, `"Trace":"Kanari","Note"`), row("R-15", `"Note"`, `"Shop":"`+email("shop")+`","Note"`),
		row("R-16", `"Note"`, `"At":"Kanari","Note"`), row("R-17", `"Family":"Kanariø"`, `"Family":["Kanari"]`), row("R-18", `"Note"`, `"`+email("name")+`":1,"`+email("name")+`":2,"Note"`),
		`{"Mail": Kanari`, `["Kanari"]`, `"Kanari"`, row("R-1", "Kanarigatan 1", "Kanarigatan 2"), // the id of a row that said something else
	}
	for _, kind := range []string{"index", "number", "error", "made", "json", "regex", "sum"} {
		bad = append(bad, row("R-2"+kind, `"Note"`, `"Fail":"`+kind+`","Note"`))
	}
	for _, text := range append(good, bad...) {
		r.w.Send(worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: []byte(text), Properties: map[string]any{"x-customer": "Zoë Kanari"}})
		r.w.Settle(time.Hour)
	}
	require.Equal(t, before+len(bad), r.w.DeadLetters(), "every bad one, and no good one")
	r.publish("com.contoso.changed", []byte(row("R-30")), fromCRM)
	r.publish("com.contoso.changed", []byte(row("R-31")), fromCRM, nosy)
	r.publish("com.contoso.changed", []byte(row("R-32", email("R-32"), "Kanari")), fromCRM, nosy)
	r.w.Settle(time.Hour)
	require.Equal(t, before+len(bad)+1, r.w.DeadLetters())
	require.GreaterOrEqual(t, r.p.Count(telemetry.FieldMapWarnings, "rule", "phone_length")+r.p.Count(telemetry.FieldMapWarnings, "rule", "phone"), 4.0)
	require.GreaterOrEqual(t, r.p.Count(telemetry.FieldMapWarnings, "rule", "cut"), 4.0)
}

func fromCRM(m *worker.Message) { m.Properties["cloudEvents_source"] = crm }
