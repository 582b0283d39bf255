package maptest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

const crm = `
type: signalbox.customer.changed.v1
id: '"\(.No)-\(.Version)"'
time: (.At // $enqueued) | instant("iso"; "UTC")
subject: .No
channel: .Shop
data:
  id: .No | tostring
  email: .Mail | email
  lastName: .Name
  phone: .Phone | phone
`

func TestTheTestsOfTheExamplesPass(t *testing.T) {
	t.Parallel()
	r, err := Run(Options{Files: []string{"../../../config/examples"}})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, r.Print(&out))
	require.Zero(t, r.Failed, out.String())
	require.GreaterOrEqual(t, r.Passed, 14)
}

func TestADifferenceIsShownByFieldAndShape(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"crm.yaml": crm, "crm.test.yaml": `
tests:
  - name: all is well
    row: {No: 7, Version: 1, Mail: Ana@Contoso.example, Name: Lima, At: 2026-01-05}
    event: {id: 7-1, time: "2026-01-05T01:00:00+01:00", subject: "7", data: {id: "7", email: Ana@contoso.example, lastName: Lima}}
  - name: when it was published
    row: {No: 7, Version: 1, Mail: Ana@Contoso.example, Name: Lima}
    enqueued: "2026-02-01T00:00:00Z"
    event: {time: "2026-02-01T00:00:00Z"}
  - name: in a CloudEvent
    row: {No: 7, Version: 1, Mail: Ana@Contoso.example, Name: Lima}
    cloudevent: {id: e-1, time: "2026-03-01T00:00:00Z", subject: own}
    event: {id: e-1, time: "2026-03-01T00:00:00Z", subject: own}
  - name: everything differs
    row: {No: 7, Version: 1, Mail: Kanari@Contoso.example, Name: Kanari, Phone: ask Kanari}
    event: {id: 7-2, time: "2026-01-05T09:00:00Z", channel: web, data: {id: "8", email: Kanaro@contoso.example, firstName: Kanari, lastName: [Kanari]}}
    warnings: [{field: /data/lastName, rule: cut}]
  - name: no error
    row: {No: 7, Version: 1, Mail: Kanari@Contoso.example, Name: Kanari}
    error: {field: /data/email, rule: email}
  - name: another error
    row: {No: 7, Version: 1, Mail: Kanari, Name: Kanari}
    error: {field: /data/phone}
  - name: an error by another rule
    row: {No: 7, Version: 1, Mail: Kanari, Name: Kanari}
    error: {field: /data/email, rule: schema}
  - name: an error that was not expected
    row: {No: 7, Version: 1, Name: [Kanari]}
    event: {data: {}}
`})
	r, err := Run(Options{Files: []string{filepath.Join(dir, "crm.yaml")}})
	require.NoError(t, err)
	require.Equal(t, []int{3, 5}, []int{r.Passed, r.Failed})
	var out bytes.Buffer
	require.NoError(t, r.Print(&out))
	require.Equal(t, `FAIL  crm.test.yaml  3 passed, 5 failed
      everything differs
          /id: want text of 3 characters, got another, from character 3 on
          /channel: want text of 3 characters, got text of 0 characters
          /time: want text of 20 characters, got another, from character 10 on
          /data/email: want text of 22 characters, got another, from character 6 on
          /data/firstName: want text of 6 characters, got nothing
          /data/id: want text of 1 characters, got another, from character 1 on
          /data/lastName: want a list of 1, got text of 6 characters
          /data/phone: want nothing, got text of 10 characters
          /data/lastName: want a warning: cut, got none
          /data/phone: want no warning, got a warning: phone
      no error
          /data/email: want a failure by the rule "email", got an event
      another error
          /data/phone: want a failure, got a failure by the rule "email" at /data/email
      an error by another rule
          /data/email: want a failure by the rule "schema", got a failure by the rule "email" at /data/email
      an error that was not expected
          /data: want an event, got the data lacks email
`, strings.ReplaceAll(out.String(), dir+"/", ""))
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.NotContains(t, string(text), "Kanari")

	r, err = Run(Options{Files: []string{filepath.Join(dir, "crm.test.yaml")}, ShowValues: true})
	require.NoError(t, err)
	require.Contains(t, r.Files[0].Tests[3].Differences, Difference{"/data/email", `"Kanaro@contoso.example"`, `"Kanari@contoso.example"`})
}

