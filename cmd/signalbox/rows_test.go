package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/maptest"
	"github.com/signalbox/signalbox/internal/cli/preview"
	"github.com/signalbox/signalbox/internal/cli/publish"
	"github.com/signalbox/signalbox/worker"
)

// example reads a file of config/examples.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../config/examples", name))
	require.NoError(t, err)
	return string(text)
}

// goodRows are the rows of an example without those that are there to be refused.
func goodRows(t *testing.T) string {
	t.Helper()
	return strings.Join(strings.SplitAfter(example(t, "contoso-crm.jsonl"), "\n")[:3], "")
}

// asTable writes rows as CSV with a head.
func asTable(t *testing.T, rows string, columns ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	require.NoError(t, w.Write(columns))
	for line := range strings.Lines(rows) {
		var row map[string]any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		require.NoError(t, d.Decode(&row))
		var record []string
		for _, c := range columns {
			switch v := row[c].(type) {
			case json.Number:
				record = append(record, v.String())
			case string:
				record = append(record, v)
			default:
				record = append(record, "")
			}
		}
		require.NoError(t, w.Write(record))
	}
	w.Flush()
	require.NoError(t, w.Error())
	return b.String()
}

var chinookColumns = []string{"CustomerId", "FirstName", "LastName", "Company", "Address", "City", "State", "Country", "PostalCode", "Phone", "Fax", "Email"}

// gallery writes the files that the examples of commands name.
func gallery(t *testing.T, dir string) {
	t.Helper()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	write("maps/crm.yaml", example(t, "contoso-crm.yaml"))
	write("maps/crm.test.yaml", example(t, "contoso-crm.test.yaml"))
	write("new.yaml", strings.Replace(example(t, "contoso-crm.yaml"), ".Phone | phone($row.Country)", ".Phone | blank", 1))
	write("rows.jsonl", goodRows(t))
	write("chinook-customers.yaml", example(t, "chinook-customers.yaml"))
	write("customers.csv", asTable(t, example(t, "chinook-customers.jsonl"), chinookColumns...))
	write("signalbox.yaml", exampleFile(t)+"sources: [{name: crm, source: \"https://crm.contoso.example\", field_map: maps/crm.yaml}]\nvalue_maps: [{kind: delivery-mode, file: delivery-modes.csv}]\n")
	write("delivery-modes.csv", "from,to\nstandard,99\n")
	write("more.csv", "from,to\nexpress,11\n")
}

// crm is a stage with a source table, and the folder of its files.
func crm(t *testing.T) (*stage, string) {
	t.Helper()
	s, dir := newStage(t), t.TempDir()
	gallery(t, dir)
	s.more = append(s.more, `SIGNALBOX_SOURCES=[{"name":"crm","source":"https://crm.contoso.example","field_map":"`+filepath.Join(dir, "maps/crm.yaml")+`","queue":"second"}]`,
		"SIGNALBOX_SERVICEBUS_QUEUES=in,second")
	return s, dir
}

