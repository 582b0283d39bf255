// Package rows runs rows in a source's own shape through the whole fleet: from its queue, by copies on our own, to the CSU.
package rows

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/cli/mapped"
	"github.com/signalbox/signalbox/internal/telemetry"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/worker"
	"github.com/signalbox/signalbox/worker/rows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	crm     = "https://crm.contoso.example"
	mapText = `
type: signalbox.customer.changed.v1
id: '"\(.No)-\(.Version)"'
time: .ModifiedAt | instant("iso"; "Europe/Vienna")
data:
  id: .No | tostring
  email: .Mail | email
  firstName: .Given
  lastName: .Family
  phone: .Phone | phone($row.Country)
  addresses:
    - {street: .Street, city: .Town, state: .Region, zip: .Zip, country: .Country | iso3, primary: true}
`
)

// row is one version of Ana, in the words of the source.
func row(version int, town string) string {
	return fmt.Sprintf(`{"No":7,"Version":%d,"ModifiedAt":"1999-12-30 10:00:%02d","Mail":" Ana@CONTOSO.example","Given":"Ana","Family":"Lima","Phone":"(425) 555-0100",`+
		`"Street":"1 Harbour Street","Town":%q,"Region":"WA","Zip":"98052","Country":"United States"}`, version, version, town)
}

// ana is what the CSU has to say of her.
func ana(town string) harness.Customer {
	return harness.Customer{Source: crm, ID: "7", Email: "Ana@contoso.example", First: "Ana", Last: "Lima", Phone: "+14255550100", City: town}
}

// bare is a row as a message that is no CloudEvent.
func bare(row string) worker.Message {
	return worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: []byte(row)}
}

// enveloped is a row as the data of a CloudEvent.
func enveloped(id, row string) worker.Message {
	return worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: []byte(row), Properties: map[string]any{"cloudEvents_specversion": "1.0",
		"cloudEvents_id": id, "cloudEvents_source": crm, "cloudEvents_type": "com.contoso.customer.changed", "cloudEvents_time": "1999-12-31T00:00:00Z"}}
}

// world has the source in its configuration; the map's file is given back.
func world(t *testing.T, o harness.Options) (*harness.World, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "crm.yaml")
	require.NoError(t, os.WriteFile(file, []byte(mapText), 0o600))
	o.Env = map[string]string{"SIGNALBOX_SOURCES": `[{"name":"crm","source":"` + crm + `","field_map":"` + file + `","queue":"` + harness.SourceQueue + `"}]`}
	return harness.NewVirtual(t, o), file
}

func TestARowStoppedAtAnyBoundaryIsOneAccount(t *testing.T) {
	for at := 1; ; at += harness.Stride {
		crossed := false
		synctest.Test(t, func(t *testing.T) {
			w, _ := world(t, harness.Options{SearchLag: 15 * time.Second}) // a search that lags: there are copies
			w.Send(bare(row(1, "Redmond")))
			stopped := make(chan struct{})
			b := &harness.Boundaries{At: at}
			b.Do = func(string) { b.Die(); close(stopped) }
			first := w.Start(b)
			for !crossed && !w.Empty() {
				select {
				case <-stopped:
					crossed = true
				case <-time.After(100 * time.Millisecond):
				}
			}
			first.Stop()
			second := w.Start(nil)
			w.Settle(time.Hour)
			second.Stop()
			require.Zero(t, w.DeadLetters(), "boundary %d", at)
			w.RequireState(ana("Redmond"))
			<-time.After(time.Minute) // a stopped process asks in vain for a while
		})
		if !crossed {
			require.Greater(t, at, 10)
			return
		}
	}
}

