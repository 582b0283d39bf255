package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/cli/valuemaps"
	"github.com/signalbox/signalbox/worker"
)

// modes is a stage whose configuration has a value map of delivery modes, and one more for each row that is given.
func modes(t *testing.T, rows string, more ...string) (s *stage, path string) {
	t.Helper()
	s = newStage(t)
	path = filepath.Join(t.TempDir(), "modes.csv")
	require.NoError(t, os.WriteFile(path, []byte(rows), 0o640))
	table := `{"kind":"delivery-mode","file":"` + path + `"}`
	for _, m := range more {
		table += "," + strings.ReplaceAll(m, "PATH", path)
	}
	s.more = append(s.more, "SIGNALBOX_VALUE_MAPS=["+table+"]")
	return s, path
}

func TestAValueMapIsListedExportedAndFilled(t *testing.T) {
	t.Parallel()
	s, path := modes(t, "from,to,note\n# ours\nstandard,99,by post\n", `{"kind":"unit","source":"crm","file":"PATH","one_way":true,"unknown":"pass"}`)
	d := cli(t, s.env(), nil, "valuemap", "list")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Regexp(t, `(?m)^delivery-mode +delivery-mode +all +1 +refuse +both +modes.csv$`, d.out)
	require.Regexp(t, `(?m)^unit +unit +crm +1 +pass +one +modes.csv$`, d.out)
	require.Equal(t, "from,to,note\nstandard,99,by post\n", cli(t, s.env(), nil, "valuemap", "export", "delivery-mode").out)
	require.Equal(t, "standard: \"99\" # by post\n", cli(t, s.env(), nil, "valuemap", "export", "--format", "yaml", "delivery-mode").out)
	d = cli(t, s.env(), nil, "valuemap", "export", "tulip")
	require.Equal(t, exit.Usage, d.code)
	require.Contains(t, d.err, "those that are: delivery-mode, unit")

	more := "from,to\nstandard,99\nexpress,11\n"
	d = cli(t, s.env(), strings.NewReader(more), "valuemap", "import", "delivery-mode", "-")
	require.Equal(t, "read 2, would add 1, unchanged 1, problems 0\nNothing was written. With --yes it is.\n", d.out, d.err)
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(more), "valuemap", "import", "--yes", "delivery-mode", "-").code)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "from,to,note\n# ours\nstandard,99,by post\nexpress,11,\n", string(text))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())

	bad := "from,to\nstandard,11\nslow,99\nnew,12\n,13\n"
	d = cli(t, s.env(), strings.NewReader(bad), "valuemap", "import", "--yes", "delivery-mode", "-")
	require.Equal(t, exit.Failed, d.code)
	require.Contains(t, d.err, `line 2: "standard" is "99" in the map, and "11" here`)
	require.Contains(t, d.err, `line 3: "standard" is "99" in the map, and so would be "slow": nobody could tell it back`)
	require.Contains(t, d.err, "line 5: has no value of the source")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, after, "all or none")
}

func TestAValueMapIsHeldAgainstTheCSU(t *testing.T) {
	t.Parallel()
	s, path := modes(t, "from,to\nstandard,99\n", `{"kind":"reason","file":"PATH"}`, `{"kind":"store","name":"shops","source":"crm","file":"PATH"}`)
	d := cli(t, s.env(), nil, "valuemap", "check")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Empty(t, s.csu.Stats().Requests, "nobody said that the CSU is to be asked")
	d = cli(t, s.env(), nil, "valuemap", "check", "--against-csu", "-o", "json")
	require.Equal(t, exit.Partly, d.code, d.err)
	r := decode[valuemaps.Report](t, d.out)
	require.Equal(t, []string{valuemaps.Good, valuemaps.NotAsked, valuemaps.Missing}, []string{r.Maps[0].CSU, r.Maps[1].CSU, r.Maps[2].CSU}, d.out)
	require.Equal(t, []string{"99"}, r.Maps[2].Missing)
	require.Less(t, r.Calls, 15)
	require.Contains(t, cli(t, s.env(), nil, "valuemap", "check", "--against-csu").out, "shops of crm: 1 rows; main has no store 99\n")
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "valuemap", "check", "--against-csu", "delivery-mode").code)
	require.Equal(t, exit.Partly, cli(t, s.env(), nil, "valuemap", "check", "--against-csu", "--calls", "1").code)
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "valuemap", "check", "tulip").code)

	require.NoError(t, os.WriteFile(path, []byte("from,to\na,\n"), 0o600))
	d = cli(t, s.env(), nil, "valuemap", "check")
	require.Equal(t, exit.Configuration, d.code)
	require.Contains(t, d.err, `line 2: says nothing for "a"`)
}