func TestRowsArePublishedPlannedAndDoneOnce(t *testing.T) {
	t.Parallel()
	s, dir := crm(t)
	file := filepath.Join(dir, "rows.jsonl")
	d := cli(t, s.env(), nil, "publish", "--source", "crm", file)
	require.Equal(t, done{exit.Done, "read 3, sent 3 to second, refused 0, unsent 0, warnings 1\n", "line 2: warning at /data/phone: phone\n"}, d, "to the source's own queue")
	d = cli(t, s.env(), nil, "publish", "--source", "crm", "--queue", "in", "-o", "json", file)
	require.Equal(t, publish.Summary{Queue: "in", Read: 3, Valid: 3, Sent: 3, Warnings: 1}, decode[publish.Summary](t, d.out))
	s.work()
	require.Len(t, s.csu.Customers(), 3, "the same rows again are the same events")
	require.Empty(t, s.csu.DuplicateEmails())

	d = cli(t, s.env(), nil, "plan", "--source", "crm", file)
	require.Equal(t, exit.Done, d.code, d.err)
	require.Contains(t, d.out, "3 events: 3 duplicate; 0 of them would act\n")
	require.Equal(t, "line 2: warning at /data/phone: phone\n", d.err)
	newer := strings.NewReplacer(`"Version": 4`, `"Version": 5`, `"2026-01-05 10:30:00"`, `"2026-01-05 11:30:00"`, `"Given": "Ana"`, `"Given": "Anna"`).Replace(goodRows(t)) + `{"EMail": "Kanari"}` + "\n"
	d = cli(t, s.env(), strings.NewReader(newer), "plan", "--source", "crm", "-")
	require.Equal(t, exit.Partly, d.code, d.err)
	require.Regexp(t, `(?m)^line 1: https://crm.contoso.example customer-70021-5 would be done$`, d.out)
	require.Regexp(t, `(?m)^    Customers.Update: .*FirstName`, d.out)
	require.Regexp(t, `(?m)^line 4: .* would be a dead letter: SchemaInvalid: /id: does not keep the field map's rule "null": null in a text; 2 more fields fail$`, d.out)
	require.NotContains(t, d.out+d.err, "Kanari")

	d = cli(t, s.env(), nil, "plan", "--map", filepath.Join(dir, "chinook-customers.yaml"), "--source", "https://chinook.example.com", filepath.Join(dir, "customers.csv"))
	require.Equal(t, exit.Done, d.code, d.err)
	require.Contains(t, d.out, "9 × Customers.Create")
}

// A worker reads what a source sends by itself: bare rows on its queue, and CloudEvents whose data is a row.
func TestRowsThatComeByThemselvesAreCheckedAsAWorkerTakesThem(t *testing.T) {
	t.Parallel()
	s, _ := crm(t)
	row := strings.TrimSpace(strings.SplitAfter(goodRows(t), "\n")[0])
	ev := `{"specversion":"1.0","id":"change-1","source":"https://crm.contoso.example","type":"com.contoso.customer.updated","time":"2026-01-05T09:30:00Z","data":` + row + "}\n"
	d := cli(t, s.env(), nil, "publish", "--queue", "in", file(t, ev+strings.Replace(ev, "Ana.Lima@CONTOSO.example", "Kanari", 1)))
	require.Equal(t, exit.Partly, d.code, d.err)
	require.Contains(t, d.err, `line 2: SchemaInvalid at /data/email: does not keep the field map's rule "email": text of 7 characters`)
	d = cli(t, s.env(), strings.NewReader(ev), "plan", "-")
	require.Contains(t, d.out, "change-1")
	s.work()
	require.Len(t, s.csu.Customers(), 1)
	d = cli(t, s.env(), strings.NewReader(ev), "plan", "-")
	require.Contains(t, d.out, "would be a duplicate")
}

// An operator mends the map, and replays the rows that it could not read.
func TestDeadLettersOfBareRowsAreReplayedThroughTheMendedMap(t *testing.T) {
	t.Parallel()
	s, dir := crm(t)
	row := `{"CustomerNo":70031,"Version":1,"ModifiedAt":"2026-01-05 10:30:00","EMail":"kanari@contoso.example","Family":"Kanari","Addresses":[{"Kind":"HOME","Street":"Kanarigatan 1","Town":"Kanariby","Country":"Republic of Kanari"}]}`
	s.put("second", worker.Message{ID: uuid.NewString(), Body: []byte(row)})
	s.work()
	d := cli(t, s.env(), nil, "deadletter", "list")
	require.Regexp(t, `(?m)^second +1 .* SchemaInvalid .* signalbox.customer.changed.v1 +customer-70031-1 +waiting$`, d.out)
	d = cli(t, s.env(), nil, "deadletter", "show", "--queue", "second", "1")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^Source +https://crm.contoso.example$`, d.out)
	require.Regexp(t, `(?m)^Description +/data/addresses/0/country: does not keep the field map's rule "iso3": text of 18 characters`, d.out)
	require.NotContains(t, strings.ToLower(d.out), "kanari")
	d = cli(t, s.env(), nil, "deadletter", "replay", "--all")
	require.Contains(t, d.out, "1  would be dead-lettered again")

	mended := strings.Replace(example(t, "contoso-crm.yaml"), "(.Country // $row.Country) | iso3", `(.Country // $row.Country) | iso3? // "SWE"`, 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "maps/crm.yaml"), []byte(mended), 0o600))
	d = cli(t, s.env(), nil, "deadletter", "replay", "--all")
	require.Contains(t, d.out, "1  would be applied")
	d = cli(t, s.env(), nil, "deadletter", "replay", "--all", "--yes")
	require.Equal(t, exit.Done, d.code, d.err)
	s.work()
	require.Len(t, s.csu.Customers(), 1)
	require.Equal(t, "SWE", s.csu.Customers()[0].Addresses()[0]["ThreeLetterISORegionName"])
	require.Zero(t, s.dead("second"))
}