func TestRowsAreEventsInEveryRespect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, file := world(t, harness.Options{})
		p := w.Start(nil)
		_, err := w.CSU.Inject(csu.Fault{Kind: csu.Error, Status: 429, Next: 2})
		require.NoError(t, err)
		w.Send(bare(row(1, "Redmond")), bare(row(1, "Redmond")), bare(row(3, "Houston")), bare(row(2, "Lyon"))) // a duplicate, and an overtaken state
		w.Settle(time.Hour)
		w.RequireState(ana("Houston"))
		require.Zero(t, w.DeadLetters())

		w.Send(enveloped("e-1", row(4, "Graz")))
		w.Settle(time.Hour)
		w.RequireState(ana("Graz"))

		w.Send(bare(row(1, "Leeds"))) // the id of a row that said something else
		w.Settle(time.Hour)
		require.Equal(t, "IdConflict", w.Letters()[0].DeadLetterReason)
		p.Stop()

		// The map is mended while a row is delivered once more: it is still the same row.
		require.NoError(t, os.WriteFile(file, []byte(strings.Replace(mapText, "firstName: .Given", "firstName: .Given\n  language: '\"en-us\"'", 1)), 0o600))
		p = w.Start(nil)
		w.Send(bare(row(1, "Redmond")), enveloped("e-1", row(4, "Graz")))
		w.Settle(time.Hour)
		require.Equal(t, 1, w.DeadLetters())
		require.EqualValues(t, 2, p.Count(telemetry.Messages, "outcome", "duplicate"))
		p.Stop()
	})
}

func TestARowThatMakesNoEventWaitsForAPersonWithTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := world(t, harness.Options{})
		p := w.Start(nil)
		w.Send(bare(strings.Replace(row(1, "Redmond"), "United States", "Atlantis", 1)), bare(strings.Replace(row(2, "Redmond"), "(425) 555-0100", "ask Ana", 1)))
		w.Settle(time.Hour)
		letters := w.Letters()
		require.Len(t, letters, 1)
		require.Equal(t, []string{"SchemaInvalid", `/data/addresses/0/country: does not keep the field map's rule "iso3": text of 8 characters`},
			[]string{letters[0].DeadLetterReason, letters[0].DeadLetterDescription})
		require.Contains(t, string(letters[0].Body), "Atlantis", "the row as it came")
		require.EqualValues(t, 1, p.Count(telemetry.DeadLetters, "reason", "SchemaInvalid", "event_type", "signalbox.customer.changed.v1"))
		require.EqualValues(t, 1, p.Count(telemetry.FieldMapWarnings, "source", "crm", "rule", "phone"), "a phone is no reason")
		p.Stop()
	})
}

// TestTheRowsOfAnotherSystemAllBecomeEvents maps the customers of the Chinook sample database, if SIGNALBOX_TEST_CHINOOK
// names the folder that holds them, else made-up rows of that shape.
func TestTheRowsOfAnotherSystemAllBecomeEvents(t *testing.T) {
	const examples = "../../config/examples"
	file := filepath.Join(examples, "chinook-customers.jsonl")
	if folder := os.Getenv("SIGNALBOX_TEST_CHINOOK"); folder != "" {
		file = filepath.Join(folder, "customers.jsonl")
	}
	m, err := fieldmap.Load(filepath.Join(examples, "chinook-customers.yaml"), fieldmap.Limits{}, nil)
	require.NoError(t, err)
	trier, err := mapped.New(0)
	require.NoError(t, err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	source := rows.Source{Name: "chinook", Source: "https://chinook.example.com", Map: m}
	events, e164, none := map[string]bool{}, 0, 0
	warnings := map[fieldmap.Warning]int{}
	for line := range strings.Lines(string(text)) {
		trial := trier.Try(source, []byte(line), orchestration.Event{Origin: orchestration.Origin{Enqueued: time.Now()}})
		require.Empty(t, trial.Failures, "row %d", len(events)+1)
		events[trial.Event.ID] = true
		for _, w := range trial.Warnings {
			warnings[w]++
		}
		var data struct{ Phone string }
		require.NoError(t, json.Unmarshal(trial.Event.Data, &data))
		switch {
		case data.Phone == "":
			none++
		case phone.MatchString(data.Phone):
			e164++
		}
	}
	require.Len(t, events, strings.Count(string(text), "\n"), "each has an id of its own")
	require.Equal(t, len(events), e164+none+warnings[fieldmap.Warning{Field: "/data/phone", Rule: fieldmap.WarnPhone}])
	require.Len(t, warnings, 1, "of nothing but phones")
	t.Logf("%d rows, %d events, 0 refused; %d phone numbers in E.164, %d rows without one, warnings: %v", len(events), len(events), e164, none, warnings)
}

var phone = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