func TestANameThatNoValueMapHasIsRefusedBesideOneThatIs(t *testing.T) {
	t.Parallel()
	s, _ := modes(t, "from,to\nstandard,99\n")
	d := cli(t, s.env(), nil, "valuemap", "check", "delivery-mode", "delivry-mode")
	require.Equal(t, exit.Nothing, d.code, d.out)
	require.Contains(t, d.err, `no value map is called "delivry-mode"`)
	require.Contains(t, d.err, "those that are: delivery-mode\n")
	require.Empty(t, d.out)
}

func TestWithoutValueMapsThereIsNothingToListInAnyFormat(t *testing.T) {
	t.Parallel()
	env := newStage(t).env()
	require.Equal(t, exit.Nothing, cli(t, env, nil, "valuemap", "list").code)
	d := cli(t, env, nil, "valuemap", "list", "-o", "json")
	require.Equal(t, exit.Nothing, d.code, d.err)
	require.JSONEq(t, `{"value_maps":[]}`, d.out)
	d = cli(t, env, nil, "valuemap", "check", "delivery-mode")
	require.Equal(t, exit.Nothing, d.code)
	require.Contains(t, d.err, "the configuration has no value maps")
}

func TestAWordThatAValueMapDoesNotKnowIsADeadLetterThatNamesTheMapAlone(t *testing.T) {
	t.Parallel()
	s, dir := crm(t)
	fieldMap, tongues := filepath.Join(dir, "maps", "crm.yaml"), filepath.Join(dir, "tongues.csv")
	text, err := os.ReadFile(fieldMap)
	require.NoError(t, err)
	asking := regexp.MustCompile(`(?m)^  language: .*$`).ReplaceAllString(string(text), `  language: .Tongue | mapped("tongue")`)
	require.NoError(t, os.WriteFile(fieldMap, []byte(asking), 0o600))
	require.NoError(t, os.WriteFile(tongues, []byte("from,to\nDeutsch,de-at\n"), 0o600))
	d := cli(t, s.env(), nil, "config", "check")
	require.Equal(t, exit.Configuration, d.code)
	require.Contains(t, d.out+d.err, `calls mapped("tongue"), and this source has no value maps`)
	s.more = append(s.more, `SIGNALBOX_VALUE_MAPS=[{"name":"tongue","kind":"country","file":"`+tongues+`"}]`)
	rows := strings.Split(goodRows(t), "\n")
	known, odd := strings.TrimSuffix(rows[0], "}")+`,"Tongue":"Deutsch"}`, strings.TrimSuffix(rows[1], "}")+`,"Tongue":"Kanari"}`

	d = cli(t, s.env(), strings.NewReader(known+"\n"+odd+"\n"), "publish", "--source", "crm", "--dry-run", "-")
	require.Equal(t, exit.Partly, d.code, d.err)
	require.Contains(t, d.err, `line 2: SchemaInvalid at /data/language: does not keep the field map's rule "mapped": the value map tongue has no row for text of 6 characters`)
	for _, r := range []string{known, odd} {
		s.put("second", worker.Message{ID: uuid.NewString(), ContentType: "application/json", Body: []byte(r)})
	}
	s.work()
	d = cli(t, s.env(), nil, "deadletter", "list", "-o", "json")
	require.Equal(t, exit.Done, d.code, d.err)
	require.Equal(t, 1, strings.Count(d.out, "the value map tongue has no row for text of 6 characters"), d.out)
	require.NotContains(t, d.out, "Kanari")
	require.Len(t, s.csu.Customers(), 1)
	require.Equal(t, "de-at", s.csu.Customers()[0]["Language"])

	more := "from,to\nKanari,en-us\n"
	require.Equal(t, exit.Done, cli(t, s.env(), strings.NewReader(more), "valuemap", "import", "--yes", "tongue", "-").code)
	require.Equal(t, exit.Done, cli(t, s.env(), nil, "deadletter", "replay", "--reason", "SchemaInvalid", "--yes").code)
	s.work()
	require.Equal(t, exit.Nothing, cli(t, s.env(), nil, "deadletter", "list").code, "the letter was replayed through the map as it is now")
}