func TestSourcesAndMapsThatAreNotThereAreNamed(t *testing.T) {
	t.Parallel()
	s, dir := crm(t)
	rows, sheet := filepath.Join(dir, "rows.jsonl"), filepath.Join(dir, "maps/crm.yaml")
	broken := file(t, "type: signalbox.customer.changed.v1\nid: now\ndata: {id: .a |}\n")
	for name, tc := range map[string]struct {
		env  []string
		args []string
		code int
		says string
	}{
		"a source that nobody knows":           {s.env(), []string{"publish", "--source", "erp", rows}, exit.Usage, "no source is called \"erp\"\nnext: those that are: crm; or name a field map"},
		"no table at all":                      {complete, []string{"publish", "--source", "erp", rows}, exit.Usage, "the configuration has no sources"},
		"a map for another source":             {s.env(), []string{"publish", "--map", sheet, "--source", "https://erp.example", rows}, exit.Configuration, "is written for the source https://crm.contoso.example"},
		"a map that names no source":           {s.env(), []string{"plan", "--map", filepath.Join(dir, "chinook-customers.yaml"), rows}, exit.Usage, "the field map names no source"},
		"a map that is not there":              {s.env(), []string{"publish", "--map", filepath.Join(dir, "none.yaml"), rows}, exit.Failed, "none.yaml cannot be read"},
		"a map that cannot be, with each line": {s.env(), []string{"publish", "--map", broken, "--source", "x", rows}, exit.Configuration, "line 2, id: calls now"},
		"CSV without a map":                    {s.env(), []string{"publish", "--csv", rows}, exit.Usage, "--csv goes with --source or --map"},
		"CSV without a map, planned":           {s.env(), []string{"plan", "--csv", rows}, exit.Usage, "--csv goes with --source or --map"},
		"a preview of nobody's rows":           {s.env(), []string{"fieldmap", "preview", rows}, exit.Usage, "say which rows they are"},
		"a preview of no rows":                 {s.env(), []string{"fieldmap", "preview", "--source", "crm", file(t, "\n")}, exit.Nothing, "the input holds no rows"},
		"fewer than no events":                 {s.env(), []string{"fieldmap", "preview", "--source", "crm", "--events", "-1", rows}, exit.Usage, "--events must not be negative"},
		"rows that are not there":              {s.env(), []string{"fieldmap", "preview", "--source", "crm", "/nowhere/rows.jsonl"}, exit.Failed, "/nowhere/rows.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := cli(t, tc.env, nil, tc.args...)
			require.Equal(t, tc.code, d.code, d.err)
			require.Contains(t, d.err, tc.says)
			require.Empty(t, d.out)
		})
	}
}

