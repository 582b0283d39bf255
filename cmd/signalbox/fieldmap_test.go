package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/letters"
	"github.com/signalbox/signalbox/internal/cli/maptest"
	"github.com/signalbox/signalbox/internal/cli/preview"
	"github.com/signalbox/signalbox/internal/cli/publish"
	"github.com/signalbox/signalbox/worker/deadletter"
)

// write puts files into a folder and gives their paths by name.
func write(t *testing.T, files map[string]string) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

const (
	crmSource = "https://crm.example.com"
	crmMap    = "type: signalbox.customer.changed.v1\nid: '\"\\(.No)-\\(.Version)\"'\ntime: $enqueued\ndata: {id: '.No | tostring', email: '.Mail | email', lastName: .Name, phone: '.Phone | phone'}\n"
	crmRow    = `{"No":7,"Version":1,"Mail":"ana@example.net","Name":"Contoso","Phone":"ask Ana"}` + "\n"
	crmBad    = `{"No":8,"Version":1,"Mail":"nobody of example.net","Name":"Contoso"}` + "\n"
)

// withSource adds a source table to a stage's settings.
func (s *stage) withSource(t *testing.T) (mapFile string) {
	t.Helper()
	at := write(t, map[string]string{"crm.yaml": crmMap})
	s.more = append(s.more, `SIGNALBOX_SOURCES=[{"name":"crm","source":"`+crmSource+`","field_map":"`+at("crm.yaml")+`","queue":"`+source+`"}]`)
	return at("crm.yaml")
}

func TestRowsArePublishedThroughTheirFieldMapAndApplied(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.withSource(t)
	d := cli(t, s.env(), nil, "publish", "--source", "crm", "--dry-run", file(t, crmRow+crmBad))
	require.Equal(t, done{exit.Partly, "read 2, valid 1, refused 1, warnings 1; a dry run sends nothing\n",
		"line 1: warning at /data/phone: phone\n" +
			"line 2: SchemaInvalid at /data/email: does not keep the field map's rule \"email\": text of 21 characters\n" +
			"signalbox: 1 of 2 lines are no events that can be sent\n" +
			"next: correct the lines above and publish them again; those that were sent may be among them\n"}, d)
	require.Zero(t, s.active(source))

	d = cli(t, s.env(), nil, "publish", "--source", "crm", "--output", "json", file(t, crmRow))
	require.Equal(t, exit.Done, d.code, d.err)
	require.Equal(t, publish.Summary{Queue: source, Read: 1, Valid: 1, Sent: 1, Warnings: 1}, decode[publish.Summary](t, d.out))
	d = cli(t, s.env(), strings.NewReader("No;Version;Mail;Name\n9;1;bo@example.net;Fabrikam\n"), "publish", "--source", crmSource, "--csv", "-")
	require.Equal(t, done{exit.Done, "read 1, sent 1 to in, refused 0, unsent 0, warnings 0\n", ""}, d, "the only row of a CloudEvents source goes by that name, too")
	s.work()
	require.Len(t, s.csu.Customers(), 2)

	d = cli(t, s.env(), nil, "plan", "--source", "crm", file(t, strings.Replace(crmRow, `"Version":1`, `"Version":2`, 1)+crmBad))
	require.Equal(t, exit.Partly, d.code, d.err)
	require.Contains(t, d.out, "7-2")
	require.Contains(t, d.out, "/data/email: does not keep the field map's rule \"email\"")
}

