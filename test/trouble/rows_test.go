package trouble

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
)

const crm = "https://crm.contoso.example"

// sheet is the map of the bare rows that come to the source queue; in goes into it as it stands.
const sheet = `
type: signalbox.customer.changed.v1
id: '"\(.No)-\(.Version)"'
time: .At // $enqueued
data:
  id: .No | tostring
  email: .Mail | email
  firstName: '"Ana"'
  lastName: '"Contoso"'
  phone: .Phone | phone("US")
  addresses: [{street: '"1 Harbour Street"', city: .Town, state: '"WA"', zip: '"98052"', country: %s, primary: true}]
`

// rowsOf writes a map and gives a world's options with it in the source table, and a way to change it: processes that are
// started afterwards have the new one.
func rowsOf(t *testing.T, country string) (o harness.Options, mend func(country string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crm.yaml")
	mend = func(country string) {
		require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, sheet, country), 0o600))
	}
	mend(country)
	o.Env = map[string]string{"SIGNALBOX_SOURCES": `[{"name":"crm","source":"` + crm + `","field_map":"` + path + `","queue":"` + harness.SourceQueue + `"}]`}
	return o, mend
}

func bare(row string) worker.Message {
	return worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: []byte(row)}
}

const (
	anasRow = `{"No":7,"Version":1,"Mail":"Ana@CONTOSO.example","Phone":"(425) 555-0100","Town":"Redmond"}`
	moved   = `{"No":7,"Version":2,"Mail":"Ana@CONTOSO.example","Phone":"(425) 555-0100","Town":"Houston"}`
)

func anaOf(city string) harness.Customer {
	return harness.Customer{Source: crm, ID: "7", Email: "Ana@contoso.example", First: "Ana", Last: "Contoso", Phone: "+14255550100", City: city}
}

// A row that has to wait goes on as a copy of itself, on a queue that is no source's, and is the same event there.
func TestABareRowOutlastsWhatGoesWrong(t *testing.T) {
	o, _ := rowsOf(t, `'"USA"'`)
	bubble(t, o, func(f *fleet) {
		f.inject(csu.Fault{Kind: csu.CommitThenError, Operation: csu.OpCreateCustomer, Next: 1}, csu.Fault{Kind: csu.Error, Status: 503, For: time.Hour})
		f.Send(bare(anasRow), bare(anasRow))
		<-time.After(time.Minute)
		f.Send(bare(moved))
		f.Settle(patience)
		require.Positive(f.T, f.count(telemetry.RescheduledMessages), "copies were made")
		require.Positive(f.T, f.count(telemetry.Messages, "queue", harness.OwnQueue, "outcome", "completed"), "and went through")
	}, func(f *fleet) {
		require.Zero(f.T, f.DeadLetters(), "%v", f.reasons())
		f.RequireState(anaOf("Houston"))
		require.Equal(f.T, 1, f.effects(csu.OpCreateCustomer))
	})
}

// What is compared of a second delivery is the row, not what the map makes of it.
func TestAMapIsMendedWhileItsRowsAreUnderWay(t *testing.T) {
	o, mend := rowsOf(t, `'"USA"'`)
	empty(t, o, func(f *fleet) {
		first := f.join()
		f.Send(bare(anasRow))
		f.Settle(patience)
		first.Stop()
		mend(`'"CAN"'`) // it makes another event of the same row
		f.join()
		f.Send(bare(anasRow), bare(`{"No":7,"Version":1,"Mail":"Ana@CONTOSO.example","Town":"Houston"}`))
	}, func(f *fleet) {
		require.EqualValues(f.T, 1, f.count(telemetry.Messages, "outcome", "duplicate"))
		letters := f.Letters()
		require.Len(f.T, letters, 1, "%v", f.reasons())
		require.Equal(f.T, "IdConflict", letters[0].DeadLetterReason, "another row of that id")
		f.RequireState(anaOf("Redmond"))
	})
}

func TestRowsThatMakeNoEventGoAsideWithTheFieldAndTheRule(t *testing.T) {
	o, _ := rowsOf(t, `.Land | iso3`)
	const phone, land = "ask Kanari", "Kanarien"
	bubble(t, o, func(f *fleet) {
		f.Send(bare(`{"No":7,"Version":1,"Mail":"Ana@CONTOSO.example","Phone":"`+phone+`","Town":"Redmond","Land":"USA"}`),
			bare(`{"No":8,"Version":1,"Mail":"bo@contoso.example","Town":"Redmond","Land":"`+land+`"}`),
			bare(`{"No":9,`), bare(`{"Version":1}`))
	}, func(f *fleet) {
		require.Equal(f.T, float64(1), f.count(telemetry.FieldMapWarnings, "source", "crm", "rule", "phone"))
		c := anaOf("Redmond")
		c.Phone = phone
		f.RequireState(c)
		said := map[string]string{}
		for _, l := range f.Letters() {
			said[string(l.Body)] = l.DeadLetterReason + ": " + l.DeadLetterDescription
		}
		require.Len(f.T, said, 3)
		require.Contains(f.T, said[`{"No":8,"Version":1,"Mail":"bo@contoso.example","Town":"Redmond","Land":"`+land+`"}`],
			`SchemaInvalid: /data/addresses/0/country: does not keep the field map's rule "iso3": text of 8 characters`)
		require.Contains(f.T, said[`{"No":9,`], "Malformed")
		require.Contains(f.T, said[`{"Version":1}`], `SchemaInvalid: /id: does not keep the field map's rule "null"`)
		require.NotContains(f.T, f.log(), "Kanari")
	})
}
