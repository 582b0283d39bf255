package mapped

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/input"
	"github.com/signalbox/signalbox/mapping/fieldmap"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/worker/rows"
)

const examples = "../../../config/examples"

// chinook is where rows of the Chinook sample database are: customers.jsonl in a folder of the environment's choice, else rows
// of the same shape that are made up.
func chinook(t *testing.T) *os.File {
	t.Helper()
	path := filepath.Join(examples, "chinook-customers.jsonl")
	if folder := os.Getenv("SIGNALBOX_TEST_CHINOOK"); folder != "" {
		path = filepath.Join(folder, "customers.jsonl")
	}
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

func TestEveryChinookCustomerBecomesAnEventThatAWorkerTakes(t *testing.T) {
	t.Parallel()
	m, err := fieldmap.Load(filepath.Join(examples, "chinook-customers.yaml"), fieldmap.Limits{}, nil)
	require.NoError(t, err)
	trier, err := New(0)
	require.NoError(t, err)
	source := rows.Source{Name: "chinook", Source: "https://chinook.example.com", Map: m}
	came := orchestration.Event{Origin: orchestration.Origin{Queue: "in", Enqueued: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)}}

	ids, phones, dialled, addresses, warned := map[string]bool{}, 0, 0, 0, map[string]int{}
	err = input.Each(input.New(chinook(t), 1<<16, false), func(l input.Line) error {
		trial := trier.Try(source, l.Text, came)
		require.Empty(t, trial.Failures, "line %d", l.Number)
		require.Equal(t, trial, trier.Try(source, l.Text, came), "the same row gives the same event")
		require.False(t, ids[trial.Event.ID], "line %d has the id of another", l.Number)
		ids[trial.Event.ID] = true
		for _, w := range trial.Warnings {
			warned[w.Field+" "+w.Rule]++
		}
		data, err := Decode(trial.Event.Data)
		require.NoError(t, err)
		made := data.(map[string]any)
		addresses += len(made["addresses"].([]any))
		if phone, _ := made["phone"].(string); phone != "" {
			phones++
			if e164.MatchString(phone) {
				dialled++
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(ids), 9)
	require.Equal(t, phones-dialled, warned["/data/phone phone"], "a phone is in E.164, or warned of")
	require.Greater(t, dialled, phones/2)
	require.Equal(t, len(ids), addresses)
	t.Logf("%d rows, %d with a phone, %d of those in E.164; warnings: %v", len(ids), phones, dialled, warned)
}

func TestWhatAnEventIsNotIsSaidWithTheRule(t *testing.T) {
	t.Parallel()
	trier, err := New(100)
	require.NoError(t, err)
	source := func(text string) rows.Source {
		m, err := fieldmap.Parse("m.yaml", []byte(text), fieldmap.Limits{}, nil)
		require.NoError(t, err)
		return rows.Source{Name: "s", Source: "https://s.example", Map: m}
	}
	const good = "type: signalbox.customer.changed.v1\nid: .a\ntime: '\"2026-01-05T09:00:00Z\"'\n"
	for name, tc := range map[string]struct{ sheet, row, field, rule string }{
		"a row that is no JSON":           {good + "data: {}", `{`, "", "row"},
		"a row that is too large":         {good + "data: {}", `{"a":"` + string(make([]byte, 200)) + `"}`, "", "row"},
		"a field that the map cannot":     {good + "data: {email: .b | email}", `{"a":"1","b":"kanari"}`, "/data/email", "email"},
		"data that is no event's":         {good + "data: {id: .a, email: .a}", `{"a":"kanari"}`, "/data/email", RuleSchema},
		"an attribute that cannot be":     {good + "correlationid: .a\ndata: {}", `{"a":"kanari"}`, "/correlationid", RuleAttribute},
		"a type that nobody handles":      {"type: kanari\nid: .a\ntime: '\"2026-01-05T09:00:00Z\"'\ndata: {a: .a}", `{"a":"1"}`, "/data", RuleType},
		"data that a scenario refuses to": {good + "data: {id: .a, email: '\"a@b.example\"', addresses: [{purpose: '\"home\"'}]}", `{"a":"1"}`, "/data/addresses/0", RuleSchema},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trial := trier.Try(source(tc.sheet), []byte(tc.row), orchestration.Event{})
			require.NotEmpty(t, trial.Failures)
			f := trial.Failures[0]
			require.Equal(t, []string{tc.field, tc.rule}, []string{f.Field, f.Rule}, "%+v", f)
			require.NotEmpty(t, Sentence(f))
			require.NotContains(t, Sentence(f), "kanari")
		})
	}
}

func TestDifferencesAreFoundAtEveryDepth(t *testing.T) {
	t.Parallel()
	read := func(text string) any {
		v, err := Decode([]byte(text))
		require.NoError(t, err)
		return v
	}
	for name, tc := range map[string]struct {
		a, b string
		at   []string
	}{
		"none":                       {`{"a":[1,{"b":null}],"c":1.0}`, `{"a":[1.0,{}],"c":1}`, nil},
		"a member that only one has": {`{"a":1}`, `{"b":1}`, []string{"/x/a", "/x/b"}},
		"an element":                 {`[1,2,3]`, `[1,4]`, []string{"/x/1", "/x/2"}},
		"a name with a slash":        {`{"a/b~":{"c":true}}`, `{"a/b~":{"c":false}}`, []string{"/x/a~1b~0/c"}},
		"another kind":               {`{"a":[]}`, `{"a":{}}`, []string{"/x/a"}},
		"a number and text":          {`{"a":1}`, `{"a":"1"}`, []string{"/x/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var at []string
			for _, d := range Differ(read(tc.a), read(tc.b), "/x") {
				at = append(at, d.Field)
			}
			require.Equal(t, tc.at, at)
		})
	}
}