func TestARowOnAQueueIsAppliedOrShownAsADeadLetter(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.withSource(t)
	s.post("application/json", crmRow)
	s.post("", crmBad)
	s.work()
	require.Len(t, s.csu.Customers(), 1)
	d := cli(t, s.env(), nil, "deadletter", "list")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^in .* SchemaInvalid .* signalbox\.customer\.changed\.v1 .* ?8-1`, d.out)
	d = cli(t, s.env(), nil, "why", "--source", crmSource, "--event", "8-1")
	require.Contains(t, d.out, "/data/email: does not keep the field map's rule", d.err)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "trace", "--source", crmSource, "--event", "7-1").code)
}

func TestARowThatFailedIsReplayedThroughTheMendedMap(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	mapFile := s.withSource(t)
	s.post("application/json", crmBad)
	s.work()
	require.Equal(t, 1, s.dead(source))
	dry := func() map[deadletter.Would]int {
		d := cli(t, s.env(), nil, "deadletter", "replay", "--all", "-o", "json")
		return decode[letters.Foresight](t, d.out).Count
	}
	require.Equal(t, map[deadletter.Would]int{deadletter.WouldFail: 1}, dry())
	mended := strings.Replace(crmMap, ".Mail | email'", `.Mail | sub(" of "; "@") | email'`, 1)
	require.NotEqual(t, crmMap, mended)
	require.NoError(t, os.WriteFile(mapFile, []byte(mended), 0o600))
	require.Equal(t, map[deadletter.Would]int{deadletter.WouldApply: 1}, dry())
	d := cli(t, s.env(), nil, "deadletter", "replay", "--all", "--yes")
	require.Equal(t, exit.Done, d.code, d.err)
	s.work()
	require.Zero(t, s.dead(source))
	require.Len(t, s.csu.Customers(), 1)
}

func TestASourceOrAMapThatCannotBeFoundIsSaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := write(t, map[string]string{"crm.yaml": crmMap, "of.yaml": "source: " + crmSource + "\n" + crmMap, "bad.yaml": "type: t\nid: now\ndata: {a: .a |}\n", "rows.jsonl": crmRow})
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no source at all":            {[]string{"--source", "crm"}, exit.Usage, "the configuration has no sources"},
		"a map without a source":      {[]string{"--map", at("crm.yaml")}, exit.Usage, "the field map names no source"},
		"a map of another source":     {[]string{"--map", at("of.yaml"), "--source", "https://other.example.com"}, exit.Configuration, "is written for the source " + crmSource},
		"a map with problems":         {[]string{"--map", at("bad.yaml"), "--source", "x"}, exit.Configuration, "line 3, data.a: is no jq expression"},
		"a map that is not there":     {[]string{"--map", at("none.yaml"), "--source", "x"}, exit.Failed, "cannot be read: no such file or directory"},
		"a map that names its source": {[]string{"--map", at("of.yaml")}, exit.Done, "warning"},
		"a source that is a URI":      {[]string{"--map", at("crm.yaml"), "--source", "https://other.example.com"}, exit.Done, "warning"},
		"a table without a source":    {[]string{"--csv"}, exit.Usage, "--csv goes with --source or --map"},
	} {
		t.Run(name, func(t *testing.T) {
			d := cli(t, s.env(), nil, append(append([]string{"publish", "--dry-run"}, tc.args...), at("rows.jsonl"))...)
			require.Equal(t, tc.code, d.code, d.err)
			require.Contains(t, d.err, tc.says)
		})
	}
	s.withSource(t)
	d := cli(t, s.env(), nil, "publish", "--source", "crn", at("rows.jsonl"))
	require.Equal(t, done{exit.Usage, "", "signalbox: no source is called \"crn\"\nnext: those that are: crm; or name a field map with --map\n"}, d)
}