func TestFilesAreFoundByNameByMapAndByFolder(t *testing.T) {
	t.Parallel()
	const one = "tests: [{row: {No: 7, Version: 1, Mail: a@b.example, Name: N}, event: {id: 7-1}}]"
	dir := folder(t, map[string]string{"crm.yaml": crm, "crm.test.yaml": one, "deep/other.test.yml": "map: ../crm.yaml\n" + one, "none.yaml": crm, "readme.txt": "x"})
	at := func(name string) string { return filepath.Join(dir, name) }
	r, err := Run(Options{Files: []string{dir, at("crm.yaml"), at("crm.test.yaml")}})
	require.NoError(t, err)
	require.Equal(t, 2, r.Passed, "each once")
	require.Equal(t, "test 1", r.Files[0].Tests[0].Name)
	_, err = Run(Options{Files: []string{at("none.yaml")}})
	require.EqualError(t, err, at("none.yaml")+" has no tests: there is no none.test.yaml")
	_, err = Run(Options{Files: []string{at("nowhere")}})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, exit.Failed, exit.From(err).Code)
}

func TestTestFilesThatCannotBe(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"tests: [{row: {a: 1}}]":                                               "test 1 () must have either event or error",
		"tests: [{row: {a: 1}, event: {}, error: {field: /id}}]":               "must have either event or error",
		"tests: [{event: {}}]":                                                 "test 1 has no row",
		"tests: [{rows: {a: 1}, event: {}}]":                                   "field rows not found",
		"tests: [{row: {a: 010}, event: {}}]":                                  "010 is no number of JSON; put it in quotes if it is text",
		"tests: [{row: {a: &x 1, b: *x}, event: {}}]":                          "without an alias",
		"tests: [{row: {a: 1}, event: {}, enqueued: now}]":                     "a time that is not RFC 3339",
		"tests: [{row: {a: 1}, error: {field: /id}, warnings: [{field: /a}]}]": "a row that fails gives none",
		"tests: [": "did not find",
	} {
		dir := folder(t, map[string]string{"crm.yaml": crm, "crm.test.yaml": text})
		_, err := Run(Options{Files: []string{dir}})
		require.ErrorContains(t, err, says, text)
	}
	dir := folder(t, map[string]string{"crm.yaml": "type: t\nid: now\ndata: {a: .a |}\n", "crm.test.yaml": "tests: [{row: {a: 1}, event: {}}]"})
	_, err := Run(Options{Files: []string{dir}})
	require.Equal(t, exit.Configuration, exit.From(err).Code)
	require.ErrorContains(t, err, "line 2, id: calls now")
	require.ErrorContains(t, err, "line 3, data.a: is no jq expression")
}

func TestATestFileNamesTheValueMapsThatItsMapAsks(t *testing.T) {
	t.Parallel()
	const tests = `
tests:
  - name: known
    row: {No: 7, Mail: ana@contoso.example, Name: Lima, At: 2026-01-05, Tongue: Deutsch}
    event: {data: {id: "7", email: ana@contoso.example, lastName: Lima, language: de-at}}
  - name: not known
    row: {No: 7, Mail: ana@contoso.example, Name: Lima, At: 2026-01-05, Tongue: Suomi}
    error: {field: /data/language, rule: mapped}
`
	files := map[string]string{"tongues.csv": "from,to\nDeutsch,de-at\n", "crm.yaml": `
type: signalbox.customer.changed.v1
id: .No
time: .At | instant("iso"; "UTC")
data: {id: '.No | tostring', email: .Mail, lastName: .Name, language: '.Tongue | mapped("tongue")'}
`}
	for head, passed := range map[string]int{"value_maps: {tongue: tongues.csv}": 2, "value_maps: {tongue: {file: tongues.csv, unknown: =en-us}}": 1} {
		files["crm.test.yaml"] = head + tests
		r, err := Run(Options{Files: []string{folder(t, files)}})
		require.NoError(t, err)
		require.Equal(t, passed, r.Passed, head)
	}
	for head, what := range map[string]string{"value_maps: {tongue: none.csv}": "cannot be read", "value_maps: {tongue: {file: tongues.csv, unknown: tulip}}": "unknown is neither",
		"value_maps: {}": "this source has no value maps"} {
		files["crm.test.yaml"] = head + tests
		_, err := Run(Options{Files: []string{folder(t, files)}})
		require.ErrorContains(t, err, what)
	}
}