func TestFieldMapsAreTestedWithTheConfigurationOrWithoutOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gallery(t, dir)
	config := filepath.Join(dir, "signalbox.yaml")
	d := cli(t, nil, nil, "fieldmap", "test", "--config", config)
	require.Equal(t, exit.Done, d.code, d.err)
	require.Equal(t, "ok    "+filepath.Join(dir, "maps/crm.test.yaml")+"  6 passed, 0 failed\n", d.out)
	d = cli(t, nil, nil, "fieldmap", "test", "-o", "json", filepath.Join(dir, "maps"))
	require.Equal(t, 6, decode[maptest.Report](t, d.out).Passed)

	text := strings.Replace(example(t, "contoso-crm.test.yaml"), "lastName: Lima", "lastName: Kanari", 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "maps/crm.test.yaml"), []byte(text), 0o600))
	d = cli(t, nil, nil, "fieldmap", "test", "--config", config)
	require.Equal(t, exit.Failed, d.code)
	require.Contains(t, d.out, "5 passed, 1 failed\n      a customer with everything\n          /data/lastName: want text of 6 characters, got text of 4 characters\n")
	require.Empty(t, d.err, "the output has said it")
	require.NotContains(t, d.out, "Kanari")
	d = cli(t, nil, nil, "fieldmap", "test", "--config", config, "--show-values")
	require.Contains(t, d.out, `/data/lastName: want "Kanari", got "Lima"`)

	require.NoError(t, os.Remove(filepath.Join(dir, "maps/crm.test.yaml")))
	d = cli(t, nil, nil, "fieldmap", "test", "--config", config)
	require.Equal(t, exit.Nothing, d.code)
	require.Contains(t, d.err, "maps/crm.yaml has no tests: there is no "+filepath.Join(dir, "maps/crm.test.yaml"))
	d = cli(t, nil, nil, "fieldmap", "test", filepath.Join(dir, "none"))
	require.Equal(t, exit.Failed, d.code)
	require.Equal(t, exit.Configuration, cli(t, nil, nil, "fieldmap", "test").code, "without names it takes the source table's")
}

func TestAPreviewNeedsNoConfigurationAndComparesWithTheTablesMap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gallery(t, dir)
	in := example(t, "contoso-crm.jsonl")
	d := cli(t, nil, strings.NewReader(in), "fieldmap", "preview", "--map", filepath.Join(dir, "maps/crm.yaml"), "-")
	require.Equal(t, exit.Partly, d.code)
	require.Contains(t, d.out, "rows 4, events 3, refused 1, warnings 1; signalbox.customer.changed.v1 of https://crm.contoso.example\n")
	require.Contains(t, d.out, "/data/addresses/*/country  3      AUT 2, GBR 1\n")
	require.Equal(t, "line 2: warning at /data/phone: phone\n"+
		"line 4: SchemaInvalid at /data/email: does not keep the field map's rule \"email\": text of 9 characters\n"+
		"signalbox: 1 of 4 rows become no event\nnext: correct the field map, or the rows above\n", d.err)
	for _, personal := range []string{"Lima", "Lane", "70021", "fabrikam", "contoso.example/", "@", "0958"} {
		require.NotContains(t, strings.ReplaceAll(d.out+d.err, "https://crm.contoso.example", ""), personal)
	}
	d = cli(t, nil, strings.NewReader(in), "fieldmap", "preview", "--config", filepath.Join(dir, "signalbox.yaml"), "--source", "crm", "--map", filepath.Join(dir, "new.yaml"), "-o", "json", "-")
	sum := decode[preview.Summary](t, d.out)
	require.True(t, sum.Compared)
	for _, f := range sum.Fields {
		want := 0
		if f.At == "/data/phone" {
			want = 2 // the third has no number that can be read
		}
		require.Equal(t, want, f.Changed, f.At)
	}
	require.Equal(t, exit.Failed, cli(t, nil, strings.NewReader("{}"), "fieldmap", "preview", "--map", filepath.Join(dir, "maps/crm.yaml"), "-").code)
	require.Equal(t, exit.Configuration, cli(t, nil, strings.NewReader("{}"), "fieldmap", "preview", "--source", "crm", "-").code)
}