func TestFieldMapsAreTested(t *testing.T) {
	t.Parallel()
	const tests = "tests:\n  - name: good\n    row: {No: 7, Version: 1, Mail: ana@example.net, Name: N}\n    event: {id: 7-1, data: {id: '7', email: ana@example.net, lastName: N}}\n"
	at := write(t, map[string]string{"crm.yaml": crmMap, "crm.test.yaml": tests, "other.yaml": crmMap})
	d := cli(t, nil, nil, "fieldmap", "test", at("crm.yaml"))
	require.Equal(t, done{exit.Done, "ok    " + at("crm.test.yaml") + "  1 passed, 0 failed\n", ""}, d, "without any configuration")

	require.NoError(t, os.WriteFile(at("crm.test.yaml"), []byte(tests+"  - name: bad\n    row: {No: 7, Version: 1, Mail: ana@example.net, Name: N}\n    event: {id: 7-2}\n"), 0o600))
	d = cli(t, nil, nil, "fieldmap", "test", "--output", "json", at("crm.yaml"))
	require.Equal(t, exit.Failed, d.code)
	require.Equal(t, maptest.Difference{Field: "/id", Want: "text of 3 characters", Got: "another, from character 3 on"}, decode[maptest.Report](t, d.out).Files[0].Tests[1].Differences[0])
	require.Empty(t, d.err)
	require.Contains(t, cli(t, nil, nil, "fieldmap", "test", "--show-values", at("crm.yaml")).out, `/id: want "7-2", got "7-1"`)

	require.Equal(t, exit.Failed, cli(t, nil, nil, "fieldmap", "test", at("other.yaml")).code)
	require.Equal(t, exit.Nothing, cli(t, nil, nil, "fieldmap", "test", t.TempDir()).code)
	env := append(settings("Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=SAS_KEY_VALUE", "http://127.0.0.1:1", "redis://127.0.0.1:1"),
		`SIGNALBOX_SOURCES=[{"source":"a","field_map":"`+at("crm.yaml")+`"},{"source":"b","field_map":"`+at("other.yaml")+`"}]`)
	d = cli(t, env, nil, "fieldmap", "test")
	require.Equal(t, exit.Failed, d.code)
	require.Equal(t, at("other.yaml")+" has no tests: there is no "+at("other.test.yaml")+"\n", d.err)
	require.Contains(t, d.out, "FAIL  "+at("crm.test.yaml"))
}

func TestAFieldMapIsPreviewedWithoutShowingTheRows(t *testing.T) {
	t.Parallel()
	at := write(t, map[string]string{"crm.yaml": crmMap, "new.yaml": strings.Replace(crmMap, "lastName: .Name", "lastName: .Name | ascii_upcase", 1), "rows.jsonl": crmRow + crmBad, "none.jsonl": "\n"})
	d := cli(t, nil, nil, "fieldmap", "preview", "--map", at("crm.yaml"), "--source", crmSource, "--events", "1", at("rows.jsonl"))
	require.Equal(t, exit.Partly, d.code, "before anything is configured: %s", d.err)
	require.Contains(t, d.out, "rows 2, events 1, refused 1, warnings 1; signalbox.customer.changed.v1 of "+crmSource+"\n")
	require.NotContains(t, d.out, "Contoso")
	require.Contains(t, d.err, "line 2: SchemaInvalid at /data/email: does not keep the field map's rule \"email\": text of 21 characters\n")

	s := newStage(t)
	s.withSource(t)
	d = cli(t, s.env(), nil, "fieldmap", "preview", "--source", "crm", "--map", at("new.yaml"), "--output", "json", file(t, crmRow))
	require.Equal(t, exit.Done, d.code, d.err)
	sum := decode[preview.Summary](t, d.out)
	require.True(t, sum.Compared)
	changed := map[string]int{}
	for _, f := range sum.Fields {
		changed[f.At] = f.Changed
	}
	require.Equal(t, []int{1, 0, 0}, []int{changed["/data/lastName"], changed["/data/id"], changed["/id"]})

	require.Equal(t, exit.Nothing, cli(t, nil, nil, "fieldmap", "preview", "--map", at("crm.yaml"), "--source", "x", at("none.jsonl")).code)
	require.Equal(t, exit.Failed, cli(t, nil, nil, "fieldmap", "preview", "--map", at("crm.yaml"), "--source", "x", file(t, crmBad)).code)
	require.Equal(t, exit.Usage, cli(t, nil, nil, "fieldmap", "preview", at("rows.jsonl")).code)
	require.Equal(t, exit.Usage, cli(t, nil, nil, "fieldmap", "preview", "--map", "x", "--events", "-1", at("rows.jsonl")).code)
	require.Equal(t, exit.Configuration, cli(t, nil, nil, "fieldmap", "preview", "--source", "crm", at("rows.jsonl")).code, "a name needs a configuration")
}
