package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
)

// post has a column of every kind.
type post struct {
	Name    string        `key:"name" required:"true" unique:"true" help:"a name"`
	Token   secret.String `key:"token" help:"a secret"`
	File    string        `key:"file" path:"true" help:"a file"`
	Wait    time.Duration `key:"wait" default:"10s" min:"1s" max:"1m" help:"a wait"`
	Most    int           `key:"most" default:"3" min:"1" max:"9" help:"a number"`
	Open    bool          `key:"open" help:"a flag"`
	Aliases []string      `key:"aliases" help:"a list"`

	Locks []secret.String `key:"locks" help:"secrets"`
}

var posts = table{row: reflect.TypeFor[post](), one: "post", example: `{"name":"a"}`}

// readPost reads one row as Load would; origin is a file, or empty for the environment.
func readPost(t *testing.T, fields map[string]any, file string, env map[string]string) (post, []Problem) {
	t.Helper()
	l := &loading{bad: map[string]bool{}}
	k := key{name: "posts", typ: reflect.TypeFor[[]post]()}
	l.settle(k, posts, []any{fields}, env, file, "somewhere")
	row := l.readRow(&Config{}, k, posts, Problem{Key: "posts[0]", Origin: "somewhere"}, fields)
	for _, p := range l.problems {
		column, _, _ := strings.Cut(strings.TrimPrefix(p.Key, "posts[0]."), "[")
		require.True(t, l.bad["posts[0]."+column], "a column with a problem is not judged")
	}
	return row.Interface().(post), l.problems
}

func TestARowHasColumnsOfEveryKind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	row, problems := readPost(t, map[string]any{"name": "a", "token": "env:TOKEN", "file": "maps/a.yaml", "wait": "5s", "most": 4, "open": true,
		"aliases": []any{"x", "y"}}, filepath.Join(dir, "c.yaml"), map[string]string{"TOKEN": canary})
	require.Empty(t, problems)
	require.Equal(t, post{"a", secret.New(canary), filepath.Join(dir, "maps", "a.yaml"), 5 * time.Second, 4, true, []string{"x", "y"}, nil}, row)

	row, problems = readPost(t, map[string]any{"name": "a", "token": canary, "file": "a.yaml", "most": 4.0}, "", nil) // as JSON has it
	require.Empty(t, problems)
	require.Equal(t, post{Name: "a", Token: secret.New(canary), File: "a.yaml", Wait: 10 * time.Second, Most: 4}, row)
	require.Equal(t, `[{"name":"a","token":"***","file":"a.yaml","wait":"10s","most":4}]`, spellTable(posts, reflect.ValueOf([]post{row})))
}

func TestARowIsAsStrictAsTheRestOfTheFile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		column string
		value  any
		file   string
		says   string
	}{
		"a secret in clear":                    {"token", canary, "c.yaml", "posts[0].token (somewhere): holds a secret in clear; write env:NAME or file:PATH there"},
		"a number for a secret":                {"token", 7.0, "", "posts[0].token (somewhere): is no text; put the secret, env:NAME or file:PATH into quotes"},
		"a secret that refers to nothing":      {"token", "env:NOWHERE", "", "posts[0].token (somewhere): refers to the variable NOWHERE, which is not set; set NOWHERE"},
		"one secret of several in clear":       {"locks", []any{"env:TOKEN", canary}, "c.yaml", "posts[0].locks[1] (somewhere): holds a secret in clear; write env:NAME or file:PATH there"},
		"one secret for a list":                {"locks", "env:TOKEN", "c.yaml", "posts[0].locks (somewhere): is a text where a list is expected; write a list, or text with commas in the environment"},
		"a list for one secret":                {"token", []any{"env:TOKEN"}, "c.yaml", "posts[0].token (somewhere): is a list where one secret is expected; write one reference"},
		"a wait without a unit":                {"wait", 5, "", `posts[0].wait (somewhere): "5" is not a duration; write a number with its unit, such as 30s`},
		"a number out of range":                {"most", 10, "", `posts[0].most (somewhere): "10" is out of range; choose one from 1 to 9`},
		"half a number":                        {"most", 1.5, "", `posts[0].most (somewhere): "1.5" is not a whole number; write one, without quotes, from 1 to 9`},
		"text for a flag":                      {"open", "true", "", `posts[0].open (somewhere): "true" is neither true nor false; write true or false, without quotes`},
		"a key without a value":                {"file", nil, "c.yaml", "posts[0].file (somewhere): has no value; give it one, or take the line out"},
		"a column that does not exist":         {"tokens", "x", "", "posts[0].tokens (somewhere): is not a known key; the nearest is token"},
		"a list of numbers for a list of text": {"aliases", []any{7}, "", "posts[0].aliases (somewhere): is a number where text is expected; put it in quotes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := readPost(t, map[string]any{"name": "a", tc.column: tc.value}, tc.file, map[string]string{"TOKEN": canary})
			require.Len(t, problems, 1)
			require.Equal(t, tc.says, problems[0].Error())
			require.NotContains(t, problems[0].Error(), canary)
		})
	}
}

func TestEveryProblemOfEveryRowIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	file := write(t, "c.yaml", strings.Join([]string{
		"channels:",
		"  - {name: a, oun: 1, legal_entity: u, tulip: x}",
		"  - {name: 'a b', oun: '2', legalentity: u}",
		"  - tulip",
	}, "\n"))
	var env []string
	for _, v := range enough() {
		if !strings.HasPrefix(v, "SIGNALBOX_CHANNELS") {
			env = append(env, v)
		}
	}
	_, err := Load(Sources{File: file, Env: env})
	require.Equal(t, strings.Join([]string{
		"channels[0].oun (" + file + "): is a number where text is expected; put it in quotes",
		"channels[0].tulip (" + file + "): is not a known key; the nearest is oun",
		"channels[1].legalentity (" + file + "): is not a known key; the nearest is legal_entity",
		"channels[2] (" + file + "): is no row; write it with keys: name, sources, csu, oun, legal_entity, currency, language, customer_group, sinks, stores, delivery_modes, service_accounts, order_mode, check_prices, price_tolerance",
		"channels[1].name (" + file + "): cannot be; set it to letters, digits, dots and dashes, at most 63",
	}, "\n"), err.Error())

	c := &Config{CSU: CSU{Name: "default"}}
	_, err = Load(Sources{Env: append(env, `SIGNALBOX_CHANNELS=[{"name":"a b","oun":" ","sources":["s"]},{"name":"a b","oun":"1","legal_entity":"u","csu":"x","sources":["s"]}]`)})
	require.Equal(t, strings.Join([]string{
		`channels[1].name (SIGNALBOX_CHANNELS): "a b" is another row's name too; give each row a name of its own`,
		"channels[0].oun (SIGNALBOX_CHANNELS): is missing; set it: the operating unit number, such as 052, sent with every call",
		"channels[0].legal_entity (SIGNALBOX_CHANNELS): is missing; set it: the legal entity, such as usrt",
		"channels[0].name (SIGNALBOX_CHANNELS): cannot be; set it to letters, digits, dots and dashes, at most 63",
		"channels[1].name (SIGNALBOX_CHANNELS): cannot be; set it to letters, digits, dots and dashes, at most 63",
		"channels[1].csu (SIGNALBOX_CHANNELS): cannot be; set it to the name of a configured CSU: " + c.CSU.Name,
		`channels[1].sources (SIGNALBOX_CHANNELS): "s" is in row "a b" too; leave it in one, so that its events have one channel`,
	}, "\n"), err.Error())
}

// unreadSinks has a column that nobody knows, one misspelt, and one whose value cannot be read, and much else that is wrong.
const unreadSinks = `
channels: [{name: web, oun: "1", legal_entity: u, sinks: [a, b, erp]}]
sinks:
  - {name: a, type: fax, colour: red}
  - {name: b, type: file, timeout: 5}
  - {name: c, typ: file, path: c.jsonl}
  - {name: d, secret_url: "env:NOWHERE"}
value_maps: tulip
sources: [{source: "https://s.example", format: fax}]
schedules:
  - {name: s, type: signalbox.customer.sold.v1, channel: web, every: 1500ms, missed: none}
  - {name: t, type: signalbox.prices.export.v1, chanel: web, evry: 5m, jitter: 1s}
`

func TestAColumnThatCannotBeReadHidesNothingElse(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"c.yaml": unreadSinks})
	file := filepath.Join(dir, "c.yaml")
	_, err := Load(Sources{File: file, Env: without("channels", enough())})
	require.Error(t, err)
	said := strings.Split(strings.ReplaceAll(err.Error(), " ("+file+")", ""), "\n")
	for i, line := range said {
		said[i], _, _ = strings.Cut(line, "; ")
	}
	require.Equal(t, []string{
		"sinks[3].secret_url: refers to the variable NOWHERE, which is not set",
		"value_maps: is no list of rows",
		"sinks[0].colour: is not a known key",
		`sinks[1].timeout: "5" is not a duration`,
		"sinks[2].typ: is not a known key",
		"schedules[1].chanel: is not a known key",
		"schedules[1].evry: is not a known key",
		`channels: names the sink "erp" in row "web", which sinks has no row for`,
		`sources[0].format: "fax" is no format`,
		`sinks[0].type: "fax" is no type of sink`,
		"sinks[1].path: is missing",
		"schedules[0].every: is no whole number of seconds",
		`schedules[0].type: "signalbox.customer.sold.v1" is no type of event that may be published`,
		`schedules[0].missed: "none" is nothing that can become of missed ticks`,
	}, said, "all that is wrong, and nothing that only seems so because something was not read")
}

func TestWhatIsMissedInATableThatCouldNotBeReadInFullIsNoProblem(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ file, says string }{
		"a sink whose row is no row":         {"sinks: [tulip]", "sinks[0]"},
		"sinks that are no list":             {"sinks: tulip", "sinks"},
		"a sink whose name is misspelt":      {"sinks: [{nam: erp, type: file, path: x}]", "sinks[0].nam"},
		"a sink whose name is a number":      {"sinks: [{name: 7, type: file, path: x}]", "sinks[0].name"},
		"a channel whose name is misspelt":   {"sinks: [{name: erp, type: file, path: x}]\nchannels: [{nam: web, oun: '1', legal_entity: u}]\nschedules: [{name: s, type: signalbox.prices.export.v1, channel: web, every: 5m}]", "channels[0].nam"},
		"a channel whose sinks are misspelt": {"sinks: [{name: erp, type: file, path: x}]\nchannels: [{name: web, oun: '1', legal_entity: u, snks: [erp]}]\nschedules: [{name: s, type: signalbox.prices.export.v1, channel: web, every: 5m, data: {sinks: [erp]}}]", "channels[0].snks"},
		"a value map that is no row":         {"sinks: [{name: erp, type: file, path: x}]\nvalue_maps: [tulip]\nsources: [{name: s, source: 'https://s.example', field_map: m.yaml}]", "value_maps[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(tc.file, "channels:") {
				tc.file += "\nchannels: [{name: web, oun: '1', legal_entity: u, sinks: [erp]}]"
			}
			dir := folder(t, map[string]string{"c.yaml": tc.file, "m.yaml": "version: 1\ntypes: {x: {data: {a: 'mapped(\"unit\")'}}}"})
			_, err := Load(Sources{File: filepath.Join(dir, "c.yaml"), Env: without("channels", enough())})
			require.Error(t, err)
			require.Len(t, Problems(err), 1, err.Error())
			require.Equal(t, tc.says, Problems(err)[0].Key)
		})
	}
}
